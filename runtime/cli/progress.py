"""What is shown while a task runs: a live table on a terminal, lines in a pipe, nothing with ``--json``."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from runtime.api.messages import Event, Lagged, StepProgressed, StepStateChanged, TaskStateChanged
from runtime.engine.states import ResolutionState, StepState, is_final

_STYLES: Mapping[str, str] = {
    StepState.TODO: "dim",
    StepState.RUNNING: "bold cyan",
    StepState.DONE: "green",
    StepState.PRUNE: "dim",
    StepState.WAITING: "yellow",
    StepState.TO_RETRY: "yellow",
    StepState.RETRY_NOW: "yellow",
    StepState.SERVER_ERROR: "yellow",
    StepState.AFTERRUN_ERROR: "yellow",
    StepState.CLIENT_ERROR: "bold red",
    StepState.FATAL_ERROR: "bold red",
    StepState.CRASHED: "bold red",
}


class Progress(Protocol):
    """Is shown every event of one task."""

    def show(self, event: Event) -> None:
        """Show one event, at once."""
        ...


class Silent:
    """Shows nothing."""

    def show(self, event: Event) -> None:
        """Drop the event."""


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%H:%M:%S")


def _task_line(event: TaskStateChanged) -> str:
    text = f"task {event.state}" if event.state == str(event.resolution) else f"task {event.state} ({event.resolution})"
    if event.next_retry is not None and event.resolution is ResolutionState.ERROR:
        wait = max(0.0, event.next_retry - event.at)
        text += f", run {event.run + 1} in {wait:.0f} s"
    return text


def _progress(event: StepProgressed) -> str:
    share = "" if event.done is None else f"{event.done:.0%}"
    return f"{share} {event.message}".strip()


class Lines:
    """One plain line per event; `named` where it is not clear which task it is of."""

    def __init__(self, console: Console, *, named: bool = False) -> None:
        self._console = console
        self._named = named

    def show(self, event: Event) -> None:
        """Print the event's line."""
        match event:
            case StepStateChanged():
                error = f": {event.error}" if event.error else ""
                self._print(f"{self._when(event)} {event.step} {event.state}{error}")
            case TaskStateChanged():
                self._print(f"{self._when(event)} {_task_line(event)}")
            case StepProgressed():
                self._print(f"{self._when(event)} {event.step} {_progress(event)}")
            case Lagged():
                self._print(f"({event.missed} events not shown)")

    def _when(self, event: StepStateChanged | TaskStateChanged | StepProgressed) -> str:
        return f"{_clock(event.at)} {event.task_id}" if self._named else _clock(event.at)

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class LiveTable:
    """A table of steps, redrawn in place. The newest state of each step is shown; long tables show what moves.

    An event only notes what is new: it is drawn as often as the terminal is, in a thread of `Live`.
    """

    def __init__(self, console: Console, title: str, descriptions: Mapping[str, str]) -> None:
        self._console = console
        self._title = title
        self._descriptions = descriptions
        self._state: TaskStateChanged | None = None
        self._steps: dict[str, StepStateChanged] = {}
        self._said: dict[str, str] = {}

    def show(self, event: Event) -> None:
        """Take the event into the table."""
        match event:
            case StepStateChanged():
                self._steps[event.step] = event
                self._said.pop(event.step, None)
            case StepProgressed():
                self._said[event.step] = _progress(event)
            case TaskStateChanged():
                self._state = event
            case Lagged():
                pass  # the next events bring the table up to date

    def __rich__(self) -> Table:
        table = Table(box=None, title=self._title, title_justify="left", title_style="bold", padding=(0, 2, 0, 0))
        for column in ("step", "state", "tries", ""):
            table.add_column(column, header_style="dim", overflow="fold")
        shown, hidden = self._visible()
        for name in shown:
            event = self._steps.get(name)
            state = event.state if event else StepState.TODO
            note = (event.error if event else "") or self._said.get(name) or self._descriptions.get(name, "")
            table.add_row(
                Text(name),
                Text(str(state), style=_STYLES.get(state, "magenta")),
                Text(str(event.tries) if event and event.tries else ""),
                Text(note, style="dim" if not (event and event.error) else ""),
            )
        if hidden:
            table.add_row("", Text(f"{hidden} more", style="dim"), "", "")
        table.caption = _task_line(self._state) if self._state else ""
        table.caption_justify = "left"
        return table

    def _visible(self) -> tuple[list[str], int]:
        names = list(self._descriptions or self._steps)
        room = max(5, self._console.height - 6)
        if len(names) <= room:
            return names, 0
        moving = [name for name in names if (event := self._steps.get(name)) and not is_final(event.state)]
        shown = moving[:room] or names[:room]
        return shown, len(names) - len(shown)


@contextmanager
def progress_for(console: Console, *, as_json: bool, title: str, descriptions: Mapping[str, str]) -> Iterator[Progress]:
    """Choose what fits where the output goes; `descriptions` are those of the steps, by name."""
    if as_json:
        yield Silent()
    elif not console.is_terminal:
        yield Lines(console)
    else:
        table = LiveTable(console, title, descriptions)
        with Live(table, console=console, refresh_per_second=10):
            yield table
