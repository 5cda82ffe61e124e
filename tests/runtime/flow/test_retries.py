"""Sections 12 and 13: A37 to A46."""

import pytest

from runtime.errors import Conflict, NotFound, RequestInvalid
from runtime.flow.events import (
    CancelGroupRequested,
    NewerFlowCreated,
    RerunRequested,
    RetryGroupRequested,
    RetryStepRequested,
    StartRequested,
)
from runtime.flow.naming import Labels, base_name, next_name
from runtime.flow.outcomes import FlowStoppedError
from runtime.flow.rerun_input import RerunInput
from runtime.flow.rows import CloneSpec, RetryRule
from runtime.flow.states import ExecutionType, Hook, Mode
from tests.support.plain_flow import CHANGES, WORK, FlowLoop, Work, group, plan, scripted, step

LISTS = pytest.mark.parametrize("mode", [Mode.FLAT, Mode.CHILD])
FAILS_ONCE = [Work(error="boom"), Work()]
PLAN_AND_APPLY = (
    CloneSpec(name="P", signal=WORK, execution_type=ExecutionType.APPROVAL),
    CloneSpec(name="A", signal=WORK),
)


def failed(mode: Mode, *, name="s2", **fields) -> FlowLoop:
    """A flow whose second step failed, and goes well if it is done again."""
    steps = [step("s1", 1), step("s2", 2, **fields), step("s3", 3)]
    return FlowLoop(*steps, mode=mode, script=scripted(**{name: FAILS_ONCE})).run()


@LISTS
def test_a37_a_failed_step_is_retried_and_the_rest_goes_on(mode):
    loop = failed(mode)
    ended = loop.flow.finished_at
    loop.rerun("s2", "retry-step")
    assert loop.statuses() == {"s1": "success", "s2": "discarded", "s2 (retry 1)": "success", "s3": "success"}
    assert loop.executed == ["s1", "s2", "s2 (retry 1)", "s3"]
    assert loop.row("s2").retried
    assert loop.flow.status.status == "success"
    assert loop.flow.finished_at > ended
    assert not loop.flow.status.metadata["error_message"], "what was mended is history"
    assert "retrying" in [one.status for one in loop.flow.status.history]
    assert loop.runs == [("initial", "error"), ("retry", "success")]
    assert [one.start_from for one in loop.flow.runs] == [0, 1]


@LISTS
def test_a_flow_is_called_one_thing_until_it_has_ended_and_another_from_then_on(mode):
    labels = Labels(present="Deploying", past="Deployed")
    names = {"labels": labels, "metadata": {"workflow-name-suffix": "eu"}}
    loop = FlowLoop(step("s", 1), mode=mode, script=scripted(s=FAILS_ONCE), **names)
    assert loop.flow.name == "Deploying (eu)"
    loop.run()
    assert loop.flow.name == "Deployed (eu)"
    loop.rerun("s", "retry-step")
    assert loop.flow.name == "Deployed (eu)"


@LISTS
def test_the_task_whose_step_waits_is_told_of_every_end_until_it_has_heard(mode):
    loop = FlowLoop(step("s", 1), mode=mode, script=scripted(s=FAILS_ONCE), parent="t")
    loop.parent_hears = False
    loop.run()
    assert (loop.told, loop.flow.untold, loop.flow.idle, loop.flow.awake) == (1, True, False, True)
    assert loop.flow.at_rest
    loop.parent_hears = True
    loop.crash().settle()
    assert (loop.told, loop.flow.untold, loop.flow.idle, loop.flow.awake) == (2, False, True, False)
    loop.rerun("s", "retry-step")
    assert (loop.told, loop.flow.status.status, loop.flow.untold) == (3, "success", False)
    assert FlowLoop(step("s", 1), mode=mode).run().told == 0


@LISTS
def test_the_task_whose_step_waits_hears_of_an_end_that_comes_while_it_is_told_of_another(mode):
    loop = FlowLoop(step("s", 1), mode=mode, parent="t")
    loop.tell(StartRequested(at=loop.now))
    loop.report(0)
    loop.finish("s1")
    assert loop.flow.untold
    loop.now += 1
    loop.tell(RerunRequested(at=loop.now, by="grace", input=RerunInput(flow_id="f", step_id="s1", operation="explode")))
    loop.settle()
    assert (loop.told, loop.flow.status.status, loop.flow.untold) == (2, "error", False)


@pytest.mark.parametrize(
    ("present", "past", "finished", "name"),
    [
        ("", "", False, "deploy"),
        ("", "", True, "deploy"),
        ("Deploying", "", True, "Deploying"),
        ("", "Deployed", False, "Deployed"),
    ],
)
def test_what_is_not_said_of_a_name_is_made_up_for_by_what_is(present, past, finished, name):
    assert Labels(present=present, past=past).of("deploy", finished=finished) == name


@LISTS
def test_a38_a_failed_step_is_skipped_and_the_rest_goes_on(mode):
    loop = failed(mode)
    loop.rerun("s2", "skip-step")
    assert loop.statuses() == {"s1": "success", "s2": "user-skipped", "s3": "success"}
    assert loop.row("s3").status.metadata["reason"] == ""
    assert loop.flow.status.status == "success"
    assert loop.runs[-1] == ("skip", "success")


@LISTS
def test_what_people_ask_for_comes_to_the_same(mode):
    loop = failed(mode).retry("s2")
    assert loop.statuses()["s2 (retry 1)"] == "success"
    loop = failed(mode).skip("s2")
    assert loop.statuses()["s2"] == "user-skipped"
    assert loop.flow.status.status == "success"


@LISTS
def test_a39_a_plan_is_skipped_with_its_apply(mode):
    steps = [plan("P", 1), step("A", 1), step("s", 2)]
    loop = FlowLoop(*steps, mode=mode, script=scripted(P=Work(error="boom"))).run()
    loop.rerun("P", "skip-step", additional_skip_step_ids=("s2",))
    assert loop.statuses() == {"P": "user-skipped", "A": "user-skipped", "s": "success"}
    by_hand = FlowLoop(*steps, mode=mode, script=scripted(P=Work(error="boom"))).run().skip("P")
    assert by_hand.statuses() == loop.statuses()


@LISTS
def test_a40_a_stale_plan_is_made_again_before_it_is_applied(mode):
    steps = [plan("P", 1), step("A", 1), step("hook", 1), step("s", 2)]
    loop = FlowLoop(*steps, mode=mode, script=scripted(A=FAILS_ONCE)).run()
    loop.answer("P", "approve")
    assert loop.statuses() == {"P": "approved", "A": "error", "hook": "not-attempted", "s": "not-attempted"}
    loop.rerun("A", "retry-step", stale_plan=True, replan_step_id="s1")
    assert {name: loop.row(name).status.status for name in ("P", "A", "hook")} == dict.fromkeys(
        ("P", "A", "hook"), "discarded"
    )
    clones = [one for one in loop.flow.ordered() if one.generation == 1]
    assert [one.name for one in clones] == ["P (retry 1)", "A (retry 1)", "hook (retry 1)"]
    assert [one.status.status for one in clones] == ["approval-awaiting", "pending", "pending"]
    assert loop.executed == ["P", "A", "P (retry 1)"]
    loop.answer("P (retry 1)", "approve")
    assert loop.executed[3:] == ["A (retry 1)", "hook (retry 1)", "s"]
    assert loop.flow.status.status == "success"


def test_a_step_that_needs_a_fresh_plan_says_so():
    steps = [plan("P", 1), step("A", 1, replan=True)]
    loop = FlowLoop(*steps, mode=Mode.FLAT, script=scripted(A=FAILS_ONCE)).run()
    loop.answer("P", "approve").retry("A")
    assert loop.statuses()["P (retry 1)"] == "approval-awaiting"


@pytest.mark.parametrize("auto", [True, False])
def test_in_groups_a_step_that_needs_a_fresh_plan_is_tried_again_with_its_group(auto):
    script = scripted(A=[Work(error="boom"), Work()])
    specs = (plan("P"), step("A", replan=True, retry=RetryRule(auto=auto)))
    loop = FlowLoop(group(*specs), group(step("s")), mode=Mode.GROUP, script=script).run()
    loop.answer("P", "approve")
    if not auto:
        loop.retry("A")
    assert loop.executed == ["P", "A", "P (retry 1)"], "nothing is applied that was planned before the failure"
    loop.answer("P (retry 1)", "approve")
    assert loop.flow.status.status == "success"
    assert loop.executed[3:] == ["A (retry 1)", "s"]


@pytest.mark.parametrize(("replan", "stale", "again"), [(False, True, "P"), (True, False, "A"), (False, None, "A")])
def test_in_groups_whoever_retries_a_step_may_say_whether_its_plan_is_stale(replan, stale, again):
    script = scripted(A=[Work(error="boom"), Work()])
    loop = FlowLoop(group(plan("P"), step("A", replan=replan)), mode=Mode.GROUP, script=script).run()
    loop.answer("P", "approve").retry("A", stale_plan=stale)
    assert loop.refusal is None
    assert loop.executed[2:] == [f"{again} (retry 1)"]


def test_in_a_list_a_step_that_needs_a_fresh_plan_waits_for_somebody_to_retry_it():
    """Nothing but a rerun makes the plan again there, and none is applied twice."""
    script = scripted(A=[Work(error="boom"), Work()])
    specs = (plan("P", 1), step("A", 1, replan=True, retry=RetryRule(auto=True)))
    loop = FlowLoop(*specs, mode=Mode.CHILD, script=script).run().answer("P", "approve")
    assert loop.statuses() == {"P": "approved", "A": "error"}
    loop.retry("A")
    assert loop.executed == ["P", "A", "P (retry 1)"]


@pytest.mark.parametrize("mode", [Mode.FLAT, Mode.CHILD])
def test_a_fresh_plan_cannot_be_had_where_there_is_none(mode):
    loop = FlowLoop(step("a", 1), mode=mode, script=scripted(a=Work(error="boom"))).run()
    loop.retry("a", stale_plan=True)
    assert "no plan is before it in its group" in str(loop.refusal)
    assert loop.executed == ["a"]


@pytest.mark.parametrize("mode", [Mode.FLAT, Mode.CHILD])
def test_a_plan_of_an_earlier_generation_is_no_plan_to_make_again(mode):
    script = scripted(P=[Work(output=CHANGES), Work(error="boom"), Work(output=CHANGES)], A=Work(error="boom"))
    loop = FlowLoop(plan("P", 1, replan=True), step("A", 1, replan=True), mode=mode, script=script).run()
    loop.answer("P", "approve").retry("A")
    assert loop.statuses()["P (retry 1)"] == "error"
    runs = len(loop.runs)
    loop.retry("P (retry 1)", stale_plan=True)
    assert "no plan is before it in its group" in str(loop.refusal)
    assert len(loop.runs) == runs
    loop.retry("P (retry 1)")
    assert (loop.refusal, loop.statuses()["P (retry 2)"]) == (None, "approval-awaiting")


def test_what_stops_a_flow_says_how_often_its_group_could_be_retried():
    """As often as each of its steps, and not as often as the one that failed."""
    often, once = RetryRule(auto=True, group=True, max_retries=5), RetryRule(max_retries=1)
    loop = FlowLoop(group(step("a", retry=often), step("b", retry=once)), mode=Mode.GROUP)
    loop.script = scripted(a=Work(error="boom"))
    loop.run()
    assert loop.flow.error.reason == 'the 1 retries of step "a (retry 1)" are spent'


@LISTS
def test_a41_a_plan_of_another_group_is_no_plan_of_this_one(mode):
    steps = [plan("P", 1), step("A", 2)]
    loop = FlowLoop(*steps, mode=mode, script=scripted(A=Work(error="boom"))).run()
    loop.answer("P", "approve")
    loop.rerun("A", "retry-step", stale_plan=True, replan_step_id="s1")
    assert isinstance(loop.refusal, RequestInvalid)
    assert loop.refusal.faults[0].path == "replan_step_id"
    assert len(loop.flow.steps) == 2
    assert loop.flow.status.status == "error"


@LISTS
def test_a42_an_operation_that_nobody_knows_fails_the_flow(mode):
    loop = failed(mode)
    loop.rerun("s2", "explode")
    assert isinstance(loop.refusal, RequestInvalid)
    assert loop.flow.status.status == "error"
    assert "explode" in loop.flow.status.metadata["error_message"]
    assert loop.row("s2").status.status == "error"


@pytest.mark.parametrize("name", ["flow_id", "step_id", "operation"])
@LISTS
def test_a_rerun_that_is_incomplete_or_of_another_flow_is_refused_and_nothing_is_written(mode, name):
    loop = failed(mode)
    before = len(loop.records)
    given = {"flow_id": "f", "step_id": "s2", "operation": "retry-step"}
    for wrong in ("", *(["g"] if name == "flow_id" else [])):
        loop.ask(RerunRequested(at=loop.now, by="grace", input=RerunInput(**{**given, name: wrong})))
        assert isinstance(loop.refusal, RequestInvalid)
        assert loop.refusal.faults[0].path == name
    assert len(loop.records) == before


@pytest.mark.parametrize("mode", list(Mode))
def test_a_plan_is_made_again_only_as_often_as_its_budget_says(mode):
    loop = FlowLoop(plan("P", 1, retry=RetryRule(max_retries=1)), mode=mode).run()
    assert loop.retry("P").refusal is None
    before = len(loop.records)
    assert isinstance(loop.retry("P (retry 1)").refusal, Conflict)
    assert isinstance(loop.answer("P (retry 1)", "retry").refusal, Conflict)
    assert len(loop.records) == before
    assert loop.statuses()["P (retry 1)"] == "approval-awaiting"


@LISTS
def test_a_rerun_of_a_step_that_is_not_there_fails_the_flow(mode):
    loop = failed(mode)
    given = RerunInput(flow_id="f", step_id="nope", operation="retry-step")
    loop.ask(RerunRequested(at=loop.now, by="grace", input=given))
    assert isinstance(loop.refusal, NotFound)
    assert loop.flow.status.status == "error"
    assert "nope" in loop.flow.status.metadata["error_message"]
    before = len(loop.records)
    loop.ask(RetryStepRequested(at=loop.now, by="grace", step="nope"))
    assert isinstance(loop.refusal, NotFound)
    assert len(loop.records) == before


@pytest.mark.parametrize("mode", list(Mode))
def test_a43_what_may_not_be_retried_or_skipped_is_left_alone(mode):
    loop = failed(mode, retryable=False, skippable=False)
    before = len(loop.records)
    assert "retryable=false" in str(loop.retry("s2").refusal)
    assert "skippable=false" in str(loop.skip("s2").refusal)
    assert isinstance(loop.retry("s1").refusal, Conflict)
    assert isinstance(loop.skip("s1").refusal, Conflict)
    assert len(loop.records) == before


@LISTS
def test_a44_a_rerun_of_many_steps_is_cut_and_clones_once(mode):
    steps = [step(f"s{n}", n) for n in range(10)]
    loop = FlowLoop(*steps, mode=mode, script=scripted(s0=FAILS_ONCE)).run()
    loop.rerun("s0", "retry-step")
    assert loop.cuts == [6]
    assert len(loop.flow.steps) == 11
    assert loop.executed == ["s0", "s0 (retry 1)", *(f"s{n}" for n in range(1, 10))]
    assert loop.flow.status.status == "success"


@LISTS
def test_a44_a_rerun_that_was_cut_is_continued_where_it_was(mode):
    steps = [step(f"s{n}", n) for n in range(10)]
    loop = FlowLoop(*steps, mode=mode, script=scripted(s0=FAILS_ONCE)).run()
    loop.enter_by_itself = False
    loop.rerun("s0", "retry-step")
    assert loop.cuts == [6]
    assert loop.flow.finished_at is None
    loop.rerun("s0", "retry-step", continue_from_idx=6)
    assert loop.refusal is None
    assert len(loop.flow.steps) == 11
    assert loop.flow.status.status == "success"
    assert len(loop.executed) == 11
    assert isinstance(loop.rerun("s0", "retry-step", continue_from_idx=6).refusal, Conflict)


@pytest.mark.parametrize("mode", [Mode.CHILD, Mode.GROUP])
def test_a45_a_step_is_retried_by_itself_until_its_budget_is_spent(mode):
    rule = RetryRule(auto=True, max_retries=2)
    loop = FlowLoop(step("x", 1, retry=rule), step("y", 2), mode=mode, script=scripted(x=Work(error="boom"))).run()
    rows = [one for one in loop.flow.ordered() if one.lane == "s1"]
    assert [one.name for one in rows] == ["x", "x (retry 1)", "x (retry 2)"]
    assert [one.status.status for one in rows] == ["error"] * 3
    assert [bool(one.status.metadata.get("auto_retried")) for one in rows] == [True, True, False]
    assert [one.retried for one in rows] == [False] * 3
    assert rows[2].status.metadata["retries_exhausted"] is True
    assert rows[2].status.metadata["max_retries"] == 2
    assert isinstance(loop.flow.error, FlowStoppedError)
    assert loop.flow.error.retries_exhausted is True
    assert "2 retries" in loop.flow.error.reason
    assert loop.flow.status.metadata["retries_exhausted"] is True
    assert loop.flow.ended
    assert loop.statuses()["y"] == "not-attempted"


@pytest.mark.parametrize("mode", [Mode.CHILD, Mode.GROUP])
def test_a_step_that_goes_well_in_the_end_is_done(mode):
    rule = RetryRule(auto=True)
    script = scripted(x=[Work(error="one"), Work(error="two"), Work()])
    loop = FlowLoop(step("x", 1, retry=rule), mode=mode, script=script).run()
    assert [one.status.status for one in loop.flow.ordered()] == ["error", "error", "success"]
    assert loop.flow.complete
    assert loop.flow.status.status == "success"


def test_past_its_automatic_retries_a_step_waits_for_a_person():
    rule = RetryRule(auto=True, max_retries=3, max_auto=1)
    script = scripted(x=[Work(error="boom"), Work(error="boom"), Work()])
    loop = FlowLoop(step("x", 1, retry=rule), mode=Mode.GROUP, script=script).run()
    assert loop.flow.status.status == "failed-pending-retry"
    assert loop.flow.status.metadata["awaiting_retry"] is True
    assert loop.groups() == {"g1.0": "failed-pending-retry"}
    assert loop.statuses() == {"x": "error", "x (retry 1)": "error"}
    loop.retry("x (retry 1)")
    assert loop.flow.status.status == "success"


@pytest.mark.parametrize(
    ("says", "statuses"),
    [
        ("cancel", ("cancelled", "cancelled")),
        ("cancel-group", ("error", "cancelled")),
        ("skip", ("success", "success")),
        ("retry-group", ("success", "discarded")),
        ("newer", ("error", "error")),
        ("crash", ("failed-pending-retry", "failed-pending-retry")),
    ],
)
def test_what_is_failed_pending_retry_is_mended_or_given_up(says, statuses):
    rule = RetryRule(auto=True, max_auto=0)
    loop = FlowLoop(step("x", 1, retry=rule), mode=Mode.GROUP, script=scripted(x=FAILS_ONCE)).run()
    match says:
        case "cancel":
            loop.cancel()
        case "cancel-group":
            loop.ask(CancelGroupRequested(at=loop.now, by="grace", group="g1.0"))
        case "skip":
            loop.skip("x")
        case "retry-group":
            loop.ask(RetryGroupRequested(at=loop.now, by="grace", step="s1"))
        case "newer":
            loop.ask(NewerFlowCreated(at=loop.now, flow_id="g"))
        case _:
            loop.crash().settle()
    assert (loop.flow.status.status, loop.groups()["g1.0"]) == statuses


def test_a_lane_whose_automatic_retries_are_spent_leaves_its_group_to_the_others():
    spent = step("x", retry=RetryRule(auto=True, max_auto=0))
    loop = FlowLoop(
        group(spent, plan("P"), step("y"), parallel=True),
        mode=Mode.GROUP,
        script=scripted(x=Work(error="boom"), y=Work(error="bang")),
    ).run()
    assert (loop.flow.status.status, loop.groups()) == ("error", {"g1.0": "in-progress"})
    loop.answer("P", "approve").skip("y")
    assert loop.flow.status.status == "failed-pending-retry"
    loop.skip("x")
    assert loop.flow.status.status == "success"


def test_a_hook_hears_of_an_automatic_retry_and_may_refuse_it():
    rule = RetryRule(auto=True)
    hooked = step("x", 1, retry=rule, hooks=(Hook.ON_RETRY,))
    loop = FlowLoop(hooked, mode=Mode.GROUP, script=scripted(x=FAILS_ONCE)).run()
    assert loop.hooks == [("s1", "on_retry")]
    assert loop.flow.status.status == "success"
    refused = FlowLoop(hooked, mode=Mode.GROUP, script=scripted(x=FAILS_ONCE))
    refused.hook_errors = {"on_retry": "no"}
    refused.run()
    assert refused.flow.status.metadata["awaiting_retry"] is True
    assert "on_retry: no" in refused.row("x").status.metadata["reason"]
    assert refused.skip("x").flow.status.status == "success"


@pytest.mark.parametrize("mode", list(Mode))
def test_a_person_may_retry_only_as_often_as_the_budget_says(mode):
    loop = FlowLoop(
        step("x", 1, retry=RetryRule(max_retries=1)), mode=mode, script=scripted(x=Work(error="boom"))
    ).run()
    loop.retry("x")
    assert loop.statuses() == {"x": "discarded", "x (retry 1)": "error"}
    loop.retry("x (retry 1)")
    assert isinstance(loop.refusal, Conflict)
    assert len(loop.flow.steps) == 2


@pytest.mark.parametrize("mode", list(Mode))
def test_a_step_may_be_retried_as_something_else(mode):
    loop = FlowLoop(step("A", 1, clone_as=PLAN_AND_APPLY), step("after", 1), mode=mode, script=scripted(A=FAILS_ONCE))
    loop.run().retry("A")
    assert loop.statuses()["P (retry 1)"] == "approval-awaiting"
    loop.answer("P (retry 1)", "approve")
    assert loop.executed == ["A", "P (retry 1)", "A (retry 1)", "after"]
    assert loop.flow.status.status == "success"


@pytest.mark.parametrize("mode", list(Mode))
def test_what_a_step_is_retried_as_is_made_again_as_a_whole_and_nothing_is_applied_unapproved(mode):
    loop = FlowLoop(step("A", 1, clone_as=PLAN_AND_APPLY), step("after", 1), mode=mode, script=scripted(A=FAILS_ONCE))
    loop.run().retry("A")
    loop.answer("P (retry 1)", "retry")
    assert loop.executed == ["A", "P (retry 1)", "P (retry 2)"]
    assert loop.statuses()["A (retry 1)"] == "discarded"
    assert loop.statuses()["P (retry 2)"] == "approval-awaiting"
    loop.answer("P (retry 2)", "approve")
    assert loop.executed == ["A", "P (retry 1)", "P (retry 2)", "A (retry 2)", "after"]
    assert loop.flow.status.status == "success"


@pytest.mark.parametrize("mode", list(Mode))
def test_a_clone_acts_on_the_same_kind_of_target_and_makes_one_of_its_own(mode):
    script = scripted(x=[Work(error="boom", target=("deploy", "d1")), Work()])
    loop = FlowLoop(step("x", 1), mode=mode, script=script).run().retry("x")
    row = loop.row("x (retry 1)")
    assert (row.target_type, row.target_id) == ("deploy", "")


def test_a_row_that_was_retried_by_itself_is_not_retried_again():
    fails = {"x": FAILS_ONCE, "y": Work(error="boom")}
    steps = [step("x", 1, retry=RetryRule(auto=True)), step("y", 2)]
    loop = FlowLoop(*steps, mode=Mode.CHILD, script=scripted(**fails)).run()
    for refused in (loop.retry("x").refusal, loop.skip("x").refusal, loop.rerun("x", "retry-step").refusal):
        assert isinstance(refused, Conflict)
        assert "retried already" in str(refused)
    assert loop.executed == ["x", "x (retry 1)", "y"]


@pytest.mark.parametrize("kind", [step, plan])
def test_a_group_is_retried_for_a_person_only_as_often_as_each_of_its_steps_may_be(kind):
    steps = [kind("x", 1, retry=RetryRule(group=True)), step("y", 1, retry=RetryRule(max_retries=0))]
    script = scripted(x=Work(error="boom")) if kind is step else scripted()
    loop = FlowLoop(*steps, mode=Mode.GROUP, script=script).run()
    before = loop.flow
    assert isinstance(loop.retry("x").refusal, Conflict)
    loop.ask(RetryGroupRequested(at=loop.now, by="grace", step="s1"))
    assert isinstance(loop.refusal, Conflict)
    assert loop.flow == before


def test_a_group_that_asks_to_be_retried_too_often_stops_its_flow_and_leaves_nothing_waiting():
    steps = [step("x", 1), step("y", 1, retry=RetryRule(max_retries=0)), step("z", 2)]
    loop = FlowLoop(*steps, mode=Mode.GROUP, script=scripted(x=Work(directive="retry-group"))).run()
    assert loop.statuses() == {"x": "success", "y": "not-attempted", "z": "not-attempted"}
    assert loop.groups() == {"g1.0": "error", "g2.0": "discarded"}
    assert loop.flow.error.retries_exhausted


@pytest.mark.parametrize(
    ("name", "base", "following"),
    [
        ("x", "x", "x (retry 1)"),
        ("x (retry 1)", "x", "x (retry 2)"),
        ("x (retry 2) (retry 1)", "x (retry 2)", "x (retry 2) (retry 2)"),
        ("(retry 1)", "", "(retry 2)"),
        ("", "", " (retry 1)"),
        ("x(retry 1)", "x", "x (retry 2)"),
        ("x (retry 99999999999999999999)", "x", "x (retry 99999999999999999999) (retry 1)"),
        ("x (retry n)", "x (retry n)", "x (retry n) (retry 1)"),
    ],
)
def test_a46_names_of_clones(name, base, following):
    assert base_name(name) == base
    assert next_name(name) == following


def test_a_newer_flow_of_the_owner_ends_the_wait_for_a_retry():
    loop = failed(Mode.GROUP)
    loop.ask(NewerFlowCreated(at=loop.now, flow_id="g"))
    assert loop.flow.superseded == "g"
    assert loop.flow.ended
    assert loop.statuses()["s3"] == "not-attempted"
    of_the_group = FlowLoop(step("s1", 1), step("s2", 1), mode=Mode.GROUP, script=scripted(s1=FAILS_ONCE)).run()
    of_the_group.ask(NewerFlowCreated(at=loop.now, flow_id="g"))
    assert of_the_group.statuses() == {"s1": "error", "s2": "not-attempted"}
    assert isinstance(loop.retry("s2").refusal, Conflict)
    running = FlowLoop(step("x"), mode=Mode.GROUP, script=scripted(x=Work(blocked=True))).run()
    running.ask(NewerFlowCreated(at=running.now, flow_id="g"))
    assert not running.flow.ended


def test_a_group_may_be_retried_by_hand():
    steps = [step("a", 1), step("b", 1)]
    loop = FlowLoop(group(*steps), group(step("c")), mode=Mode.GROUP, script=scripted(b=FAILS_ONCE)).run()
    loop.ask(RetryGroupRequested(at=loop.now, by="grace", step="s1"))
    assert loop.refusal is None
    assert loop.executed == ["a", "b", "a (retry 1)", "b (retry 1)", "c"]
    assert loop.groups() == {"g1.0": "discarded", "g1.1": "success", "g2.0": "success"}
    assert loop.flow.status.status == "success"
    assert loop.runs == [("initial", "error"), ("retry", "success")]
    loop.ask(RetryGroupRequested(at=loop.now, by="grace", step="s1"))
    assert isinstance(loop.refusal, Conflict)
