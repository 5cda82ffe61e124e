"""What holds for every template and every course of events. The engine is driven by a plain loop: it is pure."""

import tracemalloc
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from runtime.engine.draft import Draft, begin, replay
from runtime.engine.events import (
    CancelRequested,
    Change,
    DrainBegan,
    ResultRendered,
    Resumed,
    RetryDue,
    RunRequested,
    StepCut,
    StepFinished,
)
from runtime.engine.records import LoopContracted, StepChanged, StepInterrupted, StepReturned, StepStarted
from runtime.engine.states import RUNNABLE, StepState, is_final
from runtime.engine.task import child_name
from runtime.templates.model import ForeachStrategy, Template
from tests.support.plain_loop import Loop, Outcome
from tests.support.plans import plan, step

CUSTOM = "CUSTOM"
LOOP = {"foreach": "[...]", "foreach_strategy": ForeachStrategy.PARALLEL}
CHAIN = {"foreach": "[...]", "foreach_strategy": ForeachStrategy.SEQUENCE}


@st.composite
def templates(draw, most=6):
    """Acyclic templates: each step may need earlier ones, in DONE, in a custom state, or in any."""
    names = [f"s{index}" for index in range(draw(st.integers(1, most)))]
    steps = {}
    for index, name in enumerate(names):
        needed = draw(st.lists(st.sampled_from(names[:index]), unique=True, max_size=3)) if index else []
        suffixes = [draw(st.sampled_from(["", ":ANY", ":DONE", f":{CUSTOM}", f":DONE,{CUSTOM}"])) for _ in needed]
        steps[name] = step(
            *[one + suffix for one, suffix in zip(needed, suffixes, strict=True)],
            custom_states=[CUSTOM],
            idempotent=draw(st.booleans()),
            max_retries=draw(st.sampled_from([0, 1, 2])),
            **draw(st.sampled_from([{}, {}, {}, LOOP, CHAIN])),
        )
    return plan(result_format=draw(st.sampled_from([{}, {"x": "y"}])), **steps)


RETURNED = st.sampled_from(["DONE", "CLIENT_ERROR", "SERVER_ERROR", "FATAL_ERROR", "WAITING", "TO_RETRY"])
SET = st.sampled_from(["DONE", "PRUNE", "TO_RETRY", "RETRY_NOW", "FATAL_ERROR", "CLIENT_ERROR", CUSTOM])


def outcomes(names, *, own_only=False):
    targets = st.just(None) if own_only else st.one_of(st.none(), st.sampled_from(names))
    return st.tuples(RETURNED, st.lists(st.tuples(targets, SET), max_size=2), st.integers(0, 3))


def outcome_of(drawn, name):
    state, changes, size = drawn
    changes = tuple(Change(step=target or name, state=value) for target, value in changes)
    return Outcome(state, changes=changes, items=tuple(range(size)))


def check_indexes(task):
    """The derived indexes say what a look at every step would."""
    names = list(task.steps)
    assert {*names} == {*task.plan.template.steps, *task.children}
    for name in names:
        progress = task.steps[name]
        needs = task.graph.needs[name]
        unsettled = sum(not settled(task, need.step) for need in needs)
        unmet = sum(
            not (settled(task, need.step) if need.any else task.steps[need.step].state in need.states) for need in needs
        )
        assert task.pending[name] == (unmet, unsettled), name
        assert (name in task.ready) == (unmet == 0 and progress.state in RUNNABLE), name
    assert task.live == sum(task.steps[name].live for name in names)
    for name, loop in task.loops.items():
        children = [task.steps[child_name(name, index)] for index in range(loop.size)]
        assert loop.open == sum(not is_final(child.state) for child in children)
        assert loop.live == sum(child.live for child in children)
    tally = Counter(task.steps[name].state for name in names if not is_final(task.steps[name].state))
    assert dict(task.tally) == tally


def settled(task, name):
    return is_final(task.steps[name].state) and all(settled(task, need.step) for need in task.graph.needs[name])


class Courses(RuleBasedStateMachine):
    """Any template, any course of events: reports in any order, cancels, drains, late and repeated messages."""

    @initialize(template=templates())
    def submit(self, template: Template) -> None:
        self.loop = Loop(template, run_max=5)
        self.names = list(template.steps)
        self.asked = False
        self.lost: set[str] = set()
        self.looked_at = 0
        self.old: list[StepFinished] = []

    @rule()
    def run(self):
        self.asked = True
        self.loop.tell(RunRequested(at=self.loop.now))

    @precondition(lambda self: self.loop.running)
    @rule(data=st.data())
    def finish_one(self, data):
        started = self.loop.running.pop(data.draw(st.integers(0, len(self.loop.running) - 1)))
        drawn = data.draw(outcomes(self.names))
        self.loop.script = lambda name, _attempt: outcome_of(drawn, name)
        report = self.loop.report(started)
        self.old.append(report)
        self.loop.tell(report)

    @precondition(lambda self: len(self.loop.running) > 1)
    @rule(data=st.data())
    def finish_all_at_once(self, data):
        running, self.loop.running = self.loop.running, []
        drawn = data.draw(outcomes(self.names))
        self.loop.script = lambda name, _attempt: outcome_of(drawn, name)
        self.loop.tell(*[self.loop.report(started) for started in running])

    @precondition(lambda self: self.loop.running)
    @rule()
    def lose_one(self):
        self.loop.tell(self.loop.cut(self.loop.running.pop()))

    @precondition(lambda self: self.loop.retry)
    @rule()
    def retry(self):
        self.loop.tell(RetryDue(at=self.loop.now, run=self.loop.retry.run))

    @precondition(lambda self: self.loop.rendering)
    @rule()
    def render(self):
        self.loop.rendering = False
        self.loop.tell(ResultRendered(at=self.loop.now, result={}))

    @precondition(lambda self: self.old)
    @rule()
    def repeat_an_old_report(self):
        assert not self.loop.tell(self.old[0]).records

    @rule(step=st.sampled_from(["s0", "s1", "nobody"]), attempt=st.integers(-1, 3))
    def tell_nonsense(self, step, attempt):
        started = {(one.step, one.attempt) for one in self.loop.running}
        if (step, attempt) not in started:
            cut = StepCut(at=0, step=step, attempt=attempt, requester="?", reason="?")
            assert not self.loop.tell(cut).records

    @rule()
    def restart(self):
        self.loop.running.clear()
        self.loop.rendering = False
        task = replay(self.loop.records)
        assert task == self.loop.task
        self.loop.tell(Resumed(at=self.loop.now, reason="restart"))

    @rule(chance=st.integers(0, 9))
    def cancel(self, chance):
        if chance == 0:
            self.loop.tell(CancelRequested(at=self.loop.now, requester="x", reason="y"))

    @rule(chance=st.integers(0, 9))
    def drain(self, chance):
        if chance == 0:
            self.loop.tell(DrainBegan(at=self.loop.now, requester="x", reason="y"))

    @invariant()
    def replaying_the_records_gives_the_state(self):
        assert replay(self.loop.records) == self.loop.task

    @invariant()
    def the_indexes_are_exact(self):
        check_indexes(self.loop.task)

    @invariant()
    def what_the_state_says_runs_is_what_was_started(self):
        live = {name for name, progress in self.loop.task.steps.items() if progress.live}
        assert live == {started.step for started in self.loop.running}

    @invariant()
    def an_open_run_has_something_to_wait_for(self):
        """Otherwise the task would hang."""
        if str(self.loop.task.resolution) == "RUNNING" and not self.loop.rendering:
            assert self.loop.task.live > 0

    @invariant()
    def what_may_have_half_run_starts_again_only_at_somebodys_word(self):
        for record in self.loop.records[self.looked_at :]:
            match record:
                case StepInterrupted(step=name, state="CRASHED"):
                    self.lost.add(name)
                case StepReturned(step=name) | StepChanged(step=name):
                    self.lost.discard(name)
                case LoopContracted(step=loop):
                    self.lost = {name for name in self.lost if not name.startswith(f"{loop}-")}
                case StepStarted(step=name):
                    assert name not in self.lost or self.asked
        self.looked_at = len(self.loop.records)
        self.asked = False

    @invariant()
    def attempts_are_counted_once(self):
        for name in self.names:
            returned = [
                one for one in self.loop.records if isinstance(one, StepReturned) and one.step == name and one.tried
            ]
            started = [one.attempt for one in self.loop.records if isinstance(one, StepStarted) and one.step == name]
            assert self.loop.task.steps[name].tries == len(returned)
            assert started == list(range(1, len(started) + 1))

    def teardown(self):
        if hasattr(self, "loop") and self.loop.task.state.ended and not self.loop.running:
            before = self.loop.task
            for event in (RunRequested(at=0), RetryDue(at=0, run=before.run), ResultRendered(at=0, result={})):
                assert not self.loop.tell(event).records
            assert self.loop.task is before


TestCourses = Courses.TestCase
TestCourses.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)


@settings(deadline=None)
@given(templates(), st.data())
def test_no_step_starts_while_a_need_of_it_is_open(template, data):
    drawn = {name: data.draw(outcomes(list(template.steps))) for name in template.steps}
    loop = Loop(template, lambda name, _attempt: outcome_of(drawn[name.partition("-")[0]], name))
    loop.run(lambda count: data.draw(st.integers(0, count - 1)))
    draft = Draft(begin(loop.records[0]))
    for record in loop.records[1:]:
        if isinstance(record, StepStarted):
            assert draft.pending[record.step][0] == 0
        draft.apply(record)


@settings(deadline=None)
@given(templates(), st.data())
def test_the_order_in_which_steps_finish_does_not_change_the_final_states(template, data):
    """As long as conditions speak of their own step only; those that change others may well race."""
    drawn = {name: data.draw(outcomes([], own_only=True)) for name in template.steps}

    def ends(pick):
        loop = Loop(template, lambda name, _attempt: outcome_of(drawn[name.partition("-")[0]], name))
        return loop.run(pick).resolution, loop.states()

    first = ends(lambda _count: 0)
    assert ends(lambda count: count - 1) == first
    assert ends(lambda count: data.draw(st.integers(0, count - 1))) == first


def decided(template):
    """Bytes allocated at the peak of one decision in the middle of a task, and the records it made."""
    loop = Loop(template)
    loop.tell(RunRequested(at=0))
    report = loop.report(loop.running.pop(0))
    tracemalloc.start()
    decision = loop.tell(report)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, len(decision.records)


def test_a_decision_costs_what_changed_not_the_size_of_the_task():
    small, large = (
        decided(
            plan(**{f"s{index}": step() for index in range(size)}, join=step(*[f"s{index}" for index in range(size)]))
        )
        for size in (100, 10_000)
    )
    assert large[1] == small[1] == 1
    assert large[0] < 3 * small[0]


def test_the_states_are_all_known_to_the_predicates():
    assert {state for state in StepState if is_final(state)} == {StepState.DONE, StepState.PRUNE}
