"""Sections 5 to 7: A01 to A13."""

import pytest

from runtime.api.flow_views import view_flow
from runtime.errors import Conflict
from runtime.flow.events import RerunRequested, StartRequested, WorkFinished
from runtime.flow.order import Order
from runtime.flow.rerun_input import RerunInput
from runtime.flow.rows import Signal, StepSpec
from runtime.flow.states import ExecutionType, Mode, OnError, StepStatus
from runtime.flow.status import Status
from tests.support.plain_flow import WORK, FlowLoop, Work, plan, scripted, step

MODES = pytest.mark.parametrize("mode", list(Mode))


@MODES
def test_a01_steps_run_in_order_and_the_flow_succeeds(mode):
    loop = FlowLoop(step("s1", 1), step("s2", 2), step("s3", 3), mode=mode).run()
    assert loop.statuses() == {"s1": "success", "s2": "success", "s3": "success"}
    assert loop.executed == ["s1", "s2", "s3"]
    assert loop.flow.status.status == "success"
    assert loop.flow.started_at <= loop.flow.finished_at
    assert all(one.started_at and one.finished_at for one in loop.flow.ordered())
    assert loop.runs == [("initial", "success")]


def test_a02_a_failure_ends_a_flat_flow():
    script = scripted(s2=Work(error="boom"))
    loop = FlowLoop(step("s1", 1), step("s2", 2), step("s3", 3), mode=Mode.FLAT, script=script).run()
    assert loop.statuses() == {"s1": "success", "s2": "error", "s3": "not-attempted"}
    assert loop.row("s2").status.metadata["reason"] == "boom"
    assert loop.row("s2").status.metadata["err_message"] == "boom"
    assert "abort-on-error" in loop.row("s3").status.metadata["reason"]
    assert loop.row("s3").started_at is None
    assert loop.flow.status.status == "error"
    assert "boom" in loop.flow.status.metadata["error_message"]
    assert loop.flow.finished_at is not None


def test_a_flow_may_go_on_over_errors():
    script = scripted(s2=Work(error="boom"))
    loop = FlowLoop(step("s1"), step("s2"), step("s3"), mode=Mode.FLAT, script=script, on_error=OnError.CONTINUE).run()
    assert loop.statuses() == {"s1": "success", "s2": "error", "s3": "success"}
    assert loop.flow.status.status == "success"


@MODES
def test_a03_a_skipped_step_is_a_success_without_any_work(mode):
    skipped = StepSpec(name="off", group_idx=1, execution_type=ExecutionType.SKIPPED, metadata={"reason": "off"})
    loop = FlowLoop(skipped, step("on", 1), mode=mode).run()
    assert loop.executed == ["on"]
    assert loop.statuses() == {"off": "success", "on": "success"}


@MODES
def test_a_step_without_a_signal_becomes_a_skipped_one_with_a_reason(mode):
    loop = FlowLoop(StepSpec(name="nothing", group_idx=1), mode=mode).run()
    row = loop.row("nothing")
    assert row.spec.execution_type == "skipped"
    assert row.spec.metadata["reason"]
    assert not row.spec.retryable
    assert not row.spec.skippable
    assert row.status.status == "success"


@MODES
def test_a04_user_and_hidden_steps_run_like_others_and_hidden_ones_are_not_listed(mode):
    user = step("u", 1, execution_type=ExecutionType.USER)
    hidden = step("h", 1, execution_type=ExecutionType.HIDDEN)
    loop = FlowLoop(user, hidden, mode=mode).run()
    assert loop.executed == ["u", "h"]
    assert [one.name for one in loop.flow.visible()] == ["u"]


@MODES
def test_a_hidden_step_is_shown_once_somebody_has_to_do_something_about_it(mode):
    hidden = step("h", 1, execution_type=ExecutionType.HIDDEN)
    loop = FlowLoop(hidden, step("s", 2), mode=mode, script=scripted(h=[Work(error="boom"), Work()])).run()
    shown = view_flow(loop.flow)
    assert shown.failed == (shown.step("h").id,)
    loop.retry("h")
    assert [one.name for one in view_flow(loop.flow).steps] == ["s"]


@pytest.mark.parametrize("mode", [Mode.CHILD, Mode.GROUP])
def test_a_step_that_answers_what_nobody_knows_ends_its_flow_and_the_flow_says_so(mode):
    """It is no denial, though it stops as one does."""
    loop = FlowLoop(step("a", 1), step("b", 2), mode=mode, script=scripted(a=Work(directive="sideways"))).run()
    assert loop.statuses() == {"a": "success", "b": "not-attempted"}
    assert 'it answered "sideways", and nobody knows what that means (known: continue, ' in str(loop.flow.error)


@MODES
def test_a05_a_cancelled_flow_is_neither_handled_nor_rerun(mode):
    loop = FlowLoop(step("s1"), mode=mode)
    loop.cancel()
    before = len(loop.records)
    given = RerunInput(flow_id="f", step_id="s1", operation="retry-step")
    for event in (StartRequested(at=loop.now), RerunRequested(at=loop.now, by="x", input=given)):
        loop.ask(event)
        assert isinstance(loop.refusal, Conflict)
    assert len(loop.records) == before
    assert str(loop.flow.error) == "workflow cancelled"


@MODES
def test_a06_without_a_generator_for_its_type_a_flow_fails(mode):
    loop = FlowLoop(step("s1"), mode=mode, type="demolish").run()
    assert loop.flow.status.status == "error"
    assert "demolish" in loop.flow.status.metadata["error_message"]
    assert not loop.flow.steps
    assert loop.flow.finished_at is not None


def test_without_any_generators_the_error_says_so():
    loop = FlowLoop(mode=Mode.FLAT)
    loop.generators = None
    loop.run()
    assert "no way to generate" in loop.flow.status.metadata["error_message"]


@MODES
@pytest.mark.parametrize(
    ("given", "says"),
    [
        (None, "NoneType"),
        ("steps", "str"),
        ([], "no steps"),
        ([1], "[0]: neither a step nor a group"),
        ([step(" ")], "steps[0].name"),
        ([step("a", -1)], "steps[0].group_idx"),
    ],
)
def test_what_a_generator_may_not_give_ends_the_flow_with_the_path(mode, given, says):
    loop = FlowLoop(mode=mode)
    loop.generators = {"install": lambda _flow: given}
    loop.run()
    assert says in loop.flow.status.metadata["error_message"]
    assert not loop.flow.steps


@MODES
def test_a07_a_signal_that_generates_comes_before_the_map(mode):
    loop = FlowLoop(step("from-map"), mode=mode, generate_signal=Signal(type="gen"))
    loop.signals = {"gen": lambda _flow: [step("from-signal", 1)]}
    loop.run()
    assert loop.executed == ["from-signal"]


def test_a08_segments_are_cut_and_nothing_is_done_twice():
    loop = FlowLoop(*[step(f"s{n}", n) for n in range(12)], mode=Mode.FLAT).run()
    assert loop.cuts == [5, 10]
    assert loop.generated == 1
    assert loop.executed == [f"s{n}" for n in range(12)]
    assert loop.flow.status.status == "success"


def test_nothing_visible_changes_at_a_cut():
    loop = FlowLoop(*[step(f"s{n}", n) for n in range(6)], mode=Mode.FLAT)
    loop.enter_by_itself = False
    loop.run()
    assert loop.flow.status.status == "in-progress"
    assert loop.flow.finished_at is None
    assert loop.statuses()["s5"] == "pending"


def test_a09_a_flow_of_one_step_can_clone_it():
    loop = FlowLoop(plan("P", 1), mode=Mode.FLAT).run()
    loop.answer("P", "retry")
    assert len(loop.flow.steps) == 2


@MODES
def test_a10_a_step_that_ended_is_not_executed_again(mode):
    loop = FlowLoop(step("s1"), mode=mode).run()
    before = len(loop.records)
    loop.tell(WorkFinished(at=loop.now, step="s1", attempt=1))
    loop.crash()
    assert len(loop.records) == before
    assert loop.executed == ["s1"]


def test_a11_statuses_keep_metadata_and_history():
    first = Status("pending", "ada", 1.0, description="new")
    last = first.then("in-progress", by="ada", at=2.0, metadata={"a": 1}).then(
        "success", by="ada", at=3.0, metadata={"b": 2}
    )
    assert last.metadata == {"a": 1, "b": 2}
    assert [one.status for one in last.history] == ["pending", "in-progress"]
    assert all(not one.history for one in last.history)
    assert last.description == ""


def test_a12_steps_are_ordered_by_group_generation_and_index():
    loop = FlowLoop(step("x"), mode=Mode.FLAT).run()
    row = loop.row("x")
    import attrs

    keys = [(2, 0, 0), (1, 1, 0), (1, 0, 1), (1, 0, 0)]
    rows = [
        attrs.evolve(row, id=f"r{n}", seq=n, group_idx=group, generation=generation, idx=idx)
        for n, (group, generation, idx) in enumerate(keys)
    ]
    order = Order().adding(rows[:2]).adding(rows[2:])
    by_id = {one.id: one for one in rows}
    listed = [by_id[one] for one in order.after(None)]
    assert [one.key[:3] for one in listed] == [(1, 0, 0), (1, 0, 1), (1, 1, 0), (2, 0, 0)]
    assert [order.position(one) for one in listed] == [0, 1, 2, 3]
    assert [order.at(n) for n in range(5)] == [*[one.id for one in listed], None]


@pytest.mark.parametrize("mode", [Mode.FLAT, Mode.CHILD, Mode.GROUP])
def test_a13_a_clone_follows_its_original(mode):
    loop = FlowLoop(plan("P", 1), step("A", 1), mode=mode).run()
    loop.answer("P", "retry")
    assert [one.name for one in loop.flow.ordered()] == ["P", "P (retry 1)", "A"]


@MODES
def test_a_step_may_do_two_things_in_order(mode):
    both = StepSpec(name="both", group_idx=1, legacy_signal=Signal(type="old"), signal=WORK)
    assert [one.type for one in both.signals] == ["old", "work"]
    assert FlowLoop(both, mode=mode).run().statuses() == {"both": "success"}


def test_only_child_steps_with_a_queue_signal_are_queued():
    old = StepSpec(name="old", legacy_signal=Signal(type="old"))
    loop = FlowLoop(old, step("new"), mode=Mode.CHILD).run()
    histories = {one.name: [past.status for past in one.status.history] for one in loop.flow.ordered()}
    assert StepStatus.QUEUED not in histories["old"]
    assert StepStatus.QUEUED in histories["new"]
