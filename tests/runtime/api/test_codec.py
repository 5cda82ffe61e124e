"""Messages in JSON: what is sent is what is read, and nothing else is."""

import json
from functools import cache
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from runtime.api.checking import Checker, MessageInvalid
from runtime.api.codec import COMMANDS, EVENTS, QUERIES, REQUESTS, Codec
from runtime.values.json import dumps, loads
from tests.runtime.api.golden.files import CODECS, MESSAGES, SCHEMAS, kept, schemas
from tests.support.messages import messages
from tests.support.strategies import json_values

CLASSES = [(codec, tag) for codec in CODECS for tag in codec.classes]
each = pytest.mark.parametrize(("codec", "tag"), CLASSES, ids=[tag for _, tag in CLASSES])


@st.composite
def any_message(draw: st.DrawFn) -> tuple[Codec[Any], str, Any]:
    codec, tag = draw(st.sampled_from(CLASSES))
    return codec, tag, draw(messages(codec.classes[tag]))


@each
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_message_comes_back_as_it_was(codec: Codec[Any], tag: str, data: st.DataObject):
    message = data.draw(messages(codec.classes[tag]))
    sent = dumps(codec.encode(message))
    assert codec.decode(loads(sent)) == message
    assert dumps(codec.encode(codec.decode(loads(sent)))) == sent


@each
def test_the_golden_message_is_still_read_and_written_so(codec: Codec[Any], tag: str):
    golden = kept(MESSAGES)[tag]
    assert codec.encode(codec.decode(golden)) == golden


def test_there_is_no_golden_message_of_another_kind():
    assert set(kept(MESSAGES)) == {tag for _, tag in CLASSES}


def test_the_schemas_are_those_that_were_published():
    assert json.loads(json.dumps(schemas())) == kept(SCHEMAS)


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.kind)
def test_the_schemas_are_schemas_and_say_what_is_read(codec: Codec[Any]):
    schema = codec.schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for tag in codec.classes:
        assert validator.is_valid(kept(MESSAGES)[tag])
    assert not validator.is_valid({"type": "nonsense"})


@each
def test_every_field_is_explained(codec: Codec[Any], tag: str):
    schema: Any = codec.schemas[tag]
    assert schema["description"]
    if codec is not EVENTS:
        bare = [name for name, one in schema["properties"].items() if name != "type" and "description" not in one]
        assert not bare


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_message_with_a_part_exchanged_is_read_or_refused_with_a_path_into_it(data: st.DataObject):
    codec, _, message = data.draw(any_message())
    sent: Any = codec.encode(message)
    member = data.draw(st.sampled_from([*sent, "other"]))
    sent[member] = data.draw(json_values(max_leaves=4))
    try:
        message = codec.decode(sent)
    except MessageInvalid as refusal:
        assert all(fault.path.startswith(member[:1]) for fault in refusal.faults)
        assert len(str(refusal)) < 100_000
    else:
        assert attrs.has(type(message))


@cache
def checkers(kind: str, tag: str) -> tuple[Checker, Checker]:
    [schema] = [codec.schemas[tag] for codec in CODECS if codec.kind == kind]
    return Checker(schema), Checker(schema, fast=False)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_fast_checker_gives_the_verdicts_of_the_thorough_one(data: st.DataObject):
    codec, tag, message = data.draw(any_message())
    sent: Any = codec.encode(message)
    if data.draw(st.booleans()):
        sent[data.draw(st.sampled_from([*sent, "other"]))] = data.draw(json_values(max_leaves=4))
    fast, thorough = checkers(codec.kind, tag)
    assert fast.faults(sent) == thorough.faults(sent)


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ([], "invalid message: a message is an object"),
        ({}, "invalid message: type: it is missing: it says which message this is"),
        ({"type": "run_tasc"}, 'invalid message: type: there is no message "run_tasc" (did you mean "run_task"?)'),
        ({"type": {}}, "invalid message: type: must be text, not an object"),
        ({"type": "run_task"}, "invalid message run_task: task_id: it is missing"),
        (
            {"type": "cancel_task", "task_id": "t", "reasom": ""},
            'invalid message cancel_task: reasom: there is no such field (did you mean "reason"?)',
        ),
        (
            {"type": "cancel_task", "task_id": 3},
            "invalid message cancel_task: task_id: must be text, not a number",
        ),
        (
            {"type": "submit_task", "template": "t", "tags": {"a": 1}},
            "invalid message submit_task: tags.a: must be text, not a number",
        ),
        (
            {"type": "submit_batch", "template": "t", "inputs": []},
            "invalid message submit_batch: inputs: must not be empty",
        ),
        (
            {"type": "submit_task", "template": "t", "watcher_usernames": ["a", None]},
            "invalid message submit_task: watcher_usernames[1]: must be text, not null",
        ),
        (
            {"type": "list_tasks", "state": "DON"},
            "invalid message list_tasks: state: must be one of ",
        ),
        (
            {"type": "list_tasks", "after": "now"},
            "invalid message list_tasks: after: must be a number or null, not text",
        ),
        (
            {"type": "list_tasks", "page_size": 10_001},
            "invalid message list_tasks: page_size: must be at most 10000",
        ),
    ],
)
def test_what_is_no_message_is_refused_with_its_path(sent, text):
    with pytest.raises(MessageInvalid) as refusal:
        REQUESTS.decode(sent)
    assert str(refusal.value).startswith(text)


def test_a_message_nested_too_deeply_is_refused():
    deep: Any = None
    for _ in range(300):
        deep = [deep]
    with pytest.raises(MessageInvalid, match="nested too deeply"):
        REQUESTS.decode({"type": "call_callback", "callback_id": "c", "secret": "s", "body": deep})


def test_a_number_keeps_its_literal_to_where_it_is_used():
    text = '{"type":"submit_task","template":"t","inputs":{"price":1.50,"large":123456789012345678901234567890}}'
    message: Any = COMMANDS.decode(loads(text))
    assert dumps(message.inputs) == '{"large":123456789012345678901234567890,"price":1.50}'


def test_tags_tell_commands_and_queries_apart():
    assert not set(COMMANDS.classes) & set(QUERIES.classes)
    assert set(REQUESTS.classes) == {*COMMANDS.classes, *QUERIES.classes}
