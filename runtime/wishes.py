"""What a step may wish of the runtime, and what it is told became of it (spec sections 7.6 and 9.9 to 9.11).

A runner never calls the runtime. What it wants done beyond its own work it hangs on what it gives back: on an `Outcome`,
or on the error it raises, `NotAssigned` most of all. The task's turn records the wishes together with the attempt that
made them, in one commit, and only then performs them, exactly once, whatever crashes in between::

    class Subtask(Runner[SubtaskConfig]):
        async def run(self, request: StepRequest[SubtaskConfig]) -> Outcome:
            if not request.spawned:
                child = ChildTask(template=request.config.template, inputs=request.config.input)
                raise NotAssigned("waits for its child", output={"id": child.id}, wishes=[Spawn(tasks=[child])])
            [child] = request.spawned[-1].tasks.values()
            ...

A step left WAITING sleeps until something it waits for has happened, and is then attempted again with the news in its
request: all that its children came to, or the body of the callback. It waits for the batches that it spawned and that
are not over, for the callbacks that it named in an `AwaitCallback`, and for the flows of its `RunFlow`.
"""

import secrets
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

import attrs
from rpds import HashTrieMap

from runtime.arguments import texts
from runtime.frozen import frozen
from runtime.ids import new_id
from runtime.lengths import Name, TagText
from runtime.values.json import Json

ENDED: Final = frozenset({"DONE", "CANCELLED", "WONTFIX"})
"""The states of tasks to which nothing will happen any more (section 7.2)."""

REFUSED: Final = "REFUSED"
"""The state shown of a child that could not be submitted after all: its template was gone by then, or its flow is none."""


@frozen(kw_only=True)
class ChildTask:
    """A task to create. It is made in the name of the parent's requester, and starts by itself as section 7.3 says.

    The template has to be known to the runtime (`Runtime.templates`) and to take the inputs: where not, the attempt
    that wished for it is CLIENT_ERROR, leaves no output, and nothing is created. `tags` may be templates no more: they
    are taken as they are. `delay` is in seconds; `comment` is the first that is made on it.
    """

    template: str
    inputs: Mapping[str, Json] = attrs.field(factory=dict)
    id: Name = attrs.field(factory=new_id)
    tags: Mapping[Name, TagText] = attrs.field(factory=dict)
    resolver_usernames: tuple[Name, ...] = attrs.field(default=(), converter=texts)
    resolver_groups: tuple[Name, ...] = attrs.field(default=(), converter=texts)
    watcher_usernames: tuple[Name, ...] = attrs.field(default=(), converter=texts)
    watcher_groups: tuple[Name, ...] = attrs.field(default=(), converter=texts)
    delay: float = 0
    comment: str = ""


def _tasks(values: Iterable[ChildTask]) -> tuple[ChildTask, ...]:
    return tuple(values)


@frozen(kw_only=True)
class Spawn:
    """Create these tasks as one batch, no more than `at_most` unfinished at once (0: all together).

    The step that wished for them is attempted again once none of them can go on by itself: they ended, or are blocked.
    """

    tasks: tuple[ChildTask, ...] = attrs.field(converter=_tasks)
    id: str = attrs.field(factory=new_id)
    at_most: int = 0


@frozen(kw_only=True)
class OpenCallback:
    """Take one call from outside under this id, from whoever knows the secret; the body has to fit the schema.

    `new_callback` makes one. The wish is for the task: whichever step comes later may await it.
    """

    id: str
    secret: str = attrs.field(repr=False)
    schema: Mapping[str, Json] | None = None


@frozen(kw_only=True)
class AwaitCallback:
    """Attempt this step again once the callback of that id was called."""

    id: str


@frozen(kw_only=True)
class FlowOrder:
    """A flow that a step of the task `parent` wants run: of a type that a generator is for, or a document.

    See `runtime.api.flow_client`.
    """

    id: str
    flow: str | Mapping[str, Json]
    by: str = "user"
    inputs: Mapping[str, Json] = attrs.field(factory=dict)
    metadata: Mapping[str, str] = attrs.field(factory=dict)
    owner_id: str = ""
    owner_type: str = ""
    plan_only: bool = False
    approve_all: bool = False
    approval_seconds: float = 30 * 86400.0
    plan_seconds: float = 72 * 3600.0
    parent: str = ""


@frozen(kw_only=True)
class RunFlow:
    """Run a flow, or go on with the one of that id; attempt this step again once it has ended.

    What it came to is looked up (`runtime.embedded.FlowDoor`). It is cancelled with the task.
    """

    order: FlowOrder


Wish: TypeAlias = Spawn | OpenCallback | AwaitCallback | RunFlow


def new_callback(task_id: str, schema: Mapping[str, Json] | None = None) -> OpenCallback:
    """Make a callback of a task, with an id from which the task is found (`task_of_callback`) and a random secret."""
    return OpenCallback(id=f"{task_id}.{secrets.token_hex(8)}", secret=secrets.token_urlsafe(32), schema=schema)


def task_of_callback(callback_id: str) -> str:
    """Give the id of the task that a callback belongs to, if there is such a callback."""
    return callback_id.rpartition(".")[0]


@frozen(kw_only=True)
class SpawnedTask:
    """A child as far as its parent was told: `state` is TODO until it ended or was blocked."""

    id: str
    state: str = "TODO"
    result: Json = None
    error: str = ""
    requester_username: str = ""
    resolver_username: str = ""

    @property
    def ended(self) -> bool:
        """Nothing will happen to it any more."""
        return self.state in ENDED or self.state == REFUSED


@frozen(kw_only=True)
class Spawned:
    """A batch that a step has spawned: how many tasks it is to have, those created so far, and how many ended."""

    id: str
    total: int
    tasks: "HashTrieMap[str, SpawnedTask]" = attrs.field(factory=HashTrieMap)
    ended: int = 0

    @property
    def remaining(self) -> int:
        """How many have not ended, those not created yet among them."""
        return self.total - self.ended


@frozen(kw_only=True)
class Callback:
    """A callback of the task: `called_at` (Unix seconds) and `body` are there once it was called."""

    id: str
    called_at: float | None = None
    body: Json = None
