"""What a program brings along, through the runtime: generators, hooks and steps that misbehave harm nobody else."""

import itertools
import threading

import pytest
import trio

from actors import VirtualClock
from runtime import (
    Conflict,
    FlowFailedError,
    FlowInvalid,
    FlowNotStarted,
    Flows,
    GroupSpec,
    NotFound,
    SchemaPolicy,
    Signal,
    StepSpec,
    Unavailable,
    Wanted,
    generator,
    open_runtime,
)
from runtime.api.codec import to_json
from runtime.flow.rows import RetryRule
from runtime.flow.states import Hook
from runtime.runner import Runner
from runtime.values.json import Json
from tests.runtime.work.test_wishes import child
from tests.support.live_flow import Kept, Nothing
from tests.support.plans import echo, plan
from tests.support.plans import step as task_step
from tests.support.times import EPOCH


def echoing(name: str, output: Json = "x", **fields) -> StepSpec:
    return StepSpec(name=name, signal=Signal(type="echo", data={"output": output}), **fields)


@generator("sound")
def sound(_flow):
    return [GroupSpec(steps=(echoing("a"), echoing("b")))]


@generator("async")
async def asynchronous(flow):
    await trio.lowlevel.checkpoint()
    return [GroupSpec(before=(echoing("before"),), steps=(echoing(str(flow.inputs["n"])),), after=(echoing("after"),))]


@generator("raises")
def raises(_flow):
    raise RuntimeError("boom")


@generator("hangs")
async def hangs(_flow):
    await trio.sleep_forever()


@generator("nothing")
def nothing(_flow):
    return None


@generator("unknown-runner")
def unknown_runner(_flow):
    return [StepSpec(name="x", group_idx=1, signal=Signal(type="ecko"))]


@generator("badly-configured")
def badly_configured(_flow):
    return [StepSpec(name="x", group_idx=1, signal=Signal(type="http", data={"method": 5}))]


GENERATORS = [sound, asynchronous, raises, hangs, nothing, unknown_runner, badly_configured]


@pytest.fixture
async def rt(mock_clock):
    async with open_runtime(clock=VirtualClock(EPOCH), flows=Flows(generators=GENERATORS)) as runtime:
        yield runtime


async def test_a_generator_is_asked_once_sync_or_async(rt):
    flow = await rt.flow("async", {"n": 7})
    view = await flow.result()
    assert [one.name for one in view.steps] == ["before", "7", "after"]
    planned = await (await rt.flow("async", {"n": 7}, plan_only=True)).result()
    assert [one.name for one in planned.steps] == ["7"]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("raises", "RuntimeError: boom"),
        ("nothing", "NoneType"),
    ],
)
async def test_a_generator_that_gives_no_steps_ends_its_flow_and_no_other(rt, kind, says):
    bad, good = await rt.flow(kind), await rt.flow("sound")
    with pytest.raises(FlowFailedError, match="the flow failed") as failed:
        await bad.result()
    assert says in failed.value.message
    assert not (await bad.status()).steps
    assert (await good.result()).status.status == "success"


async def test_a_generator_that_hangs_ends_in_time(autojump_clock):
    # With generators that are no threads: the clock jumps whenever trio has nothing to do.
    async with open_runtime(clock=VirtualClock(EPOCH), flows=Flows(generators=[hangs, asynchronous])) as runtime:
        bad, good = await runtime.flow("hangs"), await runtime.flow("async", {"n": 1})
        assert "did not end within 60 s" in (await bad.wait()).error
        assert (await good.result()).status.status == "success"


@pytest.mark.parametrize(
    ("kind", "says", "described"),
    [("unknown-runner", 'no runner called "ecko"', True), ("badly-configured", "host must be an address", False)],
)
async def test_a_signal_that_nobody_knows_fails_its_step_alone(rt, kind, says, described):
    bad, good = await rt.flow(kind), await rt.flow("sound")
    view = await bad.wait()
    assert view.step("x").status.status == "error"
    assert says in view.step("x").status.metadata["reason"]
    told = view.step("x").status.status_human_description
    assert (says in told) is described, told
    assert (await good.result()).status.status == "success"


async def test_a_signal_may_give_the_steps(rt):
    steps = [{"name": "made", "group_idx": 1, "signal": {"type": "echo", "data": {"output": "x"}}}]
    flow = await rt.flow("any", generate_signal=Signal(type="echo", data={"output": {"steps": steps}}))
    assert [one.name for one in (await flow.result()).steps] == ["made"]
    bad = await rt.flow("any", generate_signal=Signal(type="echo", data={"output": {"steps": [{"nam": "x"}]}}))
    view = await bad.wait()
    assert "steps[0].name: is missing" in view.error
    gone = await rt.flow("any", generate_signal=Signal(type="ecko"))
    assert 'no runner called "ecko"' in (await gone.wait()).error


async def test_the_id_of_a_flow_is_its_idempotency_key(rt):
    first = await rt.flow("sound", {"x": 1}, flow_id="one")
    await first.result()
    again = await rt.flow("sound", {"x": 1}, flow_id="one")
    assert again.id == first.id
    with pytest.raises(Conflict):
        await rt.flow("sound", {"x": 2}, flow_id="one")
    with pytest.raises(Conflict):
        await rt.submit(plan(a=task_step()), task_id="one")
    await (await rt.submit(plan(a=task_step()), task_id="two")).wait()
    with pytest.raises(Conflict):
        await rt.flow("sound", flow_id="two")


async def test_what_is_asked_of_what_is_not_there_is_refused(rt):
    with pytest.raises(NotFound, match='no flow "nobody"'):
        await rt.flow_handle("nobody").cancel()
    with pytest.raises(NotFound, match='no flow "nobody"'):
        await rt.flow_handle("nobody").status()
    flow = await rt.flow("sound")
    await flow.result()
    with pytest.raises(NotFound):
        await flow.approval("s1")
    with pytest.raises(FlowInvalid, match="mode"):
        await rt.flow("sound", mode="sideways")
    with pytest.raises(FlowInvalid, match="option"):
        await flow.set_approval_option("perhaps")


async def test_a_flow_can_be_taken_on_now_and_started_later(rt):
    flow = await rt.flow("sound", start=False)
    assert (await flow.wait()).status.status == "pending", "it waits for somebody, and nobody for it in vain"
    with pytest.raises(FlowNotStarted, match="was not started yet: start it"):
        await flow.result()
    await flow.start()
    assert (await flow.result()).status.status == "success"
    with pytest.raises(Conflict):
        await flow.start()


@pytest.mark.parametrize("mode", ["flat", "child", "group"])
async def test_a_flow_that_is_cancelled_before_it_was_started_has_attempted_none_of_its_steps(rt, mode):
    steps = [{"name": name, "group_idx": 1, "signal": to_json(SAYS)} for name in "ab"]
    flow = await rt.flow({"kind": "flow", "mode": mode, "steps": steps}, start=False)
    await flow.cancel("no need")
    view = await flow.wait()
    assert (view.status.status, view.started_at, view.runs) == ("cancelled", None, ())
    assert {one.status.status for one in view.steps} == {"not-attempted"}
    assert {one.status.status for one in view.groups} <= {"discarded"}


async def test_what_is_wrong_with_a_long_document_is_found_while_others_go_on(rt):
    steps: list[Json] = [{"name": str(n), "signal": to_json(SAYS)} for n in range(1_000)]
    turns = 0

    async def others():
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(others)
        await trio.lowlevel.checkpoint()
        with pytest.raises(FlowInvalid, match=r"steps\[1000\]\.signal\.type: no runner called"):
            await rt.flow({"kind": "flow", "steps": [*steps, {"name": "z", "signal": {"type": "ecko"}}]})
        nursery.cancel_scope.cancel()
    assert turns > 10


async def test_texts_see_the_flow_the_step_itself_and_others_by_name_the_last_of_their_clones(rt):
    fails = Signal(type="echo", data={"error_message": "{{if not .task.retry_index}}boom{{end}}", "output": "fine"})
    says = "{{.task.task_id}} {{.task.step_id}} {{.task.retry_index}} {{.task.group_retry_index}} {{.step.a.output}}"
    flow = await rt.flow(
        {
            "kind": "flow",
            "steps": [
                {"name": "a", "signal": to_json(fails), "retry": {"auto": True}},
                {"name": "b", "signal": {"type": "echo", "data": {"output": says}}},
                {
                    "name": "c",
                    "signal": {"type": "echo", "data": {"output": "{{range $name, $_ := .step}}{{$name}} {{end}}"}},
                },
            ],
        },
        flow_id="f",
    )
    await flow.result()
    steps = (await rt.read_flow("f")).steps
    assert (steps["s2"].output, steps["s3"].output) == ("f s2 0 0 fine", "a b c ")


async def test_a_step_of_a_flow_runs_a_task_and_waits_for_it(rt):
    await rt.register(child(steps={"a": task_step(action=echo("{{.task.task_id}}"))}))
    signal = {"type": "subtask", "data": {"template": "child"}}
    flow = await rt.flow({"kind": "flow", "steps": [{"name": "sub", "group_idx": 1, "signal": signal}]}, flow_id="f")
    with trio.fail_after(1000):
        view = await flow.result()
    assert view.step("sub").status.status == "success"
    assert (await rt.status("f.s1.0.0")).result == {"n": "f.s1.0.0"}


class Hangs(Runner[Nothing]):
    name = "hangs"
    config = Nothing

    async def run(self, _request):
        await trio.sleep_forever()


SUBTASK: Json = {"type": "subtask", "data": {"template": "child"}}
BATCH: Json = {"type": "batch", "data": {"template_name": "child", "json_inputs": "[{}, {}, {}]"}}


CHILD = """name: child
description: hangs
title_format: hangs
auto_runnable: true
allow_all_resolver_usernames: true
steps:
  a: {description: hangs, idempotent: true, action: {type: hangs, configuration: {}}}
"""


@pytest.fixture
def with_children(tmp_path):
    """Open runtimes on one journal that know the template of tasks that hang."""
    (tmp_path / "child.yaml").write_text(CHILD)
    known = {"journal": Kept(), "runners": [Hangs()], "templates": tmp_path}
    return lambda: open_runtime(clock=VirtualClock(EPOCH), **known)


async def started_by_a_step(runtime, signal: Json, **fields: Json):
    """Give a flow whose step waits for tasks that hang, and their ids."""
    flow = await runtime.flow({"kind": "flow", "steps": [{"name": "s", "signal": signal, **fields}]}, flow_id="f")
    await trio.sleep(30)
    ids = [one.task_id for one in await runtime.find(Wanted())]
    assert len(ids) == (1 if signal is SUBTASK else 3)
    return flow, ids


@pytest.mark.parametrize("how", ["cancel", "interrupt", "late"])
@pytest.mark.parametrize("signal", [SUBTASK, BATCH])
async def test_the_tasks_that_a_step_has_started_are_cancelled_with_it(autojump_clock, with_children, signal, how):
    """However it is given up: they would go on for nobody, beside those of the next try."""
    async with with_children() as runtime:
        flow, ids = await started_by_a_step(runtime, signal, timeout_seconds=60 if how == "late" else 0)
        if how == "cancel":
            await flow.cancel()
        elif how == "interrupt":
            await flow.interrupt_step("s1")
        await flow.wait()
        assert {(await runtime.status(one)).state for one in ids} == {"CANCELLED"}


PARENT = """name: {name}
description: waits for another
title_format: waits
auto_runnable: true
allow_all_resolver_usernames: true
steps:
  a: {{description: waits, action: {{type: subtask, configuration: {{template: {child}}}}}}}
"""


async def test_the_tasks_of_the_tasks_that_a_step_has_started_are_cancelled_with_it_too(
    autojump_clock, tmp_path, with_children
):
    (tmp_path / "parent.yaml").write_text(PARENT.format(name="parent", child="child"))
    (tmp_path / "grandparent.yaml").write_text(PARENT.format(name="grandparent", child="parent"))
    async with with_children() as runtime:
        signal = {"type": "subtask", "data": {"template": "grandparent"}}
        flow = await runtime.flow({"kind": "flow", "steps": [{"name": "s", "signal": signal}]}, flow_id="f")
        await trio.sleep(30)
        tasks = [one.task_id for one in await runtime.find(Wanted())]
        assert sorted([(await runtime.status(one)).state for one in tasks]) == ["RUNNING", "WAITING", "WAITING"]
        await flow.cancel()
        await flow.wait()
        await trio.sleep(1)
        assert {(await runtime.status(one)).state for one in tasks} == {"CANCELLED"}


async def test_the_tasks_that_a_step_has_started_go_on_with_it_after_a_shutdown(autojump_clock, with_children):
    async with with_children() as runtime:
        flow, [task_id] = await started_by_a_step(runtime, SUBTASK)
    async with with_children() as runtime:
        await trio.sleep(30)
        assert (await runtime.status(task_id)).state == "RUNNING"
        assert (await runtime.flow_handle(flow.id).status()).step("s").status.status == "in-progress"


async def test_a_hook_that_hangs_ends_in_time(autojump_clock):
    async def sleeps(_call):
        await trio.sleep_forever()

    spec = echoing("P", {"changes": [{"actions": ["create"]}]}, execution_type="approval", hooks=(Hook.ON_APPROVE,))

    @generator("g")
    async def one_step(_flow):
        await trio.lowlevel.checkpoint()
        return [GroupSpec(steps=(spec,))]

    kit = Flows(generators=[one_step], hooks={"echo": sleeps})
    async with open_runtime(clock=VirtualClock(EPOCH), flows=kit) as runtime:
        flow = await runtime.flow("g")
        await flow.wait()
        await flow.approve("s1")
        assert (await flow.result()).status.status == "success"


CHANGES: Json = {"changes": [{"actions": ["create"]}]}


async def asked(runtime, kind: str, **fields):
    """Give a flow of a plan of this kind, and of what applies it, once it rests."""
    steps = [
        {"name": "P", "execution_type": "approval", "plan_kind": kind, "signal": to_json(SAYS), **fields},
        {"name": "A", "signal": to_json(SAYS)},
    ]
    flow = await runtime.flow({"kind": "flow", "mode": "flat", "steps": steps})
    return flow, await flow.wait()


SAYS = Signal(type="echo", data={"output": CHANGES})


@pytest.mark.parametrize(
    ("reads", "says"),
    [
        (lambda _plan: "no", 'the reader of plans of kind "own" must give True or False, not str'),
        (lambda _plan: None, 'the reader of plans of kind "own" must give True or False, not NoneType'),
        (lambda _plan: 1 / 0, "the plan cannot be read: ZeroDivisionError"),
    ],
)
async def test_a_reader_that_does_not_say_yes_or_no_fails_the_plan_and_nothing_is_skipped_unseen(reads, says):
    async with open_runtime(flows=Flows(plan_readers={"own": reads})) as runtime:
        _, view = await asked(runtime, "own")
    assert (view.step("P").status.status, view.step("A").status.status) == ("error", "not-attempted")
    assert says in view.step("P").status.metadata["reason"]


async def test_a_reader_may_wait_and_one_that_hangs_ends_in_time(autojump_clock):
    async def waits(_plan):
        await trio.sleep(1)
        return True

    async def never(_plan):
        await trio.sleep_forever()

    kit = Flows(plan_readers={"waits": waits, "never": never})  # type: ignore[dict-item]  # as a program may
    async with open_runtime(clock=VirtualClock(EPOCH), flows=kit) as runtime:
        _, view = await asked(runtime, "waits")
        assert view.step("A").status.status == "auto-skipped"
        _, view = await asked(runtime, "never")
    assert view.step("P").status.metadata["reason"] == 'the reader of plans of kind "never" did not end within 60 s'


async def test_a_generator_that_yields_does_so_in_its_thread_and_no_more_than_there_may_be():
    threads = set()

    @generator("yields")
    def yields(_flow):
        for name in "ab":
            threads.add(threading.get_ident())
            yield echoing(name, group_idx=1)

    @generator("endless")
    def endless(_flow):
        yield from (echoing(str(n), group_idx=1) for n in itertools.count())

    async with open_runtime(flows=Flows(generators=[yields, endless])) as runtime:
        assert [one.name for one in (await (await runtime.flow("yields")).result()).steps] == ["a", "b"]
        assert threads
        assert threading.get_ident() not in threads
        assert "more than 10000 steps" in (await (await runtime.flow("endless")).wait()).error


class Told:
    """A hook that is an object, and async."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def __call__(self, call) -> None:
        await trio.lowlevel.checkpoint()
        self.calls.append(str(call.hook))
        raise RuntimeError("no")


async def test_what_a_hook_says_to_an_approval_is_noted_and_nothing_waits_for_it():
    told = Told()
    async with open_runtime(flows=Flows(hooks={"echo": told})) as runtime:
        flow, _ = await asked(runtime, "changes", hooks=["on_approve"])
        await flow.approve("s1")
        view = await flow.result()
    assert told.calls == ["on_approve"]
    assert view.step("P").status.metadata["hook_error"] == "on_approve: RuntimeError: no"


async def test_what_policies_found_in_a_plan_is_read_and_it_is_denied():
    warns = SchemaPolicy(id="small", schema={"properties": {"changes": {"maxItems": 0}}}, severity="warn")
    async with open_runtime(flows=Flows(policies=[warns])) as runtime:
        flow, _ = await asked(runtime, "changes")
        [report] = await flow.policy_reports("s1")
        assert report.results == {"small": {"deny": 0, "warn": 1}}
        assert await flow.policy_reports("s2") == ()
        await flow.deny("s1", "not today", by="ada")
        view = await flow.wait()
    assert (view.ended, view.step("A").status.status) == (True, "not-attempted")
    answer = view.step("P").approval.response
    assert (answer.type, answer.note, answer.created_by_id) == ("deny", "not today", "ada")


@pytest.mark.parametrize("given", [["deploy"], ["s2", "s9"], "s2", 5])
async def test_dependents_that_are_no_steps_fail_the_step_and_nothing_goes_on_as_if_there_were_none(given):
    async with open_runtime(flows=Flows(dependents=lambda _call, _names: given)) as runtime:
        flow, _ = await asked(runtime, "changes")
        await flow.respond("s1", "deny-skip-current-and-dependents")
        view = await flow.wait()
    assert (view.status.status, view.step("A").status.status) == ("error", "not-attempted")
    assert view.step("P").status.metadata["reason"].startswith("on_skip_dependents: ")


async def test_two_generators_for_one_type_are_one_too_many():
    with pytest.raises(ValueError, match="sound"):
        Flows(generators=[sound, sound])


async def test_a_flow_that_rests_leaves_memory_and_a_draining_runtime_takes_none(rt):
    flow = await rt.flow("sound", flow_id="one")
    await flow.result()
    rt.shutdown()
    with pytest.raises(Unavailable):
        await rt.flow("sound")
    assert (await flow.status()).status.status == "success"


async def test_a_retry_of_a_whole_group_through_the_runtime(mock_clock):
    def flaky(_flow):
        rule = RetryRule(auto=True, group=True)
        return [
            GroupSpec(
                steps=(
                    echoing("p", retry=rule),
                    StepSpec(
                        name="a", signal=Signal(type="function", data={"name": f"{__name__}:attempt"}), retry=rule
                    ),
                )
            )
        ]

    async with open_runtime(
        clock=VirtualClock(EPOCH), callables=[attempt], flows=Flows(generators=[generator("g")(flaky)])
    ) as runtime:
        ATTEMPTS.clear()
        view = await (await runtime.flow("g")).result()
    assert [one.status.status for one in view.steps] == ["discarded", "discarded", "success", "success"]
    assert len(ATTEMPTS) == 2


ATTEMPTS: list[int] = []


async def attempt() -> str:
    """Fails the first time."""
    await trio.lowlevel.checkpoint()
    ATTEMPTS.append(1)
    if len(ATTEMPTS) == 1:
        raise RuntimeError("not yet")
    return "done"
