"""What can go wrong, split by what the catcher does next.

::

    UnderstudyError
    ├── Refused                 the request was not taken; nothing happened
    │   ├── Invalid             ... fix it: carries every fault with its path
    │   │   ├── TemplateInvalid
    │   │   ├── FunctionInvalid
    │   │   ├── InputInvalid
    │   │   ├── FlowInvalid
    │   │   └── RequestInvalid
    │   ├── NotFound            ... no such task or template
    │   ├── Conflict            ... the state of the task forbids it
    │   │   └── AlreadyExists   ... there is such a thing already
    │   ├── Forbidden           ... somebody else may
    │   ├── StoreUnusable       ... the store cannot be opened (`runtime.journal.protocol`)
    │   └── Unavailable         ... full, draining or closed, or the store cannot store: try again, or elsewhere
    │       └── UnderMaintenance    ... somebody works on the store: what is there can be read
    ├── TaskNotDone             a result was asked of a task that ended without one
    ├── InvariantBroken         a bug of ours: please report it
    └── TemplatingError         a value could not be rendered (a step turns it into its own error)

The errors a runner raises to choose a step's state live in `runtime.runner`, where runners can reach them.
"""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TypeVar

import attrs


class UnderstudyError(Exception):
    """The root of every error this package raises on purpose."""


class Refused(UnderstudyError):
    """The request was not taken, and left no trace."""


@attrs.frozen
class Fault:
    """One thing wrong with a document.

    `path` leads to it in the document's own terms (``steps.getTime.dependencies[0]``; empty for the document itself);
    `message` says what is wrong; `hint`, where there is one, what to do about it.
    """

    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """Give the one-line form used on every surface."""
        where = f"{self.path}: " if self.path else ""
        return f"{where}{self.message}{f' ({self.hint})' if self.hint else ''}"


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Give the hint that names the nearest known word, or no hint.

    Only the first 1,000 known words and 200 characters are compared: a hint is not worth a pause.
    """
    near = get_close_matches(word[:200], known[:1000], n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else ""


class Invalid(Refused):
    """A document breaks its rules. `faults` names every one found, in document order; `warnings` what may not be meant."""

    subject = "document"

    def __init__(self, faults: Sequence[Fault], source: str = "", warnings: Sequence[Fault] = ()) -> None:
        self.faults = tuple(faults)
        self.source = source
        self.warnings = tuple(warnings)
        super().__init__(self._text())

    def _text(self) -> str:
        head = f"invalid {self.subject}{f' {self.source}' if self.source else ''}"
        if len(self.faults) == 1:
            return f"{head}: {self.faults[0]}"
        return "\n  ".join([f"{head}: {len(self.faults)} faults", *map(str, self.faults)])


R = TypeVar("R", bound=Invalid)


def together(refusals: Sequence[R]) -> R:
    """Make one of what is wrong with several documents: each path begins with its document, in their order by name."""
    if len(refusals) == 1:
        return refusals[0]
    return type(refusals[0])(
        [
            attrs.evolve(fault, path=f"{refusal.source}: {fault.path}" if fault.path else refusal.source)
            for refusal in sorted(refusals, key=lambda one: one.source)
            for fault in refusal.faults
        ]
    )


class TemplateInvalid(Invalid):
    """A template cannot be used."""

    subject = "task template"


class FunctionInvalid(Invalid):
    """A function cannot be used."""

    subject = "function"


class InputInvalid(Invalid):
    """The inputs do not fit the template's declarations."""

    subject = "input"


class FlowInvalid(Invalid):
    """A flow cannot be used."""

    subject = "flow"


class RequestInvalid(Invalid):
    """What was asked makes no sense, whatever it was asked of."""

    subject = "request"


class NotFound(Refused):
    """There is no such thing here."""

    def __init__(self, kind: str, name: str, hint: str = "") -> None:
        self.kind = kind
        self.name = name
        super().__init__(f'no {kind} "{name}"{f" ({hint})" if hint else ""}')


class Conflict(Refused):
    """What the thing is now forbids what was asked of it."""


class AlreadyExists(Conflict):
    """There is one already, of what may be there once."""


class Forbidden(Refused):
    """Whoever asks may not; somebody else may."""


class Unavailable(Refused):
    """The runtime takes nothing more at the moment: it is full, draining or closed."""


class UnderMaintenance(Unavailable):
    """The runtime only reads for now."""


class TaskNotDone(UnderstudyError):
    """A result was asked of a task that ended without one."""

    def __init__(self, task_id: str, state: str, reasons: Sequence[str] = ()) -> None:
        self.task_id = task_id
        self.state = state
        self.reasons = tuple(reasons)
        why = f": {'; '.join(reasons)}" if reasons else ""
        super().__init__(f"task {task_id} ended {state}{why}")


class InvariantBroken(UnderstudyError):
    """Something that cannot be has happened: a bug of this package."""


class TemplatingError(UnderstudyError):
    """A template could not be parsed or executed; the text is the template engine's own."""

    def __init__(self, cause: str) -> None:
        self.cause = cause
        super().__init__(f"Templating error: {cause}")
