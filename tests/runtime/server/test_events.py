"""Events over HTTP: in order, from any position, for who may see them; and nothing that is sent breaks a connection's end."""

import json
import random
from contextlib import aclosing, suppress

import attrs
import pytest
import trio
from httpx2.websockets import WebSocketDisconnect, WebSocketNetworkError
from structlog.testing import capture_logs

from runtime.api.codec import EVENTS
from runtime.api.feed import Feed
from runtime.journal.protocol import JournalUnavailable
from tests.runtime.server.test_routes import HELLO, submitted
from tests.support.api_server import ROOMY, running_server


@pytest.fixture
async def server():
    async with running_server([HELLO]) as running:
        yield running


async def lines_of(server, user, query):
    """Read what the server sends, a line at a time. A bare socket: it can be left in the middle of a reply."""
    host, port = server.url.removeprefix("http://").split(":")
    rest = b""
    async with await trio.open_tcp_stream(host, int(port)) as stream:
        head = f"GET /v1/events?{query} HTTP/1.1\r\nHost: x\r\nx-remote-user: {user}\r\n\r\n"
        await stream.send_all(head.encode())
        while True:
            *lines, rest = rest.split(b"\n")
            for line in lines:
                yield line.decode().rstrip("\r")
            more = await stream.receive_some()
            if not more:
                return
            rest += more


async def told(server, user, query="", *, until):
    """Read server-sent events until one is what is waited for; give them all, in the order they came."""
    events, position = [], None
    with trio.fail_after(30):
        async with aclosing(lines_of(server, user, query)) as lines:
            assert await anext(lines) == "HTTP/1.1 200 "
            async for line in lines:
                if line.startswith("id: "):
                    position = int(line[4:])
                elif line.startswith("data: "):
                    event = json.loads(line[6:])
                    EVENTS.decode(event)
                    assert event["position"] == position
                    events.append(event)
                    if until(event):
                        return events
    raise AssertionError("the stream ended")


def done(event):
    return event.get("resolution") == "DONE"


async def test_a_subscriber_that_comes_back_with_its_last_position_misses_nothing(server):
    for _ in range(3):
        await server.runtime.wait((await submitted(server.client("ada")))["id"])
    seen = [0]

    def third_end(event):
        seen[0] += done(event)
        return seen[0] == 3

    everything = await told(server, "admin", until=third_end)
    assert [event["position"] for event in everything] == list(range(1, len(everything) + 1))
    for cut in random.Random(1).sample(range(len(everything) - 1), 4):
        after = everything[cut]["position"]
        rest = await told(server, "admin", f"after={after}", until=lambda event: event == everything[-1])
        assert rest == everything[cut + 1 :]


async def test_what_was_deleted_is_told_to_be_missing(server):
    ids = [(await submitted(server.client("ada")))["id"] for _ in range(4)]
    for one in ids:
        await server.runtime.wait(one)
    admin = server.client("admin")
    before = await told(server, "admin", until=lambda event: done(event) and event["task_id"] == ids[-1])
    for one in (ids[0], ids[2]):
        assert (await admin.delete(f"/task/{one}")).status_code == 204
    after = await told(server, "admin", until=lambda event: event == before[-1])
    position = 0
    for event in after:
        position += event.get("missing", 1)
        assert event["position"] == position
    assert [event for event in after if "missing" not in event] == [
        event for event in before if event["task_id"] in (ids[1], ids[3])
    ]
    middle = await told(server, "admin", "after=2", until=lambda event: event["type"] == "forgotten")
    assert middle[0]["missing"] == after[0]["missing"] - 2


async def test_what_happens_while_somebody_listens_is_told(server):
    ada = server.client("ada")
    made = await submitted(ada, delay="100ms")
    events = await told(server, "ada", f"task_id={made['id']}", until=done)
    assert [event["state"] for event in events if event["type"] == "task_state_changed"] == [
        "TODO",
        "DELAYED",
        "RUNNING",
        "DONE",
    ]
    assert {event["task_id"] for event in events} == {made["id"]}


async def test_events_are_for_those_who_may_see_the_task(server):
    made = await submitted(server.client("ada"))
    eve = server.client("eve")
    assert (await eve.get(f"/v1/events?task_id={made['id']}")).status_code == 404
    assert (await eve.get("/v1/events")).status_code == 403
    assert (await server.client("admin").get("/v1/events?after=soon")).status_code == 400


async def test_the_number_of_subscribers_is_bounded_and_those_who_leave_make_room():
    async with running_server([HELLO], limits=attrs.evolve(ROOMY, subscribers=1)) as server:
        admin = server.client("admin")
        with trio.fail_after(30):
            async with aclosing(lines_of(server, "admin", "")) as lines:
                async for line in lines:
                    if line == ": welcome":
                        break
                refused = await admin.get("/v1/events")
                assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
                async with admin.websocket("/v1/events") as socket:
                    with pytest.raises(WebSocketDisconnect) as closed:
                        await socket.receive_text()
                assert closed.value.code == 4503
            await gone(server)
            async with admin.websocket("/v1/events") as socket:
                await socket.send_text("{}")
                while not server.office.subscribers:  # noqa: ASYNC110 - as in `gone`
                    await trio.sleep(0.01)
                assert (await admin.get("/v1/events")).status_code == 503
            await gone(server)


async def test_a_websocket_that_asks_for_nothing_is_closed(server, monkeypatch):
    monkeypatch.setattr("runtime.server.events._HELLO_SECONDS", 0.05)
    with trio.fail_after(30):
        async with server.client("admin").websocket("/v1/events") as socket:
            with pytest.raises(WebSocketDisconnect) as closed:
                await socket.receive_text()
        assert closed.value.code == 4400
        await gone(server)


async def gone(server):
    """Wait until nobody listens any more: the server hears of it when the connection ends."""
    while server.office.subscribers:  # noqa: ASYNC110 - there is no event for what ends outside
        await trio.sleep(0.01)


async def test_a_websocket_is_sent_the_same_events(server):
    ada = server.client("ada")
    made = await submitted(ada)
    await server.runtime.wait(made["id"])
    expected = await told(server, "ada", f"task_id={made['id']}", until=done)
    with trio.fail_after(30):
        async with ada.websocket("/v1/events") as socket:
            await socket.send_text(json.dumps({"task_id": made["id"], "after": expected[0]["position"]}))
            assert [json.loads(await socket.receive_text()) for _ in expected[1:]] == expected[1:]


@pytest.mark.parametrize(
    ("user", "frame", "code"),
    [
        (None, "{}", 4401),
        ("ada", "{", 4400),
        ("ada", "[]", 4400),
        ("ada", '{"after": -1}', 4400),
        ("ada", '{"aftr": 1}', 4400),
        ("admin", '{"after": 10000}', 4400),
        ("ada", "{}", 4404),
        ("ada", '{"task_id": "nothing"}', 4404),
    ],
)
async def test_a_websocket_that_asks_for_what_cannot_be_is_closed_with_the_reason(server, user, frame, code):
    with trio.fail_after(30):
        async with server.client(user).websocket("/v1/events") as socket:
            await socket.send_text(frame)
            with pytest.raises(WebSocketDisconnect) as closed:
                await socket.receive_text()
    assert closed.value.code == code


async def test_a_websocket_that_asks_while_the_store_is_away_is_told_to_come_again(server, monkeypatch):
    async def fails(*_which, **_how):
        raise JournalUnavailable("the disk is full")

    monkeypatch.setattr(Feed, "check", fails)
    with trio.fail_after(30):
        async with server.client("admin").websocket("/v1/events") as socket:
            await socket.send_text('{"after": 1}')
            with pytest.raises(WebSocketDisconnect) as closed:
                await socket.receive_text()
    assert (closed.value.code, closed.value.reason) == (4503, "the disk is full")


async def test_a_stream_that_begins_where_there_was_never_an_event_is_refused(server):
    reply = await server.client("admin").get("/v1/events", params={"after": 10000})
    assert reply.status_code == 400
    [fault] = reply.json()["faults"]
    assert fault["path"] == "after"


@pytest.mark.parametrize(
    ("fault", "code", "says", "logged"),
    [
        (JournalUnavailable("the disk is full"), 4503, "the disk is full", []),
        (ZeroDivisionError(), 1011, "", ["request_failed"]),
    ],
)
async def test_a_websocket_whose_events_cannot_be_read_any_more_says_why_or_the_log_does(
    server, monkeypatch, fault, code, says, logged
):
    async def fails(*_which, **_how):
        raise fault

    ada = server.client("ada")
    made = await submitted(ada)
    await server.runtime.wait(made["id"])
    with trio.fail_after(30), capture_logs() as lines:
        async with ada.websocket("/v1/events") as socket:
            await socket.send_text(json.dumps({"task_id": made["id"]}))
            while not done(json.loads(await socket.receive_text())):
                pass
            monkeypatch.setattr(Feed, "read", fails)
            await server.runtime.operator(made["id"]).tag({"a": "b"})
            with pytest.raises(WebSocketDisconnect) as closed:
                await socket.receive_text()
        await gone(server)
    assert (closed.value.code, closed.value.reason) == (code, says)
    assert [line["event"] for line in lines] == logged


FRAMES = [
    lambda rng: bytes(rng.randrange(256) for _ in range(rng.randrange(200))),
    lambda rng: json.dumps({"after": rng.choice([2**80, 1.5, None, "x", True, [], {}])}).encode(),
    lambda rng: b"[" * rng.randrange(1, 5000),
    lambda rng: json.dumps({"task_id": "\ud800" * rng.randrange(300)}).encode(),
    lambda rng: b"\x00" * rng.randrange(1000),
    lambda rng: b'{"after": 1' + b"0" * rng.randrange(5000) + b"}",
]


async def test_no_frame_breaks_the_server(server):
    rng = random.Random(7)
    admin = server.client("admin")
    with trio.fail_after(120):
        for number in range(60):
            frame = rng.choice(FRAMES)(rng)
            async with admin.websocket("/v1/events") as socket:
                with suppress(WebSocketDisconnect, WebSocketNetworkError):
                    if number % 2:
                        await socket.send_bytes(frame)
                    else:
                        await socket.send_text(frame.decode(errors="replace"))
                    with trio.move_on_after(0.05):
                        await socket.receive_text()
        assert (await admin.get("/unsecured/mon/ping")).text == "pong"
        await gone(server)


async def test_bytes_that_are_no_websocket_frames_break_nothing(server):
    rng = random.Random(8)
    host, port = server.url.removeprefix("http://").split(":")
    handshake = (
        b"GET /v1/events HTTP/1.1\r\nHost: x\r\nx-remote-user: admin\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    with trio.fail_after(60):
        for _ in range(30):
            stream = await trio.open_tcp_stream(host, int(port))
            async with stream:
                await stream.send_all(handshake)
                assert (await stream.receive_some()).startswith(b"HTTP/1.1 101")
                try:
                    await stream.send_all(bytes(rng.randrange(256) for _ in range(rng.randrange(1, 400))))
                    with trio.move_on_after(0.05):
                        await stream.receive_some()
                except trio.BrokenResourceError:
                    pass
        assert (await server.client("admin").get("/unsecured/mon/ping")).text == "pong"


async def test_no_more_than_the_limit_subscribe_at_once():
    async with running_server([HELLO], limits=attrs.evolve(ROOMY, subscribers=2)) as server:
        heads = []

        async def subscribes():
            async with aclosing(lines_of(server, "admin", "")) as lines:
                heads.append(await anext(lines))
                await trio.sleep_forever()

        async with trio.open_nursery() as nursery:
            for _ in range(6):
                nursery.start_soon(subscribes)
            with trio.fail_after(30):
                while len(heads) < 6:  # noqa: ASYNC110 - as in `gone`
                    await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
        assert sorted(heads) == ["HTTP/1.1 200 "] * 2 + ["HTTP/1.1 503 "] * 4


@pytest.mark.parametrize(
    ("fault", "last", "logged"),
    [
        (JournalUnavailable("the disk is full"), ": the disk is full", []),
        (ZeroDivisionError(), ": welcome", ["request_failed"]),
    ],
)
async def test_a_stream_whose_events_cannot_be_read_any_more_says_why_or_the_log_does(
    server, monkeypatch, fault, last, logged
):
    async def fails(*_which, **_how):
        raise fault

    monkeypatch.setattr(Feed, "read", fails)
    told = []
    with capture_logs() as lines, trio.fail_after(30):
        async with aclosing(lines_of(server, "admin", "")) as stream:
            async for line in stream:
                if line == "0":  # the last chunk
                    break
                told += [line] if line.startswith(":") else []
        await gone(server)
    assert told[-1] == last
    assert [line["event"] for line in lines] == logged
