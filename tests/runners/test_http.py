import gzip

import httpx2
import pytest
import trio

from runners.http import Http
from runtime.runner import ClientError, Fault, StepFailed
from runtime.testing import laws
from tests.support.http_server import message, respond, send, serving, stall

JSON = ("Content-Type", "application/json")
http = Http()


async def succeeds(configuration):
    with trio.fail_after(30):
        return await laws.gives_json(http, {"method": "GET", **configuration})


async def fails(configuration):
    with trio.fail_after(30):
        return await laws.fails_as_declared(http, {"method": "GET", **configuration})


async def test_a_request_is_sent_as_configured_and_its_json_reply_is_the_output():
    async with serving(respond(201, b'{"a": 1.50}', JSON, ("Set-Cookie", "c=d; Path=/"))) as server:
        outcome = await succeeds(
            {
                "url": server.url("/path?z=1&a=%20b"),
                "method": "POST",
                "body": '{"sent": 1}',
                "headers": [{"name": "X-Foo", "value": "é"}, {"name": "X-Number", "value": 1.5}],
                "query_parameters": [{"name": "b", "value": "x y"}, {"name": "a", "value": "&"}, {"name": "b"}],
            }
        )
    assert repr(outcome.output) == "{'a': 1.50}"
    assert outcome.metadata["HTTPStatus"] == 201
    assert outcome.metadata["HTTPHeaders"]["Content-Type"] == "application/json"
    assert outcome.metadata["HTTPCookies"] == {"c": "d"}
    (request,) = server.requests
    assert request.method == "POST"
    assert request.target == "/path?a=+b&a=%26&b=x+y&b=&z=1"
    assert request.body == b'{"sent": 1}'
    assert request.header("x-foo") == "é".encode().decode("latin-1")
    assert request.header("x-number") == "1.5"
    assert request.header("content-type") == "application/json"
    assert request.header("user-agent") == "understudy"
    assert request.header("authorization") is None


@pytest.mark.parametrize(
    ("body", "headers", "content_type"),
    [
        ('{"a": 1}', [], "application/json"),
        ("3", [], "application/json"),
        ("words", [], None),
        ("", [], None),
        ('{"a": 1}', [{"name": "content-TYPE", "value": "text/x"}], "text/x"),
    ],
)
async def test_a_body_that_is_json_says_so_unless_told_otherwise(body, headers, content_type):
    async with serving(respond()) as server:
        await succeeds({"url": server.url(), "method": "PUT", "body": body, "headers": headers})
    assert server.requests[0].header("content-type") == content_type


async def test_a_header_cannot_lie_about_the_body():
    lies = [{"name": "content-length", "value": "3"}, {"name": "Transfer-Encoding", "value": "chunked"}]
    async with serving(respond()) as server:
        await succeeds({"url": server.url(), "method": "POST", "body": "words", "headers": lies})
    assert server.requests[0].body == b"words"
    assert server.requests[0].header("transfer-encoding") is None


async def test_an_address_can_be_given_in_two_parts():
    async with serving(respond()) as server:
        host = server.url("/ignored?too=1")
        await succeeds({"host": host, "path": "/a b?x=2", "query_parameters": [{"name": "w", "value": 1}]})
        await succeeds({"host": host})
    assert [request.target for request in server.requests] == ["/a%20b?w=1&x=2", "/"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
async def test_every_method_is_sent(method):
    async with serving(respond()) as server:
        await succeeds({"url": server.url(), "method": method, "body": "b"})
    assert (server.requests[0].method, server.requests[0].body) == (method, b"b")


async def test_text_is_text_and_a_prefix_is_trimmed():
    async with serving(respond(200, b")]}'[1]", JSON)) as server:
        assert (await succeeds({"url": server.url(), "trim_prefix": ")]}'"})).output == [1]
    async with serving(respond(200, "é\n".encode(), ("Content-Type", "text/plain"))) as server:
        assert (await succeeds({"url": server.url()})).output == "é\n"


@pytest.mark.parametrize(("status", "error"), [(404, ClientError), (429, ClientError), (503, StepFailed)])
async def test_a_status_that_is_no_success_fails_and_keeps_what_came(status, error):
    async with serving(respond(status, b'{"why": "because"}', JSON)) as server:
        failed = await fails({"url": server.url()})
    assert type(failed) is error
    assert failed.message == f"HTTP status {status}"
    assert failed.output == {"why": "because"}
    assert failed.metadata["HTTPStatus"] == status
    assert server.connections == 1


async def test_which_statuses_are_worth_another_try_can_be_said():
    rules = {"status_codes_retried": ["429", "408"], "status_codes_unrecoverable": ["301-308", 501]}
    for status, error in [
        (429, StepFailed),
        (404, ClientError),
        (302, ClientError),
        (501, ClientError),
        (500, StepFailed),
    ]:
        async with serving(respond(status)) as server:
            assert type(await fails({"url": server.url(), **rules})) is error


async def test_credentials_are_sent():
    async with serving(respond()) as server:
        await succeeds({"url": server.url(), "auth": {"basic": {"user": "foo", "password": "bar"}}})
        await succeeds({"url": server.url(), "auth": {"bearer": "token"}})
    assert [request.header("authorization") for request in server.requests] == ["Basic Zm9vOmJhcg==", "Bearer token"]


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"auth": {"bearer": "<no value>"}}, "auth.bearer"),
        ({"auth": {"bearer": ""}}, "auth.bearer"),
        ({"auth": {"basic": {"user": "foo", "password": "<no value>"}}}, "auth.basic.password"),
        ({"auth": {"digest": {"user": "", "password": "bar"}}}, "auth.digest.user"),
        ({"auth": {"mutual_tls": {"client_cert": "c", "client_key": "<no value>"}}}, "auth.mutual_tls.client_key"),
        ({"headers": [{"name": "authorization", "value": "token <no value>"}]}, "headers[0].value"),
    ],
)
async def test_nobody_is_asked_with_a_secret_that_is_not_there(given, path):
    async with serving(respond()) as server:
        failed = await fails({"url": server.url(), **given})
    assert isinstance(failed, ClientError)
    assert failed.message.startswith(f"{path}: ")
    assert not server.requests


async def test_a_digest_challenge_is_answered_within_the_attempt():
    challenge = ("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256')

    async def handler(request, stream):
        known = (request.header("authorization") or "").startswith('Digest username="foo"')
        await stream.send_all(message(200, b"in") if known else message(401, b"out", challenge))

    async with serving(handler) as server:
        assert (
            await succeeds({"url": server.url(), "auth": {"digest": {"user": "foo", "password": "b"}}})
        ).output == "in"
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "challenge",
    [
        'Digest realm="r"',
        "Digest",
        "Digest x",
        'Digest realm="r", nonce="n", algorithm=none',
        'Digest realm="r", nonce="n", qop="auth-int"',
    ],
)
async def test_a_digest_challenge_that_cannot_be_answered_is_a_failure(challenge):
    async with serving(respond(401, b"", ("WWW-Authenticate", challenge))) as server:
        failed = await fails({"url": server.url(), "auth": {"digest": {"user": "foo", "password": "hunter2"}}})
    assert "hunter2" not in failed.message


async def redirecting(request, stream):
    hop = int(request.target.strip("/") or 0)
    await stream.send_all(message(302, b"", ("Location", f"/{hop - 1}")) if hop else message(200, b"there"))


async def test_a_redirect_is_a_plain_failure_unless_it_is_to_be_followed():
    async with serving(redirecting) as server:
        failed = await fails({"url": server.url("/1")})
        assert failed.message == "HTTP status 302"
        assert failed.metadata["HTTPHeaders"]["Location"] == "/0"
        assert type(failed) is StepFailed
        assert (await succeeds({"url": server.url("/10"), "follow_redirect": "true"})).output == "there"


@pytest.mark.parametrize("location", ["/11", "/1000000"])
async def test_ten_redirects_are_the_most(location):
    async with serving(redirecting) as server:
        failed = await fails({"url": server.url(location), "follow_redirect": True})
    assert failed.message == "more than 10 redirects"
    assert len(server.requests) == 11


@pytest.mark.parametrize("location", ["ftp://x/", "http://[", "//", "http:///", "mailto:a@b", "http://a b/", "\x7f"])
async def test_a_redirect_to_nowhere_is_a_failure(location):
    async with serving(respond(302, b"", ("Location", location))) as server:
        assert type(await fails({"url": server.url(), "follow_redirect": True})) is StepFailed


async def test_credentials_do_not_follow_a_redirect_to_another_host():
    auth = {"basic": {"user": "foo", "password": "bar"}}
    async with serving(respond(200, b"there")) as other:
        elsewhere = ("Location", other.url("/", host="localhost"))
        async with serving(respond(307, b"", elsewhere)) as server:
            await succeeds({"url": server.url(), "follow_redirect": True, "auth": auth})
    assert server.requests[0].header("authorization") is not None
    assert other.requests[0].header("authorization") is None


async def test_a_compressed_reply_is_decompressed_and_described_without_its_compression():
    body = gzip.compress(b"[1") + gzip.compress(b", 2]")
    async with serving(respond(200, body, JSON, ("Content-Encoding", "gzip"))) as server:
        outcome = await succeeds({"url": server.url()})
    assert outcome.output == [1, 2]
    assert set(outcome.metadata["HTTPHeaders"]) == {"Content-Type"}
    assert server.requests[0].header("accept-encoding") == "gzip"


async def test_a_reply_in_chunks_is_put_together():
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    async with serving(send(chunked)) as server:
        assert (await succeeds({"url": server.url()})).output == "abcde"


@pytest.mark.parametrize("rendered", ["<no value>", "10", "0s", "-1s"])
async def test_a_timeout_that_is_none_once_it_is_rendered_is_a_failure_that_is_tried_again(rendered):
    failed = await fails({"url": "http://127.0.0.1:9/", "timeout": rendered})
    assert type(failed) is StepFailed
    assert str(failed).startswith("timeout: ")


async def test_a_timeout_is_for_the_whole_exchange(mock_clock):
    mock_clock.rate = 1
    failures = []

    async def attempt(server):
        failures.append(await laws.fails_as_declared(http, {"url": server.url(), "method": "GET", "timeout": "10m"}))

    with trio.fail_after(630):
        async with serving(stall(message(200, b"some", length=10))) as server, trio.open_nursery() as nursery:
            nursery.start_soon(attempt, server)
            await server.asked.wait()
            mock_clock.jump(600)
            await server.abandoned.wait()
    assert failures[0].message == "no complete reply within 600s"


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n", message(200, b"some", length=10)])
async def test_a_cancel_closes_the_connection_at_once(start):
    with trio.fail_after(30):
        async with serving(stall(start)) as server:
            await laws.is_cancelled_promptly(http, {"url": server.url(), "method": "GET"}, server.asked.wait)
            await server.abandoned.wait()


async def test_a_transport_can_stand_in_for_the_network():
    async def answer(request):
        return httpx2.Response(200, json={"asked": str(request.url)})

    stubbed = Http(transport=httpx2.MockTransport(answer))
    with trio.fail_after(30):
        for _ in range(2):
            outcome = await laws.gives_json(stubbed, {"url": "https://example.org/x", "method": "GET"})
            assert outcome.output == {"asked": "https://example.org/x"}


def faults(configuration):
    return [fault.path for fault in http.check(configuration).faults]


@pytest.mark.parametrize(
    "configuration",
    [
        {
            "url": "http://lolcat.host/stuff",
            "method": "GET",
            "timeout": "10s",
            "follow_redirect": "false",
            "auth": {"basic": {"user": "foo", "password": "bar"}},
        },
        {
            "host": "http://bla.example",
            "method": "GET",
            "headers": [{"name": "x-foo-header", "value": "foo"}],
            "query_parameters": [{"name": "bar", "value": "foo"}],
        },
        {"url": "{{.input.url}}", "method": "{{.input.method}}", "auth": {"bearer": "{{.config.token}}"}},
        {"host": "{{.input.host}}", "path": "/x", "method": "POST", "timeout": "{{.input.timeout}}"},
        {"url": "http://x/", "method": "GET", "headers": [{"name": "{{.a}}", "value": "{{.b}}"}]},
    ],
)
def test_a_complete_configuration_is_accepted(configuration):
    checked = http.check(configuration)
    assert (checked.faults, checked.warnings) == ((), ())


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        ({"url": ""}, ["url"]),
        ({"host": "http://x"}, ["url"]),
        ({"path": "/x"}, ["url"]),
        ({"url": "", "path": "/x"}, ["url"]),
        ({"url": "ftp://x/"}, ["url"]),
        ({"url": "x/y"}, ["url"]),
        ({"url": "http://"}, ["url"]),
        ({"url": "http://["}, ["url"]),
        ({"url": "http://x:99999/"}, ["url"]),
        ({"url": "", "host": "x"}, ["host"]),
        ({"method": "get"}, ["method"]),
        ({"method": ""}, ["method"]),
        ({"timeout": "10"}, ["timeout"]),
        ({"timeout": "0s"}, ["timeout"]),
        ({"follow_redirect": "maybe"}, ["follow_redirect"]),
        ({"headers": [{"name": "a"}, {"name": ""}]}, ["headers[1].name"]),
        ({"headers": [{"value": "a"}]}, ["headers[0].name"]),
        ({"headers": [{"name": "a b", "value": "x\r\ny"}]}, ["headers[0].name", "headers[0].value"]),
        ({"query_parameters": [{"name": ""}]}, ["query_parameters[0].name"]),
        ({"auth": {"basic": {"user": "foo", "password": "bar"}, "bearer": "t"}}, ["auth"]),
        ({"auth": {"basic": {"user": "a", "password": "b"}, "digest": {"user": "a", "password": "b"}}}, ["auth"]),
        ({"auth": {"basic": {"user": "foo", "password": ""}}}, ["auth.basic.password"]),
        ({"auth": {"basic": {"user": "foo"}}}, ["auth.basic.password"]),
        ({"auth": {"digest": {"user": "", "password": "b"}}}, ["auth.digest.user"]),
        ({"auth": {"bearer": ""}}, ["auth.bearer"]),
        ({"auth": {"mutual_tls": {"client_cert": "foo", "client_key": ""}}}, ["auth.mutual_tls.client_key"]),
        ({"status_codes_retried": ["x"]}, ["status_codes_retried[0]"]),
    ],
)
def test_what_can_never_be_sent_is_refused_with_its_path(change, paths):
    assert faults({"url": "http://lolcat.host/stuff", "method": "GET", **change}) == paths


def test_a_fault_reads_as_a_sentence():
    assert http.check({"url": "x", "method": "GET"}).faults == (
        Fault("url", 'must be an address such as "https://example.org"'),
    )


@pytest.mark.parametrize(
    ("address", "resources"),
    [
        ({"url": "http://example.org:81/x"}, ("socket", "url:example.org:81")),
        ({"url": "http://user:hunter2@example.org/x"}, ("socket", "url:example.org")),
        ({"host": "https://example.org", "path": "//other/x"}, ("socket", "url:example.org")),
        ({"url": "not an address"}, ("socket",)),
    ],
)
def test_it_takes_a_socket_and_the_host(address, resources):
    assert http.resources(http.structure({"method": "GET", **address})) == resources
