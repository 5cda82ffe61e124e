"""How a flow can end, or stop for now, as its callers see it (spec section 16).

::

    UnderstudyError
    └── FlowNotDone              a result was asked of a flow that has none
        ├── FlowNotStarted       ... nobody has started it yet
        ├── NotApprovedError     ... a plan was denied, in a flow without groups
        ├── FlowStoppedError     ... ended for good: denied, dependents skipped, retries exhausted
        ├── FlowCancelledError   ... cancelled
        ├── FlowFailedError      ... a step failed, or it has no steps; it may be retried
        └── ApprovalPauseError   ... not ended: it waits for a person

They are told apart by type, never by text. Waiting for a person and being cut into segments are no failures.
"""

from enum import StrEnum
from typing import Final, assert_never

import attrs

from runtime.errors import UnderstudyError

PAUSED: Final = "paused"
"""What an `ApprovalPauseError` of a paused flow has in place of a step."""

DENIED: Final = "denied"
SKIPPED_DEPENDENTS: Final = "skipped-dependents"
"""The reasons of a `FlowStoppedError`; another one is a sentence (section 16.3)."""


class FlowNotDone(UnderstudyError):
    """A flow has no result, or not yet."""


class FlowNotStarted(FlowNotDone):
    """The flow was taken on to be started later."""

    def __init__(self, flow_id: str) -> None:
        super().__init__(f"flow {flow_id} was not started yet: start it")


class NotApprovedError(FlowNotDone):
    """A plan was denied."""

    def __init__(self) -> None:
        super().__init__("not approved")


class FlowCancelledError(FlowNotDone):
    """The flow was cancelled."""

    def __init__(self) -> None:
        super().__init__("workflow cancelled")


class FlowFailedError(FlowNotDone):
    """A step failed, or the steps could not be generated."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(f"the flow failed: {message}")


class FlowStoppedError(FlowNotDone):
    """The flow ended for good: nothing retries it. `retries_exhausted` is set by whoever knows, never here."""

    retries_exhausted = False

    def __init__(self, step_id: str, reason: str) -> None:
        self.step_id = step_id
        self.reason = reason
        where = f" at step {step_id}" if step_id else ""
        super().__init__(f"the flow was stopped{where}: {reason}")


class ApprovalPauseError(FlowNotDone):
    """The flow waits for a person: for an answer about a step, or (step id ``paused``) to be let go on."""

    def __init__(self, step_id: str) -> None:
        self.step_id = step_id
        super().__init__(
            "the flow is paused: unpause it, and it goes on"
            if step_id == PAUSED
            else f"the flow waits for approval: {step_id}"
        )


class EndingKind(StrEnum):
    """What ended a flow."""

    SUCCESS = "success"
    NOT_APPROVED = "not-approved"
    STOPPED = "stopped"
    FAILED = "failed"
    CANCELLED = "cancelled"


@attrs.frozen(kw_only=True)
class Ending:
    """How a flow ended."""

    kind: EndingKind
    message: str = ""
    step_id: str = ""
    retries_exhausted: bool = False

    @property
    def rerunnable(self) -> bool:
        """A flow without groups may be run again after it."""
        return self.kind not in {EndingKind.CANCELLED, EndingKind.STOPPED}

    @property
    def error(self) -> FlowNotDone | None:
        """What a caller who wants the result is told."""
        match self.kind:
            case EndingKind.SUCCESS:
                return None
            case EndingKind.NOT_APPROVED:
                return NotApprovedError()
            case EndingKind.STOPPED:
                stopped = FlowStoppedError(self.step_id, self.message)
                stopped.retries_exhausted = self.retries_exhausted
                return stopped
            case EndingKind.FAILED:
                return FlowFailedError(self.message)
            case EndingKind.CANCELLED:
                return FlowCancelledError()
            case _:
                assert_never(self.kind)
