"""Clients that ask on a schedule, each over a connection of its own, and what they were answered."""

import json
import random
from collections import Counter
from collections.abc import Iterator

import attrs
import trio

_PATIENCE_SECONDS = 60.0


@attrs.define
class Answers:
    """What came back. `seconds`: how long each that was accepted took, from when it was sent."""

    statuses: Counter[int] = attrs.field(factory=Counter)
    seconds: list[float] = attrs.field(factory=list)
    acknowledged: list[str] = attrs.field(factory=list)
    without_retry_after: int = 0
    broken: int = 0

    def percentile(self, share: float) -> float:
        """Give a percentile of the times, in seconds; 0 where nothing was accepted."""
        times = sorted(self.seconds)
        return times[min(len(times) - 1, int(share * len(times)))] if times else 0.0


@attrs.frozen
class Client:
    """One connection that submits tasks, one after the other, and knows of each whether it was taken on."""

    host: str
    port: int
    name: str
    answers: Answers

    async def ask(self, moments: Iterator[float]) -> None:
        """Ask at each of these moments, in seconds of the trio clock, or as soon after it as the last one is answered."""
        number = 0
        while True:
            try:
                async with await trio.open_tcp_stream(self.host, self.port) as stream:
                    for moment in moments:
                        await trio.sleep_until(moment)
                        await self._exchange(_Reader(stream), stream, f"{self.name}-{number}")
                        number += 1
                    return
            except (OSError, trio.BrokenResourceError, _Ended):
                self.answers.broken += 1
                number += 1
                await trio.sleep(0.05)

    async def _exchange(self, reader: "_Reader", stream: trio.SocketStream, task_id: str) -> None:
        message = {"type": "submit_task", "template": "little", "inputs": {"name": task_id}, "task_id": task_id}
        body = json.dumps(message).encode()
        began = trio.current_time()
        with trio.fail_after(_PATIENCE_SECONDS):
            await stream.send_all(
                b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            )
            status, headers = await reader.answer()
        self.answers.statuses[status] += 1
        if status == 200:
            self.answers.seconds.append(trio.current_time() - began)
            self.answers.acknowledged.append(task_id)
        elif b"retry-after" not in headers:
            self.answers.without_retry_after += 1


class _Ended(Exception):
    """The server ended the connection."""


class _Reader:
    """Reads answers of known length. A client that does more would be slower than the server."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._rest = b""

    async def answer(self) -> tuple[int, dict[bytes, bytes]]:
        while b"\r\n\r\n" not in self._rest:
            await self._more()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
        length = int(headers.get(b"content-length", b"0"))
        while len(self._rest) < length:
            await self._more()
        self._rest = self._rest[length:]
        return int(first.split(b" ")[1]), headers

    async def _more(self) -> None:
        part = await self._stream.receive_some(65_536)
        if not part:
            raise _Ended
        self._rest += part


async def ask_for(host: str, port: int, *, clients: int, rate: float, seconds: float, name: str) -> Answers:
    """Have so many clients ask for `rate` in a second together, evenly, for so long; without a rate as fast as it goes."""
    answers = Answers()
    start, end = trio.current_time() + 0.1, trio.current_time() + 0.1 + seconds
    rng = random.Random(clients)

    def moments() -> Iterator[float]:
        pause = clients / rate if rate else 0.0
        moment = start + rng.random() * pause
        while trio.current_time() < end and moment < end:
            yield moment
            moment += pause

    async with trio.open_nursery() as nursery:
        for number in range(clients):
            client = Client(host, port, f"{name}-{number}", answers)
            nursery.start_soon(client.ask, moments())
    return answers
