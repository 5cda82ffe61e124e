from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runners._reply import Reply, decode_reply
from runtime.runner import ClientError, StepFailed, normalise

JSON = ("Content-Type", "application/json")


def test_a_json_reply_is_decoded_and_described():
    reply = Reply(status=200, headers=[("Set-Cookie", "Cookie-1=foo"), JSON], body=b'{"foo": "bar"}')
    outcome: Any = decode_reply(reply)
    assert outcome.output == {"foo": "bar"}
    assert outcome.metadata == {
        "HTTPStatus": 200,
        "HTTPCookies": {"Cookie-1": "foo"},
        "HTTPHeaders": {"Content-Type": "application/json", "Set-Cookie": "Cookie-1=foo"},
    }


@pytest.mark.parametrize(
    ("media_type", "body", "output"),
    [
        ("application/json", b'[1.50, 1e3, "\xc3\xa9"]', "[1.50, 1e3, 'é']"),
        ("application/json; charset=utf-8", b"null", "None"),
        ("APPLICATION/JSON", b"1", "1"),
        ("application/json", b"", "''"),
        ("application/problem+json", b"{}", "'{}'"),
        ("text/plain", b"{}", "'{}'"),
        ("", b"\xff\xfe", "'\ufffd\ufffd'"),
    ],
)
def test_only_a_body_that_says_it_is_json_is_decoded(media_type, body, output):
    reply = Reply(status=200, headers=[("content-type", media_type)], body=body)
    assert repr(decode_reply(reply).output) == output


@pytest.mark.parametrize("body", [b"{", b"\xff", b"NaN", b"[" * 5000, b"[" * 300 + b"]" * 300, b"<html>"])
def test_a_body_that_is_not_the_json_it_says_keeps_the_metadata(body):
    with pytest.raises(StepFailed, match="HTTP status 200, and the body is not JSON") as failed:
        decode_reply(Reply(status=200, headers=[JSON], body=body))
    assert failed.value.output is None
    assert failed.value.metadata == {
        "HTTPStatus": 200,
        "HTTPHeaders": {"Content-Type": "application/json"},
        "HTTPCookies": {},
    }


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (101, StepFailed),
        (302, StepFailed),
        (400, ClientError),
        (404, ClientError),
        (499, ClientError),
        (500, StepFailed),
    ],
)
def test_another_status_fails_and_keeps_output_and_metadata(status, error):
    with pytest.raises(StepFailed) as failed:
        decode_reply(Reply(status=status, headers=[JSON], body=b'{"why": 1}'))
    assert type(failed.value) is error
    assert failed.value.message == f"HTTP status {status}"
    assert failed.value.output == {"why": 1}


def test_a_client_error_is_one_even_when_its_body_is_not_what_it_says():
    with pytest.raises(ClientError, match="HTTP status 404, and the body is not JSON"):
        decode_reply(Reply(status=404, headers=[JSON], body=b"<html>"))


def test_a_prefix_is_trimmed_where_it_stands():
    reply = Reply(status=200, headers=[JSON], body=b")]}'\n[1]")
    assert decode_reply(reply, trim_prefix=")]}'\n").output == [1]
    assert decode_reply(Reply(status=200, headers=[JSON], body=b"[1]"), trim_prefix=")]}'\n").output == [1]


def test_the_first_of_each_header_counts_and_names_are_written_as_go_writes_them():
    reply = Reply(status=204, headers=[("x-foo-BAR", "1"), ("X-Foo-Bar", "2"), ("etag", "e")])
    outcome: Any = decode_reply(reply)
    assert outcome.metadata["HTTPHeaders"] == {"X-Foo-Bar": "1", "Etag": "e"}
    assert outcome.metadata["HTTPRepeatedHeaders"] == {"X-Foo-Bar": ["1", "2"]}


def test_every_cookie_counts():
    cookies = ["a=1; Path=/; HttpOnly", 'b="two=2"', "c", "=nameless", " d = 4 "]
    reply = Reply(status=200, headers=[("set-cookie", cookie) for cookie in cookies])
    outcome: Any = decode_reply(reply)
    assert outcome.metadata["HTTPCookies"] == {"a": "1", "b": "two=2", "c": "", "d": "4"}


@given(
    st.integers(min_value=100, max_value=999),
    st.lists(st.tuples(st.sampled_from(["content-type", "set-cookie", "x"]), st.text())),
    st.binary(),
)
def test_any_reply_is_an_outcome_or_a_failure_of_json(status, headers, body):
    result: Any
    try:
        result = decode_reply(Reply(status=status, headers=headers, body=body))
    except StepFailed as failed:
        result = failed
    normalise(result.output)
    normalise(result.metadata)


@pytest.mark.parametrize(("vendor_json", "output"), [(False, '{"a": 1}'), (True, {"a": 1})])
def test_vendor_types_are_json_where_the_step_says_so(vendor_json, output):
    reply = Reply(status=200, headers=[("Content-Type", "application/vnd.x+json")], body=b'{"a": 1}')
    assert decode_reply(reply, vendor_json=vendor_json).output == output
