import pytest
import trio

from actors import VirtualClock
from runners.cache import Cache
from runners.tag import Tag
from runtime import Action, TaskState, open_runtime
from runtime.cache import Cache as Memory
from runtime.cache import TooLarge
from runtime.runner import ClientError, RunnerSettings
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
    import attrs

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


async def test_what_is_too_large_is_the_authors_fault():
    cache = Cache(RunnerSettings(cache=Memory(most_bytes=100)))
    failed = await laws.fails_as_declared(cache, {"action": "set", "key": "k", "value": "x" * 100})
    assert isinstance(failed, ClientError)


async def test_a_cache_never_holds_more_than_it_may():
    memory = Memory(most_entries=3, most_bytes=40)
    for number in range(10):
        memory.set("n", str(number), number)
        memory.get("n", "7")
    assert len(memory) == 3
    assert memory.get("n", "7") == (True, 7), "what is asked for stays"
    assert memory.get("n", "6") == (False, None)
    memory.set("n", "long", "x" * 33)
    assert len(memory) == 1
    with pytest.raises(TooLarge):
        memory.set("n", "longer", "x" * 50)
    assert memory.get("n", "long")[0]


@pytest.mark.parametrize(
    ("wrong", "path"),
    [({"action": "take"}, "action"), ({"key": ""}, "key"), ({"ttl": -1}, "ttl"), ({"ttl": "1s"}, "ttl")],
)
def test_what_can_never_be_done_is_refused(wrong, path):
    assert [fault.path for fault in Cache().check({"action": "get", "key": "k", **wrong}).faults] == [path]
