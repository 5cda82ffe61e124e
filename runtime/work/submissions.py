"""Taking tasks and flows on: their first decisions, and those whose ids are known already.

Acceptance and the first decisions of a whole batch of submissions share one commit (`beginnings`).
"""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from actors import Clock, Question
from runtime.api.flow_messages import SubmitFlow
from runtime.api.messages import SubmitTask, SubmitTasks
from runtime.engine.decision import decide
from runtime.engine.draft import begin
from runtime.engine.events import AddComment, ResolveRequested
from runtime.engine.task import Task
from runtime.errors import Conflict, NotFound, Refused, Unavailable
from runtime.flow.flow import MANY_STEPS, Flow
from runtime.journal.protocol import AlreadyStored
from runtime.threads import BRIEF
from runtime.wishes import REFUSED, FlowOrder, SpawnedTask
from runtime.work.beginnings import Beginning, Beginnings
from runtime.work.duplicates import duplicate, is_same
from runtime.work.family import submission_of
from runtime.work.flows.turns import check_room
from runtime.work.messages import SubmitBatch
from runtime.work.roster import Roster
from runtime.work.unit import Services

Submission: TypeAlias = SubmitTask | SubmitFlow

_NOTHING_ASKED: Final[Mapping[str, SubmitTask]] = MappingProxyType({})


class Submissions:
    """Takes on what is submitted; those that are `accepted` wait for the next `flush`, which stores them together."""

    def __init__(self, services: Services, roster: Roster, beginnings: Beginnings, clock: Clock) -> None:
        self._services = services
        self._roster = roster
        self._beginnings = beginnings
        self._clock = clock
        self._accepted: dict[str, Beginning] = {}

    def accept(self, question: Question[Any], message: SubmitTask) -> None:
        """Decide on a submission, which has nothing to do with the others; it is answered for itself."""
        task_id = message.submitted.task_id
        first = self._accepted.get(task_id)
        if first is not None:
            _answer_duplicate(question, message, first.unit)
        else:
            self._accepted[task_id] = self._enter(message, question)

    async def accept_flow(self, question: Question[Any], message: SubmitFlow) -> None:
        """Decide on one of a flow, if there is room for it."""
        first = self._accepted.get(message.task_id)
        if first is not None:
            _answer_duplicate(question, message, first.unit)
        elif await self._has_room(question, message):
            self._accepted[message.task_id] = await self._enter_flow(message, question)

    async def flush(self) -> None:
        """Take on what was accepted, in one commit."""
        if self._accepted:
            accepted, self._accepted = self._accepted, {}
            await self._take_on(list(accepted.values()))

    async def take_batch(self, message: SubmitBatch, question: Question[Any] | None) -> None:
        """Take the children of a task on; answer with those that no template is here for."""
        accepted: list[Beginning] = []
        refused: list[SpawnedTask] = []
        try:
            for order in message.orders:
                if order.flow is not None:
                    await self._take_flow(order.flow, accepted, refused)
                    continue
                try:
                    template = self._services.tools.templates.named(order.template)
                except NotFound as refusal:
                    if not await self._services.journal.read(order.task_id):  # taken on while there was one
                        refused.append(SpawnedTask(id=order.task_id, state=REFUSED, error=str(refusal)))
                else:
                    accepted.append(self._enter(submission_of(order, message, template, self._clock.wall())))
            await self._store_new(accepted)
        except Unavailable as refusal:
            if question is not None:
                question.refuse(refusal)
        else:
            if question is not None:
                question.answer(tuple(refused))

    async def take_all(self, message: SubmitTasks, question: Question[Any] | None) -> None:
        """Take several tasks on, or none of them."""
        accepted: dict[str, Beginning] = {}
        try:
            for one in message.tasks:
                first = accepted.get(one.task_id)
                if first is None:
                    accepted[one.task_id] = self._enter(one)
                elif not is_same(one, first.unit):
                    raise duplicate(one.task_id)
            await self._store_new(list(accepted.values()), {one.task_id: one for one in message.tasks})
        except (Unavailable, Conflict) as refusal:
            if question is not None:
                question.refuse(refusal)
        else:
            if question is not None:
                question.answer(None)

    # --- first decisions ------------------------------------------------------------------------------------------

    def _enter(self, message: SubmitTask, question: Question[Any] | None = None) -> Beginning:
        now, submitted = self._clock.wall(), message.submitted
        events: list[AddComment | ResolveRequested] = []
        if message.comment:
            comment_id = f"{submitted.task_id}-1"
            events.append(
                AddComment(at=now, comment_id=comment_id, username=submitted.requester, content=message.comment)
            )
        if message.resolve:
            events.append(
                ResolveRequested(
                    now,
                    message.resolution_id,
                    submitted.requester,
                    message.resolver_inputs,
                    submitted.requester_groups,
                    message.run,
                )
            )
        decision = decide(begin(submitted, self._services.plans.of(submitted.template)), *events)
        return Beginning(decision.task, (submitted, *decision.records), decision.effects, None, question)

    async def _enter_flow(self, message: SubmitFlow, question: Question[Any] | None = None) -> Beginning:
        from runtime.work.flows.birth import enter_flow  # noqa: PLC0415 - many runtimes never see a flow

        services = self._services
        enter = partial(enter_flow, message, services.tools.runners, services.shutdown.reason, at=self._clock.wall())
        entered = await BRIEF.run_if(len(message.steps) > MANY_STEPS, enter)
        return Beginning(*entered, question=question)

    async def _has_room(self, question: Question[Any], message: SubmitFlow) -> bool:
        """Refuse a flow where too many of its owner wait; one that is there already is not one more."""
        owner = message.flow.owner
        try:
            if owner and message.start and not await self._services.journal.look_up(message.task_id):
                await check_room(self._services.journal, owner)
        except Unavailable as refusal:
            question.refuse(refusal)
            return False
        return True

    async def _take_flow(self, order: FlowOrder, accepted: list[Beginning], refused: list[SpawnedTask]) -> None:
        """Take a flow on that a step wished for.

        Raises:
            Unavailable: not now: too many of its owner wait, or it cannot be known.
        """
        from runtime.work.flows.birth import flow_of  # noqa: PLC0415 - as above

        try:
            submission = flow_of(order, self._services.flows)
        except Refused as refusal:
            refused.append(SpawnedTask(id=order.id, state=REFUSED, error=str(refusal)))
            return
        owner = submission.flow.owner
        if owner and not await self._services.journal.look_up(order.id):
            await check_room(self._services.journal, owner)
        accepted.append(await self._enter_flow(submission))

    # --- storing them, where some may be known --------------------------------------------------------------------

    async def _take_on(self, accepted: Sequence[Beginning]) -> None:
        """Take submissions on that have nothing to do with each other. An id that is known is answered for itself."""
        try:
            await self._beginnings.store(accepted)
        except AlreadyStored as known:
            await self._take_on([one for one in accepted if one.task_id not in known.task_ids])
            for one in accepted:
                if one.task_id in known.task_ids and one.question is not None:
                    await self._answer_again(one.question)
        except Unavailable as refusal:
            for one in accepted:
                if one.question is not None:
                    one.question.refuse(refusal)

    async def _answer_again(self, question: Question[Any]) -> None:
        """Answer a submission of an id that is known."""
        try:
            stored = await self._roster.read(question.message.task_id)
        except Unavailable as refusal:
            question.refuse(refusal)
            return
        if stored is None:
            question.refuse(Unavailable(f"task {question.message.task_id} is just being deleted: submit it again"))
        else:
            _answer_duplicate(question, question.message, stored)

    async def _store_new(self, accepted: Sequence[Beginning], asked: Mapping[str, SubmitTask] = _NOTHING_ASKED) -> None:
        """Store those that are not known, all in one commit or none of them.

        Raises:
            Conflict: one that is known is not what was `asked`.
            Unavailable: nothing was stored.
        """
        try:
            await self._beginnings.store(accepted)
        except AlreadyStored as known:
            for task_id in known.task_ids & asked.keys():
                stored = await self._roster.read(task_id)
                if stored is not None and not is_same(asked[task_id], stored):
                    raise duplicate(task_id) from None
            await self._store_new([one for one in accepted if one.task_id not in known.task_ids], asked)


def _answer_duplicate(question: Question[Any], message: Submission, unit: Task | Flow) -> None:
    if is_same(message, unit):
        question.answer(message.task_id)
    else:
        question.refuse(duplicate(message.task_id))
