"""What whoever submits a flow holds of it, as `handle` is of a task."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING

import attrs

from runtime.api.flow_messages import (
    AnswerApproval,
    CancelFlow,
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
from runtime.api.flow_views import ApprovalView, FlowView, PolicyReportView, view_approval, view_flow, view_reports
from runtime.arguments import check_text, sorted_texts
from runtime.errors import Fault, InputInvalid, NotFound
from runtime.flow.flow import MANY_STEPS, Flow
from runtime.flow.outcomes import FlowFailedError
from runtime.flow.states import ApprovalOption, ResponseType
from runtime.threads import BRIEF

if TYPE_CHECKING:
    from runtime.api.flow_client import FlowClient
    from runtime.flow.rerun_input import RerunInput


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
        check_text(step_id, "step_id")
        flow = await self._runtime.read_flow(self.id)
        step = flow.steps.get(step_id)
        found = None if step is None else view_approval(flow, step)
        if found is None:
            raise NotFound("approval", step_id, f"flow {self.id} has none of that step")
        return found

    async def policy_reports(self, step_id: str = "") -> tuple[PolicyReportView, ...]:
        """Read what policies found in the plans of the flow, or of one step, in the order in which they were evaluated."""
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


async def view_of(flow: Flow, *, hidden: bool = False, queued: Mapping[str, str] | None = None) -> FlowView:
    """Show a flow, see `runtime.api.flow_views.view_flow`; a long one in a thread."""
    return await BRIEF.run_if(
        len(flow.steps) > MANY_STEPS, partial(view_flow, flow, hidden=hidden, queued=queued or {})
    )
