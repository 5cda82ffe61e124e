"""One life of a process that runs tasks against a store; it may be killed at any moment."""

import itertools
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import trio
import trio.testing

from actors import VirtualClock
from runtime import Action, Conflict, Limits, Step, StoreUnusable, TaskState, Template, Unavailable, open_runtime
from runtime.api.client import Runtime
from runtime.api.messages import StepStateChanged
from runtime.engine.states import ResolutionState, is_final
from runtime.runner import StepFailed, StepRequest
from runtime.templates.model import ForeachStrategy
from tests.crash.flow_life import Note, kit, see_flow_through
from tests.crash.ledger import Ledger
from tests.support.times import EPOCH

RATE = 50
"""How much faster the clocks of a life go than the real one, so that retries are not waited for."""

FOREVER = 1e9

_ledger: Ledger
_tokens = itertools.count()


def _begin(request: StepRequest[object]) -> str:
    token = f"{os.getpid()}.{next(_tokens)}"
    _ledger.write("start", request.task_id, request.step, token)
    return token


async def work(request: StepRequest[object], after: str = "") -> dict[str, str]:
    """Take a little while; give something that no other execution gives."""
    token = _begin(request)
    await trio.sleep(0.3)
    _ledger.write("finish", request.task_id, request.step, token)
    return {"token": token, "after": after}


async def unlucky(request: StepRequest[object]) -> dict[str, str]:
    """Fail the first time it gets that far."""
    token = _begin(request)
    await trio.sleep(0.2)
    if request.attempt < 2:
        raise StepFailed("not today")
    _ledger.write("finish", request.task_id, request.step, token)
    return {"token": token}


def _step(*dependencies: str, idempotent: bool = True, action: Action | None = None, **fields: object) -> Step:
    action = action or Action.calling(work)
    return Step(action=action, dependencies=dependencies, idempotent=idempotent, **fields)  # type: ignore[arg-type]


def _after(step: str) -> Action:
    return Action.calling(work, after=f"{{{{.step.{step}.output.token}}}}")


_TEMPLATES = (
    Template(
        name="chain",
        steps={"a": _step(), "b": _step("a", action=_after("a")), "c": _step("b", action=_after("b"))},
        result_format={"last": "{{.step.c.output.token}}"},
    ),
    Template(
        name="careful",
        steps={"a": _step(idempotent=False), "b": _step("a", idempotent=False, action=_after("a")), "c": _step("a")},
    ),
    Template(name="wide", steps={**{name: _step() for name in "abcdef"}, "join": _step(*"abcdef")}),
    Template(name="unlucky", steps={"a": _step(action=Action.calling(unlucky)), "b": _step("a")}),
    Template(
        name="loop",
        steps={
            "a": _step(foreach='["x", "y", "z"]', foreach_strategy=ForeachStrategy.PARALLEL),
            "b": _step("a", idempotent=False),
        },
    ),
)
ONCE = {
    (template.name, name) for template in _TEMPLATES for name, step in template.steps.items() if not step.idempotent
}
LOOPS = {(template.name, name) for template in _TEMPLATES for name, step in template.steps.items() if step.foreach}


def template_of(task: str) -> Template:
    """Give the template of a task, ``NAME-NUMBER``."""
    name = task.partition("-")[0]
    return next(template for template in _TEMPLATES if template.name == name)


def names(count: int) -> list[str]:
    """Name so many tasks, of all templates."""
    return [f"{_TEMPLATES[index % len(_TEMPLATES)].name}-{index}" for index in range(count)]


def live_among_others(
    store: str,
    keys: Path | None,
    ledger: Path,
    tasks: list[str],
    mine: list[str],
    flows: list[str],
    *,
    began: float,
    rate: float,
) -> None:
    """Live as one of several on a shared store, up to the end of all tasks and flows, or a SIGTERM.

    Everybody submits all of them, and waits for all; for each task there is one person who says what may run again, and
    lives with whoever has it among `mine`. Flows are looked after by everybody.
    """
    global _ledger  # as below
    _ledger = Ledger(ledger)
    clock = VirtualClock(EPOCH + (time.time() - began) * rate)  # noqa: TID251 - as below

    async def main() -> None:
        async with (
            open_runtime(
                store,
                keys=keys,
                clock=clock,
                answer_within_seconds=FOREVER,
                grace_seconds=2.0,
                flows=kit(),
                runners=[Note(_ledger)],
            ) as rt,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(_leave_when_told, rt, nursery.cancel_scope)
            nursery.start_soon(_show_when_told, ledger.parent)
            await nursery.start(_watch, rt)
            async with trio.open_nursery() as clients:
                for task in tasks:
                    clients.start_soon(_persist, rt, task, task in mine)
                for flow in flows:
                    clients.start_soon(_persist_with_flow, rt, flow)
            nursery.cancel_scope.cancel()

    while True:  # as whatever starts the program would: it may have been cut off while it opened the store
        try:
            trio.run(main, clock=trio.testing.MockClock(rate=rate))
        except StoreUnusable:
            time.sleep(0.1)
        else:
            return


async def _leave_when_told(rt: Runtime, scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async for _ in signals:
            rt.shutdown("told to")
            await rt.drained()
            scope.cancel()


async def _show_when_told(folder: Path) -> None:
    """Write down where every trio task stands, at a SIGUSR1: of one that should have ended."""
    with trio.open_signal_receiver(signal.SIGUSR1) as signals:
        async for _ in signals:
            (folder / f"stands.{os.getpid()}").write_text("\n".join(_stands()))


def _stands() -> Iterator[str]:
    root = trio.lowlevel.current_root_task()
    tasks = [] if root is None else [root]
    while tasks:
        task = tasks.pop()
        yield task.name
        for frame, line in task.iter_await_frames():
            yield f"    {frame.f_code.co_qualname} {frame.f_code.co_filename}:{line}"
        tasks += [child for nursery in task.child_nurseries for child in nursery.child_tasks]


async def _persist(rt: Runtime, task: str, is_mine: bool) -> None:
    """See a task through as `_see_through` does, however often the runtime cannot just now."""
    while True:
        try:
            await rt.submit(template_of(task), task_id=task)
            _ledger.write("accepted", task)
            view = await rt.wait(task)
            if is_mine and view.resolution is ResolutionState.BLOCKED_TOCHECK:
                _ledger.write("allow", task)
                await rt.run(task)
            elif view.state is TaskState.DONE:
                break
            else:
                await trio.sleep(0.5)
        except (Unavailable, Conflict):
            await trio.sleep(0.5)
    for step in view.steps:
        await _tell(rt, task, step)
    _ledger.write("end", task, str(view.state))


async def _persist_with_flow(rt: Runtime, flow: str) -> None:
    """See a flow through, as above."""
    while True:
        try:
            await see_flow_through(rt, flow, _ledger)
        except (Unavailable, Conflict):
            await trio.sleep(0.5)
        else:
            return


def live(
    store: str,
    keys: Path | None,
    ledger: Path,
    tasks: list[str],
    flows: list[str],
    *,
    began: float,
    limits: Limits | None = None,
) -> None:
    """Submit tasks and flows, again or for the first time, and see them through. `began`: when the first life did."""
    global _ledger  # the functions of steps are found by name, and have nothing else in common
    _ledger = Ledger(ledger)
    clock = VirtualClock(EPOCH + (time.time() - began) * RATE)  # noqa: TID251 - the lives share one calendar

    async def main() -> None:
        async with (
            open_runtime(
                store,
                keys=keys,
                clock=clock,
                answer_within_seconds=FOREVER,
                flows=kit(),
                runners=[Note(_ledger)],
                limits=limits,
            ) as rt,
            trio.open_nursery() as nursery,
        ):
            await nursery.start(_watch, rt)
            async with trio.open_nursery() as clients:
                for task in tasks:
                    clients.start_soon(_see_through, rt, task)
                for flow in flows:
                    clients.start_soon(see_flow_through, rt, flow, _ledger)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(rate=RATE))


async def _watch(rt: Runtime, *, task_status: "trio.TaskStatus[None]") -> None:
    """Tell of every result as soon as it is there."""
    async with rt.subscribe(capacity=100_000) as events:
        task_status.started()
        async for event in events:
            if isinstance(event, StepStateChanged) and is_final(event.state):
                await _tell(rt, event.task_id, event.step)


async def _tell(rt: Runtime, task: str, step: str) -> None:
    try:
        view = await rt.status(task)
    except Unavailable:
        return  # it is told again at the end
    status = view.steps.get(step)
    if status is not None and isinstance(status.output, dict):
        _ledger.write("seen", task, step, str(status.output["token"]))


async def _see_through(rt: Runtime, task: str) -> None:
    await rt.submit(template_of(task), task_id=task)
    _ledger.write("accepted", task)
    view = await rt.wait(task)
    while view.resolution is ResolutionState.BLOCKED_TOCHECK:
        _ledger.write("allow", task)
        await rt.run(task)
        view = await rt.wait(task)
    for step in view.steps:
        await _tell(rt, task, step)
    _ledger.write("end", task, str(view.state))
