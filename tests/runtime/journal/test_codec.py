"""Records as bytes: strict, exact, and readable for ever."""

from contextlib import suppress
from pathlib import Path
from typing import get_args

import attrs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.engine.records import RunEnded, RunStarted, StepReturned, StepStarted, TaskSubmitted
from runtime.engine.states import ResolutionState
from runtime.journal.codec import (
    RecordUnreadable,
    as_stored,
    decode_template,
    decode_turn,
    encode_template,
    encode_turn,
    later_records,
)
from runtime.journal.protocol import LaterRecord, Record
from runtime.templates.model import Template
from runtime.values.json import Number
from tests.runtime.golden.__main__ import sample, stored
from tests.runtime.golden.state import state_of
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
def test_a_template_is_decoded_as_it_was_and_others_have_other_hashes(value):
    template = plan(a=step(json_schema={"x": value}), b=step("a"), result_format={"y": value})
    digest, body = encode_template(template)
    assert decode_template(body) == template
    assert as_stored(as_stored(template)) == template
    assert encode_template(attrs.evolve(template, blocked=True))[0] != digest


@pytest.mark.parametrize("kind", get_args(Record), ids=lambda kind: kind.__name__)
def test_every_record_is_decoded_as_it_was(kind):
    record = sample(kind)
    content = stored([record])
    assert read_golden(content) == [record]
    assert [later_records(turn) for turn in content["turns"]] == [()]


def test_what_a_later_version_wrote_is_told_by_when_and_what_and_by_no_more():
    later = [("RunStarted", 1, {"at": 1.0}), ("StepExploded", 7, {"at": 2.0, "how": "loudly"})]
    assert later_records(msgspec.msgpack.encode(later)) == [
        LaterRecord(1.0, "RunStarted"),
        LaterRecord(2.0, "StepExploded"),
    ]
    assert later_records(msgspec.msgpack.encode([("RunStarted", 99, {"at": 1.0})])) == [LaterRecord(1.0, "RunStarted")]
    for noise in (b"", b"\xc1", msgspec.msgpack.encode([("StepExploded", 7, {"at": "soon"})])):
        with pytest.raises(RecordUnreadable):
            later_records(noise)


def test_every_record_is_known_by_itself():
    tags = {record.__name__ for record in get_args(Record)}
    assert len(tags) == len(get_args(Record))
    for tag in tags:
        with pytest.raises(RecordUnreadable, match="unknown field `bogus`"):
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
        [
            (
                "StepReturned",
                1,
                {"at": 1.0, "step": "a", "state": "DONE", "returned": "DONE", "output": msgspec.msgpack.Ext(9, b"")},
            )
        ],
    ],
)
def test_what_is_not_known_is_an_error_and_never_skipped(turn):
    with pytest.raises(RecordUnreadable):
        decode_turn(msgspec.msgpack.encode(turn), unknown)


@given(st.binary(max_size=200))
def test_any_bytes_are_records_or_an_error(noise):
    for read in (lambda: decode_turn(noise, unknown), lambda: decode_template(noise)):
        with suppress(RecordUnreadable):
            read()


def test_a_template_holds_no_callable():
    async def act() -> None:
        pass

    from runtime.api.callables import name_callables
    from runtime.functions import Functions
    from runtime.templates.model import Step

    template = name_callables(plan(a=Step(action=act)), Functions())
    assert decode_template(encode_template(template)[1]) == template


JOURNALS = sorted(GOLDEN.glob("*.journal"))


def read_golden(content):
    templates = {digest: decode_template(body) for digest, body in content["templates"].items()}
    return [record for turn in content["turns"] for record in decode_turn(turn, templates.__getitem__)]


def test_there_are_golden_journals():
    assert JOURNALS


@pytest.mark.parametrize("path", JOURNALS, ids=lambda path: path.stem)
def test_what_past_versions_wrote_leads_to_the_state_it_led_to_then(path):
    """A changed file needs a written reason: what users have stored looks like the old one."""
    for name, content in msgspec.msgpack.decode(path.read_bytes())["histories"].items():
        assert state_of(read_golden(content)) == content["state"], name


@pytest.mark.parametrize("path", JOURNALS, ids=lambda path: path.stem)
def test_every_record_that_past_versions_knew_is_read_whole(path):
    content = msgspec.msgpack.decode(path.read_bytes())["records"]
    for record, shown in zip(read_golden(content), content["shown"], strict=True):
        assert f"at={record.at!r}" in shown
        for field in attrs.fields(type(record)):
            if f"{field.name}=" in shown and field.name != "template":
                assert f"{field.name}={as_shown(getattr(record, field.name), shown)}" in shown


def as_shown(value, shown):
    """Give the repr of a value without what its version did not know: fields that have their default now."""
    if isinstance(value, tuple):
        items = [as_shown(one, shown) for one in value]
        return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
    if not attrs.has(type(value)):
        return repr(value)
    own = [(field, getattr(value, field.name)) for field in attrs.fields(type(value)) if field.repr]
    known = [(field, held) for field, held in own if f"{field.name}=" in shown or held != field.default]
    return f"{type(value).__name__}({', '.join(f'{field.name}={as_shown(held, shown)}' for field, held in known)})"


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
