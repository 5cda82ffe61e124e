"""What has to do with time: plans that grew old, tries that wait, work that never ends, failures that are gone over."""

import pytest
import trio

from actors import VirtualClock
from runtime import Signal, StepSpec, open_runtime
from runtime.flow.events import RetryStepRequested
from runtime.flow.rows import RetryRule
from runtime.flow.states import Mode
from runtime.runner import Outcome, Runner
from tests.support.live_flow import Nothing
from tests.support.plain_flow import CHANGES, DAY, NO_CHANGES, START, FlowLoop, Work, group, plan, scripted, step

HOUR = 3600.0
BACKOFF = RetryRule(auto=True, max_retries=3, backoff_seconds=60)


@pytest.mark.parametrize("mode", list(Mode))
def test_a_plan_that_is_approved_too_late_is_made_again(mode):
    loop = FlowLoop(plan("P", 1), step("A", 1), step("s", 2), mode=mode).run()
    loop.pass_days(3.5)
    loop.answer("P", "approve")
    assert "more than 72 h old" in loop.flow.steps["s1"].status.metadata["reason"]
    if mode is Mode.GROUP:
        assert loop.groups() == {"g1.0": "discarded", "g1.1": "in-progress", "g2.0": "pending"}
    assert "A" not in loop.executed
    again = next(iter(loop.flow.parked))
    assert loop.flow.steps[again].name == "P (retry 1)"
    loop.answer("P (retry 1)", "approve")
    assert loop.flow.status.status == "success"
    assert loop.executed.count("P") == loop.executed.count("P (retry 1)") == 1


def test_how_old_a_plan_may_be_is_a_setting_and_a_denial_is_never_too_late():
    patient = FlowLoop(plan("P", 1), step("A", 1), mode=Mode.GROUP, plan_seconds=10 * DAY).run()
    assert patient.pass_days(9).answer("P", "approve").flow.status.status == "success"
    denied = FlowLoop(plan("P", 1), step("A", 1), mode=Mode.GROUP).run()
    assert denied.pass_days(9).answer("P", "deny").flow.status.metadata["stopped"] is True


def test_a_lane_whose_plan_grew_old_is_done_again_alone():
    loop = FlowLoop(group(plan("P"), step("a"), parallel=True), mode=Mode.GROUP).run()
    loop.pass_days(4).answer("P", "approve")
    assert loop.executed == ["P", "a", "P (retry 1)"]
    assert loop.answer("P (retry 1)", "approve").flow.status.status == "success"


@pytest.mark.parametrize("mode", [Mode.CHILD, Mode.GROUP])
def test_each_automatic_retry_waits_twice_as_long(mode):
    loop = FlowLoop(step("a", retry=BACKOFF), mode=mode, script=scripted(a=Work(error="boom"))).run()
    for number, wait in enumerate((60, 120, 240), start=1):
        row = loop.row(f"a (retry {number})")
        assert (row.status.status, loop.flow.idle, loop.flow.at_rest) == ("pending", True, False)
        assert row.not_before == pytest.approx(loop.now + wait, abs=5)
        assert loop.flow.next_due == row.not_before
        loop.pass_days((wait - 10) / DAY)
        assert len(loop.executed) == number
        loop.pass_days(15 / DAY)
        assert len(loop.executed) == number + 1
    assert loop.flow.status.metadata["retries_exhausted"] is True


def test_asking_for_the_retry_cuts_the_wait_short():
    loop = FlowLoop(step("a", retry=BACKOFF), mode=Mode.GROUP, script=scripted(a=[Work(error="boom"), Work()])).run()
    loop.ask(RetryStepRequested(at=loop.now, by="grace", step=loop.id_of("a (retry 1)")))
    assert loop.refusal is None
    assert loop.flow.status.status == "success"


@pytest.mark.parametrize(("mode", "status"), [(Mode.CHILD, "not-attempted"), (Mode.GROUP, "cancelled")])
def test_a_retry_that_waits_outlives_a_crash_and_is_cancelled_with_its_flow(mode, status):
    loop = FlowLoop(step("a", retry=BACKOFF), mode=mode, script=scripted(a=[Work(error="boom"), Work()])).run()
    loop.crash()
    assert loop.executed == ["a"]
    loop.pass_days(70 / DAY)
    assert loop.flow.status.status == "success"
    other = FlowLoop(step("a", retry=BACKOFF), mode=mode, script=scripted(a=Work(error="boom"))).run().cancel()
    other.pass_days(1)
    assert other.statuses() == {"a": "error", "a (retry 1)": status}
    assert other.executed == ["a"]
    assert other.flow.ended
    assert not other.flow.delayed


def test_a_whole_group_waits_before_it_is_tried_again():
    rule = RetryRule(auto=True, group=True, backoff_seconds=60)
    fails_once = scripted(b=[Work(error="boom"), Work()])
    loop = FlowLoop(group(step("a", retry=rule), step("b", retry=rule)), mode=Mode.GROUP, script=fails_once).run()
    assert loop.executed == ["a", "b"]
    loop.pass_days(70 / DAY)
    assert loop.executed == ["a", "b", "a (retry 1)", "b (retry 1)"]
    assert loop.flow.status.status == "success"


def test_a_lane_that_waits_holds_no_other_up():
    script = scripted(a=[Work(error="boom"), Work()])
    loop = FlowLoop(
        group(step("a", retry=BACKOFF), step("b"), plan("P"), parallel=True), mode=Mode.GROUP, script=script
    ).run()
    assert loop.executed == ["a", "b", "P"]
    assert loop.timer == loop.flow.next_due < START + HOUR, "the first thing that is due, not the approval"
    loop.pass_days(70 / DAY)
    assert loop.executed[-1] == "a (retry 1)"
    assert loop.answer("P", "approve").flow.status.status == "success"


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("rule", [RetryRule(), RetryRule(auto=True, max_retries=1)])
def test_a_flow_goes_on_over_a_failure_that_may_be_skipped(mode, rule):
    fails = scripted(a=Work(error="boom"))
    loop = FlowLoop(step("a", 1, skip_on_failure=True, retry=rule), step("b", 2), mode=mode, script=fails).run()
    tries = 2 if rule.auto and mode is not Mode.FLAT else 1
    assert loop.executed == [*["a", "a (retry 1)"][:tries], "b"]
    told = loop.row(loop.executed[tries - 1]).status.metadata
    assert (told["skipped_on_failure"], told["reason"]) == (True, "boom")
    assert told.get("err_message") == ("boom" if mode is Mode.FLAT else None)
    assert loop.flow.status.status == "success"
    assert not loop.flow.failed


def test_a_plan_without_changes_is_asked_about_where_it_is_not_skipped_or_something_failed_before():
    asked = FlowLoop(plan("P", 1, skip_noop=False), step("A", 1), mode=Mode.GROUP, script=unchanged).run()
    assert (asked.statuses()["P"], asked.row("P").status.metadata["noop"]) == ("approval-awaiting", True)
    rule = RetryRule(auto=True, group=True)
    fails_once = [Work(error="boom"), Work()]

    def script(one):
        name = one.name.partition(" (")[0]
        plans = [Work(output=CHANGES), Work(output=NO_CHANGES)]
        return (plans if name == "P" else fails_once)[one.generation]

    loop = FlowLoop(group(plan("P", retry=rule), step("A", retry=rule)), mode=Mode.GROUP, script=script).run()
    loop.answer("P", "approve")
    assert loop.statuses()["P (retry 1)"] == "approval-awaiting", "nobody knows what the failed apply applied"


def unchanged(_step):
    return Work(output=NO_CHANGES)


class Endless(Runner[Nothing]):
    """Never ends by itself."""

    name = "endless"
    config = Nothing

    async def run(self, _request):
        await trio.sleep_forever()
        return Outcome()


async def test_work_that_does_not_end_in_time_is_cut_and_failed(autojump_clock):
    slow = {"signal": Signal(type="endless"), "timeout_seconds": 30.0}
    document = {
        "kind": "flow",
        "groups": [
            {"steps": [{"name": "a", **slow}, {"name": "b", **slow}], "parallel": True},
            {"steps": [{"name": "c", **slow}, {"name": "d", **slow}]},
        ],
    }
    for one in document["groups"]:
        for each in one["steps"]:
            each["signal"] = {"type": "endless"}
    async with open_runtime(runners=[Endless()], clock=VirtualClock(START)) as runtime:
        flow = await runtime.flow(document)
        view = await flow.wait()
        assert trio.current_time() == pytest.approx(30, abs=1)
        assert view.failed == ("s1", "s2")
        assert view.step("a").status.metadata["reason"] == "it did not end within 30 s"
        assert [one.timeout_seconds for one in view.groups] == [30.0, 60.0]


def test_a_negative_time_is_refused():
    with pytest.raises(ValueError, match="timeout_seconds"):
        StepSpec(name="a", timeout_seconds=-1.0)
