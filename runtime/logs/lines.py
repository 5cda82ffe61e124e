"""How lines of logs are written: as text or as JSON, on standard error, without ever raising.

Structlog is loaded when there is something to write, or to set up: most programs never have.
"""

import json
import logging
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import attrs

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger, Processor


class LogFormat(StrEnum):
    """How a line is written: for people, or as an object of JSON for programs."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """How much is written: this, and whatever is worse."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def number(self) -> int:
        """The level of `logging`."""
        return _NUMBERS[self]


_NUMBERS: Final = {
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.INFO: logging.INFO,
    LogLevel.WARNING: logging.WARNING,
    LogLevel.ERROR: logging.ERROR,
}


_HEAD: Final = ("timestamp", "level", "logger", "event")


@attrs.frozen
class LogSettings:
    """How a program wants its log."""

    format: LogFormat = attrs.field(default=LogFormat.TEXT, converter=LogFormat)
    level: LogLevel = attrs.field(default=LogLevel.WARNING, converter=LogLevel)

    @property
    def tells_happenings(self) -> bool:
        """Whether what becomes of tasks is written, too (`runtime.logs.log_events`), and not only what is amiss."""
        return self.level.number <= logging.INFO

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Have everything that this process logs written so in the block: through structlog, `logging` and `warnings`."""
        import structlog  # noqa: PLC0415 - see above

        was = structlog.get_config() if structlog.is_configured() else None
        structlog.configure(
            processors=_processors(self.format),
            wrapper_class=structlog.make_filtering_bound_logger(self.level.number),
            logger_factory=_named_lines,
            cache_logger_on_first_use=False,
        )
        foreign, root = _Foreign(logging.WARNING), logging.getLogger()
        root.addHandler(foreign)
        logging.captureWarnings(capture=True)
        try:
            yield
        finally:
            logging.captureWarnings(capture=False)
            root.removeHandler(foreign)
            structlog.reset_defaults()
            if was is not None:
                structlog.configure(**was)


def log(name: str) -> "FilteringBoundLogger":
    """Give the logger of a part of understudy. Sync.

    Where the program has not set structlog up, its lines are text on standard error: standard output may be somebody's
    data, and structlog's own renderer shows the values of variables with tracebacks, secrets among them.
    """
    import structlog  # noqa: PLC0415 - see above

    logger: FilteringBoundLogger
    if structlog.is_configured():
        logger = structlog.get_logger(name)
    else:
        logger = structlog.wrap_logger(
            _Lines(name),
            processors=_processors(LogFormat.TEXT),
            wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        )
    return logger


def _processors(wanted: LogFormat) -> "list[Processor]":
    from structlog import contextvars, dev, processors  # noqa: PLC0415 - see above

    shared: list[Processor] = [
        contextvars.merge_contextvars,
        processors.add_log_level,
        _add_name,
        processors.StackInfoRenderer(),
        processors.TimeStamper(fmt="iso", utc=True),
    ]
    if wanted is LogFormat.JSON:
        return [*shared, processors.format_exc_info, _head_first, processors.JSONRenderer(serializer=json.dumps)]
    colours = sys.stderr is not None and sys.stderr.isatty()
    return [*shared, _on_one_line, dev.ConsoleRenderer(colors=colours, exception_formatter=dev.plain_traceback)]


def _add_name(logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if isinstance(logger, _Lines):  # a program's own has its own ways
        line["logger"] = logger.name
    return line


def _head_first(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Begin each line with what all of them have: programs do not mind, and people read it, too."""
    return {**{key: line[key] for key in _HEAD if key in line}, **line}


def _on_one_line(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take from texts what would steer a terminal: errors are others' words."""
    for key, value in line.items():
        if isinstance(value, str) and not value.isprintable():
            line[key] = "".join(one if one.isprintable() else "\ufffd" for one in value)
    return line


class _Lines:
    """Writes lines to what standard error is at the moment."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def msg(self, text: str) -> None:
        """Write a line; whole, as threads write, too. One that cannot be written is lost: it costs nobody their task."""
        with suppress(OSError, ValueError, AttributeError):  # a full disk, a closed one, none at all
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    debug = info = warning = error = critical = exception = log = msg


def _named_lines(name: str = "") -> _Lines:
    return _Lines(name)


class _Foreign(logging.Handler):
    """Writes what libraries log with `logging` as lines."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one."""
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 - arguments that do not fit the text: a fault of the library
            text = str(record.msg)
        level = min(
            record.levelno // 10 * 10, logging.CRITICAL
        )  # structlog knows no levels between those that have names
        log(record.name).log(level, text, exc_info=record.exc_info)
