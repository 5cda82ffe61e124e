"""Several runtimes on one PostgreSQL store: whoever holds a task goes on with it, and everybody can be asked about it."""

import gc
import math
import os
import re
from contextlib import AsyncExitStack, suppress

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import wait_all_tasks_blocked

from runtime import (
    Action,
    Conflict,
    Flows,
    GroupSpec,
    Input,
    LeaseFigures,
    Limits,
    NotFound,
    ResolutionState,
    Signal,
    Step,
    StepSpec,
    TaskState,
    Template,
    Unavailable,
    generator,
    open_runtime,
)
from runtime.api.messages import AddComment, Lagged, Recorded, TaskStateChanged
from runtime.engine.records import ChildSettled, StepReturned
from runtime.journal import codec
from runtime.journal.listing import Wanted
from runtime.journal.postgres.journal import PostgresJournal
from runtime.journal.protocol import JournalUnavailable
from runtime.journal.shared import Claim
from runtime.work.delivery import Delivery
from runtime.work.following import Follower
from runtime.work.letters import LetterUnreadable, decode_question
from runtime.work.messages import GiveTurn
from runtime.work.post import PostOffice
from tests.support.plain_flow import CHANGES
from tests.support.plans import echo, plan, step
from tests.support.postgres import asking, fresh_store, running_server


@pytest.fixture
def instance(postgres_store):
    """Open one more instance on the store. A lease outlasts a machine that is busy, and none is waited for to run out."""

    def opened(**options):
        return open_runtime(f"{postgres_store}&lease=60", **options)

    return opened


@pytest.fixture
def follows(monkeypatch):
    """Wait until a runtime hears of what others commit from then on."""
    follow, following = PostgresJournal.follow, set()

    async def noted(self, *, on):
        position = await follow(self, on=on)
        (following.add if on else following.discard)(self)
        return position

    async def until_it_does(runtime, *, on=True):
        while (runtime._journal in following) is not on:  # noqa: ASYNC110 - nobody else is told
            await trio.sleep(0.01)

    monkeypatch.setattr(PostgresJournal, "follow", noted)
    return until_it_does


@pytest.fixture(autouse=True)
def _forget():
    calls.clear()
    gates.clear()


calls: list[str] = []
gates: dict[str, trio.Event] = {}


async def wait_at(gate: str) -> str:
    calls.append(gate)
    await gates.setdefault(gate, trio.Event()).wait()
    return gate


GATED = plan(a=Step(action=Action.calling(wait_at, gate="{{.task.task_id}}"), idempotent=True))


async def running(runtime, task_id):
    """Wait until the first step of a task runs."""
    while (await runtime.status(task_id)).running == 0:  # noqa: ASYNC110 - it may run elsewhere
        await trio.sleep(0.01)


async def test_postgres_a_task_runs_and_what_it_came_to_is_seen_everywhere(instance):
    with trio.fail_after(60):
        async with instance() as one, instance() as two:
            task = await one.submit(plan(a=step(action=echo("hello"))), task_id="t")
            assert (await task.wait()).state is TaskState.DONE
            assert (await two.status("t")).steps["a"].output == "hello"
            with pytest.raises(NotFound):
                await two.status("ghost")


async def test_postgres_who_waits_until_all_is_settled_hears_of_what_ends_elsewhere(instance, monkeypatch):
    settled = trio.Event()

    async def wait(runtime):
        await runtime.settled()
        settled.set()

    async def look(self, *, after=0, **_options):
        looked.append(after)
        return await awake(self, after=after)

    looked, awake = [], PostgresJournal.awake
    monkeypatch.setattr(PostgresJournal, "awake", look)
    with trio.fail_after(60):
        async with instance() as one, instance() as two, trio.open_nursery() as nursery:
            await one.submit(GATED, task_id="t")
            await running(one, "t")
            nursery.start_soon(wait, two)
            while not looked:  # noqa: ASYNC110 - nobody else is told
                await trio.sleep(0.01)
            assert not settled.is_set()
            gates["t"].set()
            await settled.wait()


async def test_postgres_the_same_submission_at_several_instances_is_one_task(instance):
    with trio.fail_after(60):
        async with instance() as one, instance() as two:
            async with trio.open_nursery() as nursery:
                for runtime in (one, two, one, two):
                    nursery.start_soon(lambda rt=runtime: rt.submit(GATED, task_id="same"))
            await running(one, "same")
            assert calls == ["same"]
            with pytest.raises(Conflict):
                await two.submit(plan(b=step()), task_id="same")
            gates["same"].set()
            assert (await two.wait("same")).state is TaskState.DONE


async def test_postgres_who_waits_elsewhere_hears_of_the_end(instance, follows):
    with trio.fail_after(60):
        async with instance() as one, instance() as two:
            await one.submit(GATED, task_id="far")
            await running(two, "far")
            ended = []

            async def wait():
                ended.append(await two.wait("far"))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait)
                await follows(two)
                assert not ended
                gates["far"].set()
            assert ended[0].state is TaskState.DONE


async def test_postgres_a_command_finds_the_instance_that_holds_its_task(instance):
    with trio.fail_after(60):
        async with instance() as one, instance() as two:
            await one.submit(GATED, task_id="cut")
            await running(one, "cut")
            await two.cancel("cut", "enough", requester="ada")
            view = await one.wait("cut")
            assert (view.state, view.stop_reason) == (TaskState.CANCELLED, "ada: enough")
            with pytest.raises(Conflict):
                await two.cancel("cut")
            with pytest.raises(NotFound):
                await two.cancel("ghost")


async def test_postgres_whoever_is_asked_says_which_instance_goes_on_with_a_task(instance):
    with trio.fail_after(60):
        async with instance() as one, instance() as two:
            await one.submit(GATED, task_id="t")
            await running(one, "t")
            elsewhere, step_ = (await two.status("t")).waits_for
            number = (await one.whereabouts(await one.read("t"))).instance
            assert re.fullmatch(rf"instance {number} \(.*:{os.getpid()}\), which goes on with it: .*", elsewhere)
            assert (await one.status("t")).waits_for == (step_,)
            gates["t"].set()
            await two.wait("t")
            assert (await two.status("t")).waits_for == ()


async def test_postgres_a_step_is_interrupted_where_it_runs_whoever_is_asked(instance):
    with trio.fail_after(60):
        async with instance() as one, instance() as two:
            await one.submit(GATED, task_id="far")
            await running(two, "far")
            attempt = (await two.status("far")).steps["a"].attempt
            with pytest.raises(Conflict, match="its attempt 1 is running"):
                await two.interrupt_step("far", "a", attempt=attempt + 1)
            await two.interrupt_step("far", "a", "it hangs", requester="ann", attempt=attempt, retry=False)
            view = await one.wait("far")
            assert (view.steps["a"].state, view.steps["a"].error) == ("FATAL_ERROR", "interrupted by ann: it hangs")


async def test_postgres_a_task_that_sleeps_is_woken_by_whoever_is_asked(instance):
    with trio.fail_after(60):
        async with instance() as one, instance() as two:
            await one.submit(plan(a=step(action=echo("x"))), task_id="asleep", run=False)
            await two.run("asleep")
            assert (await one.wait("asleep")).state is TaskState.DONE


async def test_postgres_subscribers_hear_of_what_others_do(instance, follows):
    with trio.fail_after(60):
        async with instance() as one, instance() as two, two.subscribe() as events:
            await follows(two)
            await one.submit(plan(a=step(action=echo("x"))), task_id="heard")
            states = []
            async for event in events:
                if isinstance(event, TaskStateChanged):
                    states.append(event.state)
                    if event.state is TaskState.DONE:
                        break
            assert states == [TaskState.TODO, TaskState.RUNNING, TaskState.DONE]


async def told_of(events, what):
    """Read on until something of that name happened."""
    async for event in events:
        assert not isinstance(event, Lagged)
        if isinstance(event, Recorded) and event.what == what:
            return


async def looked(runtime):
    """Wait until the follower of a runtime knows what is stored."""
    stored = await runtime._journal.last_position()
    follower = next(one for one in gc.get_objects() if isinstance(one, Follower) and one._journal is runtime._journal)
    while not stored <= follower._position < math.inf:  # noqa: ASYNC110 - nobody else is told
        await trio.sleep(0.01)


@pytest.mark.parametrize("between", ["nobody listens", "it happens here", "the task is another one"])
async def test_postgres_who_listens_is_told_of_a_task_though_what_happened_in_between_was_passed_over(
    instance, follows, between
):
    template, said = plan(a=step(action=echo("x"))), {"task_id": "t", "run": False, "comment": "first"}
    with trio.fail_after(60), capture_logs() as logs:
        async with instance() as one, instance() as two, AsyncExitStack() as stack:
            events = await stack.enter_async_context(two.subscribe())
            await follows(two)
            await one.submit(template, **said)
            await told_of(events, "comment_added")
            writer = one
            match between:
                case "nobody listens":
                    await stack.aclose()
                    await follows(two, on=False)
                case "it happens here":
                    writer = two
                case "the task is another one":
                    await one.cancel("t")
                    await one.delete("t")
                    await one.submit(template, **said)
                    await told_of(events, "comment_added")
            comment = await writer.operator("t").comment("second")
            if between == "nobody listens":
                events = await stack.enter_async_context(two.subscribe())
                await follows(two)
            else:
                await told_of(events, "comment_added")
            await looked(two)
            await one.operator("t").edit_comment(comment, "third")
            await told_of(events, "comment_edited")
    assert [line["event"] for line in logs if line["log_level"] == "error"] == []


async def test_postgres_what_a_later_version_does_is_told_by_its_name_and_holds_nothing_up(
    instance, follows, monkeypatch
):
    with trio.fail_after(60):
        async with instance() as old, instance() as new, old.subscribe() as events, old.feed() as feed:
            await follows(old)
            written, foreign = trio.Event(), old._journal.foreign

            async def foreign_once_written(*position, **limit):
                await written.wait()  # before, it would be of that version, too
                return await foreign(*position, **limit)

            monkeypatch.setattr(old._journal, "foreign", foreign_once_written)
            with monkeypatch.context() as later:  # of both: the records of one are those of a later version
                later.setitem(codec._FORMATS, "StepReturned", 2)
                later.setitem(codec._WRITTEN, StepReturned, ("StepReturned", 2, False))
                await new.submit(plan(a=step(action=echo("x"))), task_id="later")
                assert (await new.wait("later")).state is TaskState.DONE
            written.set()
            for runtime in (old, new):
                with pytest.raises(Unavailable):
                    await runtime.status("later")
            with pytest.raises(Unavailable, match="later version"):
                await old.wait("later")
            await new.submit(plan(a=step(action=echo("x"))), task_id="known")
            told = []
            async for event in events:
                told.append(event)
                if isinstance(event, TaskStateChanged) and (event.task_id, event.state) == ("known", TaskState.DONE):
                    break
            assert "step_returned" in [one.what for one in told if isinstance(one, Recorded) and one.task_id == "later"]
            assert [one.position for one in told] == list(range(1, len(told) + 1))
            assert min(one.at for one in told) > 1e9
            read = []
            while len(read) < len(told):
                read += await feed.read()
            assert read == told


async def test_postgres_what_an_instance_leaves_behind_goes_on_elsewhere_at_once(instance):
    with trio.fail_after(60):
        async with instance() as two:
            async with instance(grace_seconds=0.1) as one:
                await one.submit(GATED, task_id="left")
                await running(one, "left")
            gates["left"].set()
            assert (await two.wait("left")).state is TaskState.DONE
            assert calls == ["left", "left"]


def gated(name):
    return StepSpec(
        name=name, signal=Signal(type="function", data={"name": f"{__name__}:wait_at", "arguments": {"gate": name}})
    )


@generator("two")
async def two_steps(_flow):
    await trio.lowlevel.checkpoint()
    return [gated("first"), gated("second")]


async def test_postgres_a_flow_that_is_put_down_goes_on_elsewhere_at_once(instance):
    options = {"flows": Flows(generators=[two_steps]), "callables": [wait_at]}
    with trio.fail_after(60):
        async with instance(**options) as two, instance(**options) as one:
            flow = await one.flow("two", flow_id="f")
            while calls != ["first"]:  # noqa: ASYNC110 - the step says so
                await trio.sleep(0.01)
            one.shutdown()
            late = await one.flow("two", flow_id="late")  # which is nobody's yet, and not refused
            gates["first"].set()
            await one.drained()
            assert (await flow.status()).status.status != "success"
            while "second" not in calls:  # noqa: ASYNC110 - as above; and nothing was cut, nothing done twice
                await trio.sleep(0.01)
            gates.setdefault("second", trio.Event()).set()
            assert (await two.flow_handle("f").result()).status.status == "success"
            assert (await two.flow_handle(late.id).result()).status.status == "success"
    assert sorted(calls) == ["first", "first", "second", "second"]


async def test_postgres_a_flow_has_its_turn_though_the_word_of_it_was_lost_with_who_sent_it(instance, monkeypatch):
    pass_on, lost = Delivery.pass_on, []

    async def losing(self, message, question=None):
        if isinstance(message, GiveTurn) and message not in lost:
            assert question is None  # nobody waits for it, and nobody would say it again
            lost.append(message)
            return
        await pass_on(self, message, question)

    monkeypatch.setattr(Delivery, "pass_on", losing)
    options = {"flows": Flows(generators=[two_steps]), "callables": [wait_at]}
    for name in ("first", "second"):
        gates.setdefault(name, trio.Event()).set()
    with trio.fail_after(20):
        async with instance(**options) as one, instance(**options) as two:
            flows = [await one.flow("two", flow_id=f"f{n}", owner_id="app", owner_type="x") for n in range(2)]
            for flow in flows:
                assert (await two.flow_handle(flow.id).result()).status.status == "success"
    assert {message.task_id for message in lost} >= {"f1"}


@generator("asks")
async def asks(_flow):
    await trio.lowlevel.checkpoint()
    plan_step = StepSpec(
        name="plan",
        signal=Signal(type="function", data={"name": f"{__name__}:make_plan"}),
        execution_type="approval",
    )
    return [GroupSpec(steps=(plan_step, gated("apply")))]


async def make_plan() -> object:
    await trio.lowlevel.checkpoint()
    return CHANGES


async def test_postgres_whoever_is_asked_while_it_drains_records_what_others_go_on_with(instance):
    options = {"flows": Flows(generators=[asks]), "callables": [wait_at, make_plan]}
    with trio.fail_after(60):
        async with instance(**options) as two, instance(**options, grace_seconds=10) as one:
            for task_id in ("asleep", "unwanted"):
                await one.submit(plan(a=step(action=echo("x"))), task_id=task_id, run=False)
            flow = await one.flow("asks", flow_id="f")
            [plan_id] = (await flow.wait()).waits
            await one.submit(GATED, task_id="busy")
            await running(one, "busy")
            one.shutdown()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(one.drained)
                await wait_all_tasks_blocked()
                await one.run("asleep")
                await one.cancel("unwanted", "enough", requester="ada")
                await flow.approve(plan_id)
                with pytest.raises(Conflict):
                    await one.cancel("unwanted")
                with pytest.raises(NotFound):
                    await one.run("ghost")
                assert (await two.wait("asleep")).state is TaskState.DONE
                assert (await two.status("unwanted")).stop_reason == "ada: enough"
                while "apply" not in calls:  # noqa: ASYNC110 - the step says so
                    await trio.sleep(0.01)
                for gate in ("apply", "busy"):
                    gates[gate].set()
            assert (await two.flow_handle("f").result()).status.status == "success"
            assert (await two.wait("busy")).state is TaskState.DONE
            assert calls == ["busy", "apply"]


def unreadable(_body):
    raise LetterUnreadable("a Riddle is not known here")


async def away(*_letter, **_kind):
    raise JournalUnavailable("the store is away")


@pytest.mark.parametrize(
    ("fails", "instead", "refusal", "says"),
    [
        ("runtime.journal.postgres.journal.PostgresJournal.send", away, Unavailable, "away: it may still be done"),
        ("runtime.work.post.encode_question", unreadable, Unavailable, "a Riddle is not known here"),
        ("runtime.work.post.decode_question", unreadable, Unavailable, "is of another version .* ask again later"),
        ("runtime.work.post.decode_answer", unreadable, Unavailable, "it may have been done"),
    ],
)
async def test_postgres_what_became_of_a_question_to_another_instance_is_never_left_open(
    instance, monkeypatch, fails, instead, refusal, says
):
    with trio.fail_after(60):
        async with instance() as one, instance() as two:
            await one.submit(GATED, task_id="far")
            while not calls:  # noqa: ASYNC110 - nobody else is told
                await trio.sleep(0.01)
            with monkeypatch.context() as odd:
                odd.setattr(fails, instead)
                with pytest.raises(refusal, match=says):
                    await two.cancel("far")
            with suppress(Conflict):  # it may have been done
                await two.cancel("far")
            assert (await one.wait("far")).state is TaskState.CANCELLED


async def test_postgres_no_attempt_begins_before_the_lease_is_held_for_sure(instance, monkeypatch):
    asked, sure = trio.Event(), trio.Event()

    async def until_sure(_self):
        asked.set()
        await sure.wait()

    monkeypatch.setattr(PostgresJournal, "lease_held", False)
    monkeypatch.setattr(PostgresJournal, "lease_sure", until_sure)
    with trio.fail_after(60):
        async with instance() as one:
            task = await one.submit(GATED, task_id="t")
            await asked.wait()
            await trio.testing.wait_all_tasks_blocked()
            assert calls == []
            sure.set()
            gates.setdefault("t", trio.Event()).set()
            assert (await task.wait()).state is TaskState.DONE
            assert calls == ["t"]


async def test_postgres_nothing_is_held_once_it_sleeps_or_has_ended(instance, postgres_store):
    with trio.fail_after(60):
        async with instance() as one:
            journal = one._journal
            for number in range(20):
                await one.submit(plan(a=step(action=echo("x"))), task_id=f"t{number}", run=bool(number % 2))
            for number in range(1, 20, 2):
                await one.wait(f"t{number}")
            while journal.held:  # noqa: ASYNC110 - nobody says so
                await trio.sleep(0.01)


async def test_postgres_what_is_asked_of_a_task_that_others_took_hold_of_as_it_ended_is_asked_of_them(
    instance, monkeypatch
):
    append, deliver, asked = PostgresJournal.append, Delivery._deliver, trio.Event()
    comment = AddComment(task_id="t", comment_id="c", username="ada", content="well done")

    async def delivered(self, message, question):
        done = await deliver(self, message, question)
        asked.set()
        return done

    with trio.fail_after(60):
        async with instance() as one, instance() as two, trio.open_nursery() as nursery:

            async def ended(self, entries):
                position = await append(self, entries)
                if (
                    self is one._journal
                    and entries[0].standing is not None
                    and entries[0].standing.state is ResolutionState.DONE
                ):
                    assert await two._journal.claim("t") is Claim.OURS
                    monkeypatch.setattr(Delivery, "_deliver", delivered)
                    nursery.start_soon(one._asking.ask, comment)
                    await asked.wait()  # it waits for the actor, which has yet to hear that the end is stored
                return position

            await one.submit(GATED, task_id="t")
            await running(one, "t")
            monkeypatch.setattr(PostgresJournal, "append", ended)
            gates.setdefault("t", trio.Event()).set()
            await one.wait("t")
        async with instance() as three:
            assert list((await three.read("t")).notes.comments) == ["c"]


async def test_postgres_a_question_is_answered_though_the_answer_could_not_be_sent_at_first(instance, monkeypatch):
    sent, tries = PostgresJournal.send, []

    async def away(self, receiver, conversation, body, *, answer):
        if answer:
            tries.append(conversation)
            if len(tries) == 1:
                raise JournalUnavailable("it was not sent")
        there = await sent(self, receiver, conversation, body, answer=answer)
        if answer and len(tries) == 2:
            raise JournalUnavailable("it was sent, and nobody knows")
        return there

    monkeypatch.setattr(PostgresJournal, "send", away)
    with trio.fail_after(60):
        async with instance() as one, instance(answer_within_seconds=1e6) as two:
            await one.submit(GATED, task_id="asked")
            await running(one, "asked")
            await two.cancel("asked", "enough")
            assert (await two.wait("asked")).state is TaskState.CANCELLED
            while len(tries) < 3:  # noqa: ASYNC110 - nobody says so
                await trio.sleep(0.01)
            assert len(set(tries)) == 1


async def test_postgres_a_question_that_may_have_been_heard_by_who_is_gone_is_answered_so(instance, monkeypatch):
    take_back, tries = PostgresJournal.unread, []

    async def away(self, receiver, conversation):
        tries.append(conversation)
        if len(tries) == 1:
            raise JournalUnavailable("not now")
        return await take_back(self, receiver, conversation)

    heard = trio.Event()

    async def deaf(_self, _letter):
        heard.set()
        await trio.sleep_forever()

    monkeypatch.setattr(PostgresJournal, "unread", away)
    monkeypatch.setattr(PostOffice, "_answer", deaf)
    with trio.fail_after(60):
        async with instance() as one, instance(answer_within_seconds=1e6) as two:
            await one.submit(GATED, task_id="asked")
            await running(one, "asked")
            it = {"it": one._journal._instance.number, "channel": one._journal._address.schema}
            async with trio.open_nursery() as nursery:
                nursery.start_soon(cannot_say, two, "asked")
                await heard.wait()
                await two._journal._look("SELECT leave(%(it)s, %(channel)s)", it)
            gates["asked"].set()
            assert (await two.wait("asked")).state is TaskState.DONE


async def cannot_say(runtime, task_id):
    with pytest.raises(Unavailable, match="it may still be done"):
        await runtime.cancel(task_id, "enough")


async def test_postgres_what_cannot_be_read_is_not_held(instance, monkeypatch):
    with trio.fail_after(60):
        async with instance() as one, instance() as two:
            await one.submit(plan(a=step(action=echo("x"))), task_id="asleep", run=False)
            await one._journal.read("asleep")  # by then it has let go of it

            async def away(_task_id):
                raise JournalUnavailable("not now")

            for ask in (two.run, two.delete):
                with monkeypatch.context() as patched:
                    patched.setattr(two._journal, "read", away)
                    with pytest.raises(Unavailable, match="not now"):
                        await ask("asleep")
                assert not two._journal.held
            await one.run("asleep")
            assert (await one.wait("asleep")).state is TaskState.DONE


async def test_postgres_an_instance_that_loses_its_lease_stops_what_it_ran_and_begins_anew(instance):
    with trio.fail_after(60):
        async with instance() as one, instance() as two:
            await one.submit(GATED, task_id="mine")
            await running(one, "mine")
            journal = one._journal
            before = journal._instance.number
            await two._journal._look(
                "SELECT leave(%(it)s, %(channel)s)", {"it": before, "channel": journal._address.schema}
            )
            while calls != ["mine", "mine"]:  # noqa: ASYNC110 - the other takes over, whose own affair that is
                await trio.sleep(0.01)
            assert "mine" in two._journal.held
            while journal._instance.number == before or not journal.lease_held:  # noqa: ASYNC110 - as above
                await trio.sleep(0.01)
            assert not journal.held
            assert one.leases().lost == 1
            again = await submitted_at_last(one, plan(a=step(action=echo("x"))), "new")
            assert (await again.wait()).state is TaskState.DONE
            gates["mine"].set()
            assert (await one.wait("mine")).state is TaskState.DONE
            assert calls == ["mine", "mine"]


async def submitted_at_last(runtime, template, task_id):
    """Submit as clients do: again, while what was stopped is not there again."""
    while True:
        try:
            return await runtime.submit(template, task_id=task_id)
        except Unavailable:
            await trio.sleep(0.05)


ONCE = plan(a=Step(action=Action.calling(wait_at, gate="{{.task.task_id}}")), b=step("a", action=echo("then")))


async def test_postgres_a_step_that_may_have_run_is_not_run_again_by_whoever_takes_over(instance):
    with trio.fail_after(60):
        async with instance() as one, instance() as two:
            await one.submit(ONCE, task_id="once")
            await running(one, "once")
            it = {"it": one._journal._instance.number, "channel": one._journal._address.schema}
            await two._journal._look("SELECT leave(%(it)s, %(channel)s)", it)
            view = await two.wait("once")
            assert view.resolution is ResolutionState.BLOCKED_TOCHECK
            assert calls == ["once"]
            gates["once"].set()
            await two.run("once")
            assert (await two.wait("once")).state is TaskState.DONE
            assert calls == ["once", "once"]


async def test_postgres_children_and_parents_find_each_other_across_instances(instance):
    steps = {"a": step(action=echo("{{.input.n}}"))}
    child = Template(
        name="child", steps=steps, inputs=[Input(name="n")], auto_runnable=True, allow_all_resolver_usernames=True
    )
    parent = plan(
        a=Step(action=Action(type="subtask", configuration={"template": "child", "input": {"n": "7"}})),
        b=step("a", action=echo("{{.step.a.output.id}}")),
    )
    with trio.fail_after(60):
        async with instance() as one, instance() as two:
            for runtime in (one, two):
                await runtime.register(child)
            await one.submit(parent, task_id="p")
            assert (await two.wait("p")).state is TaskState.DONE


@pytest.fixture(params=[0, 2])
def older(request, monkeypatch):
    """The first questions that an instance gets are of a version that it does not know, or none is."""
    unknown = [*range(request.param)]

    def decode(body):
        if unknown:
            unknown.pop()
            unreadable(body)
        return decode_question(body)

    monkeypatch.setattr("runtime.work.post.decode_question", decode)
    return unknown


TAKEN_ON = Template(name="child", steps=GATED.steps)
SUBTASK = {"template": "child"}


async def taken_on(runtime, number):
    """Take the one task on that waits for that, and have it run here; give its id."""
    found = []
    while len(found) < number:
        await trio.sleep(0.01)
        found = await runtime.find(Wanted(flows=False))
    [task_id] = [one.task_id for one in found if one.task_id != "p"]
    await runtime.resolve(task_id)
    await running(runtime, task_id)
    return task_id


async def test_postgres_a_parent_hears_of_its_child_from_another_instance_once_it_can(instance, older):
    """Its own may be of an older version, which does not know how it is told: so it is told again."""
    parent = plan(
        a=Step(action=Action(type="subtask", configuration=SUBTASK)),
        b=Step(action=Action.calling(wait_at, gate="busy"), idempotent=True),
    )
    with trio.fail_after(60), capture_logs() as logs:
        async with instance() as one, instance() as two:
            for runtime in (one, two):
                await runtime.register(TAKEN_ON)
            await one.submit(parent, task_id="p")
            gates[await taken_on(two, 2)].set()
            while not any(isinstance(record, ChildSettled) for record in await one._journal.read("p")):  # noqa: ASYNC110
                await trio.sleep(0.01)
            assert not older
            gates["busy"].set()
            assert (await two.wait("p")).state is TaskState.DONE
    assert not [one for one in logs if one["log_level"] == "error"]


async def test_postgres_what_a_step_of_a_flow_has_started_is_cancelled_with_it_whoever_goes_on_with_that(
    instance, older
):
    with trio.fail_after(60):
        async with instance() as one, instance() as two:
            for runtime in (one, two):
                await runtime.register(TAKEN_ON)
            steps = [{"name": "s", "signal": {"type": "subtask", "data": SUBTASK}}]
            flow = await one.flow({"kind": "flow", "steps": steps}, flow_id="f")
            task_id = await taken_on(two, 1)
            await flow.cancel()
            await flow.wait()
            assert (await two.wait(task_id)).state is TaskState.CANCELLED
            assert not older


async def test_postgres_who_waits_for_a_person_is_answered_anywhere(instance):
    asks = plan(a=Step(action=Action(type="approval", configuration={"plan": "x"})))

    async def asked(runtime, task_id):
        with suppress(NotFound):
            return (await runtime.flow_handle(f"{task_id}.a").status()).waits
        return ()

    with trio.fail_after(60):
        async with instance() as two:
            async with instance() as one:
                for name in ("one", "gone", "cancelled"):
                    await one.submit(asks, task_id=name)
                    while not await asked(two, name):  # noqa: ASYNC110 - by somebody else
                        await trio.sleep(0.01)
                await two.flow_handle("one.a").approve("s1", by="ada")
                assert (await one.wait("one")).state is TaskState.DONE
                await two.cancel("cancelled")
                flow = one.flow_handle("cancelled.a")
                while (await flow.status()).status.status != "cancelled":  # noqa: ASYNC110 - by somebody else
                    await trio.sleep(0.01)
            await two.flow_handle("gone.a").approve("s1", by="ada")
            assert (await two.wait("gone")).state is TaskState.DONE


async def test_postgres_tasks_that_are_due_are_woken_once_by_anybody(instance):
    with trio.fail_after(60):
        async with instance() as one, instance() as two:
            for number in range(30):
                await one.submit(plan(a=step(action=Action.calling(count))), task_id=f"late{number}", delay=0.3)
            for number in range(30):
                assert (await two.wait(f"late{number}")).state is TaskState.DONE
            assert len(calls) == 30


async def count() -> str:
    calls.append("")
    return ""


async def test_postgres_slow_nothing_is_lost_while_the_server_is_away(tmp_path):
    with running_server(durable=True) as server, fresh_store(server.url) as store:
        with trio.fail_after(60):
            async with open_runtime(f"{store}&lease=20") as runtime, trio.open_nursery() as nursery:
                await runtime.submit(GATED, task_id="before")
                await running(runtime, "before")
                server.stop()
                committer, accepted = runtime._journal._committer, []

                async def submit():
                    accepted.append(await runtime.submit(plan(a=step(action=echo("x"))), task_id="meanwhile"))

                asked = committer._asked
                nursery.start_soon(submit)
                gates.setdefault("before", trio.Event()).set()
                while committer._asked < asked + 2:  # noqa: ASYNC110 - both are to be stored
                    await trio.sleep(0.01)
                await wait_all_tasks_blocked()
                assert not accepted  # nothing is acknowledged that is not stored
                with pytest.raises(Unavailable):
                    await runtime.find(Wanted())
                await trio.to_thread.run_sync(server.start)
                assert (await runtime.wait("before")).state is TaskState.DONE
                while not accepted:  # noqa: ASYNC110 - another task sees it
                    await trio.sleep(0.01)
                assert (await accepted[0].wait()).state is TaskState.DONE
                assert calls == ["before"]


async def test_postgres_an_instance_whose_server_has_lost_what_it_stored_goes_on_with_what_is_there(
    instance, postgres_store
):
    """As where a standby took the place of a server that had not sent it all: one task was, and the other was not."""
    with trio.fail_after(60):
        async with instance() as one, trio.open_nursery() as nursery:
            told = []

            async def wait(task_id):
                with pytest.raises(Unavailable, match="the store has lost what it had acknowledged"):
                    await one.wait(task_id)
                told.append(task_id)

            for task_id in ("kept", "lost"):
                await one.submit(GATED, task_id=task_id)
                await running(one, task_id)
                nursery.start_soon(wait, task_id)
            with asking(postgres_store) as administrator:
                [(first,)] = administrator.execute("SELECT number FROM tasks WHERE id = 'lost'").fetchall()
                administrator.execute("DELETE FROM tasks WHERE id = 'lost'")
                administrator.execute("DELETE FROM turns WHERE position >= %s", [first])
                administrator.execute("UPDATE floor SET position = 0")
                administrator.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE %s",
                    [f"%{one._journal._links._mark}"],
                )
            for gate in ("kept", "lost"):
                gates.setdefault(gate, trio.Event()).set()
            while len(told) < 2:  # noqa: ASYNC110 - the other tasks say so
                await trio.sleep(0.01)
            assert (await one.wait("kept")).state is TaskState.DONE
            assert calls.count("kept") >= 1
            with pytest.raises(NotFound):
                await one.status("lost")
            assert one.leases().lost == 1


async def test_postgres_slow_nobody_is_taken_for_dead_because_the_server_was_away_for_longer_than_a_lease(tmp_path):
    with running_server(durable=True) as server, fresh_store(server.url) as store:
        with trio.fail_after(60):
            async with AsyncExitStack() as stack:
                runtimes = [await stack.enter_async_context(open_runtime(f"{store}&lease=2")) for _ in range(3)]
                for number, runtime in enumerate(runtimes):
                    await runtime.submit(GATED, task_id=f"t{number}")
                    await running(runtime, f"t{number}")
                server.stop()
                while any(runtime._journal.lease_held for runtime in runtimes):  # noqa: ASYNC110 - time passes
                    await trio.sleep(0.01)
                await trio.to_thread.run_sync(server.start)
                for runtime in runtimes:
                    while runtime.trouble() is not None:  # noqa: ASYNC110 - the heart notices
                        await trio.sleep(0.01)
                for number, runtime in enumerate(runtimes):
                    gates[f"t{number}"].set()
                    assert (await runtime.wait(f"t{number}")).state is TaskState.DONE
                assert sorted(calls) == ["t0", "t1", "t2"]
                assert [runtime.leases() for runtime in runtimes] == [LeaseFigures()] * 3


async def test_postgres_slow_nothing_is_lost_while_the_server_can_only_be_read(tmp_path):
    """As where it has become a standby: who only reads would not notice, so the runtime says so itself."""
    with running_server() as server, fresh_store(server.url) as store:

        def read_only(to_be):
            with asking(store) as administrator:
                administrator.execute("SET default_transaction_read_only TO off")
                administrator.execute(f"ALTER SYSTEM SET default_transaction_read_only TO {to_be}")
                administrator.execute("SELECT pg_reload_conf()")

        with trio.fail_after(60):
            async with open_runtime(f"{store}&lease=1") as runtime:
                await runtime.submit(GATED, task_id="before")
                await running(runtime, "before")
                assert runtime.trouble() is None
                read_only("on")
                while runtime.trouble() is None:  # noqa: ASYNC110 - the heart notices
                    await trio.sleep(0.01)
                gates["before"].set()
                while runtime._journal.lease_held:  # noqa: ASYNC110 - time passes
                    await trio.sleep(0.01)
                assert "the server is read-only" in runtime.trouble().reason
                assert (await runtime.status("before")).state is TaskState.RUNNING
                with pytest.raises(Unavailable, match="the server is read-only"):
                    await runtime.submit(GATED, task_id="meanwhile")
                read_only("off")
                assert (await runtime.wait("before")).state is TaskState.DONE
                assert calls == ["before"]
                while runtime.trouble() is not None:  # noqa: ASYNC110 - as above
                    await trio.sleep(0.01)
                with pytest.raises(NotFound):
                    await runtime.status("meanwhile")


async def test_postgres_tasks_in_line_stay_with_the_instance_whose_line_it_is_until_it_closes(instance):
    with trio.fail_after(60):
        async with instance(limits=Limits(executions=1)) as two:
            async with instance(limits=Limits(executions=1), grace_seconds=0) as one:
                for number in range(4):
                    await one.submit(GATED, task_id=f"l{number}")
                await running(one, "l0")
                figures = (await one.resources())["executions"]
                assert (figures.held, figures.waiting) == (1, 3)
                await two.submit(plan(a=step(action=echo("x"))), task_id="free")
                assert (await two.wait("free")).state is TaskState.DONE
                await two.cancel("l1")  # which is in line at the other one
                assert calls == ["l0"]
            for name in ("l0", "l2", "l3"):
                gates.setdefault(name, trio.Event()).set()
            for name in ("l0", "l2", "l3"):
                assert (await two.wait(name)).state is TaskState.DONE
    assert calls[0] == "l0"
    assert sorted(set(calls)) == ["l0", "l2", "l3"]


together: list[int] = []
most = 0


async def count_together() -> str:
    global most
    together.append(1)
    most = max(most, len(together))
    await trio.sleep(0.02)
    together.pop()
    return ""


async def test_postgres_a_limit_of_all_instances_is_one_limit(instance):
    global most
    most = 0
    limited = plan(a=Step(action=Action.calling(count_together), resources=("api",), idempotent=True))
    limits = Limits(resources={"api": 2}, everywhere=frozenset({"api"}))
    with trio.fail_after(60):
        async with instance(limits=limits) as one, instance(limits=limits) as two, instance(limits=limits) as three:
            tasks = [await rt.submit(limited) for _ in range(5) for rt in (one, two, three)]
            for task in tasks:
                assert (await task.wait()).state is TaskState.DONE
            assert most == 2
            journal = one._journal
            while await journal._look("SELECT FROM holdings"):  # noqa: ASYNC110 - given back with some later commit
                await trio.sleep(0.01)


async def test_postgres_what_a_lost_instance_held_of_a_limit_is_free_again(instance, monkeypatch):
    hold, refused = PostgresJournal.hold, set()

    async def noted(self, *arguments):
        held = await hold(self, *arguments)
        if not held:
            refused.add(self)
        return held

    monkeypatch.setattr(PostgresJournal, "hold", noted)
    limits = Limits(resources={"api": 1}, everywhere=frozenset({"api"}))
    held = plan(a=Step(action=Action.calling(wait_at, gate="{{.task.task_id}}"), resources=("api",), idempotent=True))
    with trio.fail_after(60):
        async with instance(limits=limits) as one, instance(limits=limits) as two:
            await one.submit(held, task_id="held")
            await running(one, "held")
            while not calls:  # noqa: ASYNC110 - the step says so
                await trio.sleep(0.01)
            await two.submit(held, task_id="other")
            while two._journal not in refused:  # noqa: ASYNC110 - nobody else is told
                await trio.sleep(0.01)
            assert calls == ["held"]
            it = {"it": one._journal._instance.number, "channel": one._journal._address.schema}
            await two._journal._look("SELECT leave(%(it)s, %(channel)s)", it)
            while "other" not in calls and calls.count("held") < 2:  # noqa: ASYNC110 - whichever is first
                await trio.sleep(0.01)
            for gate in ("held", "other"):
                gates.setdefault(gate, trio.Event()).set()
            assert (await two.wait("other")).state is TaskState.DONE
            assert (await two.wait("held")).state is TaskState.DONE
