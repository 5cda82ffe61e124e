"""The limit: trio's tasks, and a bare application: ``python -m benchmarks.api_raw EVENTS SUBSCRIBERS`` serves."""

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Any, cast

import trio
from hypercorn.config import Config
from hypercorn.trio import serve as serve_asgi
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from benchmarks.api_client import EVENTS_OF_A_TASK, listen, server, submit
from benchmarks.harness import Measures, perf_counter, serve

REPLY = b"x" * 400
"""As long as a task that was just submitted is as JSON."""

EVENT = "id: 123\nevent: step_state_changed\ndata: " + "x" * 170 + "\n\n"
"""As long as the event of a step."""


def inside(count: int, callers: int) -> Measures:
    """Start a task and wait for it, by so many callers."""

    async def work(done: trio.Event) -> None:
        await trio.lowlevel.checkpoint()
        done.set()

    async def caller(nursery: trio.Nursery, number: int) -> None:
        for _ in range(number):
            done = trio.Event()
            nursery.start_soon(work, done)
            await done.wait()

    async def main() -> float:
        began = perf_counter()
        async with trio.open_nursery() as nursery:
            for _ in range(callers):
                nursery.start_soon(caller, nursery, count // callers)
        return perf_counter() - began

    return {"submits_s": count / trio.run(main)}


def http(count: int, callers: int) -> Measures:
    """Ask a bare application."""
    with server("benchmarks.api_raw", 0, 0) as port:
        return submit(port, count, callers)


def events(tasks: int, subscribers: int) -> Measures:
    """Have a bare application tell everybody."""
    count = tasks * EVENTS_OF_A_TASK
    with server("benchmarks.api_raw", count, subscribers) as port:
        return listen(port, count, subscribers)


async def _serve(count: int, subscribers: int) -> None:
    channels: list[trio.MemorySendChannel[str]] = []

    async def reply(request: Request) -> Response:
        await request.json()
        return Response(REPLY, media_type="application/json")

    async def told(receive: "trio.MemoryReceiveChannel[str]") -> AsyncIterator[str]:
        yield ": welcome\n\n"
        async for event in receive:  # with all that waits, as one piece
            waiting = [event]
            with suppress(trio.WouldBlock):
                while len(waiting) < 128:
                    waiting.append(receive.receive_nowait())
            yield "".join(waiting)

    async def tell(_request: Request) -> Response:
        send, receive = trio.open_memory_channel[str](1000)
        channels.append(send)
        return StreamingResponse(told(receive), media_type="text/event-stream")

    app = Starlette(routes=[Route("/v1/messages", reply, methods=["POST"]), Route("/v1/events", tell, methods=["GET"])])
    door = socket.create_server(("127.0.0.1", 0), backlog=1024)
    port = door.getsockname()[1]
    config = Config()
    config.bind = [f"fd://{door.detach()}"]
    config.accesslog = config.errorlog = None
    async with trio.open_nursery() as nursery:
        run: Any = partial(serve_asgi, cast("Any", app), config, mode="asgi")
        await nursery.start(run)
        print(port, flush=True)
        while count and len(channels) < subscribers:  # noqa: ASYNC110 - they come from another process
            await trio.sleep(0.01)
        for _ in range(count):
            for channel in channels:
                await channel.send(EVENT)


if __name__ == "__main__":
    serve(lambda: trio.run(partial(_serve, *map(int, sys.argv[1:]))))
