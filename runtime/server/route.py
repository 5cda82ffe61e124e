"""What a route is: which message, and where its fields come from."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias

import attrs

from runtime.api.showing import View
from runtime.duration import parse_duration
from runtime.values.json import Json, dumps

Read: TypeAlias = Callable[[str], Json]
"""Turns the text of a parameter into what a message takes. Raises `ValueError`, whose text is for the user."""


def whole(text: str) -> Json:
    """Read a page size: 0 is the default; others are brought within bounds, as µTask does."""
    try:
        size = int(text)
    except ValueError:
        raise ValueError("must be a whole number") from None
    return min(max(size, 10), 10_000) if size else 1000


_ALIKE_SECONDS: Final = 0.5e-6
"""How near moments are that are written alike: to the microsecond."""


def after(text: str) -> Json:
    """Read a moment that others are to be after: not those that are written like it."""
    return _moment(text) + _ALIKE_SECONDS


def before(text: str) -> Json:
    """Read a moment that others are to be before: not those that are written like it."""
    return _moment(text) - _ALIKE_SECONDS


def _moment(text: str) -> float:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a time in RFC 3339, such as 2026-11-27T15:00:00Z") from None
    if read.tzinfo is None:
        raise ValueError("the time says no zone: end it with Z, or an offset")
    return read.timestamp()


def duration(text: str) -> Json:
    """Read a duration of Go's."""
    return max(parse_duration(text), 0.0) if text else 0.0


def truth(text: str) -> Json:
    """Read a truth value."""
    if text.lower() not in {"true", "false", "1", "0", ""}:
        raise ValueError("must be true or false")
    return text.lower() in {"true", "1"}


def text(text: str) -> Json:
    """Take a text as it is."""
    return text


@attrs.frozen
class Parameter:
    """A parameter of the path, the query or the body, and the field of the message that it gives.

    `worded`: numbers and truth values in it are taken for their texts, as µTask takes them where it wants text.
    """

    name: str
    field: str = ""
    read: Read | None = None
    worded: bool = False

    @property
    def gives(self) -> str:
        """The field."""
        return self.field or self.name


Fields: TypeAlias = dict[str, Json]
Build: TypeAlias = Callable[[Fields], Sequence[tuple[type, Fields]]]


@attrs.frozen(kw_only=True)
class Route:
    """One route.

    `admin`: for administrators; `public`: for everybody, known or not; `paged`: its reply has the headers of pages;
    `tags`: the field that ``tag=key=value`` parameters of the query give; `whole_body`: the field that the body as a
    whole gives; `execution`: the id in its path is that of an execution, and the message is about the task of that;
    `build`: the messages, each with its fields, where what was sent makes another one, or several; `view`: what of a
    task is shown; `strict`: members of the body that are not known are refused, as in messages, and not passed over.
    """

    method: str
    path: str
    message: type
    status: int = 200
    admin: bool = False
    public: bool = False
    paged: bool = False
    tags: str = ""
    strict: bool = False
    execution: bool = False
    in_path: tuple[Parameter, ...] = ()
    in_query: tuple[Parameter, ...] = ()
    in_body: tuple[Parameter, ...] = ()
    whole_body: str = ""
    build: "Build | None" = None
    view: View = View.TASK

    @property
    def operation(self) -> str:
        """The id of the operation, in OpenAPI and in metrics."""
        return f"{self.method} {self.path}"


def named(*names: str, **fields: str) -> tuple[Parameter, ...]:
    """Give parameters that are called as the fields they give, or `fields` by their names."""
    return (*(Parameter(name) for name in names), *(Parameter(name, field) for name, field in fields.items()))


def worded(*names: str, **fields: str) -> tuple[Parameter, ...]:
    """Give parameters as `named` does, of fields whose values are texts."""
    return tuple(attrs.evolve(one, worded=True) for one in named(*names, **fields))


def texts(value: Json) -> Json:
    """Write the numbers and truth values of a value as texts, at every depth."""
    match value:
        case bool() | int() | float():
            return dumps(value)
        case Mapping():
            return {key: texts(one) for key, one in value.items()}
        case list() | tuple():
            return [texts(one) for one in value]
        case _:
            return value


PAGE: Final = (Parameter("page_size", read=whole), Parameter("last", read=text))
