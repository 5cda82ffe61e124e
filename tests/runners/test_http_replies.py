"""Servers that stall, lie, cut their replies or send no HTTP at all: a clear failure each, never a traceback."""

import gzip

import pytest
import trio

from runners._connect import said
from runners._exchange import LARGEST_REPLY
from runners.http import Http
from runtime.runner import StepFailed
from runtime.testing import laws
from tests.support.http_server import message, respond, send, send_for_ever, serving

JSON = ("Content-Type", "application/json")
http = Http()


async def failing(handler, **configuration):
    with trio.fail_after(60):
        async with serving(handler) as server:
            return await laws.fails_as_declared(http, {"url": server.url(), "method": "GET", **configuration})


ZIPPED = gzip.compress(b"x" * 1000)


@pytest.mark.parametrize(
    ("reply", "problem", "status"),
    [
        (b"", "the reply is not HTTP: Server disconnected without sending a response.", None),
        (b"\x16\x03\x01 this is no HTTP\r\n\r\n", "the reply is not HTTP: ", None),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "the reply is not HTTP: ", None),
        (b"HTTP/1.1 9999 OK\r\n\r\n", "the reply is not HTTP: ", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "the reply is not HTTP: ", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "the reply is not HTTP: ", None),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", "the reply is not HTTP: ", None),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000 + b"\r\n", "the reply is not HTTP: ", None),
        (message(200, b"cut", length=10), "the reply is not HTTP: peer closed connection", 200),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "the reply is not HTTP: ", 200),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab", "the reply is not HTTP: ", 200),
        (message(200, ZIPPED[:20], ("Content-Encoding", "gzip")), "the reply is cut", 200),
        (message(200, b"not gzip", ("Content-Encoding", "gzip")), "the reply is not the gzip data", 200),
        (message(200, ZIPPED + b"more", ("Content-Encoding", "gzip")), "the reply is not the gzip data", 200),
        (message(200, b"x", ("Content-Encoding", "br")), 'the reply is compressed as "br"', 200),
        (message(200, b"{", JSON), "HTTP status 200, and the body is not JSON: ", 200),
        (message(200, b"[" * 100_000, JSON), "HTTP status 200, and the body is not JSON: nested too deeply", 200),
        (message(101), "the reply is not HTTP: ", None),
    ],
    ids=range(18),
)
async def test_a_bad_reply_is_a_plain_failure_with_the_metadata_that_came(reply, problem, status):
    failed = await failing(send(reply))
    assert failed.message.startswith(problem)
    assert len(failed.message) < 500
    assert (failed.metadata or {}).get("HTTPStatus") == status
    assert type(failed) is StepFailed


async def test_bytes_beyond_the_length_that_was_said_are_not_read():
    with trio.fail_after(30):
        async with serving(respond(200, b"all of it", length=3)) as server:
            assert (await laws.gives_json(http, {"url": server.url(), "method": "GET"})).output == "all"


TOO_LARGE = "the reply is larger than 10 MiB, and no more than that is read"
OK, MOVED, DENIED = (
    "HTTP/1.1 200 OK",
    "HTTP/1.1 302 Found\r\nLocation: /",
    'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="r", nonce="n"',
)


@pytest.mark.parametrize(
    ("start", "configuration"),
    [
        (OK, {}),
        (MOVED, {"follow_redirect": True}),
        (DENIED, {"auth": {"digest": {"user": "u", "password": "p"}}}),
    ],
)
async def test_a_body_without_end_is_given_up(start, configuration):
    failed = await failing(send_for_ever(f"{start}\r\n\r\n".encode(), b"x" * 65536), **configuration)
    assert failed.message == TOO_LARGE


async def test_a_body_may_be_as_large_as_the_limit_and_no_larger():
    async with serving(respond(200, b"x" * LARGEST_REPLY)) as server:
        with trio.fail_after(60):
            outcome = await laws.gives_json(http, {"url": server.url(), "method": "GET"})
    assert len(outcome.output) == LARGEST_REPLY
    assert (await failing(respond(200, b"x" * (LARGEST_REPLY + 1)))).message == TOO_LARGE


async def test_a_small_body_may_not_grow_too_large_when_it_is_decompressed():
    bomb = gzip.compress(b"\0" * (20 * 1024 * 1024))
    assert len(bomb) < 50_000
    failed = await failing(respond(200, bomb, ("Content-Encoding", "gzip")))
    assert failed.message == TOO_LARGE
    assert failed.metadata["HTTPStatus"] == 200


async def test_interim_replies_without_end_end_with_the_timeout():
    failed = await failing(send_for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), timeout="200ms")
    assert failed.message == "no complete reply within 0.2s"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://127.0.0.1:1/", "cannot connect to 127.0.0.1:1: Connection refused"),
        ("http://does-not-exist.invalid/", "cannot connect to does-not-exist.invalid: "),
        (f"http://{'a' * 300}/", ""),
        ("http://a..b/", ""),
        ("http://\u2603.\udc00/", ""),
        ("http://x y/", ""),
        ("http://x/\x01", ""),
        ("http://[::1%25x]:1/", ""),
        ("ftp://x/", 'url must be an address such as "https://example.org"'),
        ("http://x:port/", 'url must be an address such as "https://example.org"'),
    ],
)
async def test_an_address_that_cannot_be_asked_is_a_plain_failure(url, problem):
    with trio.fail_after(30):
        failed = await laws.fails_as_declared(http, {"url": url, "method": "GET"})
    assert type(failed) is StepFailed
    assert failed.message.startswith(problem)


def test_of_a_name_with_several_addresses_it_is_said_what_happened_at_each():
    problems = [
        ConnectionRefusedError(111, "Error connecting to ('192.0.2.1', 80): Connection refused"),
        OSError(101, "Error connecting to ('2001:db8::1', 80, 0, 0): Network is unreachable"),
    ]
    fault = OSError("all attempts to connect to example.org:80 failed")
    fault.__cause__ = ExceptionGroup("all attempts failed", problems)
    assert said(fault) == "192.0.2.1: Connection refused; 2001:db8::1: Network is unreachable"


@pytest.mark.parametrize(
    "change",
    [
        {"method": "GE T"},
        {"method": "GET\r\nX: y"},
        {"headers": [{"name": "X-Secret", "value": "hunter2\r\nX-Other: y"}]},
        {"headers": [{"name": "a b", "value": "hunter2"}]},
        {"headers": [{"name": "", "value": "hunter2"}]},
        {"auth": {"bearer": "hunter2\n"}},
    ],
)
async def test_what_is_not_legal_http_is_not_sent_and_not_shown(change):
    with trio.fail_after(30):
        async with serving(respond()) as server:
            failed = await laws.keeps_secret(http, {"url": server.url(), "method": "GET", **change}, "hunter2")
    assert failed.message.startswith("the request is not legal HTTP")
    assert server.requests == []


@pytest.mark.parametrize(
    "secret",
    [
        {"auth": {"basic": {"user": "u", "password": "hunter2"}}},
        {"auth": {"digest": {"user": "u", "password": "hunter2"}}},
        {"auth": {"bearer": "hunter2"}},
        {"auth": {"mutual_tls": {"client_cert": "hunter2", "client_key": "hunter2"}}},
        {"headers": [{"name": "X-Token", "value": "hunter2"}]},
        {"query_parameters": [{"name": "token", "value": "hunter2"}]},
        {"body": "hunter2"},
        {"root_ca": "hunter2"},
        {"url": "http://user:hunter2@127.0.0.1:1/"},
        {"url": "http://user:hunter2@127.0.0.1:port/"},
        {"url": "http://127.0.0.1:1/?token=hunter2"},
    ],
)
async def test_secrets_are_in_no_error_and_no_repr(secret):
    with trio.fail_after(30):
        await laws.keeps_secret(http, {"url": "http://127.0.0.1:1/", "method": "GET", **secret}, "hunter2")
