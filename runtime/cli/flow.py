"""What ``understudy flow`` does with a store: opens it, says one thing, and runs the flow until it rests."""

import signal
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final, cast

import attrs
import trio

from runtime.api.client import Runtime
from runtime.api.codec import to_json
from runtime.api.desk import Desk
from runtime.api.flow_client import FlowHandle
from runtime.api.flow_desk import FlowPage
from runtime.api.flow_queries import ListFlows
from runtime.app import open_runtime
from runtime.cli.flow_report import WAITS, News, exit_status, print_plan, report, report_list
from runtime.cli.voice import Voice
from runtime.engine.rights import Identity
from runtime.errors import Fault, InputInvalid, Refused
from runtime.flow.states import ResponseType
from runtime.flows import Flows
from runtime.journal.opening import existing
from runtime.logs import log_events
from runtime.policies.files import load_policies
from runtime.values.json import Json


@attrs.frozen(kw_only=True)
class Request:
    """What the command line asked for; `kind` is the command. With a `server`, that one is asked."""

    kind: str
    voice: Voice
    store: str | None = None
    keys: Path | None = None
    scripts: Path = Path("scripts")
    policies: Path | None = None
    by: str = "user"
    as_json: bool = False
    server: str = ""
    token: str = ""
    user: str = ""
    wait: bool = True
    document: str = ""
    flow_id: str | None = None
    step_id: str | None = None
    group_id: str = ""
    note: str = ""
    response: str = ""
    option: str = ""
    status: str | None = None
    inputs: Sequence[str] = ()
    plan_only: bool = False
    approve_all: bool = False
    owner_id: str = ""
    owner_type: str = ""


_TOLD_WITHIN_SECONDS: Final = 1.0
"""How long what led to a result may take to be told once it is there."""

READS: Final = frozenset({"show", "ls"})
"""The commands that only look."""


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
    if request.kind != "run" and request.store is not None:
        existing(request.store)
    kit = Flows(policies=() if request.policies is None else load_policies(request.policies))
    async with open_runtime(
        request.store,
        keys=request.keys,
        scripts=request.scripts,
        flows=kit,
        maintenance=request.kind in READS,  # or what is unfinished there would go on, and be cut a moment later
    ) as runtime:
        if request.kind == "ls":
            page = await Desk(runtime).handle(list_of(request), Identity(request.by))
            report_list([_shown(one) for one in cast("FlowPage", page).flows], as_json=request.as_json)
            return 0
        if request.kind == "show" and request.step_id:
            approval = await runtime.flow_handle(request.flow_id or "").approval(request.step_id)
            print_plan(approval.contents)
            return 0
        flow = None if request.kind == "run" else _shown(await runtime.flow_handle(request.flow_id or "").status())
        if flow is None or request.kind not in READS:
            flow = await _tell(runtime, request, flow)
    report(flow, as_json=request.as_json)
    status = exit_status(flow)
    if status == WAITS and request.store is None:
        request.voice.hint(
            "nobody can answer it: it was kept in memory, and ended with this command; keep it with --store FILE"
        )
    return status


async def _tell(runtime: Runtime, request: Request, before: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Say what was asked, tell what comes of it until the flow rests, and give the flow."""
    outcome: Mapping[str, Any] | Refused
    news = News(before)
    async with trio.open_nursery() as nursery:
        if not request.as_json:
            await nursery.start(_follow, runtime, request.flow_id, news)
        try:
            with log_events(runtime) if request.voice.logs.tells_happenings else nullcontext():
                flow = await _say(runtime, request)
                outcome = _shown(await flow.wait())
            with trio.move_on_after(_TOLD_WITHIN_SECONDS):
                while not (request.as_json or news.complete(outcome)):
                    await trio.lowlevel.checkpoint()
        except Refused as refusal:  # raised outside, or the nursery would wrap it
            outcome = refusal
        nursery.cancel_scope.cancel()
    if isinstance(outcome, Refused):
        raise outcome
    return outcome


def _shown(view: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", to_json(view))


def list_of(request: Request) -> ListFlows:
    """Give the query of a list.

    Raises:
        MessageInvalid: there is no such status.
    """
    from runtime.api.codec import QUERIES  # noqa: PLC0415 - only lists need it

    asked = {"type": "list_flows", "owner_id": request.owner_id, "owner_type": request.owner_type, "page_size": 100}
    return cast("ListFlows", QUERIES.decode({**asked, **({"status": request.status} if request.status else {})}))


async def _say(runtime: Runtime, request: Request) -> FlowHandle:
    if request.kind == "run":
        return await runtime.flow(
            Path(request.document),
            inputs_of(request.inputs),
            flow_id=request.flow_id,
            by=request.by,
            owner_id=request.owner_id,
            owner_type=request.owner_type,
            plan_only=request.plan_only or None,
            approval_option="approve-all" if request.approve_all else None,
        )
    flow, step_id = runtime.flow_handle(request.flow_id or ""), request.step_id or ""
    match request.kind:
        case "approve" | "deny":
            response = ResponseType.APPROVE if request.kind == "approve" else ResponseType.DENY
            await flow.respond(step_id, response, request.note, by=request.by)
        case "respond":
            await flow.respond(step_id, request.response, request.note, by=request.by)
        case "retry":
            await flow.retry(step_id, by=request.by)
        case "retry-group":
            await flow.retry_group(step_id, by=request.by)
        case "skip":
            await flow.skip(step_id, by=request.by)
        case "interrupt":
            await flow.interrupt_step(step_id, request.note, by=request.by)
        case "option":
            await flow.set_approval_option(request.option, by=request.by)
        case "pause":
            await flow.pause(by=request.by)
        case "unpause":
            await flow.unpause(by=request.by)
        case "cancel":
            await flow.cancel(request.note or "cancelled", step_id=step_id, group_id=request.group_id, by=request.by)
        case _:
            await trio.lowlevel.checkpoint()
    return flow


def inputs_of(texts: Sequence[str]) -> dict[str, Json]:
    """Read inputs.

    Raises:
        InputInvalid: one is none.
    """
    faults = [Fault(text, "an input is NAME=VALUE") for text in texts if not text.partition("=")[0] or "=" not in text]
    if faults:
        raise InputInvalid(faults)
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


async def _follow(
    runtime: Runtime, flow_id: str | None, news: News, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Print what the steps come to as it happens."""
    async with runtime.subscribe(flow_id) as events:
        task_status.started()
        async for event in events:
            news.tell(event)
