"""Whatever a task stands still for, it says so in words: everything that can hold one up has a test here."""

import re

import attrs
import pytest
import trio
import trio.testing

from runtime import Action, Limits, Step, TaskState, open_runtime
from runtime.journal.memory import MemoryJournal
from runtime.journal.protocol import JournalUnavailable, Trouble
from runtime.runner import ClientError, NotAssigned, NotProvisioned, Outcome, Runner, StepFailed
from tests.support.plans import echo, plan, step


class Says(Runner[object]):
    """Takes for ever, or raises what it was made with."""

    config = object

    def __init__(self, name, error=None):
        self.name, self._error = name, error

    async def run(self, _request):
        if self._error is not None:
            raise self._error
        await trio.sleep_forever()
        return Outcome()


SLOW = Says("slow")


def saying(error):
    return {"runners": [Says("says", error)]}, Step(action=Action(type="says"), max_retries=2)


async def waits_of(task):
    await trio.testing.wait_all_tasks_blocked(0.01)
    return (await task.status()).waits_for


@pytest.mark.parametrize("error", [StepFailed("busy"), NotProvisioned("none is free")])
async def test_a_step_that_is_tried_again_says_when_and_why(autojump_clock, clock, error):
    options, a = saying(error)
    async with open_runtime(clock=clock, **options) as rt:
        task = await rt.submit(plan(a=a, b=step("a")))
        run, failed, needs = await waits_of(task)
        state = "TO_RETRY" if isinstance(error, NotProvisioned) else "SERVER_ERROR"
        assert run.startswith("its next run at 20")
        assert failed == f"step a: {state} after try 1 of 3: {error.message}"
        assert needs == f"step b: step a to be DONE: it is {state}"
        await task.wait()
        person, failed, *_ = await waits_of(task)
        assert person == "somebody to put the steps in FATAL_ERROR in another state, and to run it"
        assert failed == f"step a: FATAL_ERROR after try 3 of 3: max retries reached (2): {error.message}"


async def test_a_step_that_was_refused_says_what_is_to_be_mended(autojump_clock, clock):
    options, a = saying(ClientError("no such order"))
    async with open_runtime(clock=clock, **options) as rt:
        task = await rt.submit(plan(a=a))
        await task.wait()
        assert await waits_of(task) == (
            "somebody to mend the steps in CLIENT_ERROR, or their inputs, and to run it",
            "step a: CLIENT_ERROR after try 1 of 3: no such order",
        )


async def test_runs_that_are_used_up_are_to_be_extended(autojump_clock, clock):
    options, _ = saying(StepFailed("busy"))
    async with open_runtime(clock=clock, **options) as rt:
        task = await rt.submit(attrs.evolve(plan(a=Step(action=Action(type="says"))), retry_max=2))
        await task.wait()
        assert (await waits_of(task))[0] == "somebody to extend it: its 2 runs are used up"


async def test_steps_say_which_others_they_need_and_since_when_those_run(autojump_clock, clock):
    async with open_runtime(clock=clock, runners=[SLOW]) as rt:
        slow = Step(action=Action(type="slow"), execution_delay=5)
        task = await rt.submit(plan(a=slow, b=step("a"), c=step("b:ANY")))
        running, *others = await waits_of(task)
        assert running.startswith("step a: its attempt, under way since 20")
        assert running.endswith("Z, and waits 5 s first")
        assert others == ["step b: step a to be DONE: it is RUNNING", "step c: step b to be settled: it is TODO"]


async def test_a_long_list_is_counted_from_the_twentieth_on(autojump_clock, clock):
    async with open_runtime(clock=clock, runners=[SLOW]) as rt:
        steps = {f"s{number}": step("a") for number in range(40)}
        task = await rt.submit(plan(a=Step(action=Action(type="slow")), **steps))
        waits = await waits_of(task)
        assert (len(waits), waits[-1]) == (21, "and 21 more steps")


async def test_a_step_names_the_resource_that_others_hold_and_no_longer_once_it_has_it(autojump_clock, clock):
    limits = Limits(resources={"lock": 1, "free": 5})
    a = Step(action=Action(type="slow"), resources=["lock", "free"])
    async with open_runtime(clock=clock, limits=limits, runners=[SLOW]) as rt:
        first, second = [await rt.submit(plan(a=a)) for _ in range(2)]
        assert await waits_of(second) == ("step a: resources that others hold: free (5), lock (1)",)
        await first.cancel()
        (now,) = await waits_of(second)
        assert now.startswith("step a: its attempt, under way")


async def test_a_run_says_which_slots_it_is_in_line_for(autojump_clock, clock):
    async with open_runtime(clock=clock, limits=Limits(executions=1), runners=[SLOW]) as rt:
        _, second = [await rt.submit(plan(a=Step(action=Action(type="slow")))) for _ in range(2)]
        (line,) = await waits_of(second)
        assert line.endswith("as many runs as may be are under way (executions, or template:plan)")


async def test_a_template_that_is_switched_off_says_so(autojump_clock, clock):
    async with open_runtime(clock=clock, limits=Limits(resources={"template:plan": 0})) as rt:
        task = await rt.submit(plan(a=step()))
        (begins,) = await waits_of(task)
        assert begins.startswith("its beginning at 20")
        assert begins.endswith('(runtime: resource "template:plan" is switched off: its limit is 0)')


async def test_people_and_times_are_waited_for(autojump_clock, clock):
    async with open_runtime(clock=clock) as rt:
        later = await rt.submit(plan(a=step()), delay=3600)
        assert [text[:18] for text in await waits_of(later)] == ["its beginning at 2"]
        await later.operator("ann").pause("the disk is exchanged")
        assert await waits_of(later) == ("somebody to run it: it is paused (ann: the disk is exchanged)",)
        await later.run()
        assert (await later.wait()).state is TaskState.DONE
        assert await waits_of(later) == ()
        nobodys = await rt.submit(plan(a=step()), resolve=False)
        assert await waits_of(nobodys) == ("somebody to take it on",)
        held = await rt.submit(plan(a=step()), run=False)
        assert await waits_of(held) == ("somebody to run it",)


async def test_children_callbacks_and_answers_are_named(autojump_clock, clock):
    config = {"callback-config": '{"base_url": "http://here"}'}
    kid = attrs.evolve(plan(a=Step(action=Action(type="slow"))), name="kid", auto_runnable=True)
    async with open_runtime(clock=clock, runners=[SLOW], config=config, templates=[]) as rt:
        await rt.register(kid)
        many = Action(type="batch", configuration={"template_name": "kid", "inputs": [{}, {}, {}]})
        (waits,) = await waits_of(await rt.submit(plan(a=Step(action=many))))
        assert re.fullmatch(r"step a: task [0-9a-f-]{36}, which is TODO, and 2 more", waits)
        called = await rt.submit(
            plan(
                a=Step(action=Action(type="callback", configuration={"action": "create"})),
                b=Step(
                    action=Action(type="callback", configuration={"action": "wait", "id": "{{.step.a.output.id}}"}),
                    dependencies=["a"],
                ),
            )
        )
        await trio.testing.wait_all_tasks_blocked(0.01)
        made = (await called.status()).steps["a"].output["id"]
        assert await waits_of(called) == (f"step b: the callback {made}, to be called",)
        asks = await rt.submit(
            plan(a=Step(action=Action(type="approval", configuration={"plan": "x"}))), task_id="asks"
        )
        assert await waits_of(asks) == ("step a: somebody to approve or deny step s1 of flow asks.a",)


async def test_a_step_that_does_not_say_what_it_waits_for_is_quoted(autojump_clock, clock):
    options, a = saying(NotAssigned("the moon is not full"))
    async with open_runtime(clock=clock, **options) as rt:
        task = await rt.submit(plan(a=a))
        assert await waits_of(task) == ("step a: the moon is not full",)


class Kept(MemoryJournal):
    """Outlives its runtime."""

    async def close(self):
        pass


class Refusing(MemoryJournal):
    """Takes nothing from a moment on."""

    full = False

    async def append(self, entries):
        if self.full:
            raise JournalUnavailable("the disk is full")
        return await super().append(entries)

    @property
    def trouble(self):
        return Trouble(1, "the disk is full") if self.full else None


async def test_what_was_cut_and_may_have_been_done_is_to_be_looked_at(autojump_clock, clock):
    journal = Kept()
    async with open_runtime(clock=clock, journal=journal, runners=[SLOW]) as rt:
        await rt.submit(plan(a=Step(action=Action(type="slow"))), task_id="t")
        await trio.testing.wait_all_tasks_blocked(0.01)
    async with open_runtime(clock=clock, journal=journal, runners=[SLOW]) as rt:
        person, cut = (await rt.status("t")).waits_for
        assert person.startswith("somebody to look what was done by the steps in CRASHED")
        assert cut.startswith("step a: CRASHED: interrupted")


async def test_a_runtime_that_lets_nothing_go_on_says_so(autojump_clock, clock):
    journal = Kept()
    async with open_runtime(clock=clock, journal=journal) as rt:
        await rt.submit(plan(a=step()), task_id="t", delay=60)
    async with open_runtime(clock=clock, journal=journal, maintenance=True) as rt:
        assert (await rt.status("t")).waits_for[0] == "the end of the maintenance that this runtime is under"
    async with open_runtime(clock=clock, journal=journal) as rt:
        rt.shutdown("SIGTERM", requester="user")
        assert (await rt.status("t")).waits_for[0].startswith("a start after this runtime was shut down (")


async def test_a_store_that_refuses_says_why(autojump_clock, clock):
    journal = Refusing()
    async with open_runtime(clock=clock, journal=journal) as rt:
        task = await rt.submit(plan(a=step(action=echo("x"), execution_delay=1)))
        journal.full = True
        await trio.sleep(5)
        assert (await task.status()).waits_for[0] == "a store that takes something: the disk is full"
        journal.full = False
        assert (await task.wait()).state is TaskState.DONE
