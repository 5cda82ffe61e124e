"""An HTTP server that does as little as it can: ``python -m benchmarks.runners_server`` prints its port and serves."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import trio

from benchmarks.harness import end, python, serve

SETTLE_SECONDS = 0.7
"""How long processes that are to be cancelled are given to be under way."""

REPLY = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"hello": "you"}'


async def _serve(stream: trio.SocketStream) -> None:
    async with stream:
        data = b""
        while chunk := await stream.receive_some(65536):
            data += chunk
            while b"\r\n\r\n" in data:
                data = data.partition(b"\r\n\r\n")[2]
                await stream.send_all(REPLY)


async def _main() -> None:
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1", backlog=1024)
        print(listeners[0].socket.getsockname()[1], flush=True)
        nursery.start_soon(trio.serve_listeners, _serve, listeners)


@contextmanager
def serving() -> Iterator[str]:
    """Run the server in a process of its own; give its address."""
    process = subprocess.Popen(
        [*python("server"), "-m", "benchmarks.runners_server"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/"
    finally:
        end(process)


if __name__ == "__main__":
    serve(lambda: trio.run(_main))
