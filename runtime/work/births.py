"""How the actor of a task or a flow begins: from what was just decided or read, or from the journal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from actors import Address
from runtime.engine.task import Task
from runtime.errors import InvariantBroken
from runtime.flow.flow import Flow
from runtime.journal.replaying import replay
from runtime.work.messages import TaskEnded, TurnMoved, WakeTask
from runtime.work.task import TaskActor
from runtime.work.unit import Services

if TYPE_CHECKING:
    from runtime.work.flows.actor import FlowActor


class Birth:
    """What the first incarnation of a task's actor starts from; let go of once it has it.

    `resumed`: why it was brought back while something may have been in flight.
    """

    __slots__ = ("_state", "task_id")

    def __init__(self, task: Task | Flow, effects: Sequence[Any], resumed: str) -> None:
        self.task_id = task.header.task_id
        self._state: tuple[Task | Flow, Sequence[Any], str] | None = (task, effects, resumed)

    def take(self) -> tuple[Task | Flow, Sequence[Any], str] | None:
        """Give it, the first time."""
        state, self._state = self._state, None
        return state


async def actor_of(
    birth: Birth, services: Services, intake: Address[WakeTask | TaskEnded | TurnMoved], _incarnation: int
) -> "TaskActor | FlowActor":
    """Make an incarnation: the first one of what is at hand, any other of the journal."""
    first = birth.take()
    if first is not None:
        task, effects, resumed = first
        return _actor(task, services, intake, effects, resumed)
    rebuilt = replay(await services.journal.read(birth.task_id), services.plans.of)
    if rebuilt is None:
        raise InvariantBroken(f"task {birth.task_id} ran and is not in the journal")
    return _actor(rebuilt, services, intake, (), "the task's actor failed and was restarted")


def _actor(
    task: Task | Flow,
    services: Services,
    intake: Address[WakeTask | TaskEnded | TurnMoved],
    effects: Sequence[Any],
    resumed: str,
) -> "TaskActor | FlowActor":
    if isinstance(task, Flow):
        from runtime.work.flows.actor import FlowActor  # noqa: PLC0415 - many runtimes never see a flow

        return FlowActor(task, services, intake, effects=effects, resumed=resumed)
    return TaskActor(task, services, intake, effects=effects, resumed=resumed)
