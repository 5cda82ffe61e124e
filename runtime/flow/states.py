"""The words of flows: statuses, directives, answers, and what each of them means (spec sections 3, 5.3, 6.2 and 8.2)."""

from enum import StrEnum
from typing import Final


class StepStatus(StrEnum):
    """Where a step stands."""

    PENDING = "pending"
    QUEUED = "queued"
    IN_PROGRESS = "in-progress"
    CHECKING_PLAN = "checking-plan"
    APPROVAL_AWAITING = "approval-awaiting"
    APPROVED = "approved"
    APPROVAL_DENIED = "approval-denied"
    APPROVAL_EXPIRED = "approval-expired"
    APPROVAL_RETRY = "approval-retry"
    SUCCESS = "success"
    ERROR = "error"
    CANCELLED = "cancelled"
    NOT_ATTEMPTED = "not-attempted"
    DISCARDED = "discarded"
    USER_SKIPPED = "user-skipped"
    AUTO_SKIPPED = "auto-skipped"


class GroupStatus(StrEnum):
    """Where a group stands."""

    PENDING = "pending"
    IN_PROGRESS = "in-progress"
    SUCCESS = "success"
    ERROR = "error"
    FAILED_PENDING_RETRY = "failed-pending-retry"
    CANCELLED = "cancelled"
    DISCARDED = "discarded"


class FlowStatus(StrEnum):
    """Where a flow stands. Once automatic retries are spent, a person may mend what is ``failed-pending-retry``."""

    PENDING = "pending"
    IN_PROGRESS = "in-progress"
    APPROVAL_AWAITING = "approval-awaiting"
    RETRYING = "retrying"
    SUCCESS = "success"
    ERROR = "error"
    FAILED_PENDING_RETRY = "failed-pending-retry"
    CANCELLED = "cancelled"


class TargetStatus(StrEnum):
    """What a flow says about the thing a step acts on."""

    APPROVAL_DENIED = "approval-denied"
    AUTO_SKIPPED = "auto-skipped"
    CANCELLED = "cancelled"
    DISCARDED = "discarded"
    DRIFTED = "drifted"
    NO_DRIFT = "no-drift"


class RunStatus(StrEnum):
    """Where one execution segment of a flow stands."""

    IN_PROGRESS = "in-progress"
    SUCCESS = "success"
    ERROR = "error"
    APPROVAL_AWAITING = "approval-awaiting"
    CANCELLED = "cancelled"


class FlowTurn(StrEnum):
    """How a flow stands to the turn of its owner, of whose flows one runs at a time.

    One that ``had`` it may want it again: it has to be superseded before another gets it.
    """

    NONE = ""
    WAITS = "waits"
    HAS = "has"
    HAD = "had"


class RunType(StrEnum):
    """What made a flow run, or run again."""

    INITIAL = "initial"
    RETRY = "retry"
    SKIP = "skip"
    RESUME = "resume"


EXECUTABLE: Final = frozenset({StepStatus.PENDING, StepStatus.NOT_ATTEMPTED, StepStatus.QUEUED})
ACTIVE: Final = frozenset({StepStatus.IN_PROGRESS, StepStatus.CHECKING_PLAN, StepStatus.APPROVAL_AWAITING})
OK: Final = frozenset({StepStatus.SUCCESS, StepStatus.APPROVED, StepStatus.AUTO_SKIPPED, StepStatus.USER_SKIPPED})
DEAD: Final = frozenset(
    {
        StepStatus.ERROR,
        StepStatus.CANCELLED,
        StepStatus.DISCARDED,
        StepStatus.APPROVAL_DENIED,
        StepStatus.APPROVAL_EXPIRED,
        StepStatus.APPROVAL_RETRY,
    }
)
"""The classes of step statuses: the only lists there are (section 3, Q7)."""

GOES_ON: Final = frozenset({GroupStatus.IN_PROGRESS, GroupStatus.FAILED_PENDING_RETRY})
"""The statuses of a group that was begun and has not ended."""

COMPLETE: Final = OK | {
    StepStatus.DISCARDED,
    StepStatus.CANCELLED,
    StepStatus.APPROVAL_DENIED,
    StepStatus.APPROVAL_RETRY,
}
"""The statuses that every step of a complete flow has, besides the errors that a retry has superseded."""

SKIPPED_WITH_A_DENIAL: Final = frozenset(
    {StepStatus.PENDING, StepStatus.QUEUED, StepStatus.APPROVAL_AWAITING, StepStatus.NOT_ATTEMPTED}
    | {StepStatus.APPROVAL_RETRY}
)
"""The siblings that ``deny-skip-current`` skips; what is finished keeps its status (section 8.2)."""


class Directive(StrEnum):
    """What a lower layer leaves for its parent: a step for its group, a group for its flow."""

    CONTINUE = "continue"
    STOP = "stop"
    AWAIT_APPROVAL = "await-approval"
    SKIP_GROUP = "skip-group"
    RETRY = "retry"
    RETRY_GROUP = "retry-group"


DIRECTIVE_KEY: Final = "directive"
"""The metadata key under which a step leaves its directive."""

DENY_VIOLATIONS_KEY: Final = "deny_violations"
WARN_VIOLATIONS_KEY: Final = "warn_violations"
PASSED_POLICY_IDS_KEY: Final = "passed_policy_ids"
POLICY_ERROR_KEY: Final = "policy_error"
"""The metadata keys of a policy check, on the status of the step that was checked (section 9)."""

HOOK_ERROR_KEY: Final = "hook_error"
"""The metadata key of what a hook raised that an answer did not wait for."""


class ExecutionType(StrEnum):
    """How a step is carried out, and shown (section 5.3)."""

    SYSTEM = "system"
    USER = "user"
    HIDDEN = "hidden"
    SKIPPED = "skipped"
    APPROVAL = "approval"


class ApprovalOption(StrEnum):
    """Whether a person is asked before a plan is applied."""

    PROMPT = "prompt"
    APPROVE_ALL = "approve-all"


class ResponseType(StrEnum):
    """The answers to an approval (section 8.2)."""

    APPROVE = "approve"
    AUTO_APPROVE = "auto-approve"
    DENY = "deny"
    DENY_SKIP_CURRENT = "deny-skip-current"
    DENY_SKIP_DEPENDENTS = "deny-skip-current-and-dependents"
    RETRY = "retry"


class Hook(StrEnum):
    """What a signal may want to be told before an answer takes effect."""

    ON_APPROVE = "on_approve"
    ON_DENY = "on_deny"
    ON_SKIP = "on_skip"
    ON_RETRY = "on_retry"


class Mode(StrEnum):
    """How a flow walks its steps: one list; one list whose steps answer with directives; or groups of steps."""

    FLAT = "flat"
    CHILD = "child"
    GROUP = "group"


class OnError(StrEnum):
    """What a failing step does to a flow without groups (section 13.4)."""

    ABORT = "abort"
    CONTINUE = "continue"


class OnPolicyFailure(StrEnum):
    """What an evaluation that breaks does: nothing but being recorded, or failing the step (section 9)."""

    OPEN = "open"
    CLOSED = "closed"


class RerunOperation(StrEnum):
    """What a rerun does to the step it is about."""

    SKIP_STEP = "skip-step"
    RETRY_STEP = "retry-step"


class Stage(StrEnum):
    """What a step waits for; the engine's own, never shown."""

    IDLE = "idle"
    DELAY = "delay"
    WORK = "work"
    PLAN = "plan"
    POLICIES = "policies"
    ANSWER = "answer"
    HOOK = "hook"
    DEPENDENTS = "dependents"
    STOPPING = "stopping"
    INTERRUPTED = "interrupted"


LIVE: Final = frozenset(
    {
        Stage.WORK,
        Stage.PLAN,
        Stage.POLICIES,
        Stage.HOOK,
        Stage.DEPENDENTS,
        Stage.STOPPING,
        Stage.INTERRUPTED,
    }
)
"""The stages in which something runs for the step and will report."""
