"""What a supervisor needs to know of a child, as data, checked once.

A supervisor can be read from its list of specs. A spec is frozen and validated
when made; every fault is named together, so a wrong table is mended in one go.
"""

import enum
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol, TypeAlias

import attrs

from actors.cell import Cell
from actors.errors import SpecInvalid
from actors.reason import StopReason
from actors.window import Backoff, RestartWindow

__all__ = (
    "GROUP_WINDOW",
    "AutoShutdown",
    "ChildKind",
    "ChildSpec",
    "Nested",
    "Restart",
    "Runnable",
    "Start",
    "Strategy",
    "check_set",
    "kind_of",
    "nested",
)

GROUP_WINDOW = RestartWindow(limit=100, period_seconds=10.0)
"""What a whole group may restart before it gives up: far more than one child may, because one child is quarantined first."""


_WINDOW = RestartWindow()
_BACKOFF = Backoff()


class Runnable(Protocol):
    """What a supervisor can run: an actor, a plain function in its wrapper, a supervisor."""

    @property
    def waits(self) -> bool:
        """True if it may wait for anything but its own mailbox, and so needs a cancel scope."""

    async def live(self, cell: Cell) -> bool:
        """Run one incarnation. Raising is a crash, False an orderly end, True "idle: call again when a message comes".

        True is for a cell that hibernates, and never leaves a message or an open question behind.
        """


Start: TypeAlias = Callable[[int], Runnable | Awaitable[Runnable]]
"""Makes the actor of an incarnation (1, 2, ...), in the child's own task. Raising or waiting there is the child's affair."""


@attrs.frozen(kw_only=True)
class Nested:
    """A supervisor as the child of another; made by `nested`."""

    specs: "tuple[ChildSpec, ...]"
    strategy: "Strategy"
    window: RestartWindow
    auto_shutdown: "AutoShutdown"


class Restart(enum.Enum):
    """When a child that ended unasked is started again."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    TEMPORARY = "temporary"

    def applies(self, reason: StopReason) -> bool:
        """True if an end for this reason calls for a restart."""
        return self is _PERMANENT or (self is _TRANSIENT and reason.kind.abnormal)


_PERMANENT, _TRANSIENT = Restart.PERMANENT, Restart.TRANSIENT  # for every end, as in `incarnation`


class Strategy(enum.Enum):
    """Who is restarted when one fails: it alone, all, or it and those started after it.

    `DYNAMIC` is ONE_FOR_ONE for many children of one kind that come and go: it
    takes no static specs, and stops them all at once.
    """

    ONE_FOR_ONE = "one_for_one"
    ONE_FOR_ALL = "one_for_all"
    REST_FOR_ONE = "rest_for_one"
    DYNAMIC = "dynamic"

    @property
    def alone(self) -> bool:
        """True when a failure concerns nobody else."""
        return self is Strategy.ONE_FOR_ONE or self is Strategy.DYNAMIC


class AutoShutdown(enum.Enum):
    """Whether a supervisor stops by itself when significant children have ended for good."""

    NEVER = "never"
    ANY_SIGNIFICANT = "any_significant"
    ALL_SIGNIFICANT = "all_significant"


@attrs.frozen(kw_only=True)
class _Terms:
    """What is agreed for a child, whether it is one alone or one of many."""

    restart: Restart = Restart.TRANSIENT
    window: RestartWindow = _WINDOW
    backoff: Backoff = _BACKOFF
    stop_within: float | None = None
    capacity: int = 1024
    handshake: bool = False
    significant: bool = False
    hibernate: bool = False


@attrs.frozen(kw_only=True)
class ChildKind(_Terms):
    """All of a `ChildSpec`, which says what each means, that is no child's own. A supervisor shakes hands always.

    `dynamic`: such children come and go. Those of the specs that a supervisor is made with do not.

    Raises:
        SpecInvalid: with every fault.
    """

    dynamic: bool = True

    def __attrs_post_init__(self) -> None:
        if faults := _kind_faults(self):
            raise SpecInvalid(tuple(faults))


@attrs.frozen(kw_only=True)
class ChildSpec(_Terms):
    """One child.

    * `start(incarnation)` makes the actor; use `infrastructure(fn)` for a plain
      function and `nested(...)` for a supervisor below.
    * `stop_within`: seconds between being asked to stop and being cancelled. 0
      cancels at once, `math.inf` never (the hard deadline of the shutdown still
      does), None is 5 s for a worker and unbounded for a supervisor.
    * `handshake`: at the start of the supervisor, wait until `started` has run
      before starting the next child.
    * `significant`: see `AutoShutdown`.
    * `capacity` of the mailbox.
    * `hibernate`: hold neither task nor mailbox while idle; see `actors.actor`.

    Raises:
        SpecInvalid: with every fault.
    """

    id: str
    start: Start | Nested

    def __attrs_post_init__(self) -> None:
        faults = _id_faults(self.id)
        start: object = self.start  # a caller without a type checker may have put anything there
        if not (callable(start) or isinstance(start, Nested)):
            faults.append(f"start is {self.start!r}: it must be callable with the incarnation number")
        faults += _kind_faults(self)
        if self.hibernate and isinstance(start, Nested):
            faults.append("a child that hibernates begins with its first message: it cannot be a supervisor")
        if faults:
            raise SpecInvalid(tuple(f"child {self.id!r}: {fault}" for fault in faults))


def kind_of(spec: ChildSpec, *, dynamic: bool, like: ChildKind | None = None) -> ChildKind:
    """Give the kind that a spec says its child is of; `like` itself if it is the same, which it mostly is."""
    handshake = spec.handshake or isinstance(spec.start, Nested)
    if (
        like is not None
        and like.window is spec.window
        and like.backoff is spec.backoff
        and like.restart is spec.restart
        and like.stop_within == spec.stop_within
        and like.capacity == spec.capacity
        and like.hibernate is spec.hibernate
        and like.significant is spec.significant
        and like.handshake is handshake
        and like.dynamic is dynamic
    ):
        return like
    return ChildKind(
        restart=spec.restart,
        window=spec.window,
        backoff=spec.backoff,
        stop_within=spec.stop_within,
        capacity=spec.capacity,
        handshake=handshake,
        significant=spec.significant,
        hibernate=spec.hibernate,
        dynamic=dynamic,
    )


def _kind_faults(kind: _Terms) -> list[str]:
    faults: list[str] = []
    if kind.window is not _WINDOW:
        faults += [f"window.{fault}" for fault in kind.window.faults()]
    if kind.backoff is not _BACKOFF:
        faults += [f"backoff.{fault}" for fault in kind.backoff.faults()]
    if kind.stop_within is not None and not kind.stop_within >= 0:
        faults.append(f"stop_within is {kind.stop_within}: it must be 0 or more, math.inf or None")
    if kind.capacity < 1:
        faults.append(f"capacity is {kind.capacity}: it must be 1 or more")
    if kind.significant and kind.restart is Restart.PERMANENT:
        faults.append("a permanent child never ends for good, so it cannot be significant")
    if kind.hibernate and kind.handshake:
        faults.append("a child that hibernates begins with its first message: it cannot shake hands")
    return faults


def _id_faults(child: object) -> list[str]:
    if isinstance(child, str) and child and "/" not in child:
        return []
    return ["id must be a non-empty string without '/'"]


def nested(
    specs: Iterable[ChildSpec] = (),
    *,
    strategy: Strategy = Strategy.ONE_FOR_ONE,
    window: RestartWindow = GROUP_WINDOW,
    auto_shutdown: AutoShutdown = AutoShutdown.NEVER,
) -> Nested:
    """Make the `start` of a child spec whose child is a supervisor; `Supervisor.nested(id)` gives its handle.

    Raises:
        SpecInvalid: with every fault of the set.
    """
    group = Nested(specs=tuple(specs), strategy=strategy, window=window, auto_shutdown=auto_shutdown)
    check_set(group)
    return group


def check_set(group: Nested) -> None:
    """Check what only a set of specs can get wrong.

    Raises:
        SpecInvalid: with every fault.
    """
    faults = [f"window.{fault}" for fault in group.window.faults()]
    specs, strategy, auto_shutdown = group.specs, group.strategy, group.auto_shutdown
    seen: set[str] = set()
    for spec in specs:
        if spec.id in seen:
            faults.append(f"child {spec.id!r}: the id is used twice")
        seen.add(spec.id)
        if spec.significant and auto_shutdown is AutoShutdown.NEVER:
            faults.append(f"child {spec.id!r}: significant means nothing while auto_shutdown is NEVER")
    if seen and strategy is Strategy.DYNAMIC:
        faults.append("a DYNAMIC supervisor takes no static specs: use start_child")
    if faults:
        raise SpecInvalid(tuple(faults))
