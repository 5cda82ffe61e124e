"""Loops: expanded into children, contracted into results (spec section 6.11)."""

import pytest

from runtime.engine.events import Change, EditSteps, LoopUnrolled, PauseRequested, RunRequested
from runtime.engine.records import EditedStep, LoopContracted
from runtime.engine.states import ResolutionState, TaskState
from runtime.templates.model import Condition, ConditionScope, ConditionType, ForeachStrategy
from tests.support.plain_loop import Loop, Outcome, scripted
from tests.support.plans import plan, step


def loop_step(*dependencies, strategy=ForeachStrategy.PARALLEL, **fields):
    return step(*dependencies, foreach="[...]", foreach_strategy=strategy, **fields)


def chain(*dependencies, **fields):
    return loop_step(*dependencies, strategy=ForeachStrategy.SEQUENCE, **fields)


def test_a_loop_runs_a_child_per_item_and_keeps_their_results_in_order():
    def script(name, _attempt):
        return Outcome(output=f"did {name}", items=("a", "b", "c"))

    loop = Loop(plan(each=loop_step(), after=step("each")), script)
    task = loop.run(lambda count: count - 1)
    assert task.state is TaskState.DONE
    assert loop.started == ["each", "each-0", "each-1", "each-2", "after"]
    assert task.steps["each"].children == [
        {"state": "DONE", "metadata": {"iterator": item}, "output": f"did each-{index}"}
        for index, item in enumerate("abc")
    ]
    assert task.values["step"]["each"]["children"] == task.steps["each"].children
    assert set(task.steps) == {"each", "after"}


def test_children_of_a_parallel_loop_run_together():
    loop = Loop(plan(each=loop_step()), lambda *_: Outcome(items=(1, 2, 3)))
    loop.tell(RunRequested(at=0))
    loop.finish()
    assert [started.step for started in loop.running] == ["each-0", "each-1", "each-2"]
    assert loop.states() == {"each": "EXPANDED", "each-0": "RUNNING", "each-1": "RUNNING", "each-2": "RUNNING"}


def test_an_empty_loop_is_done_with_no_children():
    loop = Loop(plan(each=loop_step(), after=step("each")), lambda *_: Outcome(items=()))
    assert loop.run().state is TaskState.DONE
    assert loop.task.steps["each"].children == []


def test_children_that_were_pruned_leave_nothing():
    loop = Loop(plan(each=loop_step()), scripted({"each": [Outcome(items=(1, 2))], "each-0": [Outcome("PRUNE")]}))
    loop.run()
    assert [child["metadata"]["iterator"] for child in loop.task.steps["each"].children] == [2]


def test_a_loop_that_was_done_in_a_run_is_done_anew_in_the_next_at_the_earliest():
    """Also if it had been expanded in a run before: no loop runs its children twice in one."""
    outcomes = {
        "each": [Outcome(items=(1,))],
        "each-0": [Outcome("SERVER_ERROR"), Outcome()],
        "after": [Outcome(changes=(Change(step="each", state="TO_RETRY"),)), Outcome()],
    }
    loop = Loop(plan(each=loop_step(), after=step("each")), scripted(outcomes))
    loop.run()
    assert loop.retry_now().resolution is ResolutionState.ERROR
    assert loop.states() == {"each": "TO_RETRY", "after": "DONE"}
    assert loop.retry_now().resolution is ResolutionState.ERROR
    assert loop.states() == {"each": "EXPANDED", "each-0": "SERVER_ERROR", "after": "DONE"}
    assert loop.retry_now().state is TaskState.DONE


def test_a_loop_whose_needs_went_for_good_while_its_items_were_looked_for_is_pruned_and_not_stuck():
    gone = Outcome(changes=(Change(step="need", state="PRUNE"),))
    loop = Loop(
        plan(need=step(), other=step("need"), each=loop_step("need"), after=step("each")), scripted({"other": [gone]})
    )
    assert loop.run().state is TaskState.DONE
    assert loop.states() == {"need": "PRUNE", "other": "DONE", "each": "PRUNE", "after": "PRUNE"}


def test_an_error_keeps_the_loop_open_and_only_the_failed_child_runs_again():
    outcomes = {"each": [Outcome(items=(1, 2, 3))], "each-1": [Outcome("SERVER_ERROR"), Outcome()]}
    loop = Loop(plan(each=loop_step(), after=step("each")), scripted(outcomes))
    assert loop.run().resolution is ResolutionState.ERROR
    assert loop.states() == {
        "after": "TODO",
        "each": "EXPANDED",
        "each-0": "DONE",
        "each-1": "SERVER_ERROR",
        "each-2": "DONE",
    }
    assert loop.retry_now().state is TaskState.DONE
    assert loop.started == ["each", "each-0", "each-1", "each-2", "each-1", "after"]


def test_a_sequence_runs_one_after_the_other_and_stops_at_an_error():
    outcomes = {"each": [Outcome(items=(0, 1, 2, 3))], "each-2": [Outcome("SERVER_ERROR"), Outcome()]}
    loop = Loop(plan(each=chain()), scripted(outcomes))
    assert loop.run().resolution is ResolutionState.ERROR
    assert loop.states() == {
        "each": "EXPANDED",
        "each-0": "DONE",
        "each-1": "DONE",
        "each-2": "SERVER_ERROR",
        "each-3": "TODO",
    }
    assert loop.retry_now().state is TaskState.DONE
    assert len(loop.task.steps["each"].children) == 4


def test_what_follows_a_pruned_child_of_a_sequence_is_pruned():
    loop = Loop(plan(each=chain()), scripted({"each": [Outcome(items=(0, 1, 2))], "each-0": [Outcome("PRUNE")]}))
    assert loop.run().state is TaskState.DONE
    assert loop.task.steps["each"].children == []
    assert loop.started == ["each", "each-0"]


@pytest.mark.parametrize("state", ["CLIENT_ERROR", "WAITING", "FATAL_ERROR"])
def test_the_verdict_is_that_of_the_children(state):
    loop = Loop(plan(each=loop_step()), scripted({"each": [Outcome(items=(0, 1))], "each-0": [Outcome(state)]}))
    expected = {"CLIENT_ERROR": "BLOCKED_BADREQUEST", "WAITING": "WAITING", "FATAL_ERROR": "BLOCKED_FATAL"}
    assert loop.run().resolution == expected[state]


def test_a_child_may_have_the_whole_loop_retried_from_scratch_in_the_next_run():
    retried = Outcome(output=1, changes=(Change(step="each", state="TO_RETRY", error="again"),))
    outcomes = {"each": [Outcome(items=(0, 1, 2))], "each-2": [retried, Outcome()]}
    loop = Loop(plan(each=loop_step(), after=step("each")), scripted(outcomes))
    assert loop.run().resolution is ResolutionState.ERROR
    assert loop.states() == {"after": "TODO", "each": "TO_RETRY"}
    assert loop.task.steps["each"].children is None
    loop.script = lambda *_: Outcome(items=(0, 1, 2))
    assert loop.retry_now().state is TaskState.DONE
    assert len(loop.task.steps["each"].children) == 3


def test_a_loop_that_was_expanded_in_an_earlier_run_is_retried_in_the_next_one_too():
    retried = Outcome(changes=(Change(step="each", state="TO_RETRY"),))
    outcomes = {"each": [Outcome(items=(0,))], "each-0": [Outcome("SERVER_ERROR"), retried]}
    loop = Loop(plan(each=loop_step()), scripted(outcomes))
    loop.run()
    assert loop.retry_now().resolution is ResolutionState.ERROR
    assert loop.states() == {"each": "TO_RETRY"}
    loop.script = lambda *_: Outcome(items=(0,))
    assert loop.retry_now().state is TaskState.DONE
    assert loop.started == ["each", "each-0", "each-0", "each", "each-0"]


def test_the_children_of_a_loop_wait_until_what_it_depends_on_was_done_anew():
    expired = Outcome(changes=(Change(step="login", state="TO_RETRY"), Change(step="each-0", state="TO_RETRY")))
    outcomes = {"each": [Outcome(items=(0, 1))], "each-0": [expired, Outcome()]}
    loop = Loop(plan(login=step(), each=chain("login"), after=step("each")), scripted(outcomes))
    assert loop.run().resolution is ResolutionState.ERROR
    assert loop.retry_now().state is TaskState.DONE
    assert loop.started == ["login", "each", "each-0", "login", "each-0", "each-1", "after"]


def test_children_not_yet_started_do_not_start_once_the_loop_is_to_be_retried():
    outcomes = {
        "each": [Outcome(items=(0, 1, 2))],
        "each-0": [Outcome(changes=(Change(step="each", state="TO_RETRY"),))],
    }
    loop = Loop(plan(each=chain()), scripted(outcomes))
    loop.run()
    assert loop.started == ["each", "each-0"]
    assert loop.states() == {"each": "TO_RETRY"}


def test_a_late_report_of_a_child_that_is_gone_is_ignored():
    loop = Loop(plan(each=loop_step()), lambda *_: Outcome(items=(0,)))
    loop.tell(RunRequested(at=0))
    loop.finish()
    report = loop.report(loop.running[0])
    loop.settle()
    assert not loop.tell(report).records


def test_a_loop_that_was_set_to_an_error_beforehand_stays_there():
    loop = Loop(
        plan(a=step(), each=loop_step("a")),
        scripted({"a": [Outcome(changes=(Change(step="each", state="FATAL_ERROR"),))]}),
    )
    assert loop.run().resolution is ResolutionState.BLOCKED_FATAL
    assert loop.started == ["a"]


def test_a_skipped_loop_has_no_children():
    loop = Loop(plan(each=loop_step(), after=step("each")), scripted({"each": [Outcome("PRUNE")]}))
    assert loop.run().state is TaskState.DONE
    assert loop.states() == {"after": "PRUNE", "each": "PRUNE"}


def test_a_name_that_is_taken_is_an_error_of_the_loop():
    loop = Loop(plan(each=loop_step(), **{"each-1": step()}), lambda *_: Outcome(items=(0, 1)))
    assert loop.run().resolution is ResolutionState.BLOCKED_FATAL
    assert 'there is a step called "each-1" already' in loop.task.steps["each"].error


def test_a_need_for_any_end_of_a_loop_waits_for_its_contraction():
    loop = Loop(plan(each=loop_step(), after=step("each:ANY")), lambda *_: Outcome(items=(0, 1)))
    loop.tell(RunRequested(at=0))
    loop.finish()
    assert "after" not in loop.started
    assert loop.settle().state is TaskState.DONE
    assert loop.started[-1] == "after"


def test_an_interrupted_search_for_items_is_simply_made_again():
    loop = Loop(plan(each=loop_step(idempotent=False)))
    loop.tell(RunRequested(at=0))
    loop.tell(loop.cut(loop.running.pop()))
    assert loop.task.resolution is ResolutionState.ERROR
    assert loop.retry_now().state is TaskState.DONE


def test_a_cancelled_task_does_not_expand_a_loop():
    loop = Loop(plan(each=loop_step()))
    loop.tell(RunRequested(at=0))
    [started] = loop.running
    loop.running.clear()
    loop.cancel()
    loop.tell(LoopUnrolled(at=0, step="each", attempt=started.attempt, items=(1, 2)))
    assert loop.states() == {"each": "TO_RETRY"}
    assert loop.task.at_rest


def test_children_do_what_the_loop_says_but_for_its_own_skip_conditions():
    conditions = [
        Condition(type=ConditionType.SKIP, foreach=ConditionScope.PARENT),
        Condition(type=ConditionType.SKIP, foreach=ConditionScope.CHILDREN),
        Condition(type=ConditionType.CHECK),
    ]
    loop = Loop(plan(each=loop_step(conditions=conditions, execution_delay=3.0, idempotent=True)))
    loop.tell(RunRequested(at=0))
    loop.finish()
    child = loop.task.definition("each-0")
    assert (child.foreach, child.execution_delay, child.idempotent) == (None, 3.0, True)
    assert list(child.conditions) == conditions[1:]


def test_a_contraction_is_one_record_whatever_the_number_of_children():
    loop = Loop(plan(each=loop_step()), lambda *_: Outcome(items=tuple(range(500))))
    loop.run()
    assert sum(isinstance(record, LoopContracted) for record in loop.records) == 1
    assert len(loop.task.steps["each"].children) == 500


@pytest.mark.parametrize("kind", [{"foreach": "[...]", "foreach_strategy": ForeachStrategy.SEQUENCE}, {}])
def test_a_loop_that_somebody_rewrites_is_done_anew_and_nothing_is_left_of_its_children(kind):
    outcomes = {"each": [Outcome(items=(1, 2)), Outcome(items=(1,))], "each-1": [Outcome("CLIENT_ERROR")]}
    loop = Loop(plan(each=loop_step(), after=step("each")), scripted(outcomes))
    loop.run()
    loop.tell(PauseRequested(at=loop.now, requester="x", reason="", force=False))
    edited = {"each": EditedStep(definition=step(**kind), state="TODO")}
    loop.tell(EditSteps(at=loop.now, requester="x", reason="", edits=loop.task.notes.edits, steps=edited, removed=()))
    assert loop.states() == {"each": "TODO", "after": "TODO"}
    loop.started.clear()
    assert loop.run().state is TaskState.DONE
    assert loop.started == (["each", "each-0", "after"] if kind else ["each", "after"])
