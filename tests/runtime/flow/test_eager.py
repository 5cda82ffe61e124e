"""Eager groups: the first that a generator yields are carried out while it goes on (section 5.3)."""

import attrs
import pytest
import trio

from actors import VirtualClock
from runtime import GroupSpec, Signal, StepSpec, generator, open_runtime
from runtime.flow.events import (
    CancelRequested,
    GenerationFailed,
    GroupsGenerated,
    PauseRequested,
    StartRequested,
    StepsGenerated,
    UnpauseRequested,
)
from runtime.flow.generation import flatten
from runtime.flow.rows import RetryRule
from runtime.flow.states import Mode
from runtime.flows import Flows
from runtime.runner import Runner
from tests.support.plain_flow import START, FlowLoop, Work, group, plan, scripted, step


def eager(*steps):
    return group(*steps, eager=True)


def begun(*first, mode=Mode.GROUP, **fields):
    """A flow whose generator gave its first groups, and goes on."""
    loop = FlowLoop(step("never"), mode=mode, **fields)
    loop.tell(StartRequested(at=loop.now))
    loop.pending.clear()
    steps, groups = flatten(first)
    loop.tell(GroupsGenerated(at=loop.now, steps=steps, groups=groups))
    return loop.settle()


def gives(loop, *given):
    steps, groups = flatten(given)
    loop.tell(StepsGenerated(at=loop.now, steps=steps, groups=groups))
    return loop.settle()


ONE, TWO, THREE = eager(step("a")), eager(step("b")), group(step("c"))


def test_eager_groups_run_while_the_rest_is_generated_and_the_flow_waits_for_that():
    loop = begun(ONE)
    assert (loop.executed, loop.flow.generating, loop.flow.ended) == (["a"], True, False)
    assert not loop.flow.at_rest
    steps, groups = flatten((ONE, TWO))
    loop.tell(GroupsGenerated(at=loop.now, steps=steps, groups=groups))
    loop.settle()
    assert loop.executed == ["a", "b"]
    gives(loop, ONE, TWO, THREE)
    assert loop.executed == ["a", "b", "c"]
    assert loop.flow.status.status == "success"
    assert [one.id for one in loop.flow.ordered()] == ["s1", "s2", "s3"]


def test_a_flow_that_is_paused_behind_its_eager_groups_begins_with_no_other_when_they_come():
    loop = begun(ONE, script=scripted(a=Work(blocked=True)))
    loop.tell(PauseRequested(at=loop.now, by="grace"))
    loop.finish("s1")
    gives(loop, ONE, THREE)
    assert loop.executed == ["a"]
    assert loop.flow.error.step_id == "paused"
    loop.ask(UnpauseRequested(at=loop.now, by="grace"))
    assert loop.executed == ["a", "c"]
    assert loop.flow.status.status == "success"


def test_the_rest_may_come_before_an_eager_group_has_ended():
    loop = begun(eager(plan("P"), step("A")))
    gives(loop, eager(plan("P"), step("A")), THREE)
    assert loop.executed == ["P"]
    assert loop.answer("P", "approve").executed == ["P", "A", "c"]
    assert loop.flow.status.status == "success"


def test_a_generator_that_fails_behind_its_eager_groups_fails_the_flow_once_they_have_ended():
    loop = begun(eager(plan("P"), step("A")))
    loop.tell(GenerationFailed(at=loop.now, error="boom"))
    assert not loop.flow.ended
    loop.answer("P", "approve")
    assert loop.executed == ["P", "A"]
    assert (loop.flow.ended, loop.flow.status.status) == (True, "error")
    assert "boom" in str(loop.flow.error)
    at_once = begun(ONE)
    at_once.tell(GenerationFailed(at=at_once.now, error="boom"))
    assert at_once.flow.ended


def test_after_a_crash_the_generator_is_asked_again_and_nothing_is_stored_or_done_twice():
    loop = begun(ONE)
    loop.generators = {"install": lambda _flow: [ONE, THREE]}
    loop.crash().settle()
    assert loop.executed == ["a", "c"]
    assert len(loop.flow.steps) == 2
    assert loop.flow.status.status == "success"


def test_a_retry_meanwhile_is_no_end_of_the_generation():
    loop = begun(eager(plan("P"), step("A")))
    loop.answer("P", "retry")
    assert loop.flow.generating
    gives(loop, eager(plan("P"), step("A")), THREE)
    loop.answer("P (retry 1)", "approve")
    assert loop.flow.status.status == "success"
    assert loop.executed[-1] == "c"


def test_a_flow_that_ended_or_was_cancelled_takes_no_more_steps():
    denied = begun(eager(plan("P"), step("A"))).answer("P", "deny")
    assert denied.flow.ended
    gives(denied, eager(plan("P"), step("A")), THREE)
    assert len(denied.flow.steps) == 2
    cancelled = begun(eager(step("a")))
    cancelled.tell(CancelRequested(at=cancelled.now, by="grace"))
    cancelled.settle()
    assert cancelled.flow.ended
    steps, groups = flatten((ONE, TWO))
    cancelled.tell(GroupsGenerated(at=cancelled.now, steps=steps, groups=groups))
    assert len(cancelled.flow.steps) == 1


@pytest.mark.parametrize("mode", [Mode.FLAT, Mode.CHILD])
def test_without_groups_nothing_is_eager(mode):
    loop = begun(ONE, mode=mode)
    assert not loop.flow.steps
    assert gives(loop, ONE, THREE).executed == ["a", "c"]


def test_work_of_an_eager_group_that_ends_late_is_gone_on_from():
    loop = FlowLoop(step("never"), mode=Mode.GROUP, script=lambda one: Work(blocked=one.name == "a"))
    loop.tell(StartRequested(at=loop.now))
    loop.pending.clear()
    steps, groups = flatten((ONE,))
    loop.tell(GroupsGenerated(at=loop.now, steps=steps, groups=groups))
    gives(loop, ONE, THREE)
    loop.finish(loop.id_of("a"), Work())
    assert loop.settle().executed == ["a", "c"]


async def test_a_generator_that_yields_is_begun_with_at_once(autojump_clock):
    @generator("slow")
    async def slow(_flow):
        for number in range(3):
            said = StepSpec(name=f"s{number}", signal=Signal(type="echo", data={"output": "x"}))
            yield GroupSpec(steps=(said,), eager=number < 2)
            await trio.sleep(10)

    async with open_runtime(flows=Flows(generators=[slow]), clock=VirtualClock(START)) as runtime:
        view = await (await runtime.flow("slow")).result()
    assert view.status.status == "success"
    assert [one.started_at - START for one in view.steps] == pytest.approx([0, 10, 30], abs=1)


@attrs.frozen
class Nothing:
    pass


class Hangs(Runner[Nothing]):
    name = "hangs"
    config = Nothing

    async def run(self, _request):
        await trio.sleep_forever()


@pytest.mark.parametrize("how", ["cancelled", "error"])
async def test_a_generator_is_cut_when_its_flow_ends_before_it(autojump_clock, how):
    """By a cancel, while a step of an eager group runs, or by what came of such a step."""
    cut = trio.Event()

    @generator("slow")
    async def slow(_flow):
        stops = {"metadata": {"directive": "stop"}}
        works = Signal(type="hangs") if how == "cancelled" else Signal(type="echo", data=stops)
        yield GroupSpec(steps=(StepSpec(name="a", signal=works),), eager=True)
        try:
            await trio.sleep_forever()
        finally:
            cut.set()

    kit = Flows(generators=[slow], generate_within_seconds=1e9)
    async with open_runtime(flows=kit, clock=VirtualClock(START), runners=[Hangs()]) as runtime:
        flow = await runtime.flow("slow")
        await trio.sleep(1)
        if how == "cancelled":
            await flow.cancel()
        with trio.fail_after(10):
            assert (await flow.wait()).status.status == how
            await cut.wait()


@pytest.mark.parametrize(("retries", "waits"), [(1, True), (0, False)])
def test_a_group_that_failed_is_not_passed_over_because_more_groups_come(retries, waits):
    """Whether it waits to be tried again as a whole, or has ended its flow because that may not be."""
    once = RetryRule(max_retries=retries)
    loop = FlowLoop(step("never"), mode=Mode.GROUP, script=lambda _one: Work(directive="retry"))
    loop.tell(StartRequested(at=loop.now))
    loop.pending.clear()
    first = eager(step("a", retry=once))
    steps, groups = flatten((first,))
    loop.tell(GroupsGenerated(at=loop.now, steps=steps, groups=groups))
    loop.settle()
    assert (loop.flow.awaits_retry, loop.flow.ended) == (waits, not waits)
    gives(loop, first, THREE)
    assert loop.executed == ["a", "a (retry 1)"][: retries + 1]
    assert (loop.flow.awaits_retry, loop.flow.ended) == (waits, not waits)
