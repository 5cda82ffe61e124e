"""What a journal knows of tasks and flows so that they can be listed, found and counted without replaying any.

A `Listing` changes rarely: it is stored when a task is submitted, and when somebody resolves or edits it. What changes
with every run is in its `Standing`. Flows have lists of their own; what is said of tasks here holds for them.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import compress
from typing import Final, TypeAlias

import attrs

from runtime.engine.records import TaskSubmitted
from runtime.engine.states import TaskState
from runtime.engine.task import Task
from runtime.flow.flow import Flow
from runtime.flow.states import FlowTurn
from runtime.frozen import frozen, value


class Role(StrEnum):
    """What somebody has to do with a task (spec section 12.1). Owners are named by its template, resolvers by itself.

    Of a flow, resolvers are those who may answer; its owner is a thing, and no user. A flow that wants, has or may want
    the turn of its owner again is found by it.
    """

    REQUESTER = "requester"
    TAKER = "taker"
    WATCHER = "watcher"
    WATCHER_GROUP = "watcher group"
    RESOLVER = "resolver"
    RESOLVER_GROUP = "resolver group"
    OWNER = "owner"
    OWNER_GROUP = "owner group"
    FLOW_OWNER = "flow owner"
    TURN = "turn"


_ROLES: Final = tuple(Role)
"""Looked up once: every task that begins asks for all of them."""

Involved: TypeAlias = tuple[Role, str]
"""A username or a group, and its part in a task."""


@value
class Listing:
    """What is shown of a task in lists, and what it is found by."""

    title: str
    template: str
    created: float
    steps_total: int
    requester: str = ""
    requester_groups: tuple[str, ...] = ()
    resolver: str = ""
    resolution: str = ""
    parent: str = ""
    batch: str = ""
    tags: Mapping[str, str] = attrs.field(factory=dict)
    watcher_usernames: tuple[str, ...] = ()
    watcher_groups: tuple[str, ...] = ()
    resolver_usernames: tuple[str, ...] = ()
    resolver_groups: tuple[str, ...] = ()
    owner_usernames: tuple[str, ...] = ()
    owner_groups: tuple[str, ...] = ()
    flow: bool = False
    owner: str = ""
    turn: FlowTurn = FlowTurn.NONE
    turn_since: float = 0.0
    superseded: bool = False

    def involved(self) -> Iterator[Involved]:
        """Give everybody who has to do with the task."""
        parts = (
            self.requester and (self.requester,),
            self.resolver and (self.resolver,),
            self.watcher_usernames,
            self.watcher_groups,
            self.resolver_usernames,
            self.resolver_groups,
            self.owner_usernames,
            self.owner_groups,
            self.owner and (self.owner,),
            self.owner and self.turn and (self.owner,),
        )
        for role, names in compress(
            zip(_ROLES, parts, strict=True), parts
        ):  # of most tasks few parts, if any, are taken
            for name in names:
                if name:
                    yield role, name

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that the task is counted under: those it names itself, or else those of its template, or else none."""
        return self.resolver_groups or self.owner_groups or ("",)


def listing_of(task: Task) -> Listing:
    """Say what lists show of a task."""
    header, template = task.header, task.plan.template
    return Listing(
        header.title,
        template.name,
        header.submitted_at,
        len(template.steps),
        header.requester,
        header.requester_groups,
        header.resolver,
        header.resolution_id,
        header.parent,
        header.batch,
        task.notes.tags,
        header.watcher_usernames,
        header.watcher_groups,
        header.resolver_usernames,
        header.resolver_groups,
        template.allowed_resolver_usernames,
        template.allowed_resolver_groups,
    )


def listing_of_submission(record: TaskSubmitted) -> Listing:
    """Say what lists show of a task that was submitted, and nothing else."""
    return Listing(
        title=record.title,
        template=record.template.name,
        created=record.at,
        steps_total=len(record.template.steps),
        requester=record.requester,
        requester_groups=record.requester_groups,
        parent=record.parent,
        batch=record.batch,
        tags=record.tags,
        watcher_usernames=record.watcher_usernames,
        watcher_groups=record.watcher_groups,
        resolver_usernames=record.resolver_usernames,
        resolver_groups=record.resolver_groups,
        owner_usernames=record.template.allowed_resolver_usernames,
        owner_groups=record.template.allowed_resolver_groups,
    )


def listing_of_flow(flow: Flow) -> Listing:
    """Say what lists show of a flow. Costs O(steps)."""
    header, specs = flow.header, [step.spec for step in flow.steps.values()]
    return Listing(
        title=flow.name,
        template=header.type,
        created=header.at,
        steps_total=len(specs),
        requester=header.by,
        tags=header.metadata,
        resolver_usernames=tuple(sorted({name for spec in specs for name in spec.approvers})),
        resolver_groups=tuple(sorted({name for spec in specs for name in spec.approver_groups})),
        flow=True,
        owner=header.owner,
        turn=flow.turn,
        turn_since=flow.turn_since,
        superseded=bool(flow.superseded),
    )


def relisted(before: Task | Flow, after: Task | Flow) -> Listing | None:
    """Say what lists show of a task from now on, if it may be something else than before."""
    if isinstance(before, Task) and isinstance(after, Task):
        if after.header is before.header and after.plan is before.plan and after.notes.tags == before.notes.tags:
            return None
        return listing_of(after)
    if isinstance(before, Flow) and isinstance(after, Flow) and _shown(before) != _shown(after):
        return listing_of_flow(after)
    return None


def _shown(flow: Flow) -> tuple[str, FlowTurn, str, int]:
    """Give what lists show of a flow as far as it changes."""
    return flow.name, flow.turn, flow.superseded, len(flow.steps)


@frozen(kw_only=True)
class Wanted:
    """Which tasks to list, or which `flows`; every condition has to hold.

    `involving`: one of these has to do with it. `about`: this one has, too. `after` and `before` bound its last
    activity, in Unix seconds, both exclusive: the last time that its state changed, or that what is listed of it did.
    """

    involving: frozenset[Involved] | None = None
    state: TaskState | None = None
    template: str = ""
    batch: str = ""
    tags: Mapping[str, str] = attrs.field(factory=dict)
    after: float | None = None
    before: float | None = None
    flows: bool = False
    about: Involved | None = None

    def takes(self, listing: Listing, state: TaskState, changed: float) -> bool:
        """Say whether a task is one of them."""
        return (
            listing.flow is self.flows
            and (self.state is None or state is self.state)
            and (not self.template or listing.template == self.template)
            and (not self.batch or listing.batch == self.batch)
            and (self.after is None or changed > self.after)
            and (self.before is None or changed < self.before)
            and all(listing.tags.get(name) == value for name, value in self.tags.items())
            and (self.involving is None or not self.involving.isdisjoint(listing.involved()))
            and (self.about is None or self.about in listing.involved())
        )


@frozen
class Count:
    """How many tasks of a template, for a group of resolvers, are in a state."""

    state: TaskState
    template: str
    group: str
    tasks: int
