"""A flow of very many steps holds up nobody: it is begun, rebuilt and shown in threads."""

import threading
from collections.abc import Mapping
from typing import Any

import attrs
import pytest
import trio

from runtime import open_runtime
from runtime.api.flow_handle import view_of
from runtime.flow.flow import MANY_STEPS
from runtime.journal.memory import MemoryJournal
from runtime.journal.replaying import rebuilt
from runtime.runner import Runner


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
