"""Write the golden journal of this version; see the package."""

import sys
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs
import msgspec
import trio
import trio.testing

from runtime.engine.records import Record, TaskSubmitted
from runtime.journal.codec import encode_template, encode_turn
from runtime.templates.model import Template
from runtime.values.json import Number
from tests.crash import flows
from tests.crash.flows import FLOWS, World
from tests.crash.test_product import TASK, StoredJournal, live, submit_and_wait
from tests.runtime.golden.state import state_of
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
        return sample(next(one for one in arguments if one is not NoneType))
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


if __name__ == "__main__":
    path = Path(__file__).parent / f"{sys.argv[1]}.journal"
    content = trio.run(write, clock=trio.testing.MockClock(autojump_threshold=0))
    path.write_bytes(content)
    print(f"{path}: {len(content)} bytes")
