"""Random flows, answers, retries, cancels and crashes, held against the tables of section 18 and two small models.

`FlowLoop` checks after every decision that replaying the records gives the flow, that every status was left by a way
that the tables know, and that no row was executed twice; here is what may happen, and what has to hold in the end.
"""

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.api.flow_views import view_flow
from runtime.flow.decision import decide
from runtime.flow.events import (
    ApprovalOptionChanged,
    CancelGroupRequested,
    CancelRequested,
    CancelStepRequested,
    DrainBegan,
    GenerationFailed,
    InterruptStepRequested,
    NewerFlowCreated,
    PauseRequested,
    RerunRequested,
    ResponseGiven,
    RetryGroupRequested,
    RetryStepRequested,
    SkipStepRequested,
    StartRequested,
    TurnGiven,
    UnpauseRequested,
)
from runtime.flow.rerun_input import RerunInput
from runtime.flow.rows import CloneSpec, GroupSpec, RetryRule, StepSpec
from runtime.flow.states import ApprovalOption, ExecutionType, Hook, Mode, OnError, ResponseType, Stage
from tests.support.plain_flow import CHANGES, NO_CHANGES, WORK, FlowLoop, Work, group, scripted, step

RULES = st.builds(
    RetryRule,
    auto=st.booleans(),
    max_retries=st.integers(0, 3),
    max_auto=st.none() | st.integers(0, 2),
    group=st.booleans(),
    backoff_seconds=st.sampled_from([0.0, 0.0, 100.0]),
)
PLAN_AND_APPLY = (
    CloneSpec(name="p", signal=WORK, execution_type=ExecutionType.APPROVAL),
    CloneSpec(name="a", signal=WORK),
)
SPECS = st.builds(
    StepSpec,
    name=st.sampled_from(["a", "b", "c"]),
    signal=st.just(WORK) | st.just(WORK) | st.none(),
    legacy_signal=st.none() | st.just(WORK),
    execution_type=st.sampled_from([*ExecutionType, ExecutionType.APPROVAL, ExecutionType.SYSTEM]),
    retryable=st.sampled_from([True, True, False]),
    skippable=st.sampled_from([True, True, False]),
    target_type=st.just("deploy"),
    target_id=st.sampled_from(["", "d"]),
    retry=RULES,
    skip_group=st.booleans(),
    replan=st.booleans(),
    skip_noop=st.booleans(),
    skip_on_failure=st.sampled_from([False, False, False, True]),
    clone_as=st.sampled_from([(), (), PLAN_AND_APPLY]),
    hooks=st.lists(st.sampled_from(list(Hook)), max_size=2).map(tuple),
    idempotent=st.booleans(),
)
GROUPS = st.lists(
    st.builds(
        lambda steps, parallel, eager: GroupSpec(steps=tuple(steps), parallel=parallel, eager=eager),
        st.lists(SPECS, min_size=1, max_size=4),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
)
WORKS = st.builds(
    Work,
    error=st.sampled_from([None, None, None, "boom"]),
    output=st.sampled_from([CHANGES, CHANGES, NO_CHANGES, None]),
    directive=st.sampled_from(
        ["", "", "", "", "continue", "stop", "skip-group", "retry", "retry-group", "await-approval", "explode"]
    ),
    status=st.sampled_from(["", "", "", "user-skipped", "auto-skipped", "nonsense"]),
)
HEADERS = st.fixed_dictionaries(
    {
        "segment": st.integers(1, 3),
        "max_in_flight": st.integers(1, 3),
        "plan_only": st.sampled_from([False, False, True]),
        "approval_option": st.sampled_from(list(ApprovalOption)),
        "on_error": st.sampled_from(list(OnError)),
        "group_records": st.booleans(),
        "owner_id": st.sampled_from(["", "app"]),
        "parent": st.sampled_from(["", "t"]),
        "plan_seconds": st.sampled_from([3600.0, 1e9]),
    }
)


def act(loop: FlowLoop, data: st.DataObject) -> None:
    """Have one thing happen, whether it makes sense or not."""
    rows = sorted(loop.flow.steps) or ["s1"]
    some = data.draw(st.sampled_from([*rows, "nope"]))
    loop.now += 1
    kind = data.draw(
        st.sampled_from(
            ["finish"] * 6
            + ["report"] * 4
            + ["answer"] * 3
            + ["retry", "skip", "retry-group", "rerun", "option", "pause", "unpause", "cancel-step", "interrupt"]
            + ["cancel-group"]
            + ["crash", "expire", "later", "later", "turn", "newer", "cancel"]
        )
    )
    match kind:
        case "finish" if loop.running:
            one = data.draw(st.sampled_from(sorted(loop.running)))
            loop.finish(one, data.draw(WORKS))
        case "report" if loop.pending:
            loop.report(data.draw(st.integers(0, len(loop.pending) - 1)))
        case "answer":
            kinds = [*ResponseType, "banana"]
            some = data.draw(st.sampled_from([*sorted(loop.flow.parked), some]))
            loop.tell(ResponseGiven(at=loop.now, by="grace", step=some, type=data.draw(st.sampled_from(kinds))))
        case "retry":
            loop.tell(RetryStepRequested(at=loop.now, by="grace", step=some))
        case "skip":
            loop.tell(SkipStepRequested(at=loop.now, by="grace", step=some))
        case "retry-group":
            loop.tell(RetryGroupRequested(at=loop.now, by="grace", step=some))
        case "rerun":
            operation = data.draw(st.sampled_from(["retry-step", "skip-step", "explode"]))
            stale = data.draw(st.booleans())
            plan = data.draw(st.sampled_from(rows))
            rerun = RerunInput(
                flow_id="f",
                step_id=some,
                operation=operation,
                stale_plan=stale,
                replan_step_id=plan,
                additional_skip_step_ids=(plan,),
            )
            loop.tell(RerunRequested(at=loop.now, by="grace", input=rerun))
        case "option":
            option = data.draw(st.sampled_from(list(ApprovalOption)))
            loop.tell(ApprovalOptionChanged(at=loop.now, by="grace", option=option))
        case "pause":
            loop.tell(PauseRequested(at=loop.now, by="grace"))
        case "unpause":
            loop.tell(UnpauseRequested(at=loop.now, by="grace"))
        case "cancel-step":
            loop.tell(CancelStepRequested(at=loop.now, by="grace", step=some))
        case "interrupt":
            some = data.draw(st.sampled_from([*sorted(loop.running), some]))
            attempt = data.draw(st.sampled_from([0, 0, 1, 2]))
            loop.tell(InterruptStepRequested(at=loop.now, by="grace", step=some, attempt=attempt))
        case "cancel-group":
            group_id = data.draw(st.sampled_from([*sorted(loop.flow.groups), "nope"]))
            loop.tell(CancelGroupRequested(at=loop.now, by="grace", group=group_id))
        case "expire":
            loop.pass_days(31)
        case "later":
            loop.pass_days(data.draw(st.sampled_from([0.001, 0.01, 0.1])))
        case "turn":
            loop.tell(TurnGiven(at=loop.now))
        case "newer":
            loop.tell(NewerFlowCreated(at=loop.now, flow_id="g"))
        case "crash":
            loop.crash()
        case "cancel" if data.draw(st.booleans()):
            loop.tell(CancelRequested(at=loop.now, by="grace"))
        case _:
            pass


def check_offers(loop: FlowLoop) -> None:
    """What is shown as possible is taken, and what is not is refused; a flow that waits says what it waits for."""
    flow = loop.flow

    def refusal(request: type[RetryStepRequested | SkipStepRequested | RetryGroupRequested], step_id: str) -> object:
        return decide(flow, request(at=loop.now, by="grace", step=step_id)).refusals[0]

    view = view_flow(flow, hidden=True)
    for one in view.steps:
        if flow.steps[one.id].stage is not Stage.ANSWER:  # whose plan may be made again, too
            refused = refusal(RetryStepRequested, one.id)
            assert one.may_retry == (refused is None), (refused, one)
        refused = refusal(SkipStepRequested, one.id)
        assert one.may_skip == (refused is None), (refused, one)
    for group_view in view.groups:
        member = next((one.id for one in view.steps if one.group_id == group_view.id), "")
        newest = flow.live_groups.get(group_view.group_idx) == group_view.id
        refused = refusal(RetryGroupRequested, member) if member and newest else None
        assert not (member and newest) or group_view.may_retry == (refused is None), (refused, group_view)
    offers = any(one.may_retry or one.may_skip for one in view.steps) or any(one.may_retry for one in view.groups)
    if flow.awaits_retry and not flow.live and flow.header.group_records:
        assert offers != ("cancel it" in flow.status.description), (flow.status, view.groups)


def finish_off(loop: FlowLoop) -> None:
    """Say yes to everything until the flow has ended; the budget of every retry is finite, so it does."""
    loop.script = lambda _step: Work(output=CHANGES)
    for _ in range(200):
        loop.settle()
        if loop.flow.ended:
            return
        loop.now += 1
        if loop.flow.status.status == "pending":
            loop.tell(StartRequested(at=loop.now))
        for parked in sorted(loop.flow.parked):
            loop.tell(ResponseGiven(at=loop.now, by="root", step=parked, type="approve", admin=True))
        if loop.flow.delayed:
            loop.pass_days(1)
        for failed in sorted(loop.flow.failed):
            loop.tell(SkipStepRequested(at=loop.now, by="grace", step=failed))
        if loop.flow.paused:
            loop.tell(UnpauseRequested(at=loop.now, by="grace"))
        elif loop.flow.awaits_retry and not loop.pending:
            loop.tell(CancelRequested(at=loop.now, by="grace"))
    raise AssertionError(f"the flow does not end: {loop.statuses()} {loop.groups()} {loop.flow.status.status}")


def check_ended(loop: FlowLoop) -> None:
    flow = loop.flow
    assert flow.finished_at is not None
    assert not flow.live
    unfinished = {"in-progress", "checking-plan", "approval-awaiting", "queued", "pending"}
    rows = list(flow.steps.values())
    assert not [one.id for one in rows if one.status.status in unfinished], "what is left was not attempted"
    assert not [one.id for one in flow.groups.values() if one.status.status in unfinished]
    for one in rows:
        newer = [other.created_at for other in rows if other.lane == one.lane and other.retry_index > one.retry_index]
        assert one.started_at is None or not newer or one.started_at <= min(newer), "a clone stands for it"
    assert flow.turn in {"", "had"}
    assert not flow.delayed
    assert not flow.untold
    if flow.status.status == "success" and flow.mode is Mode.GROUP:
        assert flow.complete
        assert all(one.status.status in {"success", "discarded"} for one in flow.groups.values())
    if flow.status.status == "cancelled":
        assert str(flow.error) == "workflow cancelled"
    for one in rows:
        began = one.started_at is not None
        assert began or one.finished_at is None, "what was never entered never ended"
        assert not began or one.finished_at is not None


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), mode=st.sampled_from(list(Mode)), groups=GROUPS, header=HEADERS)
def test_whatever_happens_the_tables_hold_and_the_flow_can_be_ended(data, mode, groups, header):
    loop = FlowLoop(*groups, mode=mode, **header)
    loop.script = lambda _step: Work(blocked=True)
    if data.draw(st.booleans()):
        loop.hook_errors = {"on_skip": "no", "on_retry": "no"}
    if data.draw(st.sampled_from([False, False, False, True])):
        loop.breaks = GenerationFailed(at=loop.now, error="boom")
    loop.tell(StartRequested(at=loop.now))
    for _ in range(data.draw(st.integers(0, 40))):
        act(loop, data)
        check_offers(loop)
    finish_off(loop)
    check_ended(loop)


DIRECTIVES = st.sampled_from(["", "continue", "skip-group", "stop", "retry", "fail"])


def predict(groups: list[list[list[str]]], limit: int) -> tuple[list[str], str]:
    """Walk groups of steps by the tables of sections 6.3 and 11.2; each step has the answers of its tries.

    Gives the names in the order they are executed, and the status of the flow.
    """
    executed = []
    for number, steps in enumerate(groups):
        for place, answers in enumerate(steps):
            name, tries = f"{number}{place}", 0
            while True:
                executed.append(name if not tries else f"{name} (retry {tries})")
                answer = answers[min(tries, len(answers) - 1)]
                if answer in {"retry", "fail"} and tries < limit:
                    tries += 1
                    continue
                break
            if answer in {"stop", "retry", "fail"}:
                return executed, "error"
            if answer == "skip-group":
                break
    return executed, "success"


ANSWERS = st.lists(
    st.lists(st.lists(DIRECTIVES, min_size=1, max_size=4), min_size=1, max_size=3), min_size=1, max_size=7
)


def walking(groups: list[list[list[str]]], limit: int, segment: int, *, eager: int = 0) -> FlowLoop:
    """Give the flow that `predict` speaks of, with so many eager groups; its work may be begun again."""
    rule = RetryRule(auto=True, max_retries=limit)
    works = {
        f"{number}{place}": [Work(error="boom") if answer == "fail" else Work(directive=answer) for answer in answers]
        for number, steps in enumerate(groups)
        for place, answers in enumerate(steps)
    }
    specs = [
        group(
            *[step(f"{number}{place}", retry=rule, idempotent=True) for place in range(len(steps))],
            eager=number < eager,
        )
        for number, steps in enumerate(groups)
    ]
    return FlowLoop(*specs, mode=Mode.GROUP, script=scripted(**works), segment=segment)


@settings(max_examples=100, deadline=None)
@given(groups=ANSWERS, limit=st.integers(0, 2), segment=st.integers(1, 3))
def test_groups_are_walked_as_a_plain_loop_would(groups, limit, segment):
    loop = walking(groups, limit, segment).run()
    executed, status = predict(groups, limit)
    assert loop.executed == executed
    assert loop.flow.status.status == status
    if status == "success":
        assert loop.cuts == list(range(segment, len(groups), segment))


@settings(max_examples=60, deadline=None)
@given(data=st.data(), groups=ANSWERS, segment=st.integers(1, 3), breaks=st.booleans())
def test_eager_groups_are_walked_whenever_they_come_as_if_all_had_been_known(data, groups, segment, breaks):
    """The generator yields while groups run, crashes with everything, and perhaps fails behind its eager groups."""
    eager, limit = data.draw(st.integers(0, len(groups))), data.draw(st.integers(0, 2))
    loop = walking(groups, limit, segment, eager=eager)
    if breaks:
        loop.breaks = GenerationFailed(at=loop.now, error="boom")
    loop.tell(StartRequested(at=loop.now))
    crashes = 4
    while loop.pending or loop.running:
        may = ["finish"] * 3 * bool(loop.running) + ["report"] * 3 * bool(loop.pending) + ["crash"] * bool(crashes)
        match data.draw(st.sampled_from(may)):
            case "finish":
                loop.finish(next(iter(loop.running)))
            case "report":
                loop.report(data.draw(st.integers(0, len(loop.pending) - 1)))
            case _:
                crashes -= 1
                loop.crash()
    executed, status = predict(groups[:eager] if breaks else groups, limit)
    assert list(dict.fromkeys(loop.executed)) == executed
    assert loop.flow.status.status == ("error" if breaks else status)
    assert loop.flow.ended or loop.flow.awaits_retry
    first = [one.name for one in loop.flow.ordered() if not one.retry_index]
    assert (
        first
        == [f"{number}{place}" for number, steps in enumerate(groups) for place in range(len(steps))][: len(first)]
    ), "every step that came is there, once"


@settings(max_examples=50, deadline=None)
@given(data=st.data(), groups=GROUPS)
def test_a_crash_between_any_two_decisions_changes_nothing_that_matters(data, groups):
    """Steps that may be done twice, crashed anywhere, perhaps while they are shut down: the flow ends as it would have."""
    calm = [
        attrs.evolve(
            one,
            eager=False,  # what such a group comes to may come before the others, or behind them
            steps=tuple(
                attrs.evolve(s, idempotent=True, name=f"{g}-{n}", retry=attrs.evolve(s.retry, backoff_seconds=0.0))
                for n, s in enumerate(one.steps)
            ),
        )
        for g, one in enumerate(groups)
    ]
    mode = data.draw(st.sampled_from(list(Mode)))
    bad = data.draw(st.sets(st.sampled_from([one.name for given in calm for one in given.steps]), max_size=3))
    fails = scripted(**dict.fromkeys(bad, Work(error="boom")))
    on_error = OnError.ABORT if mode is Mode.GROUP else data.draw(st.sampled_from(list(OnError)))
    fields = {"mode": mode, "approval_option": ApprovalOption.APPROVE_ALL, "script": fails, "on_error": on_error}
    undisturbed = FlowLoop(*calm, **fields).run()
    loop = FlowLoop(*calm, **fields)
    loop.tell(StartRequested(at=loop.now))
    crashes = data.draw(st.integers(0, 8))
    while loop.pending or loop.running or loop.flow.put_down:
        if loop.flow.put_down and not (loop.pending or loop.running):
            loop.crash()
        elif crashes and data.draw(st.booleans()):
            crashes -= 1
            if data.draw(st.booleans()):
                loop.tell(DrainBegan(at=loop.now, by="host", reason="shutdown"))
            else:
                loop.crash()
        elif loop.pending:
            loop.tell(loop.pending.pop(0))
        elif loop.running:
            loop.finish(next(iter(loop.running)))
    assert loop.statuses() == undisturbed.statuses()
    assert loop.flow.status.status == undisturbed.flow.status.status
