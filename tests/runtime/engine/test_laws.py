"""What holds for every template and every course of events. The engine is driven by a plain loop: it is pure."""

import tracemalloc
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from runtime.engine import persistent
from runtime.engine.draft import Draft, begin, replay
from runtime.engine.events import (
    CallbackCalled,
    CancelRequested,
    Change,
    ChildrenSubmitted,
    ChildReported,
    DrainBegan,
    EditSteps,
    EditStepState,
    EditTask,
    ExtendRequested,
    InterruptRequested,
    OrderChildren,
    PauseRequested,
    ResultRendered,
    Resumed,
    RetryDue,
    RunRequested,
    StartOverRequested,
    StepCut,
    StepFinished,
)
from runtime.engine.records import (
    ChildOrder,
    EditedStep,
    LoopContracted,
    StepChanged,
    StepInterrupted,
    StepReturned,
    StepsEdited,
    StepStarted,
    StepStateEdited,
    TaskStartedOver,
)
from runtime.engine.states import RUNNABLE, StepState, is_final
from runtime.engine.task import Progress, child_name
from runtime.errors import Conflict
from runtime.journal.listing import relisted
from runtime.journal.protocol import goes_on, standing_of
from runtime.templates.model import ForeachStrategy, Template
from runtime.wishes import AwaitCallback, OpenCallback, SpawnedTask
from tests.support.plain_loop import Loop, Outcome
from tests.support.plans import plan, step

CUSTOM = "CUSTOM"
CALLBACKS = [f"c{number}" for number in range(1, 8)]


def order(task_id):
    return ChildOrder(task_id=task_id, resolution_id="r", template="t", title="", inputs={}, tags={})


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
            max_retries=draw(st.sampled_from([1, 2, 5])),  # not 0: ten thousand tries say no more than five
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
        wait = task.wished.waits.get(name)
        open_ = wait and (wait.callbacks or any(is_open(task.wished.batches[one]) for one in wait.batches))
        asleep = bool(open_) and not wait.woken and progress.state == "WAITING"
        assert (name in task.ready) == (unmet == 0 and progress.state in RUNNABLE and not asleep), name
    assert task.live == sum(task.steps[name].live for name in names)
    for name, loop in task.loops.items():
        children = [task.steps[child_name(name, index)] for index in range(loop.size)]
        assert loop.open == sum(not is_final(child.state) for child in children)
        assert loop.live == sum(child.live for child in children)
    for name, batch in task.wished.batches.items():
        assert name in task.wished.waits[batch.step].batches
        made = batch.spawned.tasks.values()
        assert len(made) == batch.sent
        assert batch.spawned.ended == sum(one.ended for one in made)
        assert batch.busy == sum(not one.ended and one.state != "BLOCKED" for one in made)
        assert not batch.at_most or batch.sent - batch.spawned.ended <= batch.at_most
    assert task.wished.submitting == sum(batch.created < batch.sent for batch in task.wished.batches.values())
    open_ = [task.steps[name] for name in names if not is_final(task.steps[name].state)]
    assert task.open == len(open_)
    assert task.tally == Counter(one.state for one in open_ if not one.live and one.state != "TODO")


def is_open(batch):
    return batch.spawned.remaining or batch.created < batch.sent


def settled(task, name):
    return is_final(task.steps[name].state) and all(settled(task, need.step) for need in task.graph.needs[name])


def rarely(times):
    """True about once in so many times: what is simplest, and so drawn most often, is False."""
    return st.integers(1, times).map(lambda number: number == times)


class Courses(RuleBasedStateMachine):
    """Any template, any course of events: reports in any order, cancels, drains, late and repeated messages.

    Steps wish for children and callbacks, which end and are called at any moment, known or not; operators pause, extend,
    edit and start over whenever they like.
    """

    @initialize(template=templates(), runs=st.sampled_from([True, True, True, False]))
    def submit(self, template: Template, runs: bool) -> None:
        self.loop = Loop(template, run_max=5)
        self.wishes = 0
        self.names = list(template.steps)
        self.asked = False
        self.lost: set[str] = set()
        self.looked_at = 0
        self.old: list[StepFinished] = []
        self.interrupted: dict[str, tuple[int, bool]] = {}
        if runs:
            self.run()

    def now_and_then(self) -> bool:
        return len(self.loop.records) % 7 == 0

    @precondition(lambda self: not self.loop.running or self.now_and_then())
    @rule()
    def run(self):
        self.asked = True
        self.loop.tell(RunRequested(at=self.loop.now))

    @precondition(lambda self: self.loop.running)
    @rule(data=st.data())
    def finish_one(self, data):
        started = self.loop.running.pop(data.draw(st.integers(0, len(self.loop.running) - 1)))
        self.tell_what_it_came_to(started, outcome_of(data.draw(outcomes(self.names)), started.step))

    @precondition(lambda self: any(one.definition.foreach is None for one in self.loop.running))
    @rule(data=st.data())
    def finish_one_that_wishes(self, data):
        """To find the items of a loop is to wish for nothing."""
        started = data.draw(st.sampled_from([one for one in self.loop.running if one.definition.foreach is None]))
        self.loop.running.remove(started)
        wishes = tuple(data.draw(st.lists(self.wish(), min_size=1, max_size=3)))
        self.tell_what_it_came_to(started, Outcome("WAITING", wishes=wishes))

    def tell_what_it_came_to(self, started, outcome):
        self.loop.script = lambda _name, _attempt: outcome
        report = self.loop.report(started)
        self.old.append(report)
        self.loop.tell(report)

    def wish(self):
        """A batch of some children, a callback opened, or one awaited that may be there."""
        self.wishes += 1
        batch = f"b{self.wishes}"
        orders = [order(f"{batch}-{index}") for index in range(4)]
        return st.one_of(
            st.builds(
                lambda size, most: OrderChildren(batch=batch, orders=tuple(orders[:size]), at_most=most),
                st.integers(0, 4),
                st.integers(0, 2),
            ),
            st.just(OpenCallback(id=f"c{self.wishes}", secret="s")),
            st.sampled_from(CALLBACKS).map(lambda name: AwaitCallback(id=name)),
        )

    @precondition(lambda self: self.loop.submitting)
    @rule(refused=st.booleans())
    def create_children(self, refused):
        effect = self.loop.submitting.pop(0)
        lost = SpawnedTask(id=effect.orders[0].task_id, state="REFUSED")
        report = ChildrenSubmitted(at=self.loop.now, batch=effect.batch, refused=(lost,) if refused else ())
        self.loop.tell(report)
        if not any(one.batch == effect.batch for one in self.loop.submitting):
            assert not self.loop.tell(report).records

    @precondition(lambda self: self.loop.task.wished.batches or self.now_and_then())
    @rule(data=st.data(), state=st.sampled_from(["DONE", "DONE", "CANCELLED", "WONTFIX", "BLOCKED"]))
    def hear_of_a_child(self, data, state):
        batches = self.loop.task.wished.batches
        known = [(name, one) for name, batch in batches.items() for one in batch.spawned.tasks] or [("b", "b-0")]
        batch, child = data.draw(st.sampled_from(sorted(known)))
        report = ChildReported(at=self.loop.now, batch=batch, child=SpawnedTask(id=child, state=state))
        self.loop.tell(report)
        assert not self.loop.tell(report).records

    @precondition(lambda self: self.loop.task.wished.callbacks or self.now_and_then())
    @rule(name=st.sampled_from(CALLBACKS), secret=st.sampled_from(["s", "s", "wrong"]))
    def call(self, name, secret):
        decision = self.loop.tell(CallbackCalled(at=self.loop.now, callback=name, secret=secret, body={"x": 1}))
        assert (decision.refusals[0] is None) == bool(decision.records)
        if decision.records:
            assert secret == "s"
            again = self.loop.tell(CallbackCalled(at=self.loop.now, callback=name, secret="s", body={}))
            assert isinstance(again.refusals[0], Conflict)

    def operate(self, event):
        """Any operation either is refused and leaves no trace, or is done."""
        before = self.loop.task
        decision = self.loop.tell(event)
        if decision.refusals[0] is not None:
            assert not decision.records
            assert self.loop.task is before
        return decision.refusals[0] is None

    @rule(force=st.booleans(), rare=rarely(5))
    def pause(self, force, rare):
        if not rare:
            return
        state, resolution = self.loop.task.state, self.loop.task.resolution
        done = self.operate(PauseRequested(at=self.loop.now, requester="x", reason="", force=force))
        assert done is (force or resolution not in {"DONE", "CANCELLED", "RUNNING"})
        assert self.loop.task.state is state

    @precondition(lambda self: self.loop.task.resolution == "BLOCKED_MAXRETRIES" or self.now_and_then())
    @rule()
    def extend(self):
        allowed = self.loop.task.resolution == "BLOCKED_MAXRETRIES"
        assert self.operate(ExtendRequested(at=self.loop.now, requester="x", reason="")) is allowed

    @rule(rare=rarely(8))
    def start_over(self, rare):
        event = StartOverRequested(at=self.loop.now, requester="x", reason="", resolution_id=f"r{self.loop.now}")
        if rare and self.operate(event):
            self.asked = True
            self.lost.clear()
            self.loop.submitting.clear()
            assert self.loop.task.header.resolution_id == event.resolution_id
            assert self.loop.task.run == 1

    @precondition(lambda self: self.loop.task.resolution == "PAUSED" or self.now_and_then())
    @rule(data=st.data(), state=st.sampled_from([*map(str, StepState), CUSTOM, "ANY", "NONSENSE"]))
    def edit_a_state(self, data, state):
        name = data.draw(st.sampled_from([*sorted(self.loop.task.steps), "nobody"]))
        if self.operate(EditStepState(at=self.loop.now, requester="x", reason="", step=name, state=state)):
            assert state not in {"ANY", "NONSENSE"}
            assert self.loop.task.steps[name].state == state

    @precondition(lambda self: self.loop.task.resolution == "PAUSED" or self.now_and_then())
    @rule(
        data=st.data(), state=st.sampled_from(["TODO", "DONE", "WAITING", "SERVER_ERROR", CUSTOM]), late=st.booleans()
    )
    def edit_steps(self, data, state, late):
        task = self.loop.task
        definitions = task.plan.template.steps
        name = data.draw(st.sampled_from([*definitions, "new"]))
        needed = {need.step for one in definitions for need in task.graph.needs[one]}
        kind = data.draw(st.sampled_from([{}, LOOP, CHAIN]))
        needs = definitions[name].dependencies if name in definitions else list(definitions)[:1]
        edited = EditedStep(definition=step(*needs, custom_states=[CUSTOM], **kind), state=state, tries=3)
        removed = [one for one in definitions if one not in needed and one != name and one not in needs]
        event = EditSteps(
            at=self.loop.now,
            requester="x",
            reason="",
            edits=task.notes.edits - late,
            steps={name: edited},
            removed=tuple(removed[:1]) if data.draw(st.booleans()) else (),
        )
        if self.operate(event):
            assert not late
            assert self.loop.task.steps[name].tries == 3
        self.names = list(self.loop.task.plan.template.steps)

    @precondition(lambda self: self.loop.running or self.now_and_then())
    @rule(data=st.data(), late=st.integers(-1, 2), retry=st.booleans())
    def interrupt(self, data, late, retry):
        """It is recorded, and nothing else moves until the attempt ends: cut, or by itself, or with the runtime."""
        before = self.loop.task
        name = data.draw(st.sampled_from([*sorted(before.steps), "nobody"]))
        progress = before.steps.get(name, Progress())
        attempt = max(0, progress.attempt - late) if late >= 0 else 0
        event = InterruptRequested(at=self.loop.now, requester="x", reason="y", step=name, attempt=attempt, retry=retry)
        done = self.operate(event)
        meant = attempt in {0, progress.attempt}
        assert done is (progress.live and meant and before.resolution != "CANCELLED")
        if done:
            assert self.loop.task.steps == before.steps
            assert (self.loop.task.notes is before.notes) == (self.loop.task is before)
            assert not self.loop.tell(event).records
            self.interrupted[name] = (progress.attempt, retry)

    @precondition(lambda self: self.loop.task.resolution in {"PAUSED", "TODO"})
    @rule()
    def edit_task(self):
        header = self.loop.task.header
        self.operate(
            EditTask(
                at=self.loop.now,
                requester="x",
                reason="",
                edits=self.loop.task.notes.edits,
                inputs={},
                title="new",
                tags={},
            )
        )
        assert self.loop.task.header.task_id == header.task_id

    @precondition(lambda self: len(self.loop.running) > 1)
    @rule(data=st.data())
    def finish_all_at_once(self, data):
        running, self.loop.running = self.loop.running, []
        drawn = data.draw(outcomes(self.names))
        self.loop.script = lambda name, _attempt: outcome_of(drawn, name)
        self.loop.tell(*[self.loop.report(started) for started in running])

    @precondition(lambda self: self.loop.running)
    @rule(rare=rarely(3))
    def lose_one(self, rare):
        if not rare:
            return
        started = self.loop.running.pop()
        decision = self.loop.tell(self.loop.cut(started))
        attempt, retry = self.interrupted.get(started.step, (0, True))
        if attempt == started.attempt:
            assert decision.records[0].state in ({"SERVER_ERROR", "AFTERRUN_ERROR"} if retry else {"FATAL_ERROR"})
            assert decision.records[0].error == "interrupted by x: y"
        else:
            assert decision.records[0].state in {"TO_RETRY", "CRASHED"}

    @precondition(lambda self: self.loop.retry)
    @rule()
    def retry(self):
        self.loop.now = max(self.loop.now, self.loop.retry.due)
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

    @rule(rare=rarely(4))
    def restart(self, rare):
        if not rare:
            return
        self.loop.running.clear()
        self.loop.submitting.clear()
        self.loop.rendering = False
        task = replay(self.loop.records)
        assert task == self.loop.task
        self.loop.tell(Resumed(at=self.loop.now, reason="restart"))

    @rule(rare=rarely(20))
    def cancel(self, rare):
        if rare:
            self.loop.tell(CancelRequested(at=self.loop.now, requester="x", reason="y"))

    @rule(rare=rarely(10))
    def drain(self, rare):
        if rare:
            self.loop.tell(DrainBegan(at=self.loop.now, requester="x", reason="y"))

    @invariant()
    def replaying_the_records_gives_the_state(self):
        assert replay(self.loop.records) == self.loop.task

    @invariant()
    def the_indexes_are_exact(self):
        check_indexes(self.loop.task)

    @invariant()
    def a_task_whose_run_goes_on_stands_where_it_stood(self):
        before, self.stood = getattr(self, "stood", self.loop.task), self.loop.task
        if goes_on(before, self.loop.task):
            assert standing_of(before) == standing_of(self.loop.task)
            assert relisted(before, self.loop.task) is None

    @invariant()
    def what_the_state_says_runs_is_what_was_started(self):
        live = {name for name, progress in self.loop.task.steps.items() if progress.live}
        assert live == {started.step for started in self.loop.running}

    @invariant()
    def an_open_run_has_something_to_wait_for(self):
        """Otherwise the task would hang."""
        if str(self.loop.task.resolution) == "RUNNING" and not self.loop.rendering:
            assert self.loop.task.live > 0 or self.loop.task.wished.submitting

    @invariant()
    def what_is_on_its_way_is_known(self):
        """Children are handed over until somebody says that they are there. Those that were let go of nobody minds."""
        self.loop.submitting = [one for one in self.loop.submitting if one.batch in self.loop.task.wished.batches]
        on_their_way = {name for name, batch in self.loop.task.wished.batches.items() if batch.created < batch.sent}
        assert on_their_way == {effect.batch for effect in self.loop.submitting}

    @invariant()
    def no_wake_up_is_lost(self):
        """A step that was woken runs in the run that is open, in the one that is due, or when somebody lets the task go on."""
        task = self.loop.task
        if task.resolution in {"WAITING", "ERROR"}:
            woken = [
                name for name, wait in task.wished.waits.items() if wait.woken and task.steps[name].state == "WAITING"
            ]
            assert not woken or task.course.next_retry is not None

    @invariant()
    def what_is_held_starts_nothing(self):
        if self.loop.task.resolution in {"PAUSED", "CANCELLED", "DONE"}:
            before = len(self.loop.records)
            self.loop.tell(RetryDue(at=self.loop.now, run=self.loop.task.run))
            assert len(self.loop.records) == before

    @invariant()
    def what_may_have_half_run_starts_again_only_at_somebodys_word(self):
        for record in self.loop.records[self.looked_at :]:
            match record:
                case StepInterrupted(step=name, state="CRASHED"):
                    self.lost.add(name)
                case StepReturned(step=name) | StepChanged(step=name) | StepStateEdited(step=name):
                    self.lost.discard(name)
                case StepsEdited():
                    self.lost -= {*record.steps, *record.removed}
                    loops = {name for name in record.steps if not name.startswith("s") or "-" not in name}
                    self.lost = {name for name in self.lost if name.partition("-")[0] not in loops}
                case LoopContracted(step=loop):
                    self.lost = {name for name in self.lost if not name.startswith(f"{loop}-")}
                case StepStarted(step=name):
                    assert name not in self.lost or self.asked
        self.looked_at = len(self.loop.records)
        self.asked = False

    @invariant()
    def attempts_are_counted_once(self):
        tries, attempts = Counter(), Counter()
        for record in self.loop.records:
            match record:
                case StepReturned(step=name, tried=True):
                    tries[name] += 1
                case StepStarted(step=name):
                    assert record.attempt > attempts[name]
                    attempts[name] = record.attempt
                case TaskStartedOver():
                    tries.clear()
                case StepsEdited():
                    for name in record.removed:
                        del tries[name]
                    tries |= {name: edited.tries for name, edited in record.steps.items()}
        for name in self.names:
            assert self.loop.task.steps[name].tries == tries[name]

    def teardown(self):
        if hasattr(self, "loop") and self.loop.task.resolution in {"DONE", "CANCELLED"} and not self.loop.running:
            before = self.loop.task
            for event in (RunRequested(at=0), RetryDue(at=0, run=before.run), ResultRendered(at=0, result={})):
                assert not self.loop.tell(event).records
            assert self.loop.task is before


TestCourses = Courses.TestCase
TestCourses.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(0, 3), st.data())
def test_children_are_handed_over_once_each_in_their_order_and_no_more_than_may_be_unfinished(size, most, data):
    names = [f"b-{number}" for number in range(size)]
    wish = OrderChildren(batch="b", orders=tuple(order(name) for name in names), at_most=most)
    loop = Loop(
        plan(a=step()), lambda _step, attempt: Outcome("WAITING", wishes=(wish,)) if attempt == 1 else Outcome()
    )
    loop.run()
    there, ended = [], []
    while loop.submitting or len(ended) < size:
        on_its_way = [one.task_id for effect in loop.submitting for one in effect.orders]
        unfinished = [name for name in (*there, *on_its_way) if name not in ended]
        assert unfinished or loop.submitting, "somebody is waited for"
        assert not most or len(unfinished) <= most
        match data.draw(st.sampled_from([*["create"] * len(loop.submitting), *["end"] * len(unfinished), "restart"])):
            case "create":
                loop.submitting.clear()
                there += on_its_way
                loop.tell(ChildrenSubmitted(at=loop.now, batch="b", refused=()))
            case "end":  # it may have, before it is told that it is there
                ended.append(data.draw(st.sampled_from(unfinished)))
                child = SpawnedTask(id=ended[-1], state="DONE")
                loop.tell(ChildReported(at=loop.now, batch="b", child=child))
            case "restart":
                loop.submitting.clear()
                loop.tell(Resumed(at=loop.now, reason="restart"))
    assert there == names
    assert loop.started == ["a"]
    assert loop.retry_now().state.ended
    assert loop.started == ["a", "a"]


@pytest.mark.parametrize("other", ["DONE", "WAITING", "SERVER_ERROR", "CLIENT_ERROR"])
def test_who_is_woken_while_others_run_is_tried_again_once_the_run_has_ended(other):
    """Nobody calls a second time: the wake-up is kept for as long as the run lasts, unless that leaves it to a person."""
    opens = Outcome("WAITING", wishes=(OpenCallback(id="c", secret="s"), AwaitCallback(id="c")))
    loop = Loop(
        plan(a=step(), b=step()),
        lambda name, attempt: Outcome(other) if name == "b" else opens if attempt == 1 else Outcome(),
    )
    loop.tell(RunRequested(at=loop.now))
    loop.finish()
    loop.tell(CallbackCalled(at=loop.now, callback="c", secret="s", body={}))
    assert (loop.started, loop.retry) == (["a", "b"], None)
    called = loop.now
    loop.settle()
    assert loop.task.resolution == {"CLIENT_ERROR": "BLOCKED_BADREQUEST", "SERVER_ERROR": "ERROR"}.get(other, "WAITING")
    if other != "CLIENT_ERROR":
        assert loop.retry.due == called
        loop.retry_now()
        assert loop.task.steps["a"].state == "DONE"


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


def test_it_does_not_change_them_either_where_maps_are_tries(monkeypatch):
    monkeypatch.setattr(persistent, "MOST_COPIED", 1)
    test_the_order_in_which_steps_finish_does_not_change_the_final_states()


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
