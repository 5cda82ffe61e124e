"""What a reader is shown of a flow: plain frozen values. Times are Unix seconds.

Plans and outputs are not part of a flow's view: they may be large, and are read one by one (`ApprovalView.contents`).
"""

from collections.abc import Mapping
from typing import Final

import attrs

from runtime.flow.flow import Flow
from runtime.flow.records import PoliciesReported
from runtime.flow.rows import Group, Run, Step
from runtime.flow.states import ExecutionType, Stage
from runtime.flow.status import Status
from runtime.frozen import frozen
from runtime.values.json import Json


@frozen(kw_only=True)
class StatusView:
    """A status, and with `history` what came before it, oldest first."""

    status: str
    status_human_description: str
    metadata: Mapping[str, Json]
    created_by_id: str
    created_at_ts: float
    history: "tuple[StatusView, ...]" = ()


@frozen(kw_only=True)
class ResponseView:
    """The answer to an approval."""

    type: str
    note: str
    created_by_id: str
    created_at: float


_NOTHING_QUEUED: Final[Mapping[str, str]] = {}


@frozen(kw_only=True)
class ApprovalView:
    """A question to a person. `contents`, the plan to be approved, is there when the approval itself is read."""

    id: str
    flow_id: str
    step_id: str
    type: str
    asked_at: float
    expires_at: float
    approvers: tuple[str, ...]
    approver_groups: tuple[str, ...]
    response: ResponseView | None
    contents: Json = None


@frozen(kw_only=True)
class FlowStepView:
    """One step. `attempt` is the number of its work that is running, 0 while none is.

    `queued`: the resources that its work waits for, in the runtime that was asked.
    `not_before`: it is tried again then, or once somebody retries it. `waits`: it asks for an answer; `may_retry`,
    `may_skip`: a person may do that now.
    """

    id: str
    name: str
    idx: int
    group_idx: int
    group_retry_idx: int
    retry_index: int
    group_id: str
    execution_type: str
    signal_type: str
    target_type: str
    target_id: str
    metadata: Mapping[str, str]
    retryable: bool
    skippable: bool
    retried: bool
    result_directive: str
    status: StatusView
    created_by_id: str
    created_at: float
    started_at: float | None
    finished_at: float | None
    approval: ApprovalView | None
    timeout_seconds: float
    not_before: float | None
    waits: bool
    may_retry: bool
    may_skip: bool
    attempt: int
    queued: str


@frozen(kw_only=True)
class FlowStepDetail:
    """One step with what is not part of a flow's view: its output."""

    flow_id: str
    step: FlowStepView
    output: Json


@frozen(kw_only=True)
class PolicyReportView:
    """One evaluation of the policies that apply to a step's plan, of so many `inputs`: changes that the plan wants.

    `results` has, by policy, the number of violations of each severity; `passed_policy_ids` those without any.
    """

    id: str
    flow_id: str
    step_id: str
    owner_id: str
    owner_type: str
    created_at: float
    inputs: int
    results: Mapping[str, Mapping[str, int]]
    passed_policy_ids: tuple[str, ...]
    violations: tuple[Mapping[str, str], ...]
    error: str


@frozen(kw_only=True)
class FlowGroupView:
    """One generation of a group. `timeout_seconds`: how long the work of its steps may take; 0 is for ever. `may_retry`: a person may try it again as a whole now."""

    id: str
    group_idx: int
    generation: int
    name: str
    parallel: bool
    timeout_seconds: float
    result_directive: str
    created_by_id: str
    created_at: float
    status: StatusView
    may_retry: bool


@frozen(kw_only=True)
class FlowRunView:
    """One execution segment."""

    id: str
    type: str
    trigger_step_id: str
    start_from_idx: int
    status: str
    created_at: float


@frozen(kw_only=True)
class FlowView:
    """One flow, as of one moment. `waits` names the steps that ask for an answer, `failed` those that may be retried.

    `execution_time` is in seconds, and there once it has ended; `result_directive` is what the last group without a
    record of its own said.

    `turn` says how it stands to the turn of its owner (`runtime.flow.states.FlowTurn`); `superseded` names a newer flow
    of the same owner, which takes the retry from this one.

    `error` is what `FlowHandle.result` would raise, empty for nothing.
    """

    id: str
    type: str
    name: str
    owner_id: str
    owner_type: str
    org_id: str
    created_by_id: str
    created_at: float
    mode: str
    status: StatusView
    metadata: Mapping[str, str]
    approval_option: str
    plan_only: bool
    on_error: str
    on_policy_failure: str
    result_directive: str
    started_at: float | None
    finished_at: float | None
    execution_time: float | None
    paused: bool
    at_rest: bool
    ended: bool
    error: str
    turn: str
    superseded: str
    waits: tuple[str, ...]
    failed: tuple[str, ...]
    targets: Mapping[str, StatusView]
    runs: tuple[FlowRunView, ...]
    groups: tuple[FlowGroupView, ...]
    steps: tuple[FlowStepView, ...]

    def step(self, name: str) -> FlowStepView:
        """Give a step by its id, or the newest of a name.

        Raises:
            KeyError: there is none.
        """
        found = [one for one in self.steps if name in {one.id, one.name}]
        if not found:
            raise KeyError(name)
        return found[-1]


def view_flow(flow: Flow, *, hidden: bool = False, queued: Mapping[str, str] = _NOTHING_QUEUED) -> FlowView:
    """Show a flow, with its hidden steps if they are asked for, or somebody has to do something about them. O(steps).

    `queued` are the resources that its steps wait for, by their ids.
    """
    header = flow.header
    return FlowView(
        id=header.flow_id,
        type=header.type,
        name=flow.name,
        owner_id=header.owner_id,
        owner_type=header.owner_type,
        org_id=header.org_id,
        created_by_id=header.by,
        created_at=header.at,
        mode=flow.mode,
        status=_status(flow.status),
        metadata=header.metadata,
        approval_option=flow.approval_option,
        plan_only=header.plan_only,
        on_error=header.on_error,
        on_policy_failure=header.on_policy_failure,
        result_directive=flow.directive,
        started_at=flow.started_at,
        finished_at=flow.finished_at,
        execution_time=_execution_time(flow),
        paused=flow.paused,
        at_rest=flow.at_rest,
        ended=flow.ended,
        error=str(flow.error or ""),
        turn=flow.turn,
        superseded=flow.superseded,
        waits=tuple(one.id for one in flow.ordered() if one.id in flow.parked),
        failed=tuple(one.id for one in flow.ordered() if one.id in flow.mendable),
        targets={f"{kind}/{name}": _status(status) for (kind, name), status in flow.targets.items()},
        runs=tuple(map(_run, flow.runs)),
        groups=tuple(_group(flow, one) for one in sorted(flow.groups.values(), key=_place) if one.stored),
        steps=tuple(
            _step(flow, one, queued.get(one.id, "")) for one in flow.ordered() if hidden or _is_shown(flow, one)
        ),
    )


def _is_shown(flow: Flow, step: Step) -> bool:
    """Say whether a step is shown unasked: a hidden one, too, once somebody has to retry, skip or answer it."""
    hidden = step.spec.execution_type is ExecutionType.HIDDEN
    return not hidden or step.id in flow.mendable or step.id in flow.parked


def view_approval(flow: Flow, step: Step) -> ApprovalView | None:
    """Show the approval of a step, with the plan to be approved."""
    approval = _approval(flow, step)
    return None if approval is None else attrs.evolve(approval, contents=step.output)


def _execution_time(flow: Flow) -> float | None:
    began, ended = flow.started_at, flow.finished_at
    return None if began is None or ended is None else ended - began


def view_step(flow: Flow, step: Step) -> FlowStepDetail:
    """Show one step with its output."""
    return FlowStepDetail(flow_id=flow.header.flow_id, step=_step(flow, step), output=step.output)


def view_reports(flow: Flow, step_id: str) -> tuple[PolicyReportView, ...]:
    """Show what policies found, oldest first: of one step, or, without an id, of all."""
    numbered = list(enumerate(reversed(tuple(flow.reports)), start=1))
    return tuple(_report(flow, number, one) for number, one in numbered if step_id in {"", one.step})


def _report(flow: Flow, number: int, one: PoliciesReported) -> PolicyReportView:
    header = flow.header
    return PolicyReportView(
        id=f"{header.flow_id}.report-{number}",
        flow_id=header.flow_id,
        step_id=one.step,
        owner_id=header.owner_id,
        owner_type=header.owner_type,
        created_at=one.at,
        inputs=one.inputs,
        results={each.policy_id: {"deny": each.denies, "warn": each.warns} for each in one.results},
        passed_policy_ids=tuple(each.policy_id for each in one.results if not each.denies and not each.warns),
        violations=tuple(attrs.asdict(each) for each in one.violations),
        error=one.error,
    )


def _place(group: Group) -> tuple[int, int]:
    return group.group_idx, group.generation


def _status(status: Status, *, history: bool = True) -> StatusView:
    return StatusView(
        status=status.status,
        status_human_description=status.description,
        metadata=status.metadata,
        created_by_id=status.by,
        created_at_ts=status.at,
        history=tuple(_status(one, history=False) for one in status.history) if history else (),
    )


def _run(run: Run) -> FlowRunView:
    return FlowRunView(
        id=run.id,
        type=run.type,
        trigger_step_id=run.trigger_step_id,
        start_from_idx=run.start_from,
        status=run.status,
        created_at=run.at,
    )


def _timeout(flow: Flow, group: Group) -> float:
    """Give how long the work of a group's steps may take: one after the other, or all at once."""
    members = flow.order.of_generation(group.group_idx, group.generation)
    limits = [flow.steps[one].spec.timeout_seconds for one in members]
    return 0.0 if not all(limits) else max(limits, default=0.0) if group.parallel else sum(limits)


def _group(flow: Flow, group: Group) -> FlowGroupView:
    return FlowGroupView(
        id=group.id,
        group_idx=group.group_idx,
        generation=group.generation,
        name=group.name,
        parallel=group.parallel,
        timeout_seconds=_timeout(flow, group),
        result_directive=group.directive,
        created_by_id=group.created_by,
        created_at=group.created_at,
        status=_status(group.status),
        may_retry=group is flow.group_that_waits and flow.may_be_retried_as_group(group),
    )


def _approval(flow: Flow, step: Step) -> ApprovalView | None:
    approval = step.approval
    if approval is None:
        return None
    response = approval.response
    return ApprovalView(
        id=approval.id,
        flow_id=flow.header.flow_id,
        step_id=step.id,
        type=approval.type,
        asked_at=approval.asked_at,
        expires_at=approval.expires_at,
        approvers=step.spec.approvers,
        approver_groups=step.spec.approver_groups,
        response=None
        if response is None
        else ResponseView(type=response.type, note=response.note, created_by_id=response.by, created_at=response.at),
    )


def _step(flow: Flow, step: Step, queued: str = "") -> FlowStepView:
    spec = step.spec
    waits = step.id in flow.mendable
    return FlowStepView(
        id=step.id,
        name=step.name,
        idx=step.idx,
        group_idx=step.group_idx,
        group_retry_idx=step.generation,
        retry_index=step.retry_index,
        group_id=step.group_id,
        execution_type=spec.execution_type,
        signal_type=spec.signals[-1].type if spec.signals else "",
        target_type=step.target_type,
        target_id=step.target_id,
        metadata=spec.metadata,
        retryable=spec.retryable,
        skippable=spec.skippable,
        retried=step.retried,
        result_directive=step.directive,
        status=_status(step.status),
        created_by_id=step.created_by,
        created_at=step.created_at,
        started_at=step.started_at,
        finished_at=step.finished_at,
        approval=_approval(flow, step),
        timeout_seconds=spec.timeout_seconds,
        not_before=step.not_before if step.id in flow.delayed else None,
        waits=step.id in flow.parked,
        may_retry=(waits and not step.retried and flow.may_be_retried(step)) or step.id in flow.delayed,
        may_skip=waits and spec.skippable,
        attempt=step.attempt if step.stage in {Stage.WORK, Stage.INTERRUPTED} else 0,
        queued=queued,
    )
