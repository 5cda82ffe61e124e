"""Records as bytes: strict, exact, and readable for ever."""

from pathlib import Path
from typing import get_args

import attrs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.engine.draft import replay
from runtime.engine.records import Record, RunEnded, RunStarted, StepReturned, StepStarted, TaskSubmitted
from runtime.engine.states import ResolutionState
from runtime.journal.codec import RecordUnreadable, decode_template, decode_turn, encode_template, encode_turn
from runtime.templates.model import Template
from runtime.values.json import Number
from tests.support.journal_laws import submitted
from tests.support.plans import plan, step
from tests.support.strategies import json_values

GOLDEN = Path(__file__).parent.parent / "golden"

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([Number("1.50"), Number("-0"), Number("1e400"), Number("1E3")])
    | st.text(max_size=10)
)


def unknown(_digest):
    raise AssertionError("no template is named here")


@given(json_values(LEAVES), st.floats(allow_nan=False, allow_infinity=False), st.text())
@settings(deadline=None)
def test_what_is_encoded_is_decoded_as_it_was(value, at, text):
    records = [
        StepReturned(at=at, step=text, state=text, returned="DONE", error=text, output=value, metadata=[value]),
        RunEnded(at=at, state=ResolutionState.DONE, next_retry=at, result={"x": value}),
    ]
    back = decode_turn(encode_turn(records), unknown)
    assert list(back) == records
    assert repr(back) == repr(records)


@given(json_values(LEAVES))
def test_a_template_is_decoded_as_it_was_and_its_hash_is_its_own(value):
    template = plan(a=step(json_schema={"x": value}), b=step("a"), result_format={"y": value})
    digest, body = encode_template(template)
    assert decode_template(body) == template
    assert encode_template(decode_template(body)) == (digest, body)
    assert encode_template(attrs.evolve(template, blocked=True))[0] != digest


def test_every_record_is_known_by_itself():
    tags = {record.__name__ for record in get_args(Record)}
    assert len(tags) == len(get_args(Record))
    for tag in tags:
        with pytest.raises(RecordUnreadable, match="unknown field bogus"):
            decode_turn(msgspec.msgpack.encode([(tag, 1, {"at": 1.0, "bogus": 1})]), unknown)


@pytest.mark.parametrize(
    "turn",
    [
        [("StepExploded", 1, {"at": 1.0})],
        [("RunStarted", 2, {"at": 1.0})],
        [("RunStarted", 1, {})],
        [("RunStarted", 1, {"at": "soon"})],
        [("RunStarted", {"at": 1.0})],
        [("RunEnded", 1, {"at": 1.0, "state": "FINE"})],
        {"at": 1.0},
        [("StepReturned", 1, {"at": 1.0, "step": "a", "state": "DONE", "returned": "DONE", "output": msgspec.msgpack.Ext(9, b"")})],
    ],
)
def test_what_is_not_known_is_an_error_and_never_skipped(turn):
    with pytest.raises(RecordUnreadable):
        decode_turn(msgspec.msgpack.encode(turn), unknown)


@given(st.binary(max_size=200))
def test_any_bytes_are_records_or_an_error(noise):
    for read in (lambda: decode_turn(noise, unknown), lambda: decode_template(noise)):
        try:
            read()
        except RecordUnreadable:
            pass


def test_a_template_holds_no_callable():
    async def act() -> None:
        pass

    from runtime.api.callables import name_callables
    from runtime.functions import Functions
    from runtime.templates.model import Step

    template = name_callables(plan(a=Step(action=act)), Functions())
    assert decode_template(encode_template(template)[1]) == template


def golden(path):
    """A golden journal: an array of turns' bytes and templates' bytes by hash, as some version wrote them."""
    return msgspec.msgpack.decode(path.read_bytes())


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.journal")), ids=lambda path: path.stem)
def test_what_past_versions_wrote_is_read_and_replayed_to_the_state_they_had(path):
    """A changed file needs a written reason: what users have stored looks like the old one."""
    content = golden(path)
    templates = {digest: decode_template(body) for digest, body in content["templates"].items()}
    records = [record for turn in content["turns"] for record in decode_turn(turn, templates.__getitem__)]
    task = replay(records)
    assert task is not None
    steps = {name: [progress.state, progress.tries, progress.output] for name, progress in task.steps.items()}
    found = {"resolution": str(task.resolution), "run": task.run, "result": task.result, "steps": steps}
    assert found == content["state"]


def test_there_is_a_golden_journal_with_every_record():
    seen = set()
    for path in GOLDEN.glob("*.journal"):
        content = golden(path)
        seen |= {tag for turn in content["turns"] for tag, *_ in msgspec.msgpack.decode(turn)}
    assert seen == {record.__name__ for record in get_args(Record)}, "write one: python -m tests.runtime.golden NAME"


def test_a_submission_names_its_template_by_hash():
    digest, body = encode_template(plan(a=step()))
    turn = encode_turn([submitted("t"), RunStarted(at=1.0), StepStarted(at=1.0, step="a", attempt=1)], digest)
    assert len(turn) < 400
    found = []

    def find(name):
        found.append(name)
        return decode_template(body)

    first, *_ = decode_turn(turn, find)
    assert isinstance(first, TaskSubmitted)
    assert isinstance(first.template, Template)
    assert found == [digest]
