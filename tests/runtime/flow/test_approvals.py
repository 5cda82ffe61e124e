"""Section 8: A14 to A26."""

import pytest

from runtime.errors import Conflict, Forbidden, NotFound, RequestInvalid
from runtime.flow.events import ApprovalDue, CancelRequested, ResponseGiven, RetryGroupRequested
from runtime.flow.outcomes import ApprovalPauseError, FlowStoppedError, NotApprovedError
from runtime.flow.states import ApprovalOption, Hook, Mode
from tests.support.plain_flow import CHANGES, DAY, FlowLoop, Work, group, plan, scripted, step

MODES = pytest.mark.parametrize("mode", list(Mode))


def parked(mode: Mode, *more, **fields) -> FlowLoop:
    """A flow whose first plan waits for an answer."""
    return FlowLoop(plan("P", 1, **fields.pop("plan", {})), step("A", 1), *more, mode=mode, **fields).run()


@MODES
def test_a14_a_plan_waits_and_is_applied_once_approved(mode):
    loop = parked(mode)
    assert [one.status for one in loop.row("P").status.history][-1] == "checking-plan"
    assert loop.statuses() == {"P": "approval-awaiting", "A": "pending"}
    assert loop.executed == ["P"]
    assert loop.flow.status.status == ("approval-awaiting" if mode is Mode.GROUP else "in-progress")
    assert loop.flow.at_rest
    assert isinstance(loop.flow.error, ApprovalPauseError)
    loop.answer("P", "approve")
    assert loop.statuses() == {"P": "approved", "A": "success"}
    assert loop.flow.status.status == "success"
    assert loop.runs == (
        [("initial", "success")] if mode is Mode.FLAT else [("initial", "approval-awaiting"), ("resume", "success")]
    )


def test_a15_a_denial_ends_a_flat_flow():
    loop = parked(Mode.FLAT, step("s", 2), plan={"target_type": "deploy", "target_id": "d1"})
    loop.answer("P", "deny", note="too big")
    assert loop.statuses() == {"P": "approval-denied", "A": "not-attempted", "s": "not-attempted"}
    assert "too big" in loop.row("P").status.metadata["reason"]
    assert loop.flow.targets[("deploy", "d1")].status == "approval-denied"
    assert loop.flow.status.status == "error"
    assert isinstance(loop.flow.error, NotApprovedError)
    assert str(loop.flow.error) == "not approved"


def test_a16_a_denial_stops_a_flow_of_groups_for_good():
    loop = parked(Mode.GROUP, step("s", 2))
    loop.answer("P", "deny")
    assert loop.statuses() == {"P": "approval-denied", "A": "discarded", "s": "not-attempted"}
    assert loop.groups() == {"g1.0": "error", "g2.0": "discarded"}
    assert loop.flow.status.status == "error"
    assert loop.flow.status.metadata["stopped"] is True
    assert isinstance(loop.flow.error, FlowStoppedError)
    assert loop.flow.error.reason == "denied"
    assert not loop.flow.error.retries_exhausted
    before = len(loop.records)
    loop.retry("P")
    assert isinstance(loop.refusal, Conflict)
    assert len(loop.records) == before


@MODES
def test_a17_a_plan_can_be_denied_and_the_flow_go_on(mode):
    loop = parked(mode, step("s", 2))
    loop.answer("P", "deny-skip-current")
    assert loop.statuses() == {"P": "approval-denied", "A": "user-skipped", "s": "success"}
    assert loop.flow.status.status == "success"
    assert loop.executed == ["P", "s"]


@MODES
def test_a18_what_is_finished_is_not_skipped_with_a_denied_plan(mode):
    loop = FlowLoop(step("hook", 1), plan("P", 1), step("A", 1), mode=mode).run()
    loop.answer("P", "deny-skip-current")
    assert loop.statuses() == {"hook": "success", "P": "approval-denied", "A": "user-skipped"}


def test_a19_what_depends_on_a_denied_base_is_skipped_and_the_flow_stops():
    loop = FlowLoop(
        plan("P", 1, target_type="base", target_id="b"), step("d1", 2), step("d2", 3), step("x", 4), mode=Mode.GROUP
    ).run()
    loop.dependents = ("d1", "d2")
    loop.answer("P", "deny-skip-current-and-dependents")
    assert loop.statuses() == {
        "P": "approval-denied",
        "d1": "user-skipped",
        "d2": "user-skipped",
        "x": "not-attempted",
    }
    assert loop.flow.targets[("base", "b")].status == "approval-denied"
    assert isinstance(loop.flow.error, FlowStoppedError)
    assert loop.flow.error.reason == "skipped-dependents"


def test_in_a_flat_flow_the_rest_goes_on_after_dependents_were_skipped():
    loop = FlowLoop(plan("P", 1), step("d1", 2), step("x", 3), mode=Mode.FLAT).run()
    loop.dependents = ("d1",)
    loop.answer("P", "deny-skip-current-and-dependents")
    assert loop.statuses() == {"P": "approval-denied", "d1": "user-skipped", "x": "success"}
    assert loop.flow.status.status == "success"


@MODES
@pytest.mark.parametrize("kind", ["deny", "deny-skip-current", "deny-skip-current-and-dependents"])
def test_a_denied_plan_says_who_denied_it_and_why_whatever_else_is_skipped(mode, kind):
    loop = parked(mode, step("d", 2))
    loop.dependents = ("d",)
    loop.answer("P", kind, note="not today")
    assert loop.row("P").status.metadata["reason"] == f"{kind} by grace: not today"


@MODES
def test_a20_switching_to_approve_all_lets_a_parked_flow_go_on(mode):
    loop = parked(mode)
    loop.option(ApprovalOption.APPROVE_ALL)
    response = loop.row("P").approval.response
    assert (response.type, response.note) == ("approve", "auto-approved")
    assert loop.flow.status.status == "success"


@MODES
def test_a21_with_approve_all_nobody_is_asked(mode):
    loop = parked(mode, approval_option=ApprovalOption.APPROVE_ALL)
    assert loop.flow.status.status == "success"
    assert loop.row("P").approval.response.note == "auto-approved"
    assert loop.timer is None
    assert loop.runs == [("initial", "success")]


@MODES
def test_a22_an_approval_expires_and_the_flow_fails(mode):
    loop = parked(mode, step("s", 2))
    loop.pass_days(29.9)
    assert loop.statuses()["P"] == "approval-awaiting"
    loop.pass_days(0.2)
    assert loop.statuses() == {"P": "approval-expired", "A": "not-attempted", "s": "not-attempted"}
    assert loop.row("P").status.metadata["err_message"]
    assert loop.flow.status.status == "error"
    assert loop.flow.ended
    assert len(loop.flow.steps) == 3


@pytest.mark.parametrize("says", ["approve", "retry-step", "retry-group", "approve-all"])
@MODES
def test_what_is_said_too_late_changes_nothing_though_no_timer_was_in_time(mode, says):
    loop = parked(mode, step("s", 2))
    loop.timer = None
    loop.now += 31 * DAY
    match says:
        case "approve":
            loop.answer("P", "approve")
            assert loop.row("P").approval.response is None
        case "retry-step":
            assert isinstance(loop.retry("P").refusal, Conflict)
        case "retry-group":
            assert isinstance(loop.ask(RetryGroupRequested(at=loop.now, by="grace", step="s1")).refusal, Conflict)
        case _:
            loop.option(ApprovalOption.APPROVE_ALL)
    assert loop.statuses() == {"P": "approval-expired", "A": "not-attempted", "s": "not-attempted"}
    assert (loop.flow.status.status, loop.flow.ended) == ("error", True)


def test_an_answer_to_a_plan_that_is_being_made_is_told_so():
    loop = FlowLoop(plan("P", 1), mode=Mode.GROUP, script=lambda _one: Work(blocked=True)).run()
    assert "asks for no approval yet: it is in-progress" in str(loop.answer("P", "approve").refusal)


def test_a_timer_that_fires_early_is_armed_again():
    loop = parked(Mode.FLAT)
    due, loop.timer = loop.timer, None
    loop.ask(ApprovalDue(at=due - 10))
    assert loop.timer == due
    assert loop.statuses()["P"] == "approval-awaiting"


@MODES
def test_a23_the_first_answer_stands(mode):
    loop = parked(mode)
    loop.answer("P", "approve", by="grace")
    before = len(loop.records)
    loop.ask(ResponseGiven(at=loop.now, by="eve", step=loop.id_of("P"), type="deny"))
    assert isinstance(loop.refusal, Conflict)
    assert "approve by grace" in str(loop.refusal)
    assert len(loop.records) == before


@MODES
def test_a24_auto_approve_approves_and_an_unknown_answer_is_refused(mode):
    loop = parked(mode)
    before = len(loop.records)
    loop.ask(ResponseGiven(at=loop.now, by="eve", step="s1", type="banana"))
    assert isinstance(loop.refusal, RequestInvalid)
    assert loop.refusal.faults[0].path == "type"
    assert len(loop.records) == before
    loop.answer("P", "auto-approve")
    assert loop.flow.status.status == "success"


def test_a25_a_plan_can_be_made_again_and_again():
    loop = FlowLoop(plan("plan x", 1, target_type="deploy", target_id="d"), step("A", 1), mode=Mode.FLAT).run()
    loop.answer("plan x", "retry")
    assert loop.row("plan x").status.status == "approval-retry"
    assert loop.flow.targets[("deploy", "d")].status == "discarded"
    assert loop.statuses()["plan x (retry 1)"] == "approval-awaiting"
    loop.answer("plan x (retry 1)", "retry")
    assert loop.statuses()["plan x (retry 2)"] == "approval-awaiting"
    loop.answer("plan x (retry 2)", "approve")
    assert loop.executed == ["plan x", "plan x (retry 1)", "plan x (retry 2)", "A"]
    assert loop.flow.status.status == "success"


def test_in_groups_a_plan_that_is_made_again_is_discarded():
    loop = parked(Mode.GROUP)
    loop.answer("P", "retry")
    assert loop.row("P").retried
    assert loop.statuses() == {"P": "discarded", "P (retry 1)": "approval-awaiting", "A": "pending"}
    loop.retry("P (retry 1)")
    assert loop.refusal is None
    assert loop.statuses()["P (retry 2)"] == "approval-awaiting"
    loop.answer("P (retry 2)", "approve")
    assert loop.flow.status.status == "success"


@MODES
def test_a26_a_cancelled_flow_takes_no_answer(mode):
    loop = parked(mode)
    loop.cancel()
    before = len(loop.records)
    loop.ask(ResponseGiven(at=loop.now, by="grace", step="s1", type="approve"))
    assert isinstance(loop.refusal, Conflict)
    assert len(loop.records) == before
    assert loop.flow.status.status == "cancelled"
    assert len(loop.flow.steps) == 2


@MODES
def test_only_who_may_can_answer(mode):
    loop = parked(mode, plan={"approvers": ("ada", "grace")})
    loop.answer("P", "approve", by="eve")
    assert loop.statuses()["P"] == "approval-awaiting"
    loop.ask(ResponseGiven(at=loop.now, by="eve", step="s1", type="approve"))
    assert isinstance(loop.refusal, Forbidden)
    loop.answer("P", "approve", by="root", admin=True)
    assert loop.flow.status.status == "success"


@MODES
def test_an_answer_to_what_does_not_ask_is_refused(mode):
    loop = parked(mode)
    loop.ask(ResponseGiven(at=loop.now, by="grace", step="nope", type="approve"))
    assert isinstance(loop.refusal, NotFound)
    loop.ask(ResponseGiven(at=loop.now, by="grace", step="s2", type="approve", admin=True))
    assert isinstance(loop.refusal, Conflict)


@MODES
def test_hooks_are_told_before_an_answer_takes_effect(mode):
    loop = parked(mode, plan={"hooks": tuple(Hook)})
    loop.hook_errors = {"on_approve": "ignored"}
    loop.answer("P", "approve")
    assert loop.hooks == [("s1", "on_approve")]
    assert loop.flow.status.status == "success"


@MODES
def test_a_plan_that_is_made_again_is_answered_whether_by_an_answer_or_by_a_retry(mode):
    for again in (lambda loop: loop.answer("P", "retry"), lambda loop: loop.retry("P")):
        loop = again(parked(mode, plan={"hooks": tuple(Hook)}))
        assert loop.hooks == [("s1", "on_retry")]
        assert loop.row("P").approval.response.type == "retry"
        assert loop.statuses()["P (retry 1)"] == "approval-awaiting"


@MODES
@pytest.mark.parametrize(("answer", "hook"), [("retry", "on_retry"), ("deny-skip-current", "on_skip")])
def test_a_skip_or_a_retry_that_its_hook_refuses_fails_the_step(mode, answer, hook):
    loop = parked(mode, plan={"hooks": tuple(Hook)})
    loop.hook_errors = {hook: "no"}
    loop.answer("P", answer)
    assert loop.statuses()["P"] == "error"
    assert hook in loop.row("P").status.metadata["reason"]
    assert loop.flow.status.status == "error"


def test_the_deadline_of_an_approval_survives_a_crash():
    loop = parked(Mode.GROUP)
    due = loop.timer
    loop.now += 1000
    loop.crash()
    assert loop.timer == due


def test_an_answer_that_was_stored_before_a_crash_takes_effect_after_it():
    loop = parked(Mode.GROUP, plan={"hooks": tuple(Hook)})
    loop.tell(ResponseGiven(at=loop.now, by="grace", step="s1", type="approve"))
    loop.crash()
    loop.settle()
    assert loop.hooks == [("s1", "on_approve"), ("s1", "on_approve")]
    assert loop.flow.status.status == "success"


def test_one_lane_may_wait_while_another_works():
    script = scripted(b=Work(blocked=True))
    loop = FlowLoop(group(plan("P"), step("b"), parallel=True), mode=Mode.GROUP, script=script).run()
    assert loop.flow.status.status == "approval-awaiting"
    assert not loop.flow.at_rest
    loop.answer("P", "approve")
    assert loop.flow.status.status == "in-progress"
    loop.finish("s2", Work())
    assert loop.flow.status.status == "success"


def test_a_flow_that_two_lanes_wait_in_says_so_until_both_are_answered():
    loop = FlowLoop(group(plan("P"), plan("Q"), parallel=True), mode=Mode.GROUP).run()
    loop.answer("P", "approve")
    assert loop.flow.status.status == "approval-awaiting"
    assert loop.flow.status.metadata["step_id"] == "s2"
    loop.answer("Q", "approve")
    assert loop.flow.status.status == "success"


def test_cancelling_while_a_hook_runs_waits_for_it():
    loop = parked(Mode.GROUP, plan={"hooks": tuple(Hook)})
    loop.tell(ResponseGiven(at=loop.now, by="grace", step="s1", type="approve"))
    loop.tell(CancelRequested(at=loop.now, by="grace"))
    assert not loop.flow.ended
    loop.settle()
    assert loop.flow.ended
    assert loop.statuses() == {"P": "cancelled", "A": "cancelled"}


def test_an_approval_shows_the_plan():
    loop = parked(Mode.GROUP)
    assert loop.row("P").output == CHANGES
    assert loop.row("P").approval.type == "changes"
