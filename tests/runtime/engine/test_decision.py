"""What `decide` makes of single situations; the laws over all situations are in test_laws."""

import pytest

from runtime.engine.draft import Draft
from runtime.engine.effects import StartStep, StopSteps
from runtime.engine.events import Change, PauseRequested, ResultRendered, RetryDue, RunRequested, StepCut
from runtime.engine.records import RunEnded, StepChanged
from runtime.engine.states import ResolutionState, TaskState
from runtime.errors import Conflict
from tests.support.plain_loop import Loop, Outcome, scripted
from tests.support.plans import plan, step


def states(loop):
    return loop.states()


def test_steps_run_when_what_they_need_is_done():
    loop = Loop(plan(a=step(), b=step("a"), c=step("a", "b")))
    assert loop.run().state is TaskState.DONE
    assert loop.started == ["a", "b", "c"]


def test_steps_without_needs_start_together():
    loop = Loop(plan(a=step(), b=step(), c=step()))
    loop.tell(RunRequested(at=0))
    assert [effect.step for effect in loop.running] == ["a", "b", "c"]


def test_a_task_without_steps_is_done_on_its_first_run():
    assert Loop(plan()).run().state is TaskState.DONE


def test_an_error_holds_what_depends_on_it_and_the_next_run_goes_on_there():
    loop = Loop(plan(a=step(), b=step("a"), c=step("b")), scripted({"b": [Outcome("SERVER_ERROR", "oops"), Outcome()]}))
    task = loop.run()
    assert task.resolution is ResolutionState.ERROR
    assert task.course.next_retry == pytest.approx(loop.now + 10)  # 8 s times 1.25, after one try
    assert states(loop) == {"a": "DONE", "b": "SERVER_ERROR", "c": "TODO"}
    assert loop.retry_now().state is TaskState.DONE
    assert loop.started == ["a", "b", "b", "c"]


@pytest.mark.parametrize(
    ("state", "resolution"),
    [
        ("CLIENT_ERROR", ResolutionState.BLOCKED_BADREQUEST),
        ("FATAL_ERROR", ResolutionState.BLOCKED_FATAL),
        ("SERVER_ERROR", ResolutionState.ERROR),
        ("TO_RETRY", ResolutionState.ERROR),
        ("AFTERRUN_ERROR", ResolutionState.ERROR),
        ("WAITING", ResolutionState.WAITING),
        ("A_CUSTOM_STATE", ResolutionState.DONE),
        ("PRUNE", ResolutionState.DONE),
    ],
)
def test_the_verdict_follows_from_what_is_left(state, resolution):
    assert (
        Loop(plan(a=step(custom_states=["A_CUSTOM_STATE"])), lambda *_: Outcome(state)).run().resolution is resolution
    )


def test_the_worst_state_gives_the_verdict():
    outcomes = {"a": [Outcome("WAITING")], "b": [Outcome("SERVER_ERROR")], "c": [Outcome("CLIENT_ERROR")]}
    loop = Loop(plan(a=step(), b=step(), c=step(), d=step("a")), scripted(outcomes))
    assert loop.run().resolution is ResolutionState.BLOCKED_BADREQUEST


def test_a_need_for_a_custom_state_is_met_by_it_and_pruned_by_any_other_end():
    template = plan(a=step(custom_states=["FOO"]), b=step("a:FOO"), c=step("a"), d=step("c"), e=step("a:DONE,FOO"))
    loop = Loop(template, scripted({"a": [Outcome(changes=(Change(step="a", state="FOO", error="why"),))]}))
    assert loop.run().state is TaskState.DONE
    assert states(loop) == {"a": "FOO", "b": "DONE", "c": "PRUNE", "d": "PRUNE", "e": "DONE"}
    assert loop.task.steps["a"].error == "why"
    assert loop.task.steps["a"].returned == "DONE"


def test_pruning_stops_at_a_need_for_any_end():
    loop = Loop(plan(a=step(), b=step("a"), c=step("b:ANY")), scripted({"a": [Outcome("PRUNE")]}))
    assert loop.run().state is TaskState.DONE
    assert states(loop) == {"a": "PRUNE", "b": "PRUNE", "c": "DONE"}


def test_a_need_for_any_end_waits_for_everything_upstream_to_end():
    template = plan(one=step(), two=step("one"), three=step("two"), four=step("three:ANY"))
    outcomes = {
        "one": [Outcome(changes=(Change(step="three", state="PRUNE"),))],
        "two": [Outcome("FATAL_ERROR"), Outcome()],
    }
    loop = Loop(template, scripted(outcomes))
    assert loop.run().resolution is ResolutionState.BLOCKED_FATAL
    assert states(loop) == {"one": "DONE", "two": "FATAL_ERROR", "three": "PRUNE", "four": "TODO"}
    assert loop.run().state is TaskState.DONE
    assert states(loop)["four"] == "DONE"


def test_a_step_runs_once_in_a_run_even_when_it_is_set_to_retry():
    loop = Loop(
        plan(a=step(), b=step("a")),
        scripted({"b": [Outcome(changes=(Change(step="a", state="TO_RETRY"),)), Outcome()]}),
    )
    assert loop.run().resolution is ResolutionState.ERROR
    assert loop.started == ["a", "b"]
    assert loop.retry_now().state is TaskState.DONE
    assert loop.started == ["a", "b", "a"]


@pytest.mark.parametrize("tried", [True, False])
def test_retry_now_runs_again_in_the_same_run_until_its_retries_are_used_up_even_if_it_is_skipped(tried):
    again = (Change(step="a", state="RETRY_NOW", error="again"),)
    loop = Loop(plan(a=step(max_retries=3)), lambda *_: Outcome(output="kept", changes=again, tried=tried))
    task = loop.run()
    assert task.run == 1
    assert task.resolution is ResolutionState.BLOCKED_FATAL
    assert task.steps["a"].tries == 4
    assert task.steps["a"].output == "kept"
    assert task.steps["a"].error == "max retries reached (3): again"


def test_that_the_retries_are_used_up_is_said_once_however_often_a_step_is_run_again():
    loop = Loop(plan(a=step(max_retries=1)), lambda *_: Outcome("CLIENT_ERROR", "down"))
    for _ in range(4):
        loop.run()
    assert (loop.task.steps["a"].tries, loop.task.steps["a"].error) == (2, "max retries reached (1): down")


def test_retries_are_counted_over_runs():
    loop = Loop(plan(a=step(max_retries=1)), lambda *_: Outcome("SERVER_ERROR", "down"))
    loop.run()
    loop.retry_now()
    assert loop.task.steps["a"].tries == 2
    assert loop.retry_now().resolution is ResolutionState.BLOCKED_FATAL
    assert loop.task.steps["a"].tries == 2


def test_negative_retries_are_without_limit():
    loop = Loop(plan(a=step(max_retries=-1)), lambda *_: Outcome("SERVER_ERROR"), run_max=100_000)
    loop.run()
    for _ in range(200):
        loop.retry_now()
    assert loop.task.steps["a"].tries == 201


def test_runs_are_limited_too():
    loop = Loop(plan(a=step()), lambda *_: Outcome("SERVER_ERROR"), run_max=2)
    assert loop.run().resolution is ResolutionState.ERROR
    assert loop.retry_now().resolution is ResolutionState.BLOCKED_MAXRETRIES


def test_a_skipped_step_is_not_a_try():
    loop = Loop(plan(a=step()), lambda *_: Outcome(tried=False))
    assert loop.run().steps["a"].tries == 0


def test_after_afterrun_error_only_the_checks_are_asked_again():
    unclear = (Change(step="a", state="AFTERRUN_ERROR", error="cannot say"),)
    loop = Loop(
        plan(a=step()), scripted({"a": [Outcome(output="x", changes=unclear), Outcome(output="x", tried=False)]})
    )
    assert loop.run().resolution is ResolutionState.ERROR
    assert loop.task.steps["a"].returned == "DONE"
    loop.tell(RetryDue(at=loop.retry.due, run=1))
    assert loop.running == [StartStep("a", 2, step())]
    assert loop.task.steps["a"].before == "AFTERRUN_ERROR"
    assert loop.settle().state is TaskState.DONE
    assert loop.task.steps["a"].tries == 1


def test_checks_are_asked_again_even_if_the_retries_are_used_up():
    unclear = Outcome(changes=(Change(step="a", state="AFTERRUN_ERROR", error="cannot say"),))
    outcomes = [Outcome("SERVER_ERROR"), unclear, Outcome(tried=False)]
    loop = Loop(plan(a=step(max_retries=1)), scripted({"a": outcomes}))
    loop.run()
    loop.retry_now()
    assert loop.task.steps["a"].tries == 2
    assert loop.retry_now().state is TaskState.DONE


def test_a_result_is_rendered_once_everything_is_settled():
    loop = Loop(plan(a=step(), result_format={"x": "{{.step.a.output}}"}))
    loop.tell(RunRequested(at=0))
    loop.finish()
    assert loop.rendering
    assert loop.task.resolution is ResolutionState.RUNNING
    assert loop.settle().course.result == {"rendered": True}


@pytest.mark.parametrize("event", [RunRequested(at=1)])
def test_a_running_task_cannot_be_run(event):
    loop = Loop(plan(a=step()))
    loop.tell(event)
    [refusal] = loop.tell(event).refusals
    assert isinstance(refusal, Conflict)


def test_an_ended_task_cannot_be_run_or_cancelled():
    loop = Loop(plan(a=step()))
    loop.run()
    assert isinstance(loop.tell(RunRequested(at=1)).refusals[0], Conflict)
    assert isinstance(loop.cancel().refusals[0], Conflict)


def test_cancelling_cuts_what_runs_and_every_cut_step_says_who_and_why():
    loop = Loop(plan(a=step(idempotent=True), b=step(), c=step("a")))
    loop.tell(RunRequested(at=0))
    decision = loop.cancel("wrong customer")
    assert decision.effects == [StopSteps("somebody", "wrong customer")]
    assert loop.task.state is TaskState.CANCELLED
    assert states(loop) == {"a": "TO_RETRY", "b": "CRASHED", "c": "TODO"}
    assert loop.task.steps["b"].error == "interrupted by somebody: wrong customer"
    assert loop.task.at_rest


def test_what_a_step_did_before_the_cancel_reached_it_is_kept_and_nothing_follows():
    loop = Loop(plan(a=step(), b=step("a")))
    loop.tell(RunRequested(at=0))
    report = loop.report(loop.running[0])
    loop.script = lambda *_: Outcome()
    running, loop.running = loop.running, []
    loop.cancel()
    loop.tell(report)
    assert states(loop) == {"a": "DONE", "b": "TODO"}
    assert loop.task.state is TaskState.CANCELLED
    assert running


def test_a_late_report_is_ignored():
    loop = Loop(plan(a=step()), lambda *_: Outcome("SERVER_ERROR"))
    loop.tell(RunRequested(at=0))
    late = loop.report(loop.running[0])
    loop.settle()
    before = loop.task
    assert not loop.tell(late).records
    assert not loop.tell(StepCut(at=0, step="a", attempt=1, requester="x", reason="y")).records
    assert not loop.tell(StepCut(at=0, step="nobody", attempt=1, requester="x", reason="y")).records
    assert loop.task is before


def test_what_is_in_flight_through_a_pause_counts_for_the_run_after_it():
    """Else a step that crashed there would start again unasked."""
    loop = Loop(plan(a=step()))
    loop.tell(RunRequested(at=0))
    loop.tell(PauseRequested(at=0, requester="x", reason="", force=True))
    loop.tell(RunRequested(at=0))
    loop.tell(loop.cut(loop.running.pop()))
    assert not loop.running
    assert loop.task.resolution is ResolutionState.BLOCKED_TOCHECK


@pytest.mark.parametrize("idempotent", [True, False])
def test_a_step_whose_owner_died_is_done_again_only_when_that_does_no_harm(idempotent):
    loop = Loop(plan(a=step(idempotent=idempotent), b=step()))
    for record in (
        StepChanged(at=0, step="a", state="RUNNING", error="", by="a"),
        RunEnded(at=0, state=ResolutionState.CRASHED),
    ):
        draft = Draft(loop.task)
        draft.apply(record)
        loop.records.append(record)
        loop.task = draft.freeze()
    assert loop.run().resolution is (ResolutionState.DONE if idempotent else ResolutionState.BLOCKED_TOCHECK)
    assert loop.started == (["a", "b"] if idempotent else [])
    assert loop.task.run == int(idempotent)
    assert loop.run().resolution is ResolutionState.DONE  # at a person's word
    assert loop.replayed() == loop.task


def test_a_late_retry_due_is_ignored():
    loop = Loop(plan(a=step()), lambda *_: Outcome("SERVER_ERROR"))
    loop.run()
    loop.run()
    assert not loop.tell(RetryDue(at=loop.now, run=1)).records
    assert not loop.tell(RetryDue(at=loop.retry.due - 1, run=2)).records
    assert loop.tell(RetryDue(at=loop.retry.due, run=2)).records


def test_a_result_nobody_waits_for_is_ignored():
    loop = Loop(plan(a=step()))
    assert not loop.tell(ResultRendered(at=0, result={})).records


def test_a_condition_may_change_a_running_step_whose_own_report_wins():
    loop = Loop(plan(a=step(), b=step()), scripted({"a": [Outcome(changes=(Change(step="b", state="PRUNE"),))]}))
    loop.tell(RunRequested(at=0))
    loop.finish(0)
    assert states(loop)["b"] == "PRUNE"
    assert loop.settle().state is TaskState.DONE
    assert states(loop)["b"] == "DONE"


def test_a_change_of_a_step_that_is_not_there_is_ignored():
    loop = Loop(plan(a=step()), lambda *_: Outcome(changes=(Change(step="ghost", state="DONE"),)))
    loop.run()
    assert not any(isinstance(record, StepChanged) for record in loop.records)


def test_a_drain_lets_what_runs_finish_and_starts_nothing():
    from runtime.engine.events import DrainBegan

    loop = Loop(plan(a=step(), b=step("a")))
    loop.tell(RunRequested(at=0))
    loop.tell(DrainBegan(at=0, requester="host", reason="deploy"))
    task = loop.settle()
    assert states(loop) == {"a": "DONE", "b": "TODO"}
    assert task.resolution is ResolutionState.CRASHED
    assert task.course.next_retry is not None
    assert task.idle


def test_a_drain_that_finds_the_last_step_running_ends_the_task_normally():
    from runtime.engine.events import DrainBegan

    loop = Loop(plan(a=step()))
    loop.tell(RunRequested(at=0))
    loop.tell(DrainBegan(at=0, requester="host", reason="deploy"))
    assert loop.settle().state is TaskState.DONE


def test_a_batch_of_events_is_one_decision():
    loop = Loop(plan(a=step(), b=step(), c=step("a", "b")))
    loop.tell(RunRequested(at=0))
    reports = [loop.report(one) for one in loop.running]
    loop.running.clear()
    decision = loop.tell(*reports)
    assert [effect.step for effect in decision.effects] == ["c"]


@pytest.mark.parametrize("idempotent", [True, False])
def test_a_rebuilt_task_takes_what_was_in_flight_for_lost(idempotent):
    from runtime.engine.events import Resumed

    loop = Loop(plan(a=step(), b=step(idempotent=idempotent)))
    loop.tell(RunRequested(at=0))
    loop.finish(0)
    loop.running.clear()
    loop.tell(Resumed(at=9, reason="the process died"))
    if idempotent:
        assert (loop.task.resolution, loop.task.run) == (ResolutionState.RUNNING, 2)
        assert loop.settle().state is TaskState.DONE
    else:
        assert loop.task.resolution is ResolutionState.BLOCKED_TOCHECK
        assert states(loop)["b"] == "CRASHED"
        assert loop.run().state is TaskState.DONE


def test_a_rebuilt_task_that_only_lacked_its_result_renders_it_again():
    from runtime.engine.events import Resumed

    loop = Loop(plan(a=step(), result_format={"x": "y"}))
    loop.tell(RunRequested(at=0))
    loop.finish()
    loop.rendering = False
    loop.tell(Resumed(at=9, reason="x"))
    assert loop.rendering
    assert loop.settle().state is TaskState.DONE


def test_a_rebuilt_task_that_slept_until_a_retry_has_its_timer_armed_again():
    from runtime.engine.events import Resumed

    loop = Loop(plan(a=step()), lambda *_: Outcome("SERVER_ERROR"))
    loop.run()
    armed, loop.retry = loop.retry, None
    loop.tell(Resumed(at=9, reason="x"))
    assert loop.retry == armed


def test_a_run_ends_in_one_record():
    loop = Loop(plan(a=step()))
    loop.run()
    assert sum(isinstance(record, RunEnded) for record in loop.records) == 1
