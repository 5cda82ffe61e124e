"""The clients of group `api`: bare sockets, which cost the machine as little as a client can."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import trio

from benchmarks.harness import Measures, distribution, end, percentile, perf_counter, python

EVENTS_OF_A_TASK = 6
"""Submitted, resolved, running, its step running, its step done, done."""


@contextmanager
def server(module: str, *arguments: object) -> Iterator[int]:
    """Run a server in a process of its own; give its port."""
    command = [*python("server"), "-m", module, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            end(process)


def submit(port: int, count: int, callers: int) -> Measures:
    """Send `count` requests over `callers` connections, one after the other on each, and measure them."""
    times: list[float] = []

    async def main() -> float:
        await _all_of(port, callers, count // 10, [])  # to warm up
        began = perf_counter()
        await _all_of(port, callers, count, times)
        return perf_counter() - began

    seconds = trio.run(main)
    milliseconds = [one * 1e3 for one in times]
    return {
        "submits_s": len(times) / seconds,
        "p99_ms": percentile(milliseconds, 0.99),
        **distribution("p99_ms", milliseconds),
    }


async def _all_of(port: int, callers: int, count: int, times: list[float]) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(callers):
            nursery.start_soon(_one_caller, port, max(1, count // callers), times)


async def _one_caller(port: int, count: int, times: list[float]) -> None:
    body = json.dumps({"type": "submit_task", "template": "little", "inputs": {"name": "somebody"}}).encode()
    request = b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        for _ in range(count):
            began = perf_counter()
            await stream.send_all(request)
            await _whole_answer(stream)
            times.append(perf_counter() - began)


async def _whole_answer(stream: trio.SocketStream) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        data += await stream.receive_some()
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), data
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += await stream.receive_some()


def listen(port: int, events: int, subscribers: int) -> Measures:
    """Have subscribers listen until each has been told so many events; measured from when all listen, and it begins."""

    async def one(ready: trio.Event) -> None:
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            told, rest = 0, b""
            while told < events:
                data = rest + await stream.receive_some()
                told, rest = told + data.count(b"data: "), data[-5:]
                if data:
                    ready.set()

    async def main() -> float:
        async with trio.open_nursery() as nursery:
            for _ in range(subscribers):
                ready = trio.Event()
                nursery.start_soon(one, ready)
                await ready.wait()
            began = perf_counter()
        return perf_counter() - began

    return {"events_s": events * subscribers / trio.run(main)}
