"""What of a runtime is limited, and by how much (spec sections 8 and 13.2)."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

import attrs

from runtime.configuration import HOST_ITEM, host_settings
from runtime.duration import Duration
from runtime.engine.states import Admission

TOTAL: Final = "steps"
"""What every step holds while its action runs."""

EXECUTIONS: Final = "executions"
"""What every run of a task holds from its beginning to its end."""

CRASHED: Final = "executions:crashed"
"""What a run holds besides, if the one before it was cut off by the end of its process."""


RESULT_SIZE: Final = 16 * 2**20
"""What the output of an action may come to where nothing else is said: more than the runners give by themselves."""

MOST_RESULT_SIZE: Final = 64 * 2**20
"""What `Limits.result_size` may be: with characters of four bytes, and metadata as large, it is half of what SQLite takes."""

_UNLIMITED: Final = -1
_EXECUTIONS: Final = 100
_FROM_CRASHED: Final = 20
"""What ``utask-cfg`` means where it does not say it (spec section 13.2)."""
_A_MINUTE: Final = Duration(60.0)


def template_label(template: str) -> str:
    """Name the resource that runs of a template hold."""
    return f"template:{template}"


def runner_label(runner: str) -> str:
    """Name the resource that every step of a runner holds while its action runs."""
    return f"runner:{runner}"


def flow_label(flow_type: str) -> str:
    """Name the resource that steps of a type of flows hold."""
    return f"flow:{flow_type}"


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _whole(_limits: object, _field: object, value: object) -> None:
    if not isinstance(value, Mapping):
        raise ValueError(f"resources is a {type(value).__name__}: it is a mapping of labels to numbers")  # noqa: TRY004 - as all others here
    for label, limit in value.items():
        if not _is_whole(limit):
            raise ValueError(f'the limit of resource "{label}" is {limit!r}: it is a whole number')
        if limit < 0:
            raise ValueError(
                f'the limit of resource "{label}" is {limit}: 0 switches it off, and nothing is below that'
            )
        if label in {EXECUTIONS, CRASHED}:
            raise ValueError(f'"{label}" is not a resource: say how many runs there may be with `executions`')


def _patient(_limits: object, _field: object, seconds: object) -> None:
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        raise ValueError(f"acquire_timeout is {seconds!r}: it is a number of seconds")  # noqa: TRY004 - as all others here
    if seconds < 0:
        raise ValueError(f"acquire_timeout is {seconds:g}s: 0 waits for ever, and nothing is shorter than that")


def _possible(_limits: object, _field: object, size: int) -> None:
    if not _is_whole(size) or not 0 < size <= MOST_RESULT_SIZE:
        raise ValueError(
            f"result_size is {size!r}: it is a number from 1 to {MOST_RESULT_SIZE}, which a store can still hold"
        )


def _count(_limits: object, field: Any, value: int | None) -> None:
    if value is not None and not _is_whole(value):
        raise ValueError(f"{field.name} is {value!r}: it is a whole number, or None")
    if value is not None and value < 0:
        raise ValueError(f"{field.name} is {value}: None is no limit, and with 0 nothing ever runs")


@attrs.frozen(kw_only=True)
class Limits:
    """How many may do something at once in one runtime, and how much it may come to; what has no number has no limit.

    What has no slots is not limited, other than in µTask, where 100 runs go on at once, and 20 after a crash: there a run
    costs a connection to the database, a copy of the task and a thread of work; here it costs some kilobytes, and a
    hundred tasks that wait for slow servers would keep all others from theirs. What is scarce is what steps hold: limit
    that (``steps``, ``socket``, ``fork``, ``url:<host>``). Who configures a runtime with ``utask-cfg`` gets what that
    means (`limits_of`).

    Runs are those of tasks. Steps of flows hold resources, but no slot (`runtime.work.resources` says why).

    Attributes:
        resources: a number for each label; 0 switches the label off: whoever wants it is refused at once. Steps hold
            those of theirs while they execute; the runs of a template hold ``template:<its name>`` from their beginning
            to their end, and wait for it in line, as they do for `executions`.
        everywhere: those of the labels whose number counts for all instances that share a store, together, and not for
            each of them; only of what steps hold.
        acquire_timeout: seconds that a step waits for all its resources; then it is TO_RETRY. 0 waits for ever. Of one
            task, few more steps than may hold a resource ask for it: the others' patience has not begun.
        executions: how many tasks may be in a run at once. One that waits for its turn is TO_AUTORUN, or RETRY, and
            takes no memory but its place in line. With 0 nothing ever runs.
        executions_from_crashed: how many of those may be going on where another process was cut off, so that a restart
            does not begin with all at once. Nothing else paces them: the pause that µTask makes between two of them
            (``delay_between_crashed_tasks_resolution``) is not made here.
        result_size: how large the output of an action may be, and its metadata, and its tags: the characters of all
            texts, and eight for each member of a list or a mapping (`runtime.values.json.normalise`), which is about the
            length as JSON. With a larger one the step ends as FATAL_ERROR, and nothing of it is kept: every result is
            stored, shown, and read with its task.
    """

    resources: Mapping[str, int] = attrs.field(factory=dict, validator=_whole)
    everywhere: frozenset[str] = frozenset()
    acquire_timeout: float = attrs.field(default=60.0, validator=_patient)
    executions: int | None = attrs.field(default=None, validator=_count)
    executions_from_crashed: int | None = attrs.field(default=None, validator=_count)
    result_size: int = attrs.field(default=RESULT_SIZE, validator=_possible)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.everywhere, AbstractSet):
            raise ValueError(f"everywhere is {self.everywhere!r}: it is a set of labels")  # noqa: TRY004 - as all others here
        for label in sorted(self.everywhere):
            if label not in self.resources or label.startswith(template_label("")):
                raise ValueError(f'"{label}" cannot be limited everywhere: it is not a limited resource of steps')
        both = self.executions is not None and self.executions_from_crashed is not None
        if both and self.executions_from_crashed > self.executions:  # type: ignore[operator] # neither is None
            raise ValueError(
                f"executions_from_crashed is {self.executions_from_crashed}: it may not exceed executions, which is"
                f" {self.executions}"
            )

    @property
    def pools(self) -> Mapping[str, int]:
        """Every limited label with its limit."""
        runs = {EXECUTIONS: self.executions, CRASHED: self.executions_from_crashed}
        return {**self.resources, **{label: limit for label, limit in runs.items() if limit is not None}}

    def admission(self, template: str) -> Admission:
        """Say what runs of a template need before they begin."""
        own = self.resources.get(template_label(template))
        if own == 0:
            return Admission.CLOSED
        free = own is None and self.executions is None and self.executions_from_crashed is None
        return Admission.FREE if free else Admission.QUEUED


@attrs.frozen(kw_only=True)
class _Configured:
    """The limits as ``utask-cfg`` names them, and two of our own.

    `global_resource_limits` are those of all instances together, `max_result_size` is `Limits.result_size`.
    """

    resource_limits: Mapping[str, int] = attrs.field(factory=dict)
    global_resource_limits: Mapping[str, int] = attrs.field(factory=dict)
    resource_acquire_timeout: Duration = _A_MINUTE
    max_concurrent_executions: int = _EXECUTIONS
    max_concurrent_executions_from_crashed: int | None = None
    max_result_size: int = RESULT_SIZE


def limits_of(config: Mapping[str, str]) -> Limits:
    """Read what the configuration item ``utask-cfg`` says of limits; without that item nothing is limited.

    What it does not say is 100 executions, 20 of them (or as many as there may be) from crashed ones; -1 is no limit.

    Raises:
        ConfigurationInvalid: with every fault and its path.
        ValueError: a limit cannot be.
    """
    if HOST_ITEM not in config:
        return Limits()
    configured = host_settings(_Configured, config)
    runs, crashed = configured.max_concurrent_executions, configured.max_concurrent_executions_from_crashed
    if crashed is None:
        crashed = _FROM_CRASHED if runs == _UNLIMITED else min(_FROM_CRASHED, runs)
    return Limits(
        resources={**configured.resource_limits, **configured.global_resource_limits},
        everywhere=frozenset(configured.global_resource_limits),
        acquire_timeout=configured.resource_acquire_timeout,
        executions=None if runs == _UNLIMITED else runs,
        executions_from_crashed=None if crashed == _UNLIMITED else crashed,
        result_size=configured.max_result_size,
    )
