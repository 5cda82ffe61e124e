"""What is decided without a draft. That it is what the draft would come to is checked wherever a `Loop` is told anything."""

import pytest

from runtime.engine.events import Change, RunRequested
from runtime.engine.handover import handed_over
from tests.support.plain_loop import Loop, Outcome
from tests.support.plans import plan, step


def running(*, script=lambda _name, _attempt: Outcome(), **steps):
    loop = Loop(plan(**steps), script)
    loop.tell(RunRequested(at=loop.now))
    return loop


def test_a_chain_takes_a_draft_only_where_its_run_ends():
    loop = running(a=step(), b=step("a"), c=step("b:ANY"))
    without = []
    while loop.running:
        without.append(handed_over(loop.task, loop.report(loop.running[0])) is not None)
        loop.finish()
    assert without == [True, True, False]
    assert loop.task.resolution == "DONE"


def test_all_begin_that_waited_for_nothing_else_in_the_order_of_the_template():
    loop = running(a=step(), x=step(), b=step("a", "x"), c=step("a"), d=step("a"))
    decision = handed_over(loop.task, loop.report(loop.running[0]))
    assert decision is not None
    assert [effect.step for effect in decision.effects] == ["c", "d"]
    assert loop.finish() == decision


@pytest.mark.parametrize(
    ("outcome", "steps"),
    [
        (Outcome(), {"b": step("a:CUSTOM")}),
        (Outcome(), {"b": step("a:RUNNING")}),
        (Outcome(), {"b": step("a", foreach="[...]")}),
        (Outcome("SERVER_ERROR"), {"b": step("a")}),
        (Outcome(error="so to speak"), {"b": step("a")}),
        (Outcome(changes=(Change(step="b", state="PRUNE"),)), {"b": step("a")}),
    ],
)
def test_what_leads_to_more_than_that_takes_one(outcome, steps):
    loop = running(a=step(custom_states=["CUSTOM"]), **steps, script=lambda _name, _attempt: outcome)
    assert handed_over(loop.task, loop.report(loop.running[0])) is None


def test_so_does_a_report_of_an_attempt_that_is_over():
    loop = running(a=step(), b=step("a"))
    late = loop.report(loop.running[0])
    loop.finish()
    assert handed_over(loop.task, late) is None
