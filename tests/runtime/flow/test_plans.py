"""Sections 9 and 10: A27 to A36."""

import pytest

from runtime.flow.noop import PLAN_READERS, PlanUnreadable, reader_of
from runtime.flow.rows import Violation
from runtime.flow.states import ApprovalOption, ExecutionType, Mode, OnError, OnPolicyFailure
from tests.support.plain_flow import CHANGES, NO_CHANGES, Evaluation, FlowLoop, Work, plan, scripted, step

MODES = pytest.mark.parametrize("mode", list(Mode))
NOTHING_TO_DO = scripted(P=Work(output=NO_CHANGES))
DENY = Violation(policy_id="no-deletes", severity="deny", message="deletes")
WARN = Violation(policy_id="small", severity="warn", message="big")
KEYS = {"deny_violations", "warn_violations", "passed_policy_ids"}


@MODES
def test_a27_a_plan_without_changes_is_skipped_with_its_apply(mode):
    target = {"target_type": "deploy", "target_id": "d"}
    loop = FlowLoop(plan("P", 1, **target), step("A", 1), step("s", 2), mode=mode, script=NOTHING_TO_DO).run()
    assert loop.statuses() == {"P": "auto-skipped", "A": "auto-skipped", "s": "success"}
    assert loop.row("P").approval is None
    assert loop.flow.targets[("deploy", "d")].status == "auto-skipped"
    assert loop.flow.status.status == "success"


@MODES
def test_a28_only_a_step_of_its_own_group_is_skipped_with_a_plan(mode):
    loop = FlowLoop(plan("P", 1), step("s", 2), mode=mode, script=NOTHING_TO_DO).run()
    assert loop.statuses() == {"P": "auto-skipped", "s": "success"}


@MODES
@pytest.mark.parametrize("plan_only", [True, False])
def test_what_applies_a_plan_is_found_behind_what_only_goes_with_it_and_before_the_next_plan(mode, plan_only):
    steps = [plan("P", 1), step("note", 1, execution_type=ExecutionType.HIDDEN), step("A", 1), step("check", 1)]
    loop = FlowLoop(*steps, mode=mode, script=NOTHING_TO_DO, plan_only=plan_only).run()
    assert loop.statuses() == {
        "P": "approved" if plan_only else "auto-skipped",
        "note": "success",
        "A": "auto-skipped",
        "check": "success",
    }
    two = FlowLoop(plan("P", 1), plan("P2", 1), step("A2", 1), mode=mode, script=NOTHING_TO_DO, plan_only=plan_only)
    assert two.run().executed == ["P", "P2"]
    assert two.statuses()["A2"] == ("auto-skipped" if plan_only else "pending")


@pytest.mark.parametrize("mode", [Mode.CHILD, Mode.GROUP])
def test_a_plan_without_changes_may_skip_its_group(mode):
    steps = [plan("P", 1, skip_group=True), step("A", 1), step("after", 1), step("s", 2)]
    loop = FlowLoop(*steps, mode=mode, script=NOTHING_TO_DO).run()
    assert loop.statuses() == {"P": "auto-skipped", "A": "auto-skipped", "after": "discarded", "s": "success"}


@MODES
def test_a29_a_replacement_is_a_change(mode):
    script = scripted(P=Work(output={"changes": [{"actions": ["delete", "create"]}]}))
    loop = FlowLoop(plan("P", 1), step("A", 1), mode=mode, script=script).run()
    assert loop.statuses()["P"] == "approval-awaiting"


@MODES
def test_a30_a_plan_only_flow_waits_for_nobody_and_applies_nothing(mode):
    target = {"target_type": "deploy", "target_id": "d"}
    loop = FlowLoop(plan("P", 1, **target), step("A", 1), step("s", 2), mode=mode, plan_only=True).run()
    assert loop.statuses() == {"P": "approved", "A": "auto-skipped", "s": "success"}
    metadata = loop.row("P").status.metadata
    assert (metadata["plan_only"], metadata["no_op"], metadata["status"]) == (True, False, "auto-approved")
    assert loop.flow.targets[("deploy", "d")].status == "drifted"
    assert loop.executed == ["P", "s"]
    assert loop.row("P").approval is None


@MODES
def test_a31_a_plan_only_flow_says_that_nothing_drifted(mode):
    target = {"target_type": "deploy", "target_id": "d"}
    loop = FlowLoop(plan("P", 1, **target), mode=mode, plan_only=True, script=NOTHING_TO_DO).run()
    row = loop.row("P")
    assert row.status.status == "approved"
    assert [one.status for one in row.status.history][-1] == "auto-skipped"
    assert row.status.metadata["no_op"] is True
    assert loop.flow.targets[("deploy", "d")].status == "no-drift"


@MODES
def test_a32_without_a_plan_the_step_fails(mode):
    loop = FlowLoop(plan("P", 1), mode=mode, script=scripted(P=Work(output=None))).run()
    assert loop.statuses() == {"P": "error"}
    assert "missing" in loop.row("P").status.metadata["reason"]
    assert loop.flow.status.status == "error"


@MODES
def test_a33_a_policy_that_denies_fails_the_plan_whoever_would_approve_it(mode):
    loop = FlowLoop(plan("P", 1), step("A", 1), mode=mode, approval_option=ApprovalOption.APPROVE_ALL)
    loop.evaluation = Evaluation(evaluated=("no-deletes", "small", "fine"), violations=(DENY, WARN))
    loop.run()
    row = loop.row("P")
    assert row.status.status == "error"
    assert [one["message"] for one in row.status.metadata["deny_violations"]] == ["deletes"]
    assert [one["message"] for one in row.status.metadata["warn_violations"]] == ["big"]
    assert row.status.metadata["passed_policy_ids"] == ["fine"]
    assert "1 policy violation" in row.status.metadata["reason"]
    assert "policy" in row.status.description
    assert row.approval is None
    assert loop.flow.status.status == "error"
    assert "A" not in loop.executed


@MODES
def test_a34_warnings_do_not_block_and_stay_visible(mode):
    loop = FlowLoop(plan("P", 1), step("A", 1), mode=mode)
    loop.evaluation = Evaluation(evaluated=("small",), violations=(WARN,))
    loop.run()
    assert loop.statuses()["P"] == "approval-awaiting"
    assert set(loop.row("P").status.metadata) >= KEYS
    loop.answer("P", "approve")
    assert set(loop.row("P").status.metadata) >= KEYS
    assert loop.flow.status.status == "success"


@MODES
def test_a35_without_policies_nothing_is_written(mode):
    loop = FlowLoop(plan("P", 1), step("A", 1), mode=mode).run()
    assert not set(loop.row("P").status.metadata) & (KEYS | {"policy_error"})


@MODES
def test_a36_an_evaluation_that_breaks_is_recorded_and_fails_open_unless_told_otherwise(mode):
    loop = FlowLoop(plan("P", 1), mode=mode)
    loop.evaluation = Evaluation(error="no such rule")
    loop.run()
    assert loop.statuses() == {"P": "approval-awaiting"}
    assert loop.row("P").status.metadata["policy_error"].endswith("no such rule")
    closed = FlowLoop(plan("P", 1), mode=mode, on_policy_failure=OnPolicyFailure.CLOSED)
    closed.evaluation = loop.evaluation
    closed.run()
    assert closed.statuses() == {"P": "error"}
    assert closed.row("P").status.metadata["policy_error"].endswith("no such rule")


def test_a_plan_without_changes_is_not_held_against_policies_unless_it_is_all_there_is():
    for plan_only in (False, True):
        loop = FlowLoop(plan("P", 1), mode=Mode.GROUP, script=NOTHING_TO_DO, plan_only=plan_only)
        loop.evaluation = Evaluation(evaluated=("x",), violations=(DENY,))
        loop.run()
        assert loop.statuses() == {"P": "error" if plan_only else "auto-skipped"}


def test_the_clone_of_a_plan_starts_without_policy_keys():
    loop = FlowLoop(plan("P", 1), mode=Mode.GROUP)
    loop.evaluation = Evaluation(evaluated=("small",), violations=(WARN,))
    loop.run()
    loop.evaluation = Evaluation()
    loop.answer("P", "retry")
    assert set(loop.row("P").status.metadata) >= KEYS
    assert not set(loop.row("P (retry 1)").status.metadata) & KEYS


DENIED = Evaluation(evaluated=("no-deletes",), violations=(DENY,))


@pytest.mark.parametrize("mode", [Mode.FLAT, Mode.CHILD])
@pytest.mark.parametrize("why", ["policy", "failure"])
def test_a_flow_that_goes_on_over_errors_ends_before_what_nobody_approved(mode, why):
    script = scripted(P=[Work(error="boom"), Work(output=CHANGES)] if why == "failure" else Work(output=CHANGES))
    specs = (step("h", 1), plan("P", 1), step("hook", 1, execution_type=ExecutionType.HIDDEN), step("A", 1))
    loop = FlowLoop(*specs, step("s", 2), mode=mode, script=script, on_error=OnError.CONTINUE)
    loop.evaluation = DENIED if why == "policy" else Evaluation()
    loop.run()
    assert loop.executed == ["h", "P", "hook"]
    assert (loop.row("A").status.status, loop.row("s").status.status) == ("not-attempted", "not-attempted")
    assert loop.flow.status.status == "error"
    says = "boom" if why == "failure" else "1 policy violation denies the plan"
    assert loop.flow.status.metadata["error_message"] == (
        f'step "P" (s2): {says}; nothing is applied that nobody approved'
    )
    loop.evaluation = Evaluation()
    loop.retry("P").answer("P (retry 1)", "approve")
    assert loop.executed[3:] == ["P (retry 1)", "A", "s"]
    assert loop.flow.status.status == "success"


@pytest.mark.parametrize("answer", ["deny", ""])
def test_a_rerun_of_a_step_before_a_plan_that_was_refused_does_not_apply_it(answer):
    """A denial, or an approval that expired, stands whatever is retried or skipped before it."""
    script = scripted(h=Work(error="boom"))
    loop = FlowLoop(step("h", 1), plan("P", 1), step("A", 1), mode=Mode.FLAT, script=script, on_error=OnError.CONTINUE)
    loop.run()
    if answer:
        loop.answer("P", answer)
    else:
        loop.pass_days(31)
    assert loop.flow.status.status == "error"
    loop.skip("h")
    assert loop.refusal is None
    assert loop.executed == ["h", "P"]
    assert (loop.row("A").status.status, loop.flow.status.status) == ("not-attempted", "error")


@MODES
def test_a_plan_whose_failure_is_passed_over_takes_its_apply_along(mode):
    loop = FlowLoop(plan("P", 1, skip_on_failure=True), step("A", 1), step("s", 2), mode=mode)
    loop.script = scripted(P=Work(error="boom"))
    loop.run()
    assert loop.statuses() == {"P": "error", "A": "auto-skipped", "s": "success"}
    assert loop.row("A").status.metadata["reason"] == "its plan, step s1, failed"


@MODES
@pytest.mark.parametrize("status", ["auto-skipped", "user-skipped"])
def test_a_plan_that_skipped_itself_takes_its_apply_along(mode, status):
    loop = FlowLoop(plan("P", 1), step("A", 1), step("s", 2), mode=mode, script=scripted(P=Work(status=status))).run()
    assert loop.statuses() == {"P": status, "A": status, "s": "success"}
    assert loop.executed == ["P", "s"]


@pytest.mark.parametrize("mode", [Mode.CHILD, Mode.GROUP])
def test_a_plan_that_asks_by_itself_is_held_against_the_policies_all_the_same(mode):
    script = scripted(P=Work(output=CHANGES, directive="await-approval"))
    loop = FlowLoop(plan("P", 1), step("A", 1), mode=mode, script=script)
    loop.evaluation = DENIED
    loop.run()
    assert loop.row("P").status.status == "error"
    assert loop.row("P").approval is None


@pytest.mark.parametrize("mode", [Mode.FLAT, Mode.CHILD])
def test_a_rerun_that_skips_a_plan_skips_its_apply_whoever_forgot_to_say_so(mode):
    loop = FlowLoop(plan("P", 1), step("A", 1), step("s", 2), mode=mode, script=scripted(P=Work(error="boom"))).run()
    loop.rerun("P", "skip-step")
    assert loop.statuses() == {"P": "user-skipped", "A": "user-skipped", "s": "success"}


def test_a_rerun_skips_along_only_what_has_not_ended():
    script = scripted(a=Work(directive="skip-group"), c=Work(error="boom"))
    loop = FlowLoop(step("a", 1), step("b", 1), step("c", 2), step("d", 2), mode=Mode.CHILD, script=script).run()
    loop.rerun("c", "skip-step", additional_skip_step_ids=(loop.id_of("b"),))
    assert loop.statuses() == {"a": "success", "b": "discarded", "c": "user-skipped", "d": "success"}


@pytest.mark.parametrize(
    ("kind", "contents", "no_op"),
    [
        ("changes", CHANGES, False),
        ("changes", NO_CHANGES, True),
        ("changes", {"changes": []}, True),
        ("changes", {}, True),
        ("changes", {"changes": [{"action": "no-op"}]}, True),
        ("changes", {"changes": [{"actions": ["no-op", "no-op"]}]}, False),
        ("changes", {"changes": [{"actions": []}]}, False),
        ("terraform_plan", "", False),
        ("terraform_plan", {}, True),
        ("terraform_plan", '{"resource_changes": [{"change": {"actions": ["no-op"]}}]}', True),
        ("terraform_plan", '{"resource_changes": [{"change": {"actions": ["delete", "create"]}}]}', False),
        ("terraform_plan", {"resource_changes": [{"change": {"actions": ["no-op"]}}]}, True),
        ("terraform_plan", {"resource_changes": [{"change": {"actions": ["create"]}}]}, False),
        ("terraform_plan", {"output_changes": {"x": {"actions": ["update"]}}}, False),
        ("terraform_plan", {"output_changes": {"x": {"actions": ["no-op"]}}}, True),
        ("terraform_plan", {"deferred_changes": [{}]}, False),
        ("helm_approval", {"diff": ""}, True),
        ("helm_approval", {}, True),
        ("helm_approval", {"diff": "+ x"}, False),
        ("kubernetes_manifest_approval", {"diff": []}, True),
        ("kubernetes_manifest_approval", {"diff": [{"type": "unchanged"}]}, True),
        ("kubernetes_manifest_approval", {"diff": [{"type": "changed"}]}, False),
        ("noop", {}, True),
        ("approve-all", {}, False),
    ],
)
def test_whether_a_plan_changes_anything(kind, contents, no_op):
    assert reader_of(kind, contents, PLAN_READERS)(contents) is no_op


@pytest.mark.parametrize(
    ("kind", "contents"),
    [
        ("changes", None),
        ("changes", "text"),
        ("changes", {"change": [{"actions": ["delete"]}]}),
        ("changes", {"changes": "x"}),
        ("changes", {"changes": ["x"]}),
        ("changes", {"changes": [{"actions": "x"}]}),
        ("terraform_plan", "text"),
        ("terraform_plan", "[]"),
        ("terraform_plan", {"resource_changes": {}}),
        ("helm_approval", []),
        ("kubernetes_manifest_approval", {"diff": ["x"]}),
        ("terrafrom_plan", {}),
    ],
)
def test_a_plan_that_cannot_be_read_is_an_error_and_not_a_guess(kind, contents):
    with pytest.raises(PlanUnreadable):
        reader_of(kind, contents, PLAN_READERS)(contents)
