"""Write the golden journal of this version; see the package."""

import sys
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs
import msgspec
import trio
import trio.testing

from runtime.engine.records import TaskSubmitted
from runtime.journal.codec import encode_template, encode_turn
from runtime.journal.protocol import Entry, Record, standing_of
from runtime.journal.sqlite.database import Opening
from runtime.journal.sqlite.journal import SqliteJournal
from runtime.templates.model import Template
from runtime.values.json import Number
from tests.crash import flows
from tests.crash.flows import FLOWS, World
from tests.crash.test_product import TASK, StoredJournal, live, submit_and_wait
from tests.runtime.golden.state import state_of
from tests.support.plain_loop import Loop
from tests.support.plans import plan, step


def sample(kind: Any) -> Any:
    """Give a value of a type, with every field filled in."""
    origin = get_origin(kind)
    arguments = get_args(kind)
    if kind is Any:
        return {"list": [1, Number("1.50"), 2**70, None], "text": "\u00e9"}
    if kind is Template:
        return plan(a=step(), b=step("a"))
    if attrs.has(kind):
        hints = get_type_hints(kind)
        return kind(**{field.name: sample(hints[field.name]) for field in attrs.fields(kind) if field.init})
    if origin in {Union, UnionType}:
        first = next(one for one in arguments if one is not NoneType)
        return None if get_origin(first) is Callable else sample(first)
    if origin is tuple:
        return (sample(arguments[0]),)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"key": sample(arguments[1])}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    return {str: "text", float: 1.5, int: 3, bool: True, bytes: b"x"}[kind]


def stored(records: Any) -> dict[str, Any]:
    """Give what a store would hold of records."""
    templates = {}
    turns = []
    for record in records:
        digest, body = encode_template(record.template) if isinstance(record, TaskSubmitted) else (b"", b"")
        if body:
            templates[digest] = body
        turns.append(encode_turn([record], digest))
    return {"turns": turns, "templates": templates}


async def history(name: str) -> dict[str, Any]:
    """Run a flow; give what was stored of it and where that led."""
    flows.WORLD = World()
    journal = StoredJournal()
    await live(journal, lambda rt: submit_and_wait(rt, FLOWS[name]))
    records = await journal.read(TASK)
    return {**stored(records), "state": state_of(records)}


async def write() -> bytes:
    kinds = [sample(record) for record in get_args(Record)]
    content = {
        "histories": {name: await history(name) for name in FLOWS},
        "records": {**stored(kinds), "shown": [repr(one) for one in kinds]},
    }
    return msgspec.msgpack.encode(content)


async def write_store(path: Path) -> None:
    journal = await SqliteJournal.open(Opening(path=path))
    for number in range(3):
        loop = Loop(plan(a=step(), b=step("a")), task_id=f"t{number}")
        loop.run()
        await journal.append([Entry(f"t{number}", loop.records, standing_of(loop.task))])
    await journal.close()


def main(version: str) -> None:
    folder = Path(__file__).parent
    content = trio.run(write, clock=trio.testing.MockClock(autojump_threshold=0))
    (folder / f"{version}.journal").write_bytes(content)
    store = folder / f"{version}.db"
    store.unlink(missing_ok=True)
    trio.run(write_store, store)
    store.with_name(f"{store.name}-owner").unlink()
    print(f"{version}: {len(content)} and {store.stat().st_size} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
