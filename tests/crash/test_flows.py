"""Flows in a store, with a crash at every fault point: the end is that of the run that did not crash.

The steps may be done twice; a person (`Person`) says the same to the flow whenever it asks.
"""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import attrs
import pytest
import trio

from actors import VirtualClock
from runtime import Conflict, open_runtime
from runtime.api.flow_views import FlowView
from runtime.faults import FaultPoint
from runtime.flow.rows import GroupSpec, RetryRule, Signal, StepSpec
from runtime.flow.states import Hook
from runtime.flows import Flows, Generator
from runtime.journal.opening import open_journal
from runtime.journal.protocol import Journal
from runtime.runner import Outcome, Runner, StepFailed, StepRequest
from tests.support.plain_flow import CHANGES
from tests.support.times import EPOCH

FLOW = "f"


class World:
    """What steps do to it stays, whatever becomes of the process; once it is `over` nothing more is stored."""

    def __init__(self) -> None:
        self.over = False
        self.failed: dict[str, str] = {}
        self.done: Counter[str] = Counter()


WORLD = World()


@attrs.frozen
class TouchConfig:
    name: str
    fails_once: bool = False
    plan: bool = False
    directive: str = ""


class Touch(Runner[TouchConfig]):
    """Leaves a trace; if it is to, the first row of a name fails, and its clones do not."""

    name = "touch"
    config = TouchConfig

    async def run(self, request: StepRequest[TouchConfig]) -> Outcome:
        await trio.lowlevel.checkpoint()
        config = request.config
        if config.fails_once and WORLD.failed.setdefault(config.name, request.step) == request.step:
            raise StepFailed("not yet")
        WORLD.done[config.name] += 1
        return Outcome(output=CHANGES if config.plan else config.name, metadata={"directive": config.directive})


def touch(name: str, *, fails_once: bool = False, directive: str = "", **fields: Any) -> StepSpec:
    plan = fields.get("execution_type") == "approval"
    data = {"name": name, "fails_once": fails_once, "plan": plan, "directive": directive}
    return StepSpec(name=name, signal=Signal(type="touch", data=data), idempotent=True, **fields)


def plan(name: str, **fields: Any) -> StepSpec:
    return touch(name, execution_type="approval", **fields)


def group(*steps: StepSpec, **fields: Any) -> GroupSpec:
    return GroupSpec(steps=steps, **fields)


AUTO = RetryRule(auto=True)
AUTO_GROUP = RetryRule(auto=True, group=True)


@attrs.frozen(kw_only=True)
class Scene:
    """A flow, and what a person says to it."""

    steps: tuple[GroupSpec | StepSpec, ...]
    mode: str = "group"
    answer: str = "approve"
    mends: str = "retry"
    segment: int = 5
    says: str = ""
    more: Mapping[str, Any] = attrs.field(factory=dict)


SCENES: Mapping[str, Scene] = {
    "approved": Scene(steps=(group(plan("P", hooks=(Hook.ON_APPROVE,)), touch("A")), group(touch("s")))),
    "denied": Scene(steps=(group(plan("P"), touch("A")), group(touch("s"))), answer="deny"),
    "skipped": Scene(steps=(group(plan("P"), touch("A")), group(touch("s"))), answer="deny-skip-current"),
    "group_retried": Scene(steps=(group(touch("p", retry=AUTO_GROUP), touch("a", fails_once=True, retry=AUTO_GROUP)),)),
    "lanes": Scene(steps=(group(touch("a", fails_once=True, retry=AUTO), plan("P"), parallel=True), group(touch("z")))),
    "mended_by_hand": Scene(steps=(group(touch("a", fails_once=True), touch("b")),)),
    "cut": Scene(steps=tuple(touch(f"s{n}") for n in range(5)), mode="flat", segment=2),
    "rerun": Scene(steps=(touch("a"), touch("b", fails_once=True), touch("c")), mode="flat"),
    "group_left": Scene(steps=(group(touch("a", directive="skip-group"), touch("b")), group(touch("c")))),
    "stopped_by_itself": Scene(steps=(group(touch("a", directive="stop"), touch("b")), group(touch("c")))),
    "asked_to_go_on": Scene(steps=(group(touch("a", directive="await-approval"), touch("b")), group(touch("c")))),
    "errors_passed_over": Scene(
        steps=(touch("a", fails_once=True), touch("b"), touch("c")), mode="flat", more={"on_error": "continue"}
    ),
    "planned_only": Scene(steps=(group(plan("P"), touch("A")), group(plan("Q"))), more={"plan_only": True}),
    "paused": Scene(steps=(group(touch("a")), group(touch("b")), group(touch("c"))), says="pause"),
    "cancelled": Scene(steps=(group(touch("a")), group(plan("P"), touch("b"))), answer="cancel"),
    "skipped_by_hand": Scene(steps=(touch("a", fails_once=True), touch("b")), mode="child", mends="skip"),
}


class Mortal:
    """A journal to which nothing is written any more once the world is over."""

    def __init__(self, inner: Journal) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def append(self, entries: Any) -> int:
        if WORLD.over:
            await trio.sleep_forever()
        return await self._inner.append(entries)


class Doom:
    """Ends the world when a point is reached for the nth time."""

    def __init__(self, point: FaultPoint, nth: int, scope: trio.CancelScope) -> None:
        self.point, self.left, self.scope = point, nth, scope

    def reach(self, point: FaultPoint) -> None:
        if point is self.point:
            self.left -= 1
            if self.left == 0:
                WORLD.over = True
                self.scope.cancel()


async def live(path: str, scene: Scene, ends: list[FlowView], *, point: FaultPoint | None = None, nth: int = 0) -> bool:
    """One life of the runtime, with a person who looks after the flow; False when the world ended."""
    WORLD.over = False
    kit = Flows(generators=[Generator("scene", lambda _flow: scene.steps)], hooks={"touch": lambda _call: None})
    journal: Any = Mortal(await open_journal(path))
    with trio.CancelScope() as scope:
        async with open_runtime(
            journal=journal,
            clock=VirtualClock(EPOCH),
            runners=[Touch()],
            flows=kit,
            faults=None if point is None else Doom(point, nth, scope),
        ) as runtime:
            flow = await runtime.flow("scene", flow_id=FLOW, mode=scene.mode, segment=scene.segment, **scene.more)
            if scene.says:
                with suppress(Conflict):
                    await getattr(flow, scene.says)()
            ends.append(await look_after(flow, scene))
    return not WORLD.over


async def look_after(flow: Any, scene: Scene) -> FlowView:
    mended = 0
    while True:
        view: FlowView = await flow.wait()
        failed = view.failed if view.mode == "group" or view.status.status == "error" else ()
        for step_id in view.waits:
            with suppress(Conflict):
                await (flow.cancel("enough") if scene.answer == "cancel" else flow.respond(step_id, scene.answer))
        for step_id in failed:
            with suppress(Conflict):
                mended += 1
                await (flow.retry(step_id) if scene.mends == "retry" else flow.skip(step_id))
        if not view.waits and not failed:
            return view
        assert mended < 10


def end_of(view: FlowView) -> Any:
    return (
        view.status.status,
        view.error,
        [(one.name, one.status.status, one.retried) for one in view.steps],
        [(one.id, one.status.status) for one in view.groups],
    )


@pytest.mark.parametrize("point", FaultPoint)
@pytest.mark.parametrize("name", SCENES)
async def test_a_crash_anywhere_ends_as_if_there_had_been_none(mock_clock, tmp_path, name, point):
    scene, ends = SCENES[name], []
    reset()
    assert await live(store(tmp_path, "calm"), scene, ends)
    expected = end_of(ends.pop())
    survived, crashes = False, 0
    while not survived:
        crashes += 1
        reset()
        path = store(tmp_path, str(crashes))
        survived = await live(path, scene, ends, point=point, nth=crashes)
        if not survived:
            ends.clear()
            assert await live(path, scene, ends)
            assert end_of(ends[-1]) == expected, f"after crash {crashes}"
        ends.clear()
    assert crashes > 1


def reset() -> None:
    WORLD.failed.clear()
    WORLD.done.clear()


def store(folder: Any, name: str) -> str:
    return f"sqlite:///{folder}/{name}.db?synchronous=normal"


async def test_a_step_that_may_not_be_done_twice_waits_for_a_person_after_a_crash(mock_clock, tmp_path):
    once = attrs.evolve(touch("a"), idempotent=False)
    scene = Scene(steps=(group(once, touch("b")),))
    reset()
    ends: list[FlowView] = []
    path = store(tmp_path, "once")
    assert not await live(path, scene, ends, point=FaultPoint.AFTER_START, nth=2)
    assert await live(path, scene, ends)
    [view] = ends
    rows = [(one.name, one.status.status) for one in view.steps]
    assert rows == [("a", "discarded"), ("a (retry 1)", "success"), ("b", "success")]
    assert "not known" in str(view.step("a").status.history[-1].metadata["reason"])
