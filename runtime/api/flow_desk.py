"""The part of the desk that is about flows; see `runtime.api.desk`."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final, TypeAlias, assert_never

import attrs

from runtime.api.client import Runtime
from runtime.api.flow_access import AboutFlow, may_about_flow, may_see_flow
from runtime.api.flow_commands import (
    AnswerApproval,
    AnswerTaskApproval,
    CancelFlow,
    DeleteFlow,
    FlowCommand,
    InterruptFlowStep,
    PauseFlow,
    RerunFlow,
    RetryGroup,
    RetryStep,
    SetApprovalOption,
    SkipStep,
    StartFlow,
    SubmitFlow,
    ToldToFlow,
    UnpauseFlow,
)
from runtime.api.flow_handle import FlowHandle, view_of
from runtime.api.flow_queries import (
    FlowQuery,
    GetApproval,
    GetFlow,
    GetFlowStep,
    ListFlows,
    ListFlowTypes,
    ListPolicyReports,
)
from runtime.api.flow_submission import FlowRequest
from runtime.api.flow_views import (
    ApprovalView,
    FlowStepDetail,
    FlowView,
    PolicyReportView,
    view_approval,
    view_reports,
    view_step,
)
from runtime.engine import rights
from runtime.engine.rights import Administrators, Identity
from runtime.errors import Fault, FlowInvalid, Forbidden, InputInvalid, NotFound
from runtime.flow.document import FlowDocument
from runtime.flow.flow import Flow
from runtime.flow.naming import Labels
from runtime.flow.records import owner_of
from runtime.flow.rerun_input import RerunInput
from runtime.flow.rows import Step
from runtime.flow.states import FlowStatus
from runtime.frozen import frozen
from runtime.journal.listing import Involved, Role, Wanted
from runtime.journal.protocol import STATES_OF_FLOWS, Listed, Place


@frozen(kw_only=True)
class ListedFlow:
    """One flow of a list. Times are Unix seconds; `turn`: see `runtime.flow.states.FlowTurn`."""

    id: str
    name: str
    type: str
    status: str
    owner: str
    created_by_id: str
    created_at: float
    changed_at: float
    steps: int
    turn: str


@frozen
class FlowPage:
    """Flows of a list; `cursor` is where the next page begins, if there may be one."""

    flows: Sequence[ListedFlow]
    cursor: str = ""


@frozen(kw_only=True)
class FlowType:
    """A type of flows that can be submitted by name: a document, or what a generator is for."""

    name: str
    description: str
    document: bool
    labels: Labels


@frozen
class FlowTypes:
    """The types of flows, by name."""

    types: Sequence[FlowType]


@frozen
class PolicyReports:
    """What policies found in plans."""

    reports: Sequence[PolicyReportView]


FlowAnswer: TypeAlias = FlowView | FlowStepDetail | ApprovalView | FlowPage | FlowTypes | PolicyReports | None
"""What is said to a flow that is there."""

SeesTask: TypeAlias = Callable[[str, Identity], Awaitable[bool]]
"""Says whether a task is there, and for somebody."""

_STATUS_OF: Final = {
    str(state): status for status, state in STATES_OF_FLOWS.items() if status is not FlowStatus.RETRYING
}


@frozen
class FlowDesk:
    """The desk for flows of one runtime."""

    runtime: Runtime
    administrators: Administrators | None
    sees_task: SeesTask

    async def handle(self, message: FlowCommand | FlowQuery, who: Identity) -> FlowAnswer:
        """Do what a message says, or give what it asks for; see `runtime.api.desk.Desk.handle`."""
        match message:
            case SubmitFlow():
                return await self._submit(message, who)
            case ListFlows():
                return await self._list(message, who)
            case ListFlowTypes():
                return FlowTypes(self._types())
            case _:
                return await self._about(message, who)

    async def seen(self, flow_id: str, who: Identity) -> Flow:
        """Give a flow, if it is there for who asks.

        Raises:
            NotFound: it is not, in the same words whether there is one or not.
        """
        try:
            flow = await self.runtime.read_flow(flow_id)
        except NotFound:
            raise NotFound("flow", flow_id) from None
        if not may_see_flow(who, flow, self.administrators) and not await self._sees_its_task(flow, who):
            raise NotFound("flow", flow_id)
        return flow

    async def _sees_its_task(self, flow: Flow, who: Identity) -> bool:
        parent = flow.header.parent
        return bool(parent) and await self.sees_task(parent, who)

    def _administers(self, who: Identity) -> bool:
        return rights.is_administrator(who, self.administrators)

    async def _submit(self, message: SubmitFlow, who: Identity) -> FlowView:
        kit = self.runtime.flow_kit
        document: FlowDocument | None
        if message.document is not None:
            if message.flow_type:
                raise FlowInvalid(
                    [Fault("document", "a flow is of a known type, or has a document of its own: not both")]
                )
            if not self._administers(who):
                raise Forbidden("only administrators may submit documents: others name a type of flows")
            document = (await self.runtime.prepare_flow(message.document, strict=True)).document
        elif not message.flow_type:
            raise FlowInvalid([Fault("flow_type", "it is missing: name a type of flows, or give a document")])
        else:
            document = kit.document_of(message.flow_type)
        settings = {
            field.name: getattr(message, field.name)
            for field in attrs.fields(SubmitFlow)
            if field.name not in {"flow_type", "document"}
        }
        request = FlowRequest(
            type=message.flow_type or (document.name if document else "") or "flow",
            document=document,
            labels=kit.labels_of(message.flow_type),
            by=who.username,
            by_groups=who.groups,
            by_admin=self._administers(who),
            **settings,
        )
        flow = await self.runtime.take_flow_on(request)
        return await view_of(await self.runtime.read_flow(flow.id))

    def _types(self) -> Sequence[FlowType]:
        kit = self.runtime.flow_kit
        documents = [
            FlowType(name=one.name, description=one.description, document=True, labels=one.labels)
            for one in kit.documents.values()
        ]
        generated = [
            FlowType(
                name=one.type,
                description=(one.function.__doc__ or "").strip().partition("\n")[0],
                document=False,
                labels=one.labels,
            )
            for one in kit.generators.values()
        ]
        return sorted([*documents, *generated], key=lambda one: one.name)

    async def _list(self, message: ListFlows, who: Identity) -> FlowPage:
        if message.owner_type and not message.owner_id:
            raise InputInvalid([Fault("owner_id", "it is missing: a type of owner says nothing without it")])
        owner = owner_of(message.owner_type, message.owner_id)
        wanted = Wanted(
            involving=None if self._administers(who) else frozenset(_parts_of(who)),
            about=(Role.FLOW_OWNER, owner) if owner else None,
            state=None if message.status is None else STATES_OF_FLOWS[message.status],
            template=message.flow_type,
            tags=message.metadata,
            after=message.after,
            before=message.before,
        )
        place = await self._place(message.last) if message.last else None
        flows = await self.runtime.find_flows(wanted, before=place, limit=message.page_size)
        cursor = f"{flows[-1].task_id}@{flows[-1].changed!r}" if len(flows) == message.page_size else ""
        return FlowPage([_listed(one) for one in flows], cursor)

    async def _place(self, last: str) -> Place:
        flow_id, at, moment = last.partition("@")
        found = await self.runtime.look_up(flow_id)
        if found is None or not found.listing.flow:
            raise InputInvalid([Fault("last", "there is no such flow: begin at the first page")])
        try:
            return (float(moment), found.number) if at else found.place
        except ValueError:
            raise InputInvalid(
                [Fault("last", "must be the id of a flow, or the cursor that came with a page")]
            ) from None

    async def _about(self, message: AboutFlow, who: Identity) -> FlowAnswer:
        if isinstance(message, AnswerTaskApproval):
            flow_id = f"{message.task_id}.{message.step}"
            await self._check_task(message, who)
        else:
            flow_id = message.flow_id
        try:
            flow = await self.seen(flow_id, who)
        except NotFound:
            if isinstance(message, AnswerTaskApproval):
                raise NotFound(
                    "approval", message.step, f"no step of that name asks anything in task {message.task_id}"
                ) from None
            raise
        if not may_about_flow(message, who, flow, self.administrators):
            raise Forbidden(f"{who.username or 'nobody'} may not do this to flow {flow_id}")
        return await self._do(message, who, flow)

    async def _check_task(self, message: AnswerTaskApproval, who: Identity) -> None:
        """Refuse what is about no task that they see, unless they are asked there."""
        try:
            await self.seen(f"{message.task_id}.{message.step}", who)
        except NotFound:
            if not await self.sees_task(message.task_id, who):
                raise NotFound("task", message.task_id) from None

    async def _do(self, message: AboutFlow, who: Identity, flow: Flow) -> FlowAnswer:
        flow_id = flow.header.flow_id
        match message:
            case GetFlow():
                return await view_of(flow, hidden=message.hidden, queued=self.runtime.queued(flow_id))
            case GetFlowStep():
                return view_step(flow, _step(flow, message.step_id))
            case GetApproval():
                approval = view_approval(flow, _step(flow, message.step_id))
                if approval is None:
                    raise NotFound(
                        "approval", message.step_id, f"step {message.step_id} of flow {flow_id} asks for none"
                    )
                return approval
            case ListPolicyReports():
                if message.step_id:
                    _step(flow, message.step_id)
                return PolicyReports(view_reports(flow, message.step_id))
            case DeleteFlow():
                await self.runtime.delete_flow(flow_id)
                return None
            case AnswerTaskApproval():
                asks = next(iter(flow.steps), "")
                message = AnswerApproval(flow_id=flow_id, step_id=asks, response=message.response, note=message.note)
        handle = self.runtime.flow_handle(flow_id)
        await tell(handle, message, by=who.username or "nobody", admin=self._administers(who), groups=who.groups)
        return await view_of(await self.runtime.read_flow(flow_id))


async def tell(
    flow: FlowHandle, message: ToldToFlow, *, by: str, admin: bool = False, groups: Collection[str] = ()
) -> None:
    """Do what a command says to a flow that is there, in the name of `by`; see `FlowHandle` for what is refused."""
    match message:
        case AnswerApproval():
            await flow.respond(message.step_id, message.response, message.note, by=by, admin=admin, groups=groups)
        case StartFlow():
            await flow.start()
        case CancelFlow():
            await flow.cancel(message.reason or "cancelled", step_id=message.step_id, group_id=message.group_id, by=by)
        case InterruptFlowStep():
            await flow.interrupt_step(message.step_id, message.reason, attempt=message.attempt, by=by)
        case SetApprovalOption():
            await flow.set_approval_option(message.option, by=by, admin=admin, groups=groups)
        case RetryStep():
            await flow.retry(message.step_id, stale_plan=message.stale_plan, by=by)
        case SkipStep():
            await flow.skip(message.step_id, by=by)
        case RetryGroup():
            await flow.retry_group(message.step_id, by=by)
        case RerunFlow():
            await flow.rerun(_rerun(message), by=by)
        case PauseFlow():
            await flow.pause(by=by)
        case UnpauseFlow():
            await flow.unpause(by=by)
        case _:
            assert_never(message)


def _parts_of(who: Identity) -> Sequence[Involved]:
    if not who.username:
        return ()
    groups = [(Role.RESOLVER_GROUP, group) for group in who.groups]
    return [(Role.REQUESTER, who.username), (Role.RESOLVER, who.username), *groups]


def _listed(one: Listed) -> ListedFlow:
    listing = one.listing
    return ListedFlow(
        id=one.task_id,
        name=listing.title,
        type=listing.template,
        status=_STATUS_OF[str(one.standing.task)],
        owner=listing.owner,
        created_by_id=listing.requester,
        created_at=listing.created,
        changed_at=one.changed,
        steps=listing.steps_total,
        turn=listing.turn,
    )


def _step(flow: Flow, step_id: str) -> Step:
    step = flow.sought(step_id)
    if isinstance(step, NotFound):
        raise step
    return step


def _rerun(message: RerunFlow) -> RerunInput:
    return RerunInput(
        flow_id=message.flow_id,
        step_id=message.step_id,
        operation=message.operation,
        stale_plan=message.stale_plan,
        replan_step_id=message.replan_step_id,
        continue_from_idx=message.continue_from_idx,
        additional_skip_step_ids=message.additional_skip_step_ids,
    )
