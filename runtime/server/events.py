"""Events over HTTP: server-sent events and WebSockets, from any position on.

Both read the journal's feed (`runtime.api.feed`), at their own pace: a slow reader costs nobody anything, and one that
comes back with its last position misses nothing.

A WebSocket says what it wants in its first frame, a `Subscribe` as JSON: ``{"after": 17, "task_id": "..."}``, both of which
may be left out, as its type may; and is sent one event a frame.
"""

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Final

import trio
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from runtime.api.checking import MessageInvalid
from runtime.api.codec import EVENTS, SUBSCRIPTIONS
from runtime.api.feed import Feed
from runtime.api.messages import StoredEvent
from runtime.api.queries import Subscribe
from runtime.api.schema import TAG, tag_of
from runtime.engine.rights import Identity
from runtime.errors import Fault, Invalid, Refused, Unavailable
from runtime.logs.lines import log
from runtime.server.auth import NOT_KNOWN
from runtime.server.origins import is_foreign
from runtime.server.problems import refusal
from runtime.values.json import Json, dumps, loads

if TYPE_CHECKING:
    from runtime.server.app import Office

_SILENCE_SECONDS: Final = 15.0
"""How long a stream says nothing before it says that it is there."""

_HELLO_SECONDS: Final = 10.0
"""How long a WebSocket may take to say what it wants."""

_LONGEST_REASON: Final = 120
_MALFORMED, _NOT_KNOWN, _REFUSED, _FULL, _FAILED, _OVER = 4400, 4401, 4404, 4503, 1011, 1001
"""Codes that WebSockets are closed with: those of HTTP and 4000 where there is one."""


async def stream(office: "Office", request: Request, who: Identity) -> Response:
    """Give events as server-sent events; the id of each is its position, which ``Last-Event-ID`` goes on behind."""
    last = request.headers.get("last-event-id") or request.query_params.get("after") or "0"
    if not (last.isascii() and last.isdecimal()) or len(last) > 18:
        raise MessageInvalid([Fault("after", "must be a whole number: the position of the last event that is known")])
    given: Json = {TAG: tag_of(Subscribe), "after": int(last), "task_id": request.query_params.get("task_id", "")}
    feed = await office.desk.watch(SUBSCRIPTIONS.decode(given), who)
    if office.subscribers >= office.limits.subscribers:
        return refusal(Unavailable("the server has as many subscribers as it takes: try again later"))
    return _Stream(office, feed)


class _Stream(StreamingResponse):
    """The events of a feed. It is counted among the subscribers from the first byte on, and there is no wait before that."""

    def __init__(self, office: "Office", feed: Feed) -> None:
        super().__init__(_lines(feed), media_type="text/event-stream")
        self._office = office

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them, until nothing follows, or nobody is there any more."""
        self._office.subscribers += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._office.subscribers -= 1


async def _lines(feed: Feed) -> AsyncIterator[str]:
    try:
        async with feed:
            yield ": welcome\n\n"
            while True:
                events = await feed.read()
                if events:
                    yield "".join(_written(event) for event in events)
                    continue
                with trio.move_on_after(_SILENCE_SECONDS) as silence:
                    if not await feed.wait():
                        return
                if silence.cancelled_caught:
                    yield ": still here\n\n"
    except Unavailable as away:  # whoever reads comes back by itself, and goes on where this ends
        yield f": {' '.join(str(away).split())}\n\n"


def _written(event: StoredEvent) -> str:
    return f"id: {event.position}\nevent: {tag_of(type(event))}\ndata: {dumps(EVENTS.encode(event))}\n\n"


async def talk(office: "Office", socket: WebSocket) -> None:
    """Give events over a WebSocket; nothing that it is sent can make it fail."""
    address = socket.client.host if socket.client else ""
    who = office.identify(socket.headers, address)
    if is_foreign(socket.headers, office.origins):
        await socket.close()  # before it is accepted: 403
        return
    await socket.accept()
    try:
        if who is None:
            await socket.close(_NOT_KNOWN, NOT_KNOWN)
        elif office.subscribers >= office.limits.subscribers or office.desk.draining:
            await socket.close(_FULL, "the server takes no more subscribers: try again later")
        else:
            office.subscribers += 1
            try:
                await _converse(office, socket, who)
            finally:
                office.subscribers -= 1
    except* WebSocketDisconnect:
        pass  # nobody is there any more
    except* Unavailable as away:
        await socket.close(_FULL, _reason(away))
    except* Exception:  # noqa: BLE001 - the last line, as for any request: a fault of ours is told to its log only
        log("understudy.server").exception("request_failed", path=socket.url.path, method="GET")
        await socket.close(_FAILED)


def _reason(cause: BaseException) -> str:
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    return str(cause).encode()[:_LONGEST_REASON].decode(errors="ignore")


async def _converse(office: "Office", socket: WebSocket, who: Identity) -> None:
    feed = None
    with trio.move_on_after(_HELLO_SECONDS):
        try:
            wish = _wish_of(await socket.receive())
            feed = await office.desk.watch(wish, who)
        except Unavailable:
            raise
        except Refused as refused:
            code = _MALFORMED if isinstance(refused, Invalid) else _REFUSED
            await socket.close(code, _reason(refused))
            return
    if feed is None:
        await socket.close(_MALFORMED, "nothing was asked for")
        return
    async with feed, trio.open_nursery() as nursery:
        nursery.start_soon(_until_it_leaves, socket, nursery.cancel_scope)
        going_on = True
        while going_on:
            events = await feed.read()
            for event in events:
                await socket.send_text(dumps(EVENTS.encode(event)))
            going_on = bool(events) or await feed.wait()
        await socket.close(_OVER, "the runtime is closed")
        nursery.cancel_scope.cancel()


async def _until_it_leaves(socket: WebSocket, scope: trio.CancelScope) -> None:
    """Read on, so that it is noticed when the other side goes; what else it sends is passed over."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
    scope.cancel()


def _wish_of(frame: object) -> Subscribe:
    """Read the first frame.

    Raises:
        MessageInvalid: it is not one.
    """
    match frame:
        case {"type": "websocket.disconnect"}:
            raise WebSocketDisconnect
        case {"text": str(text)}:
            pass
        case {"bytes": bytes(raw)}:
            text = raw.decode(errors="replace")
        case _:
            text = ""
    try:
        value = loads(text)
    except ValueError:
        raise MessageInvalid([Fault("", "it is not JSON")]) from None
    if not isinstance(value, Mapping):
        raise MessageInvalid([Fault("", "must be an object")])
    return SUBSCRIPTIONS.decode({TAG: tag_of(Subscribe), **value})
