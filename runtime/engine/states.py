"""The names of states, and what each of them means (spec sections 6.1, 7.1 and 7.2).

A step's state is a text: one of `StepState`, or a custom state its template declares. Any text that is not a builtin
name is a custom state, and custom states are final.

To look a member of an enum up by its class takes as long as thirty look-ups of names in Python 3.11, for it goes through
the class of the class. So modules on the way of every step keep those they need there under names of their own.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class StepState(StrEnum):
    """Where a step stands, as far as the engine knows by itself."""

    TODO = "TODO"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    DONE = "DONE"
    CLIENT_ERROR = "CLIENT_ERROR"
    SERVER_ERROR = "SERVER_ERROR"
    FATAL_ERROR = "FATAL_ERROR"
    CRASHED = "CRASHED"
    PRUNE = "PRUNE"
    TO_RETRY = "TO_RETRY"
    RETRY_NOW = "RETRY_NOW"
    AFTERRUN_ERROR = "AFTERRUN_ERROR"
    EXPANDED = "EXPANDED"


_NAMED: Final[Mapping[str, StepState]] = {state.value: state for state in StepState}


def named(state: str) -> str:
    """Give a step's state as the `StepState` that it is, also where it was read as a text; a custom state is a text."""
    return _NAMED.get(state, state)


ANY: Final = "ANY"
"""The wildcard of dependencies; never a step's state."""

BUILTIN: Final = frozenset({*StepState, ANY})
"""What a custom state may not be called."""

SETTABLE: Final = frozenset(
    {
        StepState.DONE,
        StepState.PRUNE,
        StepState.TO_RETRY,
        StepState.RETRY_NOW,
        StepState.FATAL_ERROR,
        StepState.CLIENT_ERROR,
    }
)
"""The builtin states that a condition may set (section 5.5)."""

RUNNABLE: Final = frozenset(
    {
        StepState.TODO,
        StepState.SERVER_ERROR,
        StepState.CLIENT_ERROR,
        StepState.FATAL_ERROR,
        StepState.CRASHED,
        StepState.TO_RETRY,
        StepState.RETRY_NOW,
        StepState.AFTERRUN_ERROR,
        StepState.EXPANDED,
        StepState.WAITING,
    }
)

RETRIABLE: Final = frozenset({StepState.SERVER_ERROR, StepState.TO_RETRY, StepState.AFTERRUN_ERROR})

OPEN: Final = RUNNABLE | {StepState.RUNNING}
"""The states of a step that is not settled: running or runnable."""


TALLIED: Final = OPEN - {StepState.TODO}
"""The states of a step that is not settled, though something was done about it."""


def is_final(state: str) -> bool:
    """Say whether a step in this state is settled: neither running nor runnable."""
    return state not in OPEN


class ResolutionState(StrEnum):
    """Where the execution of a task stands.

    TO_AUTORUN and RETRY, and CRASHED without a time to retry at, wait in line for the slots of a run (section 8), the
    first for the first run of all. AUTORUNNING of section 7.1 is not there: it is the moment of a claim, which one
    decision makes.
    """

    TODO = "TODO"
    TO_AUTORUN = "TO_AUTORUN"
    TO_AUTORUN_DELAYED = "TO_AUTORUN_DELAYED"
    RUNNING = "RUNNING"
    ERROR = "ERROR"
    RETRY = "RETRY"
    WAITING = "WAITING"
    CRASHED = "CRASHED"
    PAUSED = "PAUSED"
    BLOCKED_TOCHECK = "BLOCKED_TOCHECK"
    BLOCKED_BADREQUEST = "BLOCKED_BADREQUEST"
    BLOCKED_FATAL = "BLOCKED_FATAL"
    BLOCKED_DEADLOCK = "BLOCKED_DEADLOCK"
    BLOCKED_MAXRETRIES = "BLOCKED_MAXRETRIES"
    CANCELLED = "CANCELLED"
    DONE = "DONE"


class TaskState(StrEnum):
    """What a task looks like from outside."""

    TODO = "TODO"
    DELAYED = "DELAYED"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    BLOCKED = "BLOCKED"
    DONE = "DONE"
    CANCELLED = "CANCELLED"
    WONTFIX = "WONTFIX"

    @property
    def ended(self) -> bool:
        """Nothing will ever happen to the task again."""
        return self in _ENDED

    @property
    def at_rest(self) -> bool:
        """Nothing will happen to the task unless somebody asks for it."""
        return self in _AT_REST


_ENDED: Final = frozenset({TaskState.DONE, TaskState.CANCELLED, TaskState.WONTFIX})
_AT_REST: Final = _ENDED | {TaskState.BLOCKED}

UNRUNNABLE: Final = frozenset({ResolutionState.RUNNING, ResolutionState.DONE, ResolutionState.CANCELLED})
"""The states in which a run is refused (section 6.2)."""


class Admission(StrEnum):
    """What the runs of a template need before they begin (section 8)."""

    FREE = "FREE"
    QUEUED = "QUEUED"
    """A slot of each limited pool that holds runs: those of all tasks, or those of the template."""
    CLOSED = "CLOSED"
    """The template is switched off: its resource has the limit 0."""


_TASK_STATES: Final[Mapping[ResolutionState, TaskState]] = {
    **dict.fromkeys(ResolutionState, TaskState.BLOCKED),
    ResolutionState.DONE: TaskState.DONE,
    ResolutionState.CANCELLED: TaskState.CANCELLED,
    ResolutionState.WAITING: TaskState.WAITING,
    ResolutionState.TODO: TaskState.TODO,
    ResolutionState.TO_AUTORUN: TaskState.TODO,
    ResolutionState.TO_AUTORUN_DELAYED: TaskState.DELAYED,
    ResolutionState.RUNNING: TaskState.RUNNING,
    ResolutionState.ERROR: TaskState.RUNNING,
    ResolutionState.RETRY: TaskState.RUNNING,
    ResolutionState.CRASHED: TaskState.RUNNING,
}
"""Those that are not named are BLOCKED, and PAUSED, whose task shows what it was before."""

task_state_of: Final = _TASK_STATES.__getitem__
"""Give the state of the task whose resolution ended a run so (section 6.10); a paused one keeps what it had."""
