"""Sections 11 and 13: A47 to A57."""

import pytest

from runtime.errors import Conflict
from runtime.flow.events import (
    CancelStepRequested,
    PauseRequested,
    ResponseGiven,
    RetryGroupRequested,
    SegmentEntered,
    UnpauseRequested,
)
from runtime.flow.outcomes import ApprovalPauseError, FlowFailedError, FlowStoppedError
from runtime.flow.records import GroupLeft
from runtime.flow.rows import GroupSpec, RetryRule
from runtime.flow.states import ApprovalOption, Mode
from tests.support.plain_flow import FlowLoop, Work, group, plan, scripted, step

FAILS_ONCE = [Work(error="boom"), Work()]


def pause(loop: FlowLoop) -> FlowLoop:
    return loop.ask(PauseRequested(at=loop.now, by="grace"))


def unpause(loop: FlowLoop) -> FlowLoop:
    return loop.ask(UnpauseRequested(at=loop.now, by="grace"))


def test_a47_a_step_may_skip_the_rest_of_its_group():
    script = scripted(a=Work(directive="skip-group"))
    loop = FlowLoop(group(step("a"), step("b"), step("c")), group(step("d")), mode=Mode.GROUP, script=script).run()
    assert loop.statuses() == {"a": "success", "b": "discarded", "c": "discarded", "d": "success"}
    assert loop.groups() == {"g1.0": "success", "g2.0": "success"}
    assert loop.flow.groups["g1.0"].directive == "skip-group"
    assert loop.flow.status.status == "success"


def test_a48_a_group_is_retried_as_a_whole():
    rule = RetryRule(auto=True, group=True)
    steps = [step("plan", retry=rule), step("apply", retry=rule)]
    loop = FlowLoop(group(*steps), mode=Mode.GROUP, script=scripted(apply=FAILS_ONCE)).run()
    rows = list(loop.flow.ordered())
    assert [(one.name, one.generation, one.status.status) for one in rows] == [
        ("plan", 0, "discarded"),
        ("apply", 0, "discarded"),
        ("plan (retry 1)", 1, "success"),
        ("apply (retry 1)", 1, "success"),
    ]
    assert [one.retried for one in rows] == [True, True, False, False]
    assert loop.groups() == {"g1.0": "discarded", "g1.1": "success"}
    assert loop.flow.status.status == "success"


def test_a49_a_group_is_retried_as_often_as_its_steps_allow():
    rule = RetryRule(auto=True, group=True, max_retries=2)
    loop = FlowLoop(
        group(step("p", retry=rule), step("a", retry=rule)),
        group(step("z")),
        mode=Mode.GROUP,
        script=scripted(a=Work(error="boom")),
    ).run()
    assert {one.generation for one in loop.flow.ordered()} == {0, 1, 2}
    assert loop.flow.order.last_generation(1) == 2
    assert isinstance(loop.flow.error, FlowStoppedError)
    assert loop.flow.error.retries_exhausted
    assert "z" not in loop.executed
    assert loop.statuses()["z"] == "not-attempted"


def test_a50_a_parallel_group_ends_when_all_its_lanes_have():
    rule = RetryRule(auto=True, max_retries=0)
    works = {"a": Work(blocked=True), "b": Work(error="boom")}
    steps = group(step("a"), step("b", retry=rule), step("c"), parallel=True)
    loop = FlowLoop(steps, group(step("z")), mode=Mode.GROUP, script=scripted(**works)).run()
    assert loop.statuses() == {"a": "in-progress", "b": "error", "c": "success", "z": "pending"}
    assert loop.groups()["g1.0"] == "in-progress"
    loop.finish("s1", Work())
    assert loop.statuses() == {"a": "success", "b": "error", "c": "success", "z": "not-attempted"}
    assert loop.groups() == {"g1.0": "error", "g2.0": "discarded"}
    assert loop.flow.status.status == "error"
    assert loop.flow.error.step_id == "s2"


def test_a51_the_steps_of_a_parallel_group_overlap_and_the_next_group_waits():
    names = ["a", "b", "c"]
    works = {name: Work(blocked=True) for name in names}
    steps = group(*[step(name) for name in names], parallel=True)
    loop = FlowLoop(steps, group(step("z")), mode=Mode.GROUP, script=scripted(**works), max_in_flight=3).run()
    assert set(loop.running) == {"s1", "s2", "s3"}
    for step_id in ("s3", "s1", "s2"):
        assert "z" not in loop.executed
        loop.now += 1
        loop.finish(step_id, Work())
    loop.settle()
    begins, ends = [one[1] for one in loop.intervals[:3]], [one[2] for one in loop.intervals[:3]]
    assert max(begins) < min(ends)
    assert loop.executed[-1] == "z"
    assert loop.flow.status.status == "success"


def test_no_more_lanes_run_at_once_than_there_is_room_for():
    names = [f"s{n}" for n in range(7)]
    works = {name: Work(blocked=True) for name in names}
    steps = group(*[step(name) for name in names], parallel=True)
    loop = FlowLoop(steps, mode=Mode.GROUP, script=scripted(**works), max_in_flight=2).run()
    order = []
    while loop.running:
        assert len(loop.running) <= 2
        order.append(next(iter(loop.running)))
        loop.finish(order[-1], Work())
    assert loop.executed == names, "first come, first served"
    assert loop.flow.status.status == "success"


def test_a52_a_child_step_may_skip_the_rest_of_its_group():
    script = scripted(a=Work(directive="skip-group"))
    loop = FlowLoop(step("a", 1), step("b", 1), step("c", 2), mode=Mode.CHILD, script=script).run()
    assert loop.executed == ["a", "c"]
    assert loop.statuses() == {"a": "success", "b": "discarded", "c": "success"}
    assert loop.row("a").status.metadata["directive"] == "skip-group"


@pytest.mark.parametrize("mode", [Mode.CHILD, Mode.GROUP])
def test_a53_a_step_may_answer_that_it_waits(mode):
    script = scripted(a=Work(directive="await-approval"))
    loop = FlowLoop(step("a", 1), step("b", 1), step("c", 2), mode=mode, script=script).run()
    assert isinstance(loop.flow.error, ApprovalPauseError)
    assert loop.flow.error.step_id == "s1"
    assert loop.statuses() == {"a": "approval-awaiting", "b": "pending", "c": "pending"}
    assert loop.runs == [("initial", "approval-awaiting")]
    loop.answer("a", "approve")
    assert loop.flow.status.status == "success"
    assert loop.runs == [("initial", "approval-awaiting"), ("resume", "success")]


def test_a54_groups_without_records_are_found_by_number_and_answer_through_the_flow():
    script = scripted(a=Work(directive="skip-group"))
    steps = [step("a", 1), step("b", 1), step("c", 2)]
    loop = FlowLoop(*steps, mode=Mode.GROUP, script=script, group_records=False)
    loop.run()
    assert [one.directive for one in loop.records if isinstance(one, GroupLeft)] == ["skip-group", "continue"]
    assert loop.flow.directive == "continue"
    assert loop.statuses() == {"a": "success", "b": "discarded", "c": "success"}
    assert not any(one.stored for one in loop.flow.groups.values())


def test_a55_a_paused_flow_waits_after_its_group():
    loop = FlowLoop(
        group(step("a")), group(step("b")), mode=Mode.GROUP, script=scripted(a=[Work(blocked=True)], b=Work())
    ).run()
    pause(loop)
    assert loop.statuses() == {"a": "in-progress", "b": "pending"}
    loop.finish("s1", Work())
    assert loop.statuses() == {"a": "success", "b": "pending"}
    assert loop.groups() == {"g1.0": "success", "g2.0": "pending"}
    assert loop.runs == [("initial", "approval-awaiting")]
    assert str(loop.flow.error) == "the flow is paused: unpause it, and it goes on"
    assert loop.flow.at_rest
    unpause(loop)
    assert loop.flow.status.status == "success"
    assert loop.runs == [("initial", "approval-awaiting"), ("resume", "success")]
    assert isinstance(pause(loop).refusal, Conflict)
    assert isinstance(unpause(loop).refusal, Conflict)


def test_a_flow_that_is_paused_between_two_groups_waits_there():
    loop = FlowLoop(group(step("a")), group(step("b")), mode=Mode.GROUP, segment=1)
    loop.enter_by_itself = False
    loop.run()
    assert loop.cuts == [1]
    loop.tell(PauseRequested(at=loop.now, by="grace"), SegmentEntered(at=loop.now, position=1))
    assert loop.flow.error.step_id == "paused"
    assert loop.executed == ["a"]
    unpause(loop)
    assert loop.executed == ["a", "b"]
    assert loop.flow.status.status == "success"


def test_a_flow_that_is_cancelled_between_two_groups_has_not_attempted_the_second():
    """A group that nobody began is none that was cancelled."""
    for segment in (1, 5):
        loop = FlowLoop(group(step("a")), group(step("b")), mode=Mode.GROUP, segment=segment)
        loop.enter_by_itself = False
        if segment == 5:
            loop.script = scripted(a=Work(blocked=True))
        loop.run()
        if segment == 5:
            pause(loop)
            loop.finish("s1")
        loop.cancel()
        assert loop.statuses() == {"a": "success", "b": "not-attempted"}
        assert loop.groups() == {"g1.0": "success", "g2.0": "discarded"}


def test_a_group_that_is_retried_goes_on_though_its_flow_is_to_be_paused_after_it():
    specs = (group(step("a")), group(step("b", retry=RetryRule(group=True))), group(step("c")))
    loop = FlowLoop(*specs, mode=Mode.GROUP, script=scripted(b=[Work(error="boom"), Work()])).run()
    pause(loop).retry("b")
    assert loop.executed == ["a", "b", "b (retry 1)"]
    assert loop.flow.error.step_id == "paused"
    assert unpause(loop).flow.status.status == "success"


def test_a_pause_that_is_over_before_the_group_ends_was_none():
    loop = FlowLoop(group(step("a")), group(step("b")), mode=Mode.GROUP, script=scripted(a=Work(blocked=True))).run()
    unpause(pause(loop))
    loop.finish("s1", Work())
    loop.settle()
    assert loop.flow.status.status == "success"


def test_a56_a_flow_of_many_groups_is_cut_by_groups():
    loop = FlowLoop(*[group(step(f"a{n}"), step(f"b{n}")) for n in range(11)], mode=Mode.GROUP).run()
    assert loop.cuts == [5, 10]
    assert len(loop.executed) == len(set(loop.executed)) == 22
    dispatched = [past for one in loop.flow.groups.values() for past in one.status.history]
    assert sum(one.status == "in-progress" for one in dispatched) == 11
    assert loop.flow.status.status == "success"


def test_a57_a_failed_step_waits_for_a_person_and_the_flow_can_still_succeed():
    loop = FlowLoop(group(step("a"), step("b")), group(step("c")), mode=Mode.GROUP, script=scripted(a=FAILS_ONCE)).run()
    assert loop.flow.status.status == "error"
    assert loop.flow.status.metadata["awaiting_retry"] is True
    assert loop.flow.status.metadata["step_id"] == "s1"
    assert "retry or skip" in loop.flow.status.description
    assert loop.flow.finished_at is None
    assert isinstance(loop.flow.error, FlowFailedError)
    assert str(loop.flow.error) == 'the flow failed: step "a" (s1): boom'
    assert loop.groups()["g1.0"] == "in-progress"
    loop.retry("a")
    row = loop.row("a")
    assert (row.status.status, row.retried, row.status.metadata["retry_type"]) == ("discarded", True, "manual")
    assert loop.flow.status.status == "success"
    assert loop.flow.status.metadata["awaiting_retry"] is False
    assert loop.runs == [("initial", "error"), ("retry", "success")]


def test_a_failed_step_is_skipped_and_its_group_goes_on():
    loop = FlowLoop(group(step("a"), step("b")), mode=Mode.GROUP, script=scripted(a=Work(error="boom"))).run()
    loop.skip("a")
    assert loop.statuses() == {"a": "user-skipped", "b": "success"}
    assert loop.runs == [("initial", "error"), ("skip", "success")]


def test_a_step_that_says_so_takes_its_group_with_it_when_it_is_skipped():
    steps = group(step("a", skip_group=True), step("b"))
    loop = FlowLoop(steps, group(step("c")), mode=Mode.GROUP, script=scripted(a=Work(error="boom"))).run()
    loop.skip("a")
    assert loop.statuses() == {"a": "user-skipped", "b": "discarded", "c": "success"}


@pytest.mark.parametrize("directive", ["stop", "burn-it-down"])
@pytest.mark.parametrize("mode", [Mode.CHILD, Mode.GROUP])
def test_a_directive_nobody_knows_means_stop(mode, directive):
    script = scripted(a=Work(directive=directive))
    loop = FlowLoop(step("a", 1), step("b", 1), step("c", 2), mode=mode, script=script).run()
    assert loop.executed == ["a"]
    assert loop.flow.status.status == "error"
    assert loop.flow.steps["s1"].directive == directive
    assert loop.statuses()["c"] == "not-attempted"


def test_a_flat_flow_knows_no_directives():
    loop = FlowLoop(step("a"), step("b"), mode=Mode.FLAT, script=scripted(a=Work(directive="stop"))).run()
    assert loop.flow.status.status == "success"


def test_retrying_a_group_is_a_mistake_where_there_are_none():
    script = scripted(a=Work(directive="retry-group"))
    loop = FlowLoop(step("a", 1), step("b", 2), mode=Mode.CHILD, script=script).run()
    assert "retry-group" in loop.flow.status.metadata["error_message"]


@pytest.mark.parametrize("mode", [Mode.CHILD, Mode.GROUP])
def test_a_step_may_ask_to_be_run_again_until_its_budget_is_spent(mode):
    script = scripted(a=Work(directive="retry"))
    loop = FlowLoop(step("a", 1, retry=RetryRule(max_retries=2)), step("b", 2), mode=mode, script=script).run()
    assert loop.executed == ["a", "a (retry 1)", "a (retry 2)"]
    assert loop.flow.status.status == "error"
    assert "2 allowed" in loop.flow.status.metadata["error_message"]


def test_a_group_that_failed_is_retried_by_hand_or_given_up():
    script = scripted(a=[Work(directive="retry"), Work(directive="retry"), Work()])
    loop = FlowLoop(step("a", 1, retry=RetryRule(max_retries=1)), step("b", 2), mode=Mode.GROUP, script=script).run()
    assert loop.groups()["g1.0"] == "error"
    assert loop.flow.status.metadata["group_idx"] == 1
    loop.ask(RetryGroupRequested(at=loop.now, by="grace", step="s1"))
    assert loop.refusal is None
    assert loop.flow.status.status == "success"


@pytest.mark.parametrize("rule", [RetryRule(auto=True), RetryRule(auto=True, group=True)])
def test_a_lane_retries_by_itself(rule):
    steps = group(step("a", retry=rule), step("b"), parallel=True)
    loop = FlowLoop(steps, mode=Mode.GROUP, script=scripted(a=FAILS_ONCE)).run()
    assert loop.statuses() == {"a": "error", "a (retry 1)": "success", "b": "success"}
    assert loop.groups() == {"g1.0": "success"}
    assert loop.flow.status.status == "success"


def test_a_lane_that_failed_waits_for_a_person_while_others_end():
    steps = group(step("a"), step("b"), parallel=True)
    loop = FlowLoop(steps, mode=Mode.GROUP, script=scripted(a=FAILS_ONCE)).run()
    assert loop.statuses() == {"a": "error", "b": "success"}
    assert loop.flow.status.metadata["awaiting_retry"] is True
    loop.retry("a")
    assert loop.flow.status.status == "success"


def test_a_parallel_group_whose_retries_are_spent_ends_its_flow_once_its_lanes_have_ended():
    """Nobody could mend it: it is not tried again as a whole, and what asks for another try did not fail."""
    steps = group(step("a", retry=RetryRule(max_retries=1)), step("b"), parallel=True)
    script = scripted(a=Work(directive="retry"), b=Work(blocked=True))
    loop = FlowLoop(steps, group(step("z")), mode=Mode.GROUP, script=script).run()
    assert loop.executed == ["a", "b", "a (retry 1)"]
    assert not loop.flow.ended
    loop.finish("s2", Work())
    assert (loop.statuses()["z"], loop.groups()) == ("not-attempted", {"g1.0": "error", "g2.0": "discarded"})
    assert isinstance(loop.flow.error, FlowStoppedError)
    assert loop.flow.error.retries_exhausted
    assert loop.flow.error.reason == 'step "a (retry 1)" was retried 1 times, of 1 allowed'


def test_a_flow_that_a_parallel_group_stops_says_that_retries_are_spent_whichever_lane_they_were_of():
    steps = group(plan("P"), step("a", retry=RetryRule(auto=True, max_retries=0)), parallel=True)
    loop = FlowLoop(steps, mode=Mode.GROUP, script=scripted(a=Work(error="boom"))).run().answer("P", "deny")
    assert isinstance(loop.flow.error, FlowStoppedError)
    assert (loop.flow.error.reason, loop.flow.error.retries_exhausted) == ("denied", True)


@pytest.mark.parametrize("option", ApprovalOption)
def test_an_answer_beside_a_lane_that_failed_is_no_resume_of_the_flow(option):
    """Whoever gives it: the flow waits to be mended before, and after."""
    loop = FlowLoop(group(step("a"), plan("P"), parallel=True), mode=Mode.GROUP, approval_option=option)
    loop.script = scripted(a=[Work(error="boom"), Work()])
    loop.run()
    if option is ApprovalOption.PROMPT:
        loop.answer("P", "approve")
    assert (loop.statuses(), loop.runs) == ({"a": "error", "P": "approved"}, [("initial", "error")])
    assert loop.flow.status.metadata["awaiting_retry"] is True
    loop.retry("a")
    assert loop.runs == [("initial", "error"), ("retry", "success")]


def test_a_group_that_is_retried_by_way_of_another_step_than_the_one_that_failed_waits_for_nobody():
    loop = FlowLoop(group(step("a"), step("b")), mode=Mode.GROUP, script=scripted(a=Work(error="boom"))).run()
    loop.script = lambda _step: Work(blocked=True)
    loop.ask(RetryGroupRequested(at=loop.now, by="grace", step="s2"))
    assert (loop.flow.status.status, loop.runs[-1]) == ("in-progress", ("retry", "in-progress"))
    assert not loop.flow.status.metadata["awaiting_retry"]
    assert [loop.flow.steps[one].retried for one in ("s1", "s2")] == [True, True]


def test_a_plan_that_waits_has_ended_once_its_group_is_tried_again_by_hand():
    loop = FlowLoop(group(plan("P"), step("A")), mode=Mode.GROUP).run()
    loop.script = lambda _step: Work(blocked=True)
    loop.ask(RetryGroupRequested(at=loop.now, by="grace", step="s2"))
    row = loop.flow.steps["s1"]
    assert (row.status.status, row.retried) == ("discarded", True)
    assert row.finished_at is not None
    assert loop.runs[-1] == ("retry", "in-progress"), "nobody is waited for while the plan is made again"
    assert loop.flow.status.status == "in-progress"


def test_a_group_that_may_be_tried_again_waits_for_that_and_ends_its_flow_once_it_may_not():
    steps = group(step("a", retry=RetryRule(max_retries=1)))
    loop = FlowLoop(steps, mode=Mode.GROUP, script=scripted(a=Work(directive="retry"))).run()
    assert loop.flow.status.description == "awaiting retry of the group"
    loop.ask(RetryGroupRequested(at=loop.now, by="grace", step="s1"))
    assert isinstance(loop.flow.error, FlowStoppedError)
    assert loop.flow.error.retries_exhausted


@pytest.mark.parametrize(
    ("fields", "parallel", "says"),
    [
        ({}, False, "awaiting retry or skip or retry of its group"),
        ({}, True, "awaiting retry or skip"),
        ({"retryable": False}, True, "awaiting skip"),
        ({"retry": RetryRule(max_retries=0)}, False, "awaiting skip"),
        ({"retryable": False, "skippable": False}, False, "awaiting retry of its group"),
        ({"retryable": False, "skippable": False}, True, "it can be neither retried nor skipped: cancel it"),
    ],
)
def test_a_flow_that_failed_says_what_may_be_done_about_it(fields, parallel, says):
    steps = group(step("a", **fields), parallel=parallel)
    loop = FlowLoop(steps, mode=Mode.GROUP, script=scripted(a=Work(error="boom"))).run()
    assert loop.flow.status.description == says


def test_a_lane_may_skip_what_is_left_of_it_only():
    steps = group(step("a"), step("b"), parallel=True)
    script = scripted(a=Work(directive="skip-group"))
    loop = FlowLoop(steps, group(step("c")), mode=Mode.GROUP, script=script).run()
    assert loop.statuses() == {"a": "success", "b": "success", "c": "success"}


def test_a_lane_that_answers_what_nobody_knows_stops_the_flow():
    steps = group(step("a"), step("b"), parallel=True)
    loop = FlowLoop(steps, mode=Mode.GROUP, script=scripted(b=Work(directive="explode"))).run()
    assert loop.flow.error.step_id == "s2"


def test_a_lane_whose_answer_never_came_fails_the_flow_once_the_others_have_ended():
    steps = group(plan("P"), step("b"), parallel=True)
    loop = FlowLoop(steps, group(step("z")), mode=Mode.GROUP, script=scripted(b=Work(blocked=True))).run()
    loop.pass_days(31)
    assert loop.statuses()["P"] == "approval-expired"
    assert not loop.flow.ended
    loop.finish("s2", Work())
    assert loop.flow.ended
    assert loop.statuses()["z"] == "not-attempted"
    assert str(loop.flow.error) == "the flow failed: nobody answered the approval of step s1 in time"
    assert "stopped" not in loop.flow.status.metadata


def test_a_group_is_parallel_if_any_of_its_steps_says_so():
    loop = FlowLoop(step("a", 1, parallel=True), step("b", 1), mode=Mode.GROUP).run()
    assert loop.flow.groups["g1.0"].parallel


@pytest.mark.parametrize("parallel", [False, True])
def test_an_empty_group_is_passed_and_waits_for_nothing_in_a_flow_that_has_ended(parallel):
    empty = GroupSpec(parallel=parallel)
    loop = FlowLoop(empty, group(step("a")), empty, mode=Mode.GROUP).run()
    assert loop.flow.status.status == "success"
    assert [(one.name, one.status.status) for one in loop.flow.groups.values()] == [("group 2", "success")]


def test_a_step_can_be_cancelled_and_stops_its_flow():
    loop = FlowLoop(
        step("a", 1), step("b", 1), step("c", 2), mode=Mode.GROUP, script=scripted(a=Work(blocked=True))
    ).run()
    loop.ask(CancelStepRequested(at=loop.now, by="grace", step="s1"))
    assert loop.stopped == ["a"]
    assert loop.statuses() == {"a": "cancelled", "b": "discarded", "c": "not-attempted"}
    assert isinstance(loop.flow.error, FlowStoppedError)
    waiting = FlowLoop(plan("P", 1), step("c", 2), mode=Mode.GROUP).run()
    waiting.ask(CancelStepRequested(at=waiting.now, by="grace", step="s1"))
    assert waiting.statuses() == {"P": "cancelled", "c": "not-attempted"}
    assert waiting.flow.ended
    waiting.ask(ResponseGiven(at=waiting.now, by="grace", step="s1", type="approve"))
    assert isinstance(waiting.refusal, Conflict)
