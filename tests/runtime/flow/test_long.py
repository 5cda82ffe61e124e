"""A flow of very many steps holds up nobody: it is begun, rebuilt, shown and changed as a whole in threads."""

import threading
from collections.abc import Mapping
from typing import Any

import attrs
import pytest
import trio

from runtime import Flows, Signal, StepSpec, open_runtime
from runtime.api.flow_handle import view_of
from runtime.flow.decision import decide
from runtime.flow.events import CancelRequested, StepsGenerated, WorkFinished
from runtime.flow.flow import MANY_STEPS
from runtime.flows import Generator
from runtime.journal.memory import MemoryJournal
from runtime.journal.replaying import rebuilt
from runtime.runner import Outcome, Runner


@attrs.frozen(kw_only=True)
class Nothing:
    """Needs no configuration."""


class Noting(Runner[Nothing]):
    """Notes the thread in which it is asked what the beginning of a flow asks."""

    name = "noting"
    config = Nothing
    asked: set[int]

    async def run(self, request):
        raise AssertionError(request)

    @property
    def resumes(self) -> bool:  # type: ignore[override]
        self.asked.add(threading.get_ident())
        return False


class Where(dict[str, str]):
    """Notes the thread in which it is looked at."""

    def __init__(self) -> None:
        super().__init__(none="nothing")
        self.asked: set[int] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(threading.get_ident())
        return super().get(key, default)


class Records(list[Any]):
    """Notes the threads in which it is gone through, in order."""

    def __iter__(self) -> Any:
        self.__dict__.setdefault("asked", []).append(threading.get_ident())
        return super().__iter__()


def document(steps: int) -> Mapping[str, Any]:
    return {"steps": [{"name": f"s{number}", "signal": {"type": "noting"}} for number in range(steps)]}


@pytest.mark.parametrize(("steps", "elsewhere"), [(3, False), (MANY_STEPS + 1, True)])
async def test_what_is_long_is_done_in_a_thread_and_what_is_short_at_once(steps, elsewhere):
    here, noting, journal = threading.get_ident(), Noting(), MemoryJournal()
    noting.asked = set()
    with trio.fail_after(60):
        async with open_runtime(runners=[noting], journal=journal) as rt:
            request = await rt.flow_request(document(steps), start=False)
            noting.asked.clear()
            flow = await rt.take_flow_on(request)
            assert [ident != here for ident in noting.asked] == [elsewhere]
            looked = Where()
            shown = await view_of(await rt.read_flow(flow.id), queued=looked)
            assert len(shown.steps) == steps
            assert [ident != here for ident in looked.asked] == [elsewhere]
            records = Records(await journal.read(flow.id))
            again = await rebuilt(records)
            assert again == await rt.read_flow(flow.id)
            assert (records.asked[-1] != here) == elsewhere


class Hanging(Noting):
    """Hangs, in all but the first step."""

    async def run(self, request):
        await trio.lowlevel.checkpoint()
        if request.step != "s1":
            await trio.sleep_forever()
        return Outcome()


@pytest.mark.parametrize(("steps", "elsewhere"), [(3, False), (MANY_STEPS + 1, True)])
async def test_what_changes_a_long_flow_as_a_whole_is_decided_in_a_thread(monkeypatch, steps, elsewhere):
    """Its steps are not: each would cost a thread."""
    here, hanging, decided = threading.get_ident(), Hanging(), {}
    hanging.asked = set()

    def noted(flow, *events):
        decided.update((type(one), threading.get_ident()) for one in events)
        return decide(flow, *events)

    async def generate(_flow):
        await trio.lowlevel.checkpoint()
        return [StepSpec(name=f"s{number}", signal=Signal(type="noting")) for number in range(steps)]

    monkeypatch.setattr("runtime.work.flows.actor.decide", noted)
    kit = Flows(generators=[Generator("long", generate)])
    with trio.fail_after(60):
        async with open_runtime(runners=[hanging], flows=kit) as rt:
            flow = await rt.flow("long", mode="flat")
            while WorkFinished not in decided:  # noqa: ASYNC110 - nobody else is told
                await trio.sleep(0.01)
            assert [ident != here for ident in hanging.asked] == [elsewhere]
            await flow.cancel()
            assert (await flow.wait()).status.status == "cancelled"
    assert (decided[StepsGenerated] != here, decided[CancelRequested] != here) == (elsewhere, elsewhere)
    assert decided[WorkFinished] == here
