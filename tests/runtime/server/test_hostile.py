"""Clients that are slow, greedy, rude or gone: they are refused or cut, and nobody else notices."""

import json
import random
from contextlib import AsyncExitStack, asynccontextmanager

import attrs
import httpx2
import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from runtime.api.desk import Desk
from runtime.server.serving import _Stream, serving
from tests.runtime.server.test_routes import HELLO, submitted
from tests.support.api_server import ROOMY, running_server

HASTY = attrs.evolve(
    ROOMY, body_seconds=20.0, idle_seconds=20.0, stall_seconds=20.0, wait_seconds=20.0, request_seconds=1e6, in_flight=2
)
"""None of it passes by itself, however busy the machine: see `time_passing`."""


@pytest.fixture
async def server(jumping_clock):
    with trio.fail_after(1e5):
        async with running_server([HELLO], limits=HASTY) as running:
            yield running


@asynccontextmanager
async def time_passing(clock):
    """Have a minute pass, again and again: whoever waits within the block waits too long."""

    async def passing():
        while True:
            clock.jump(60)
            await trio.sleep(0.01)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(passing)
        yield
        nursery.cancel_scope.cancel()


async def connected(server):
    host, port = server.url.removeprefix("http://").split(":")
    return await trio.open_tcp_stream(host, int(port))


async def everything(stream):
    """Read until the other side ends it."""
    parts = []
    try:
        while part := await stream.receive_some():
            parts.append(part)
    except trio.BrokenResourceError:
        pass
    return b"".join(parts)


def head(method, path, *lines):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", "x-remote-user: ada", *lines, "", ""]).encode()


async def still_serves(server):
    assert (await server.client("ada").get("/meta")).status_code == 200


@pytest.mark.parametrize("sent", [b"", b"GET /meta HT", b"POST /task HTTP/1.1\r\nHost: x\r\nx-a:"])
async def test_who_does_not_go_on_with_a_request_is_left(jumping_clock, server, sent):
    async with await connected(server) as stream:
        await stream.send_all(sent)
        await still_serves(server)
        async with time_passing(jumping_clock):
            assert await everything(stream) == b""


async def test_many_slow_bodies_hold_up_nobody_and_are_told(jumping_clock, server):
    async with AsyncExitStack() as stack:
        slow = [await stack.enter_async_context(await connected(server)) for _ in range(20)]
        for stream in slow:
            await stream.send_all(head("POST", "/task", "Content-Length: 100") + b'{"template_')
        await still_serves(server)
        await stack.enter_async_context(time_passing(jumping_clock))
        for stream in slow:
            answer = await everything(stream)
            assert answer.startswith(b"HTTP/1.1 408")
            assert b"did not arrive" in answer
        assert server.office.reading.held == 0


async def test_a_body_that_is_too_large_is_refused_and_not_kept(jumping_clock, server):
    ada = server.client("ada")
    for size in (262_145, 1_000_000, 8_000_000):  # it is taken in and dropped, so that the answer is not lost
        refused = await ada.post("/task", content=b"x" * size)
        assert refused.status_code == 413
        assert "at most 262,144 bytes" in refused.json()["error"]
    async with await connected(server) as stream:
        await stream.send_all(head("POST", "/task", "Content-Length: 99999999999") + b"x" * 300_000)
        assert (await everything(stream)).startswith(b"HTTP/1.1 413")
    assert server.office.reading.held == 0
    await still_serves(server)


async def test_all_bodies_together_are_bounded():
    limits = attrs.evolve(ROOMY, bodies_bytes=1000)
    async with running_server([HELLO], limits=limits) as server, await connected(server) as stream:
        await stream.send_all(head("POST", "/task", "Content-Length: 900") + b" " * 800)
        while server.office.reading.held < 800:  # noqa: ASYNC110 - there is no event for what arrives from outside
            await trio.sleep(0.01)
        refused = await server.client("ada").post("/task", content=b" " * 300)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        await stream.send_all(b" " * 100)
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 400")  # it was taken, and says nothing


async def test_who_reads_nothing_is_cut_and_keeps_no_server_from_ending():
    with trio.fail_after(60):
        async with running_server([HELLO], limits=attrs.evolve(HASTY, stall_seconds=1000.0)) as server:
            ada = server.client("ada")
            for number in range(30):
                await submitted(ada, comment=f"{number}" * 50_000)
            ids = [one["id"] for one in (await ada.get("/task")).json()]
            greedy = await connected(server)
            await greedy.send_all(b"".join(head("GET", f"/task/{one}") for one in ids * 20))
            await trio.sleep(0.2)
            await still_serves(server)
        # It waits to be sent the rest, for ever if it were let.
        await greedy.aclose()


async def test_who_takes_nothing_for_long_is_cut(jumping_clock, server, monkeypatch):
    was_cut, cut = trio.Event(), _Stream.cut
    monkeypatch.setattr(_Stream, "cut", lambda self: (cut(self), was_cut.set()))
    ada = server.client("ada")
    made = await submitted(ada, comment="x" * 90_000)
    async with await connected(server) as stream:
        await stream.send_all(head("GET", f"/task/{made['id']}") * 200)
        await trio.testing.wait_all_tasks_blocked(0.05)
        async with time_passing(jumping_clock):
            await was_cut.wait()
        received = len(await everything(stream))
        assert received < 200 * 90_000
    await still_serves(server)


async def test_connections_are_bounded_and_those_that_end_make_room():
    limits = attrs.evolve(ROOMY, connections=6, connections_per_address=5)
    with trio.fail_after(30):
        async with running_server([HELLO], limits=limits) as server, AsyncExitStack() as stack:
            taken = [await stack.enter_async_context(await connected(server)) for _ in range(5)]
            for stream in taken:
                await stream.send_all(head("GET", "/healthz"))
                assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")
            async with await connected(server) as refused:
                answer = await everything(refused)
                assert answer.startswith(b"HTTP/1.1 503")
                assert b"Retry-After: 1" in answer
                assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == 503
            await taken[0].aclose()
            while True:
                async with await connected(server) as stream:
                    await stream.send_all(head("GET", "/healthz"))
                    if (await stream.receive_some()).startswith(b"HTTP/1.1 200"):
                        break


async def somebody_waits_for_room(server):
    while not server.office.room.statistics().tasks_waiting:  # noqa: ASYNC110 - as above
        await trio.sleep(0.01)


async def has_waited_too_long(clock, server):
    await somebody_waits_for_room(server)
    clock.jump(HASTY.wait_seconds)


async def test_a_full_server_refuses_and_says_that_it_lives(jumping_clock, server):
    for _ in range(HASTY.in_flight):
        await server.office.room.acquire()
    ada = server.client("ada")
    for method, path in (("GET", "/task"), ("POST", "/task"), ("POST", "/v1/messages"), ("GET", "/unsecured/stats")):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(has_waited_too_long, jumping_clock, server)
            refused = await ada.request(method, path, json={} if method == "POST" else None)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert "as many requests as it takes" in refused.json()["error"]
    assert (await ada.get("/healthz")).text == "ok"
    assert (await ada.get("/readyz")).text == "ok"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(still_serves, server)  # it waits a little for room, and gets it
        await somebody_waits_for_room(server)
        for _ in range(HASTY.in_flight):
            server.office.room.release()


async def test_who_leaves_in_the_middle_leaves_nothing_behind(jumping_clock, server):
    for cut in (b'{"template_name"', b""):
        stream = await connected(server)
        await stream.send_all(head("POST", "/task", "Content-Length: 1000") + cut)
        await stream.aclose()
    await still_serves(server)
    while server.office.reading.held or server.office.in_flight:  # noqa: ASYNC110 - as above
        await trio.sleep(0.01)


async def test_bytes_that_are_no_requests_break_nothing(jumping_clock, server):
    rng = random.Random(9)
    beginnings = [
        b"",
        b"GET / HTTP/1.1\r\n",
        b"POST /task HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\n",
    ]
    for _ in range(60):
        async with await connected(server) as stream:
            garbage = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 300)))
            try:
                await stream.send_all(rng.choice(beginnings) + garbage)
                with trio.move_on_after(0.02):
                    await stream.receive_some()
            except trio.BrokenResourceError:
                pass
    await still_serves(server)


async def test_a_websocket_that_says_nothing_is_closed(jumping_clock, server):
    async with await connected(server) as stream:
        upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
        await stream.send_all(head("GET", "/v1/events", *upgrade, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
        assert b"101" in await stream.receive_some()
        async with time_passing(jumping_clock):
            assert b"nothing was asked for" in await everything(stream)
    while server.office.subscribers:  # noqa: ASYNC110 - as above
        await trio.sleep(0.01)


async def test_what_is_sent_while_a_connection_is_being_closed_is_too_late_and_no_fault(jumping_clock, server):
    async with await connected(server) as stream:
        with stream._send_conflict_detector, pytest.raises(trio.BrokenResourceError):  # as while it says its last word
            await _Stream(stream, 20.0).send_all(b"x")


@pytest.mark.parametrize(
    ("fails", "status", "says"), [(True, 500, "its log says more"), (False, 503, "may still be done")]
)
async def test_what_goes_wrong_in_the_server_itself_is_told_to_its_log_and_to_nobody_else(
    monkeypatch, fails, status, says
):
    async def handle(*_request, **_how):
        if fails:
            raise RuntimeError("a secret")
        await trio.sleep_forever()

    monkeypatch.setattr(Desk, "handle", handle)
    with trio.fail_after(30), capture_logs() as lines:
        async with running_server(
            [HELLO], limits=attrs.evolve(ROOMY, request_seconds=1e6 if fails else 0.05)
        ) as server:
            reply = await server.client("ada").get("/task")
            assert (reply.status_code, reply.headers["content-type"]) == (status, "application/problem+json")
            assert says in reply.json()["error"]
            assert "secret" not in reply.text
    assert [(line["event"], line["path"]) for line in lines] == ([("request_failed", "/task")] if fails else [])


async def test_what_an_application_beside_ours_raises_is_told_to_the_log_and_answered_with_500():
    async def app(scope, _receive, _send):
        if scope["type"] == "http":
            raise RuntimeError("a fault of its own")

    with trio.fail_after(30), capture_logs() as lines:
        async with serving(app, "127.0.0.1:0", grace_seconds=0.5) as address, httpx2.AsyncClient() as http:
            assert (await http.get(f"http://{address}/there")).status_code == 500
    assert [(line["event"], line["path"]) for line in lines] == [("request_failed", "/there")]
