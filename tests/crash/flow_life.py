"""Flows in a life that may be killed at any moment: what their steps do, and the person who looks after them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import attrs
import trio

from runtime import Conflict
from runtime.api.client import Runtime
from runtime.api.flow_views import FlowView
from runtime.flow.records import FlowCreated
from runtime.flow.rows import GroupSpec, RetryRule, Signal, StepSpec
from runtime.flows import Flows, Generator
from runtime.runner import Outcome, Runner, StepFailed, StepRequest
from tests.crash.ledger import Ledger
from tests.support.plain_flow import CHANGES


def _step(name: str, *, fails_once: bool = False, idempotent: bool = True, **fields: Any) -> StepSpec:
    plan = fields.get("execution_type") == "approval"
    signal = Signal(type="note", data={"name": name, "fails_once": fails_once, "plan": plan})
    return StepSpec(name=name, signal=signal, idempotent=idempotent, **fields)


def _group(*steps: StepSpec, **fields: Any) -> GroupSpec:
    return GroupSpec(steps=steps, **fields)


def _plan(name: str) -> StepSpec:
    return _step(name, execution_type="approval")


_AUTO = RetryRule(auto=True)
_KINDS: Mapping[str, tuple[str, Sequence[GroupSpec | StepSpec]]] = {
    "approved": ("group", (_group(_plan("P"), _step("A")), _group(_step("s"), _step("t")))),
    "lanes": ("group", (_group(_step("a", fails_once=True, retry=_AUTO), _step("b"), _plan("P"), parallel=True),)),
    "careful": ("group", (_group(_step("a", idempotent=False), _step("b", idempotent=False)), _group(_step("c")))),
    "flat": ("flat", tuple(_step(f"s{number}", fails_once=number == 2) for number in range(5))),
}


_NEVER_SECONDS = 1e6
"""The clock of a life runs many times as fast as the machine, which may have others to serve: no generator is to be late."""


def flow_names(count: int) -> list[str]:
    """Name so many flows, of all kinds."""
    kinds = list(_KINDS)
    return [f"{kinds[index % len(kinds)]}_flow-{index}" for index in range(count)]


def _kind(flow_id: str) -> str:
    return flow_id.partition("_")[0]


def kit() -> Flows:
    """Give the generator of all these flows."""

    def steps(flow: FlowCreated) -> Sequence[GroupSpec | StepSpec]:
        return _KINDS[_kind(flow.flow_id)][1]

    return Flows(generators=[Generator("crash", steps)], generate_within_seconds=_NEVER_SECONDS)


@attrs.frozen
class _Config:
    name: str
    fails_once: bool = False
    plan: bool = False


class Note(Runner[_Config]):
    """Takes a little while, and leaves facts; the result of a row is told by its id."""

    name = "note"
    config = _Config

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self._ledger = ledger

    async def run(self, request: StepRequest[_Config]) -> Outcome:
        flow, row, config = request.task_id, request.step, request.config
        self._ledger.write("start", flow, row, row, *([] if request.idempotent else ["once"]))
        await trio.sleep(0.2)
        if config.fails_once and not self._ledger.holds("failed", flow, config.name):
            self._ledger.write("failed", flow, config.name)
            raise StepFailed("not today")
        self._ledger.write("finish", flow, row, row)
        return Outcome(output=CHANGES if config.plan else config.name)


async def see_flow_through(rt: Runtime, flow_id: str, ledger: Ledger) -> None:
    """Begin a flow, again or for the first time, approve what it asks for, and retry what failed."""
    flow = await rt.flow("crash", flow_id=flow_id, mode=_KINDS[_kind(flow_id)][0], segment=2)
    ledger.write("accepted", flow_id)
    while True:
        view = await flow.wait()
        _tell(view, ledger)
        failed = view.failed if view.mode == "group" or view.status.status == "error" else ()
        if not view.waits and not failed:
            break
        for step_id in view.waits:
            with suppress(Conflict):
                await flow.approve(step_id)
        for step_id in failed:
            with suppress(Conflict):
                await flow.retry(step_id)
    ledger.write("end", flow_id, "DONE" if view.status.status == "success" else view.status.status)


def _tell(view: FlowView, ledger: Ledger) -> None:
    for step in view.steps:
        if step.status.status in {"success", "approved"}:
            ledger.write("seen", view.id, step.id, step.id)
