from contextlib import closing

import apsw
import attrs
import pytest
import trio

from actors import SystemClock, VirtualClock
from runners.cache import Cache
from runners.tag import Tag
from runtime import Action, TaskState, open_runtime
from runtime.cache import LARGEST
from runtime.cache import Cache as Memory
from runtime.journal.memory import MemoryJournal
from runtime.runner import ClientError, NotProvisioned, RunnerSettings
from runtime.testing import laws
from tests.support.plans import plan, step


async def test_tags_are_set_and_deleted_on_the_task(autojump_clock):
    template = plan(
        a=step(action=Action(type="tag", configuration={"tags": {"x": "1", "y": "2", "z": "{{.step.this.state}}"}})),
        b=step("a", action=Action(type="tag", configuration={"tags": {"y": "", "z": None}})),
    )
    async with open_runtime(clock=VirtualClock(0)) as rt:
        view = await (await rt.submit(template)).wait()
    assert view.state is TaskState.DONE
    assert view.tags == {"x": "1"}


async def test_a_tag_of_the_runtime_s_own_is_refused_rendered_or_not():
    reserved = {"tags": {"_utask_parent_task_id": "x"}}
    assert [fault.path for fault in Tag().check(reserved).faults] == ["tags._utask_parent_task_id"]
    assert (await laws.fails_as_declared(Tag(), reserved)).message == "tags._utask_parent_task_id: the tag is reserved"


class Calendar(SystemClock):
    """A real clock, but for the date."""

    at = 1_700_000_000.0

    def wall(self):
        return self.at


def cached(**configuration):
    return Action(type="cache", configuration=configuration)


async def test_what_one_task_remembers_another_of_its_template_finds(autojump_clock):
    async with open_runtime(clock=VirtualClock(0)) as rt:

        async def does(name, **configuration):
            template = plan(a=step(action=cached(**configuration)), result_format={"r": "{{.step.a.output | toJson}}"})
            view = await (await rt.submit(template_named(template, name))).wait()
            return view.steps["a"].output

        assert await does("one", action="set", key="k", value={"n": [1.50]}) == {"key": "k", "cached": True}
        assert await does("one", action="get", key="k") == {"key": "k", "hit": True, "value": {"n": [1.50]}}
        assert await does("two", action="get", key="k") == {"key": "k", "hit": False, "value": None}
        await does("two", action="set", key="k", value="shared", namespace="both")
        assert (await does("one", action="get", key="k", namespace="both"))["value"] == "shared"
        assert await does("one", action="delete", key="k") == {"key": "k", "deleted": True}
        assert await does("one", action="delete", key="k") == {"key": "k", "deleted": True}
        assert (await does("one", action="get", key="k"))["hit"] is False


def template_named(template, name):
    return attrs.evolve(template, name=f"plan-{name}")


async def test_what_has_a_time_to_live_is_forgotten_after_it(autojump_clock):
    cache = Cache(RunnerSettings())

    async def hit():
        return (await laws.gives_json(cache, {"action": "get", "key": "k"})).output["hit"]

    await laws.gives_json(cache, {"action": "set", "key": "k", "value": 1, "ttl": "10"})
    await trio.sleep(9.5)
    assert await hit()
    await trio.sleep(0.5)
    assert not await hit()


async def test_what_is_too_large_is_the_authors_fault_and_changes_nothing():
    cache = Cache(RunnerSettings())
    await laws.gives_json(cache, {"action": "set", "key": "k", "value": 1})
    failed = await laws.fails_as_declared(cache, {"action": "set", "key": "k", "value": "x" * LARGEST})
    assert isinstance(failed, ClientError)
    assert (await laws.gives_json(cache, {"action": "get", "key": "k"})).output["value"] == 1


async def test_a_store_that_is_away_is_a_shortage_and_not_a_failure():
    journal = MemoryJournal()
    await journal.close()
    cache = Cache(RunnerSettings(cache=Memory(lambda: journal)))
    for action in ("set", "get", "delete"):
        failed = await laws.fails_as_declared(cache, {"action": action, "key": "k"})
        assert isinstance(failed, NotProvisioned)


@pytest.mark.parametrize("one", [("a", "b:c"), ("a:b", "c"), ("", "a:b:c")])
async def test_a_key_of_one_namespace_is_never_one_of_another(one):
    memory = Memory()
    await memory.set(*one, 1)
    for other in {("a", "b:c"), ("a:b", "c"), ("", "a:b:c")} - {one}:
        assert await memory.get(*other) == (False, None)


async def output_of(rt, **configuration):
    view = await (await rt.submit(plan(a=step(action=cached(**configuration))))).wait()
    assert view.state is TaskState.DONE
    return view.steps["a"].output


async def test_what_is_remembered_outlives_the_runtime_and_the_collector_removes_it_when_its_time_is_over(tmp_path):
    store, clock = tmp_path / "tasks.db", Calendar()

    def count():
        with closing(
            apsw.Connection(str(store))
        ) as connection:  # another SQLite would not see the locks of this process
            return connection.execute("SELECT count(*) FROM memos").fetchone()[0]

    async with open_runtime(store, clock=clock) as rt:
        await output_of(rt, action="set", key="k", value={"n": 1}, ttl=100)
    clock.at += 99
    async with open_runtime(store, clock=clock) as rt:
        assert (await output_of(rt, action="get", key="k"))["value"] == {"n": 1}
        assert count() == 1
    clock.at += 1
    async with open_runtime(store, clock=clock) as rt:
        assert (await output_of(rt, action="get", key="k"))["hit"] is False
        with trio.fail_after(5):
            while count():
                await trio.lowlevel.checkpoint()


async def test_what_one_instance_remembers_another_recalls(postgres_store):
    with trio.fail_after(20):
        async with open_runtime(postgres_store) as one, open_runtime(postgres_store) as other:
            await output_of(one, action="set", key="k", value="shared")
            assert (await output_of(other, action="get", key="k"))["value"] == "shared"
            await output_of(other, action="delete", key="k")
            assert (await output_of(one, action="get", key="k"))["hit"] is False


@pytest.mark.parametrize(
    ("wrong", "path"),
    [({"action": "take"}, "action"), ({"key": ""}, "key"), ({"ttl": -1}, "ttl"), ({"ttl": "1s"}, "ttl")],
)
def test_what_can_never_be_done_is_refused(wrong, path):
    assert [fault.path for fault in Cache().check({"action": "get", "key": "k", **wrong}).faults] == [path]
