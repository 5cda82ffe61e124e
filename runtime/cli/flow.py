"""What ``understudy flow`` does: opens the store, says one thing, and runs the flow until it rests."""

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs
import msgspec
import trio

from runtime.api.client import Runtime
from runtime.api.codec import to_json
from runtime.api.flow_client import FlowHandle
from runtime.api.flow_messages import FlowStepChanged
from runtime.api.flow_views import FlowStepView, FlowView
from runtime.app import open_runtime
from runtime.errors import Fault, InputInvalid, Refused
from runtime.flow.states import FlowStatus
from runtime.flows import Flows
from runtime.policies.files import load_policies
from runtime.values.json import Json, dumps

WAITS: Final = 3
"""The exit status of a flow that waits for a person."""


@attrs.frozen(kw_only=True)
class Request:
    """What the command line asked for; `kind` is the command."""

    kind: str
    store: str | None
    keys: Path | None
    scripts: Path
    policies: Path | None
    by: str
    as_json: bool
    document: Path | None = None
    flow_id: str | None = None
    step_id: str | None = None
    note: str = ""
    inputs: Sequence[str] = ()
    plan_only: bool = False
    approve_all: bool = False


def perform(request: Request) -> int:
    """Do what was asked and give the exit status.

    Raises:
        Refused: it was not taken, and nothing happened.
    """
    try:
        return trio.run(_perform, request)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


async def _perform(request: Request) -> int:
    kit = Flows(policies=() if request.policies is None else load_policies(request.policies))
    async with open_runtime(request.store, keys=request.keys, scripts=request.scripts, flows=kit) as runtime:
        if request.kind == "show" and request.step_id:
            approval = await runtime.flow_handle(request.flow_id or "").approval(request.step_id)
            _print(approval.contents)
            return 0
        outcome: FlowView | Refused
        async with trio.open_nursery() as nursery:
            if not request.as_json and request.kind != "show":
                await nursery.start(_follow, runtime, request.flow_id)
            try:
                flow = await _say(runtime, request)
                outcome = await (flow.status() if request.kind == "show" else flow.wait())
            except Refused as refusal:  # raised outside, or the nursery would wrap it
                outcome = refusal
            nursery.cancel_scope.cancel()
    if isinstance(outcome, Refused):
        raise outcome
    _report(outcome, request)
    return _status(outcome)


async def _say(runtime: Runtime, request: Request) -> FlowHandle:
    if request.kind == "run":
        return await runtime.flow(
            request.document or Path(),
            _inputs(request.inputs),
            flow_id=request.flow_id,
            by=request.by,
            plan_only=request.plan_only or None,
            approval_option="approve-all" if request.approve_all else None,
        )
    flow, step_id = runtime.flow_handle(request.flow_id or ""), request.step_id or ""
    match request.kind:
        case "approve":
            await flow.approve(step_id, request.note, by=request.by)
        case "deny":
            await flow.deny(step_id, request.note, by=request.by)
        case "retry":
            await flow.retry(step_id, by=request.by)
        case "skip":
            await flow.skip(step_id, by=request.by)
        case "cancel":
            await flow.cancel(request.note, by=request.by)
        case _:
            await trio.lowlevel.checkpoint()
    return flow


def _inputs(texts: Sequence[str]) -> dict[str, Json]:
    faults = [Fault(text, "an input is NAME=VALUE") for text in texts if "=" not in text]
    if faults:
        raise InputInvalid(faults)
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


async def _follow(
    runtime: Runtime, flow_id: str | None, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Print what the steps come to as it happens."""
    async with runtime.subscribe(flow_id) as events:
        task_status.started()
        async for event in events:
            if isinstance(event, FlowStepChanged):
                print(f"  {event.step} {event.name}: {event.status}", flush=True)


def _report(view: FlowView, request: Request) -> None:
    if request.as_json:
        print(dumps(to_json(view)))
        return
    print(f"{view.name} {view.id}: {view.status.status}")
    for step in view.steps:
        print(f"  {step.id} {step.name}: {step.status.status}{_why(step)}")
    if view.error:
        print(f"  {view.error}")


def _why(step: FlowStepView) -> str:
    """Say what there is to say of a step: what it waits for, or why it is where it is."""
    if step.waits:
        return " (approve or deny it)"
    reason = step.status.metadata.get("reason")
    return f" ({reason})" if reason else ""


def _print(contents: Json) -> None:
    print(msgspec.json.format(dumps(contents), indent=2))


def _status(view: FlowView) -> int:
    if not view.ended:
        return WAITS
    return 0 if view.status.status == FlowStatus.SUCCESS else 1
