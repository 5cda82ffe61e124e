"""Under maintenance what is there can be read, nothing goes on, and keys can be exchanged."""

import pytest

from runtime import UnderMaintenance, open_runtime
from runtime.journal.keys import KeyRing, add_key
from runtime.journal.protocol import StoreUnusable
from runtime.journal.sqlite import upkeep
from tests.support.plans import plan, step

PLAN = plan(a=step(), b=step("a"))


async def test_nothing_is_changed_and_nothing_goes_on(tmp_path):
    store = tmp_path / "tasks.db"
    async with open_runtime(store) as rt:
        done = await rt.submit(PLAN, task_id="done")
        await done.wait()
        await rt.submit(PLAN, task_id="later", delay=0.01)
    async with open_runtime(store, maintenance=True) as rt:
        assert (await rt.status("done")).state == "DONE"
        assert len(await rt.count()) == 2
        before = await rt.status("later")
        operator = rt.operator("later")
        for change in (
            rt.submit(PLAN),
            rt.run("later"),
            rt.cancel("later"),
            rt.delete("done"),
            operator.pause(),
            operator.comment("what about it?"),
            operator.tag({"a": "b"}),
        ):
            with pytest.raises(UnderMaintenance, match="maintenance"):
                await change
        assert await rt.status("later") == before
    async with open_runtime(store) as rt:
        assert (await rt.wait("later")).state == "DONE"


@pytest.mark.parametrize("maintenance", [True, False])
async def test_keys_are_exchanged_while_the_store_is_open(tmp_path, maintenance):
    store, keys = tmp_path / "tasks.db", tmp_path / "keys.json"
    add_key(keys, "old")
    async with open_runtime(store, keys=keys) as rt:
        for number in range(20):
            await (await rt.submit(PLAN, task_id=str(number))).wait()
    add_key(keys, "new")
    async with open_runtime(store, keys=keys, maintenance=maintenance) as rt:
        assert await rt.rotate_keys() > 20
        assert await rt.rotate_keys() == 0
        assert (await rt.status("7")).state == "DONE"
        if not maintenance:
            assert (await (await rt.submit(PLAN)).wait()).state == "DONE"
    new = KeyRing.load(keys).primary
    assert upkeep.check(store, KeyRing(new, {new.fingerprint: new})).problems == ()  # the old key is of no use any more


async def test_a_store_that_is_not_sealed_says_so(tmp_path):
    async with open_runtime(tmp_path / "tasks.db") as rt:
        with pytest.raises(StoreUnusable, match="key ring"):
            await rt.rotate_keys()
    async with open_runtime() as rt:
        with pytest.raises(StoreUnusable, match="memory"):
            await rt.rotate_keys()
