"""What ``understudy flow`` does with a store: opens it, says one thing, and runs the flow until it rests."""

import signal
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final, cast

import attrs
import trio

from runtime.api.client import Runtime
from runtime.api.codec import QUERIES, REQUESTS, to_json
from runtime.api.commands import Command
from runtime.api.desk import Desk
from runtime.api.flow_commands import DeleteFlow, ToldToFlow
from runtime.api.flow_desk import tell
from runtime.api.flow_handle import FlowHandle
from runtime.api.queries import Query
from runtime.api.schema import TAG
from runtime.api.showing import shown
from runtime.cli.flow_report import WAITS, News, exit_status, report, report_answer
from runtime.cli.interrupts import Interrupts, run_until_done
from runtime.cli.items import read_items
from runtime.cli.opening import RuntimeOptions
from runtime.engine.rights import Identity
from runtime.errors import Fault, InputInvalid, Refused
from runtime.flows import Flows
from runtime.journal.opening import existing
from runtime.logs import log_events
from runtime.policies.files import load_policies
from runtime.values.json import Json


@attrs.frozen(kw_only=True)
class Request(RuntimeOptions):
    """What the command line asked for: the message of that `tag`, with its fields. With a `server`, that one is asked.

    `document` and `inputs` are what is to be run, of ``run``, whose message is made where it is sent.
    """

    tag: str
    fields: Mapping[str, Json]
    policies: Path | None = None
    by: str = "user"
    as_json: bool = False
    server: str = ""
    token: str = ""
    user: str = ""
    wait: bool = True
    document: str = ""
    inputs: Sequence[str] = ()

    @property
    def reads(self) -> bool:
        """Whether it only looks."""
        return self.tag in QUERIES.classes

    @property
    def runs(self) -> bool:
        """Whether a flow is to be taken on."""
        return self.tag == "submit_flow"

    @property
    def starts(self) -> bool:
        """Whether something comes of it, which is waited for."""
        return self.fields.get("start") is not False

    @property
    def flow_id(self) -> str:
        """The id of the flow it is about, if that is said."""
        return str(self.fields.get("flow_id", ""))

    def message(self, **more: Json) -> Command | Query:
        """Give the message.

        Raises:
            MessageInvalid: with every fault and its path.
        """
        return REQUESTS.decode({TAG: self.tag, **self.fields, **more})


_TOLD_WITHIN_SECONDS: Final = 1.0
"""How long what led to a result may take to be told once it is there."""


def perform(request: Request) -> int:
    """Do what was asked and give the exit status.

    Raises:
        Refused: it was not taken, and nothing happened.
    """
    try:
        return run_until_done(_perform, request)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


async def _perform(request: Request) -> int:
    message = None if request.runs else request.message()
    if message is not None and request.store is not None:
        existing(request.store)
    kit = Flows(policies=() if request.policies is None else load_policies(request.policies))
    # When it only reads, what is unfinished there would go on otherwise, and be cut a moment later.
    async with request.open(read_items(request.config), flows=kit, maintenance=request.reads) as runtime:
        if message is not None and request.reads:
            answer = await Desk(runtime).handle(message, Identity(request.by))
            return report_answer(request.tag, shown(answer), as_json=request.as_json)
        if isinstance(message, DeleteFlow):
            await runtime.delete_flow(message.flow_id)
            return 0
        before = None if message is None else _shown(await runtime.flow_handle(request.flow_id).status())
        interrupts = Interrupts(request.grace_seconds, request.voice.hint)
        flow = await _tell(runtime, request, message, before, interrupts)
        if interrupts.received is not None:
            return 128 + interrupts.received
        if isinstance(flow, Refused):
            raise flow
    report(flow, as_json=request.as_json)
    status = exit_status(flow)
    if status == WAITS and request.store is None:
        request.voice.hint(
            "nobody can answer it: it was kept in memory, and ended with this command; keep it with --store FILE"
        )
    return status


async def _tell(
    runtime: Runtime,
    request: Request,
    message: Command | Query | None,
    before: Mapping[str, Any] | None,
    interrupts: Interrupts,
) -> Mapping[str, Any] | Refused:
    """Say what was asked, tell what comes of it until the flow rests, and give the flow, or why it is not taken."""
    outcome: Mapping[str, Any] | Refused
    news = News(before)
    async with trio.open_nursery() as nursery:
        await nursery.start(interrupts.heed, runtime)
        nursery.start_soon(runtime.drained)  # ends the wait, once a shutdown has begun and is done
        if not request.as_json:
            await nursery.start(_follow, runtime, request.flow_id or None, news)
        try:
            with log_events(runtime) if request.voice.logs.tells_happenings else nullcontext():
                flow = await _say(runtime, request, message)
                outcome = _shown(await (flow.wait() if request.starts else flow.status()))
            with trio.move_on_after(_TOLD_WITHIN_SECONDS):
                while not (request.as_json or news.complete(outcome)):
                    await trio.lowlevel.checkpoint()
        except Refused as refusal:  # raised outside, or the nursery would wrap it
            outcome = refusal
        nursery.cancel_scope.cancel()
    return outcome


def _shown(view: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", to_json(view))


async def _say(runtime: Runtime, request: Request, message: Command | Query | None) -> FlowHandle:
    if message is None:
        settings: Mapping[str, Any] = request.fields
        inputs = inputs_of(request.inputs)
        prepared = await runtime.prepare_flow(Path(request.document))
        request.voice.warn(request.document, prepared.warnings)
        return await runtime.flow(prepared.document, inputs, by=request.by, **settings)
    flow = runtime.flow_handle(request.flow_id)
    await tell(flow, cast("ToldToFlow", message), by=request.by)
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
