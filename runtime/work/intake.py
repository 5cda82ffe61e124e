"""The front door: takes tasks on, and finds the actor of a task, or wakes it.

It keeps nothing about tasks: their supervisor's table says which of them are in memory (`roster`). What it does with
what comes is in modules of their own: `submissions`, `waking`, `delivery` of all that is said to one task, `deletion`.
Acceptance and the first decisions of a whole batch of submissions share one commit; only then do their actors start,
and only then are submitters answered.
"""

from collections.abc import Sequence
from typing import TypeAlias

from actors import Actor, Question, Stopped, Supervisor
from runtime.api.flow_messages import DeleteFlow, SubmitFlow
from runtime.api.messages import DeleteTask, SubmitTask, SubmitTasks
from runtime.work.beginnings import Beginnings
from runtime.work.deletion import Deletion
from runtime.work.delivery import Control, Delivery
from runtime.work.messages import LookAtHeld, SubmitBatch, TurnMoved, WakeTasks
from runtime.work.roster import Roster
from runtime.work.submissions import Submission, Submissions
from runtime.work.unit import IN_LINE, Services
from runtime.work.waking import Waking

Message: TypeAlias = (
    Submission
    | SubmitTasks
    | SubmitBatch
    | DeleteTask
    | DeleteFlow
    | Control
    | WakeTasks
    | TurnMoved
    | LookAtHeld
    | Stopped
)


class Intake(Actor[Message]):
    """Takes tasks on. `tasks` is the supervisor their actors live under: when it is another, so is the intake."""

    _roster: Roster
    _submissions: Submissions
    _waking: Waking
    _delivery: Delivery
    _deletion: Deletion

    def __init__(self, services: Services, tasks: Supervisor) -> None:
        self._services = services
        self._tasks = tasks

    async def started(self) -> None:
        """Let go of what the one before had taken hold of, and had not started."""
        services, roster = self._services, Roster(self._services, self._tasks, self.address)
        beginnings = Beginnings(services, roster)
        self._roster = roster
        self._submissions = Submissions(services, roster, beginnings, self.clock)
        self._delivery = Delivery(services, roster, self.address, self.clock)
        self._waking = Waking(services, roster, beginnings, self._delivery)
        self._deletion = Deletion(services, roster, self._delivery)
        self._tasks.watch_children(self.address)
        services.claims.keep_only(roster.holds)
        services.broadcast.hide_all()

    async def turn(self, batch: Sequence[Message | Question[Message]]) -> None:
        """Take on all submissions of the batch that follow each other in one commit; pass everything else on."""
        submissions = self._submissions
        for item in batch:
            message = item.message if isinstance(item, Question) else item
            if isinstance(message, Stopped):
                self._look_after(message)
            elif isinstance(message, SubmitTask):
                if isinstance(item, Question):
                    submissions.accept(item, message)
            elif isinstance(message, SubmitFlow):
                if isinstance(item, Question):
                    await submissions.accept_flow(item, message)
            else:
                await submissions.flush()
                await self._do(message, item if isinstance(item, Question) else None)
        await submissions.flush()

    async def _do(
        self,
        message: SubmitTasks | SubmitBatch | DeleteTask | DeleteFlow | Control | WakeTasks | TurnMoved | LookAtHeld,
        question: Question[Message] | None,
    ) -> None:
        match message:
            case SubmitBatch():
                await self._submissions.take_batch(message, question)
            case SubmitTasks():
                await self._submissions.take_all(message, question)
            case DeleteTask() | DeleteFlow():
                await self._deletion.delete(message, question)
            case WakeTasks():
                await self._waking.bring_back(message.tasks)
                if question is not None:
                    question.answer(None)
            case TurnMoved():
                await self._delivery.move_turn(message)
            case LookAtHeld():
                self._services.claims.keep_only(self._roster.holds)
                if question is not None:
                    question.answer(None)
            case _:
                await self._delivery.pass_on(message, question)

    def _look_after(self, stopped: Stopped) -> None:
        """Let go of a task that has left memory; tell those who wait for one whose actor has failed too often."""
        task_id, reason = stopped.name, stopped.reason
        absent = not self._roster.holds(task_id)
        if absent and reason is not IN_LINE:
            self._services.claims.release([task_id])
        if absent or reason.kind.abnormal:
            self._services.broadcast.hide(task_id)
        if reason.kind.abnormal and (why := self._roster.failed(task_id)):
            self._services.broadcast.give_up(task_id, f"its actor failed too often, last by {why}")
