"""An attempt that somebody has cut has failed, once, and what follows is what follows from an error of its action."""

import pytest

from runtime.engine.draft import replay
from runtime.engine.effects import StopStep
from runtime.engine.events import (
    DrainBegan,
    EditStepState,
    InterruptRequested,
    OrderChildren,
    PauseRequested,
    Resumed,
    RunRequested,
)
from runtime.engine.records import AttemptInterrupted, StepReturned, StepStarted
from runtime.engine.states import ResolutionState, TaskState
from runtime.engine.task import NO_NOTES
from runtime.errors import Conflict, NotFound
from runtime.wishes import AwaitCallback, OpenCallback
from tests.runtime.engine.test_laws import CHAIN, LOOP, order
from tests.support.plain_loop import Loop, Outcome, scripted
from tests.support.plans import plan, step

SAID = "interrupted by ann: it hangs"


def running(*, script=None, **steps):
    """A task whose first steps are in flight."""
    loop = Loop(plan(**steps), *([script] if script else []))
    loop.tell(RunRequested(at=loop.now))
    return loop


def asked(loop, name="a", **fields):
    return InterruptRequested(at=loop.now, requester="ann", reason="it hangs", step=name, **fields)


def interrupt(loop, name="a", **fields):
    decision = loop.tell(asked(loop, name, **fields))
    assert loop.replayed() == loop.task
    return decision


def cut(loop, name="a"):
    """Let the cut get to an attempt."""
    started = next(one for one in loop.running if one.step == name)
    loop.running.remove(started)
    decision = loop.tell(loop.cut(started, "ann", "it hangs"))
    assert loop.replayed() == loop.task
    return decision


def interrupted(loop, name="a", **fields):
    """Interrupt an attempt, and let the cut get to it."""
    interrupt(loop, name, **fields)
    cut(loop, name)


def try_again(loop):
    """Begin the run that is due next; nothing reports by itself."""
    loop.now = loop.retry.due
    loop.tell(RunRequested(at=loop.now))


def refused(loop, name="a", **fields):
    """Give why it is refused, which leaves no trace."""
    before = loop.task
    decision = interrupt(loop, name, **fields)
    assert not decision.records
    assert not decision.effects
    assert loop.task is before
    (refusal,) = decision.refusals
    assert isinstance(refusal, Conflict)
    return str(refusal)


@pytest.mark.parametrize("idempotent", [False, True])
def test_it_is_recorded_then_cut_and_then_has_failed_and_is_tried_again(idempotent):
    loop = running(a=step(idempotent=idempotent), b=step("a"))
    decision = interrupt(loop)
    (record,) = decision.records
    assert record == AttemptInterrupted(at=loop.now, requester="ann", reason="it hangs", step="a", attempt=1)
    assert decision.effects == [StopStep("a", 1, "ann", "it hangs")]
    assert loop.states() == {"a": "RUNNING", "b": "TODO"}
    cut(loop)
    progress = loop.task.steps["a"]
    assert (progress.state, progress.returned, progress.error, progress.tries) == (
        "SERVER_ERROR",
        "SERVER_ERROR",
        SAID,
        1,
    )
    assert loop.task.resolution is ResolutionState.ERROR
    assert loop.task.course.next_retry == pytest.approx(loop.now + 10)  # as after any error: 8 s times 1.25
    assert loop.retry_now().state is TaskState.DONE


def test_what_uses_up_the_retries_says_so():
    loop = running(a=step(max_retries=1))
    for _ in range(2):
        interrupted(loop)
        try_again(loop)
    assert not loop.running
    assert loop.task.resolution is ResolutionState.BLOCKED_FATAL
    assert loop.task.steps["a"].error == f"max retries reached (1): {SAID}"


def test_without_retry_it_has_failed_for_good_until_somebody_runs_it():
    loop = running(a=step(), b=step("a"))
    interrupted(loop, retry=False)
    assert loop.task.steps["a"].state == "FATAL_ERROR"
    assert loop.task.resolution is ResolutionState.BLOCKED_FATAL
    assert loop.run().state is TaskState.DONE


def test_the_last_word_holds_on_whether_it_is_tried_again_and_the_same_word_is_recorded_once():
    loop = running(a=step())
    interrupt(loop)
    again = interrupt(loop)
    assert (again.records, again.effects, again.refusals) == ([], [], [None])
    assert interrupt(loop, retry=False).records
    cut(loop)
    assert loop.task.steps["a"].state == "FATAL_ERROR"


@pytest.mark.parametrize("late", [False, True])
def test_of_an_outcome_and_a_cut_that_meet_one_counts(late):
    """In one turn, in either order: where the outcome is there first, nothing is left to interrupt."""
    loop = running(a=step(), b=step("a"))
    report, wanted = loop.report(loop.running.pop()), asked(loop)
    decision = loop.tell(*((report, wanted) if late else (wanted, report)))
    assert [type(one) for one in decision.refusals if one] == ([Conflict] if late else [])
    assert loop.states()["a"] == "DONE"
    assert sum(isinstance(one, StepReturned) for one in loop.records) == 1
    ended = next(one for one in loop.records if isinstance(one, StepStarted))
    assert not loop.tell(loop.cut(ended)).records  # should the cut still be told
    assert loop.task.steps["a"].tries == 1
    assert loop.settle().state is TaskState.DONE
    assert loop.replayed() == loop.task


@pytest.mark.parametrize(("retry", "state"), [(True, "SERVER_ERROR"), (False, "FATAL_ERROR")])
def test_what_fails_by_itself_as_it_is_cut_says_both(retry, state):
    loop = running(a=step(), script=scripted({"a": [Outcome("SERVER_ERROR", "the reply was cut")]}))
    interrupt(loop, retry=retry)
    loop.finish()
    assert loop.states() == {"a": state}
    assert loop.task.steps["a"].error == f"{SAID}; it said: the reply was cut"
    assert loop.replayed() == loop.task


@pytest.mark.parametrize("state", ["DONE", "CLIENT_ERROR", "FATAL_ERROR", "WAITING"])
def test_any_other_end_is_its_own(state):
    loop = running(a=step(), script=scripted({"a": [Outcome(state, "own")]}))
    interrupt(loop, retry=False)
    (own,) = [one for one in loop.finish().records if isinstance(one, StepReturned)]
    assert (own.state, own.error) == (state, "own")


def test_the_next_attempt_is_not_interrupted_with_the_one_before():
    loop = running(a=step(idempotent=True))
    interrupted(loop)
    try_again(loop)
    assert "its attempt 2 is running, and not 1" in refused(loop, attempt=1)
    loop.tell(loop.cut(loop.running.pop(), "shutdown", "bye"))
    assert (loop.task.steps["a"].state, loop.task.steps["a"].error) == ("TO_RETRY", "interrupted by shutdown: bye")


def test_a_step_that_is_not_running_says_what_it_is_and_what_to_do():
    outcomes = {
        "done": [Outcome()],
        "failed": [Outcome("SERVER_ERROR", "no")],
        "blocked": [Outcome("CLIENT_ERROR", "no")],
        "pruned": [Outcome("PRUNE")],
        "own": [Outcome("CUSTOM")],
        "lost": [Outcome("WAITING")],
        "calls": [Outcome("WAITING", wishes=(OpenCallback(id="c1", secret="s"), AwaitCallback(id="c1")))],
        "asks": [Outcome("WAITING", wishes=(OrderChildren(batch="x", orders=tuple(map(order, "pqrs"))),))],
        "each": [Outcome(items=(1, 2, 3, 4, 5))],
    }
    steps = {name: step() for name in outcomes} | {"each": step(**LOOP), "last": step("failed")}
    loop = running(script=scripted(outcomes), **steps)
    for _ in outcomes:
        loop.finish()
    for name, words in {
        "done": "it is DONE (it has ended)",
        "pruned": "it is PRUNE (it has ended)",
        "own": "it is CUSTOM (it has ended)",
        "failed": "it is SERVER_ERROR (it waits to be tried again: pause the task to keep it from that)",
        "blocked": "it is CLIENT_ERROR (nothing of it runs)",
        "last": "it is TODO (it has not begun)",
        "lost": "it is WAITING (it waits for something: see to that, or pause the task and put the step in another",
        "calls": "it waits for callback c1: see to that",
        "asks": "it waits for task p, task q, task r: see to that",
        "each": "it is EXPANDED (it is a loop: interrupt a child of it, such as each-0, each-1, each-2)",
    }.items():
        assert f'step "{name}" of task t cannot be interrupted: ' in refused(loop, name)
        assert words in refused(loop, name)


def test_a_step_that_nobody_knows_is_not_found():
    (refusal,) = interrupt(running(fetch=step()), "fecth").refusals
    assert isinstance(refusal, NotFound)
    assert 'did you mean "fetch"' in str(refusal)


def test_a_child_of_a_loop_is_interrupted_alone():
    loop = running(each=step(**CHAIN), last=step("each"))
    loop.finish()
    interrupted(loop, "each-0")
    assert loop.states() == {"each": "EXPANDED", "each-0": "SERVER_ERROR", "each-1": "TODO", "last": "TODO"}
    assert loop.retry_now().state is TaskState.DONE


def test_a_loop_that_finds_its_items_is_no_try():
    loop = running(each=step(**LOOP))
    interrupted(loop, "each")
    assert (loop.task.steps["each"].state, loop.task.steps["each"].tries) == ("SERVER_ERROR", 0)
    assert loop.retry_now().state is TaskState.DONE


def test_where_only_the_checks_are_asked_again_the_action_is_not_done_again():
    loop = running(a=step(), script=scripted({"a": [Outcome("AFTERRUN_ERROR", "unclear", {"x": 1})]}))
    loop.finish()
    try_again(loop)
    interrupted(loop)
    progress = loop.task.steps["a"]
    assert (progress.state, progress.error, progress.tries, progress.output) == ("AFTERRUN_ERROR", SAID, 1, {"x": 1})


def test_the_attempts_of_a_cancelled_task_are_cut_already():
    loop = running(a=step())
    (started,) = loop.running
    loop.running = []  # the cut takes its time
    loop.cancel()
    assert "the task was cancelled, and what runs of it is being cut" in refused(loop)
    loop.tell(loop.cut(started, "somebody", "enough"))
    assert "it is CRASHED" in refused(loop)


def test_what_is_in_flight_in_a_task_that_is_held_lets_it_be_edited():
    loop = running(a=step(), b=step())
    loop.finish(1)
    loop.tell(PauseRequested(at=loop.now, requester="ann", reason="", force=True))
    edit = EditStepState(at=loop.now, requester="ann", reason="", step="a", state="DONE")
    (refusal,) = loop.tell(edit).refusals
    assert "interrupt them" in str(refusal)
    interrupted(loop)
    assert loop.task.idle
    assert loop.tell(edit).refusals == [None]


def test_in_a_shutdown_it_is_left_to_whoever_is_next():
    loop = running(a=step(), b=step())
    loop.tell(DrainBegan(at=loop.now, requester="host", reason="bye"))
    interrupted(loop)
    loop.finish()
    assert loop.task.resolution is ResolutionState.ERROR
    assert loop.retry.due == loop.now
    assert loop.retry_now().state is TaskState.DONE


@pytest.mark.parametrize(("retry", "state"), [(True, "SERVER_ERROR"), (False, "FATAL_ERROR")])
def test_whoever_goes_on_after_a_crash_takes_it_to_have_been_cut(retry, state):
    """Though the step is not idempotent: somebody has said what is to become of it."""
    loop = running(a=step(), b=step())
    interrupt(loop, retry=retry)
    loop.running.clear()
    assert replay(loop.records) == loop.task
    decision = loop.tell(Resumed(at=loop.now, reason="restart"))
    (failed,) = [one for one in decision.records if isinstance(one, StepReturned)]
    assert (failed.step, failed.state, failed.error) == ("a", state, SAID)
    assert loop.replayed() == loop.task
    assert loop.states()["b"] == "CRASHED"


def test_a_task_in_which_nobody_interrupts_knows_of_none():
    loop = Loop(plan(a=step(), b=step("a")))
    assert loop.run().notes is NO_NOTES


def test_no_more_is_kept_than_may_be_running():
    loop = running(**{f"s{number}": step() for number in range(20)})
    for number in range(20):
        interrupted(loop, f"s{number}")
        assert list(loop.task.notes.interruptions) == [f"s{number}"]
