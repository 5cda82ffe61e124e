"""After every test of this folder: no actor is kept, and no supervisor has a child that lives."""

import gc
import weakref

import pytest

from actors import Actor, Supervisor


@pytest.fixture(autouse=True)
def _nothing_is_left(monkeypatch):
    actors, supervisors = [], []
    live, run = Actor.live, Supervisor.run

    async def noted_live(self, cell):
        actors.append(weakref.ref(self))
        return await live(self, cell)

    async def noted_run(self, nursery):
        supervisors.append(self)
        await run(self, nursery)

    monkeypatch.setattr(Actor, "live", noted_live)
    monkeypatch.setattr(Supervisor, "run", noted_run)
    yield
    alive = [supervisor for supervisor in supervisors if supervisor.count().alive]
    assert not alive, "a supervisor ended before its children"
    supervisors.clear()
    if any(ref() is not None for ref in actors):
        gc.collect()
    kept = [ref() for ref in actors if ref() is not None]
    assert not kept, "something holds an actor that is dead"
