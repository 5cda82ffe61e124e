"""What the in-process client does with flows.

What it needs for that is loaded by the first flow that somebody asks for, or about: every runtime has this client.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from runtime.api.flow_messages import (
    AnswerApproval,
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
    UnpauseFlow,
)
from runtime.api.messages import GetTask
from runtime.arguments import check, check_kind, check_text, sorted_texts
from runtime.errors import Fault, InputInvalid, NotFound, Unavailable
from runtime.flow.flow import MANY_STEPS, Flow
from runtime.flow.outcomes import FlowFailedError
from runtime.flow.records import APPROVAL_SECONDS, PLAN_SECONDS
from runtime.flow.rows import GroupSpec
from runtime.flow.states import ApprovalOption, ResponseType
from runtime.journal.listing import Wanted
from runtime.journal.protocol import PAGE, Journal, Listed, Place
from runtime.threads import BRIEF

if TYPE_CHECKING:
    from runtime.api.asking import Asking
    from runtime.api.flow_checks import CheckedFlow
    from runtime.api.flow_messages import SubmitFlow
    from runtime.api.flow_submission import FlowRequest, FlowSource
    from runtime.api.flow_views import ApprovalView, FlowView, PolicyReportView
    from runtime.flow.document import FlowDocument
    from runtime.flow.rerun_input import RerunInput
    from runtime.flow.rows import Signal
    from runtime.flow.states import Mode, OnError, OnPolicyFailure
    from runtime.flows import Flows
    from runtime.templates.actions import ActionTypes
    from runtime.values.json import Json
    from runtime.work.broadcast import Broadcast
    from runtime.work.resources import Resources

LISTED_TIMES: Final = frozenset({"after", "before"})
"""What of a search is any number: nothing of it is stored, and what is long before everything is asked for, too."""


@attrs.frozen
class Page:
    """Which part of a list is wanted, for `check`."""

    before: tuple[float, int] | None
    limit: int


@attrs.frozen
class FlowHandle:
    """A flow that was accepted. It holds the id only, and outlives restarts of everything behind it.

    Every method raises `Conflict` where the flow is in no state for what is asked, `NotFound` for a step that it does
    not have, and leaves no trace then. `by` is the account that asks.
    """

    id: str
    _runtime: FlowClient = attrs.field(repr=False)

    async def status(self, *, hidden: bool = False) -> FlowView:
        """Read the flow as it is now, with its hidden steps if they are asked for."""
        return await view_of(
            await self._runtime.read_flow(self.id), hidden=hidden, queued=self._runtime.queued(self.id)
        )

    async def wait(self) -> FlowView:
        """Wait until the flow has ended, or waits for a person: for an answer, a retry, or to be let go on, or started.

        Cancelling the wait leaves the flow alone.

        Raises:
            Unavailable: the runtime was closed first.
        """
        return await view_of(await self._runtime.rest_of_flow(self.id))

    async def result(self) -> FlowView:
        """Wait for the flow and give it, if it succeeded.

        Raises:
            FlowNotDone: it did not, or waits for a person; each way has its own class (`runtime.flow.outcomes`).
            Unavailable: the runtime was closed first.
        """
        flow = await self._runtime.rest_of_flow(self.id)
        if flow.ending is None or flow.ending.error is not None:
            raise flow.error or FlowFailedError("it did not end")
        return await view_of(flow)

    async def approval(self, step_id: str) -> ApprovalView:
        """Read the approval of a step, with the plan to be approved.

        Raises:
            NotFound: there is no such step, or it asks for none.
        """
        from runtime.api.flow_views import view_approval  # noqa: PLC0415 - see above

        check_text(step_id, "step_id")
        flow = await self._runtime.read_flow(self.id)
        step = flow.steps.get(step_id)
        found = None if step is None else view_approval(flow, step)
        if found is None:
            raise NotFound("approval", step_id, f"flow {self.id} has none of that step")
        return found

    async def policy_reports(self, step_id: str = "") -> tuple[PolicyReportView, ...]:
        """Read what policies found in the plans of the flow, or of one step, in the order in which they were evaluated."""
        from runtime.api.flow_views import view_reports  # noqa: PLC0415 - see above

        return view_reports(await self._runtime.read_flow(self.id), step_id)

    async def start(self) -> None:
        """Begin with a flow that was not started."""
        await self._runtime.tell_flow(StartFlow(flow_id=self.id))

    async def respond(
        self,
        step_id: str,
        type: str,  # noqa: A002 - its name
        note: str = "",
        *,
        by: str = "user",
        admin: bool = False,
        groups: Collection[str] = (),
    ) -> None:
        """Answer the approval of a step; the first answer stands. `groups` are those that `by` is in.

        Raises:
            RequestInvalid: there is no such answer.
            Forbidden: `by` is none of its approvers.
        """
        answer = AnswerApproval(
            flow_id=self.id,
            step_id=step_id,
            type=type,
            note=note,
            by=by,
            admin=admin,
            groups=sorted_texts(groups, "groups"),
        )
        await self._runtime.tell_flow(answer)

    async def approve(self, step_id: str, note: str = "", *, by: str = "user") -> None:
        """Let a plan be applied."""
        await self.respond(step_id, ResponseType.APPROVE, note, by=by)

    async def deny(self, step_id: str, note: str = "", *, by: str = "user") -> None:
        """Refuse a plan, which ends the flow."""
        await self.respond(step_id, ResponseType.DENY, note, by=by)

    async def set_approval_option(
        self, option: ApprovalOption | str, *, by: str = "user", admin: bool = False, groups: Collection[str] = ()
    ) -> None:
        """Change whether people are asked; a flow that waits is let go on by ``approve-all``.

        It approves in the name of `by`: plans that somebody else has to approve are asked about all the same.
        """
        from runtime.api.flow_submission import choice  # noqa: PLC0415 - see above

        chosen = choice(ApprovalOption, option, "option", ApprovalOption.PROMPT)
        await self._runtime.tell_flow(
            SetApprovalOption(flow_id=self.id, option=chosen, by=by, admin=admin, groups=sorted_texts(groups, "groups"))
        )

    async def retry(self, step_id: str, *, stale_plan: bool | None = None, by: str = "user") -> None:
        """Try a step that failed again; `stale_plan`: with a fresh plan, None leaves that to the step."""
        await self._runtime.tell_flow(RetryStep(flow_id=self.id, step_id=step_id, stale_plan=stale_plan, by=by))

    async def skip(self, step_id: str, *, by: str = "user") -> None:
        """Go on without a step that failed."""
        await self._runtime.tell_flow(SkipStep(flow_id=self.id, step_id=step_id, by=by))

    async def retry_group(self, step_id: str, *, by: str = "user") -> None:
        """Try the whole group of a step again."""
        await self._runtime.tell_flow(RetryGroup(flow_id=self.id, step_id=step_id, by=by))

    async def rerun(self, given: RerunInput, *, by: str = "user") -> None:
        """Run a flow without groups again, exactly as it says."""
        await self._runtime.tell_flow(RerunFlow(flow_id=self.id, input=given, by=by))

    async def pause(self, *, by: str = "user") -> None:
        """Have the flow wait after the group it is at."""
        await self._runtime.tell_flow(PauseFlow(flow_id=self.id, by=by))

    async def unpause(self, *, by: str = "user") -> None:
        """Let a paused flow go on."""
        await self._runtime.tell_flow(UnpauseFlow(flow_id=self.id, by=by))

    async def cancel(
        self, reason: str = "cancelled", *, step_id: str = "", group_id: str = "", by: str = "user"
    ) -> None:
        """Stop the flow for good; with `step_id` or `group_id`, that step or group, and the flow with it.

        Returns once that is stored; `wait` returns once what runs has ended.

        Raises:
            InputInvalid: both are named.
        """
        if step_id and group_id:
            raise InputInvalid([Fault("group_id", "a step is to be cancelled, or a group: not both")])
        await self._runtime.tell_flow(
            CancelFlow(flow_id=self.id, reason=reason, step_id=step_id, group_id=group_id, by=by)
        )

    async def interrupt_step(self, step_id: str, reason: str = "", *, attempt: int = 0, by: str = "user") -> None:
        """Have the running work of a step cut, because it hangs, say: it has failed then, and its retries go on.

        It is retried by itself where its rule says so, and else waits for a person. What the work comes to before it
        is cut counts instead. An `attempt` above 0 is the number of the one that is meant (`FlowStepView.attempt`).
        Returns once it is stored; asking again changes nothing.

        Raises:
            NotFound: there is no such step.
            Conflict: no work of it is running, or another attempt is.
        """
        await self._runtime.tell_flow(
            InterruptFlowStep(flow_id=self.id, step_id=step_id, reason=reason, attempt=attempt, by=by)
        )


class FlowClient:
    """The part of `runtime.api.client.Runtime` that is about flows."""

    _broadcast: Broadcast
    _journal: Journal
    _types: ActionTypes
    flow_kit: Flows
    _asking: Asking
    _resources: Resources | None

    def queued(self, task_id: str) -> Mapping[str, str]:
        """Name the steps of a task, or of a flow, that wait for resources here, and what they wait for. Sync."""
        return {} if self._resources is None else self._resources.awaited_by(task_id)

    async def flow(
        self,
        source: FlowSource,
        inputs: Mapping[str, Json] | None = None,
        *,
        flow_id: str | None = None,
        by: str = "user",
        owner_id: str = "",
        owner_type: str = "",
        org_id: str = "",
        metadata: Mapping[str, str] | None = None,
        mode: Mode | str | None = None,
        plan_only: bool | None = None,
        approval_option: ApprovalOption | str | None = None,
        on_error: OnError | str | None = None,
        on_policy_failure: OnPolicyFailure | str | None = None,
        generate_signal: Signal | None = None,
        approval_seconds: float = APPROVAL_SECONDS,
        plan_seconds: float = PLAN_SECONDS,
        segment: int = 5,
        max_in_flight: int = 10,
        start: bool = True,
        strict: bool = False,
    ) -> FlowHandle:
        """Take a flow on, and start it unless `start` is false. Returns once it is stored.

        `source` is a type that a generator or a document of this runtime is for (or `generate_signal`), or a document,
        whose settings hold where none are given here. `flow_id` is the idempotency key: the same again is the same flow.

        Of the flows with one `owner_id` and `owner_type` one runs at a time, in the order in which they are started.
        An approval may be answered for `approval_seconds`; a plan that is approved after `plan_seconds` is made again.

        Raises:
            FlowInvalid, InputInvalid: with every fault and its path.
            Conflict: there is another flow, or a task, of that id.
            Unavailable: the runtime is full, draining or closed.
        """
        request = await self.flow_request(
            source,
            strict=strict,
            inputs=inputs or {},
            flow_id=flow_id or "",
            by=by,
            owner_id=owner_id,
            owner_type=owner_type,
            org_id=org_id,
            metadata=metadata or {},
            mode=mode,
            plan_only=plan_only,
            approval_option=approval_option,
            on_error=on_error,
            on_policy_failure=on_policy_failure,
            generate_signal=generate_signal,
            approval_seconds=approval_seconds,
            plan_seconds=plan_seconds,
            segment=segment,
            max_in_flight=max_in_flight,
            start=start,
        )
        return await self.take_flow_on(request)

    async def flow_request(self, source: FlowSource, *, strict: bool = False, **settings: Any) -> FlowRequest:
        """Give what is to be run: a type that documents of this runtime have is that document."""
        from runtime.api.flow_checks import check_document  # noqa: PLC0415 - see above
        from runtime.api.flow_submission import FILES, FlowRequest  # noqa: PLC0415 - see above
        from runtime.flow.document import FlowDocument  # noqa: PLC0415 - see above

        match source:
            case FlowDocument():
                check_document(source, self._types, self.flow_kit.plan_readers)
                document = source
            case str() if Path(source).suffix not in FILES:
                kit = self.flow_kit
                known = kit.documents.get(source) if settings.get("generate_signal") else kit.document_of(source)
                return FlowRequest(type=source, document=known, labels=kit.labels_of(source), **settings)
            case _:
                document = (await self.prepare_flow(source, strict=strict)).document
        return FlowRequest(type=document.name or "flow", document=document, **settings)

    async def prepare_flow(
        self, source: str | os.PathLike[str] | Mapping[str, Json], *, strict: bool = False
    ) -> CheckedFlow:
        """Read a document, or the file of one, and see that it can be carried out here; `strict`: every warning is a fault.

        Raises:
            FlowInvalid: with every fault and its path.
        """
        from runtime.api.flow_checks import check_flow, steps_in  # noqa: PLC0415 - see above
        from runtime.api.flow_submission import load_flow  # noqa: PLC0415 - see above

        kinds = self.flow_kit.plan_readers
        if isinstance(source, Mapping):
            look = partial(check_flow, source, self._types, kinds, strict=strict)
            return await BRIEF.run_if(steps_in(source) > MANY_STEPS, look)
        check_kind(source, str | os.PathLike, "flow", "a type of flows, a path, a mapping or a FlowDocument")
        return await BRIEF.run(partial(load_flow, source, self._types, kinds, strict=strict))

    async def take_flow_on(self, request: FlowRequest) -> FlowHandle:
        """Take a flow on that was prepared, see `flow`."""
        from runtime.api.flow_submission import FlowRequest  # noqa: PLC0415 - see above

        self._asking.check_home()
        check_kind(request, FlowRequest, "request", "a FlowRequest, as `flow_request` gives it")
        submission = await BRIEF.run_if(_has_many(request.document), _submission_of, request)
        await self._asking.ask(submission)
        return FlowHandle(submission.task_id, self)

    async def delete_flow(self, flow_id: str) -> None:
        """Delete a flow that has ended, and all that is known of it.

        Raises:
            NotFound: there is none of that id.
            Conflict: it has not ended.
        """
        await self._asking.ask(DeleteFlow(flow_id=flow_id))

    async def find_flows(self, wanted: Wanted, *, before: Place | None = None, limit: int = PAGE) -> Sequence[Listed]:
        """List flows, those with the newest activity first: when their status last changed, or what is listed of them.

        Raises:
            InputInvalid: something wanted is not of its type, or could not be stored.
        """
        check(wanted, but=LISTED_TIMES)
        check(Page(before, limit))
        return await self._journal.find(attrs.evolve(wanted, flows=True), before=before, limit=limit)

    def flow_handle(self, flow_id: str) -> FlowHandle:
        """Give the handle of a flow that was taken on before. Sync; whether there is one is found out later."""
        return FlowHandle(flow_id, self)

    async def tell_flow(self, message: FlowCommand) -> None:
        """Send a command to a flow; returns once what it did is stored.

        Raises:
            InputInvalid: it is none.
        """
        check_kind(message, FlowCommand, "message", "a command to a flow")
        with _as_of_flow(message.flow_id):
            await self._asking.ask(message)

    async def read_flow(self, flow_id: str) -> Flow:
        """Read a flow, with all that the engine knows of it.

        Raises:
            NotFound: there is none of that id.
        """
        check_text(flow_id, "flow_id")
        with _as_of_flow(flow_id):
            flow = await self._asking.ask(GetTask(task_id=flow_id))
        if not isinstance(flow, Flow):
            raise NotFound("flow", flow_id, "it is a task")
        return flow

    async def rest_of_flow(self, flow_id: str) -> Flow:
        """Wait for a flow to come to rest, see `FlowHandle.wait`."""
        check_text(flow_id, "flow_id")
        with self._broadcast.waiter(flow_id) as waiter:  # before the state is read, so that nothing is missed
            flow = await self.read_flow(flow_id)
            if flow.at_rest:
                return flow
            outcome = await waiter.wait()
        if isinstance(outcome, Flow):
            return outcome
        raise Unavailable(f"flow {flow_id} did not come to rest: {outcome}")


def _has_many(document: FlowDocument | None) -> bool:
    if document is None:
        return False
    return sum(len(one.steps) if isinstance(one, GroupSpec) else 1 for one in document.given()) > MANY_STEPS


def _submission_of(request: FlowRequest) -> SubmitFlow:
    check(request)
    return request.submission()


async def view_of(flow: Flow, *, hidden: bool = False, queued: Mapping[str, str] | None = None) -> FlowView:
    """Show a flow, see `runtime.api.flow_views.view_flow`; a long one in a thread."""
    from runtime.api.flow_views import view_flow  # noqa: PLC0415 - see above

    return await BRIEF.run_if(
        len(flow.steps) > MANY_STEPS, partial(view_flow, flow, hidden=hidden, queued=queued or {})
    )


@contextmanager
def _as_of_flow(flow_id: str) -> Iterator[None]:
    """Say of what is nowhere that it is no flow: the intake, which knows of no difference, calls it a task."""
    try:
        yield
    except NotFound as missing:
        if (missing.kind, missing.name) != ("task", flow_id):
            raise
        raise NotFound("flow", flow_id, "it was never taken on here") from None
