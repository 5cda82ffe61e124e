"""The workloads of group `actors`, done with bare trio: the limits."""

import gc

import trio

from benchmarks.harness import lateness, percentile, perf_counter, resident_bytes, round_trips, warm_up


def tell(messages: int) -> dict[str, float]:
    """One producer awaits a buffered memory channel; or never waits, for all fit in."""

    async def consume(receive: trio.MemoryReceiveChannel[int]) -> None:
        total = 0
        async for number in receive:
            total += number

    async def bounded() -> float:
        send, receive = trio.open_memory_channel[int](1024)
        began = perf_counter()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(consume, receive)
            for number in range(messages):
                await send.send(number)
            send.close()
        return perf_counter() - began

    async def unbounded() -> float:
        send, receive = trio.open_memory_channel[int](messages)
        began = perf_counter()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(consume, receive)
            for number in range(messages):
                send.send_nowait(number)
            send.close()
        return perf_counter() - began

    return {
        "us_per_message": trio.run(bounded) / messages * 1e6,
        "unbounded_us_per_message": trio.run(unbounded) / messages * 1e6,
    }


def ask(asks: int) -> dict[str, float]:
    """Two channels, one there and one back."""

    async def echo(receive: trio.MemoryReceiveChannel[str], send: trio.MemorySendChannel[str]) -> None:
        async for text in receive:
            await send.send(text)

    async def main() -> list[float]:
        times = []
        there_in, there_out = trio.open_memory_channel[str](16)
        back_in, back_out = trio.open_memory_channel[str](16)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(echo, there_out, back_in)
            for _ in range(warm_up(asks) + asks):
                began = perf_counter()
                await there_in.send("?")
                await back_out.receive()
                times.append(perf_counter() - began)
            there_in.close()
        return times[warm_up(asks) :]

    return round_trips(trio.run(main))


def start_stop(actors: int) -> dict[str, float]:
    """A task each, with its own nursery and channel; all started, one message each, then all stopped."""

    async def main() -> float:
        begun = trio.Event()
        left = actors

        async def one(receive: trio.MemoryReceiveChannel[int]) -> None:
            nonlocal left
            async with trio.open_nursery():
                async for _ in receive:
                    left -= 1
                    if left == 0:
                        begun.set()

        began = perf_counter()
        async with trio.open_nursery() as nursery:
            sends = []
            for number in range(actors):
                send, receive = trio.open_memory_channel[int](16)
                nursery.start_soon(one, receive)
                send.send_nowait(number)
                sends.append(send)
            await begun.wait()
            for send in sends:
                send.close()
        return perf_counter() - began

    async def one_by_one() -> float:
        async def one(receive: trio.MemoryReceiveChannel[int], ended: trio.Event) -> None:
            async with trio.open_nursery():
                async for _ in receive:
                    pass
            ended.set()

        async with trio.open_nursery() as nursery:
            began = perf_counter()
            for _ in range(actors):
                send, receive = trio.open_memory_channel[int](16)
                ended = trio.Event()
                nursery.start_soon(one, receive, ended)
                send.close()
                await ended.wait()
            return perf_counter() - began

    return {
        "us_per_actor": trio.run(main) / actors * 1e6,
        "seq_us_per_actor": trio.run(one_by_one) / actors * 1e6,
    }


def restart(children: int) -> dict[str, float]:
    """Every task fails once, and its nursery gets a new one in its place: all at once; and one at a time."""
    (together,) = trio.run(_seconds_of_restarts, children, children)
    each = trio.run(_seconds_of_restarts, children, 1)
    return {"us_per_restart": together / children * 1e6, "seq_us_per_restart": percentile(each, 0.5) * 1e6}


async def _seconds_of_restarts(children: int, at_once: int) -> list[float]:
    back = trio.Event()
    left = 0

    async def brittle(incarnation: int, receive: trio.MemoryReceiveChannel[int]) -> None:
        nonlocal left
        if incarnation == 2:
            left -= 1
            if left == 0:
                back.set()
        async for message in receive:
            raise ValueError(message)

    async def guarded(incarnation: int, receive: trio.MemoryReceiveChannel[int]) -> None:
        try:
            await brittle(incarnation, receive)
        except ValueError:
            nursery.start_soon(guarded, incarnation + 1, receive)

    times = []
    async with trio.open_nursery() as nursery:
        sends = []
        for _ in range(children):
            send, receive = trio.open_memory_channel[int](16)
            nursery.start_soon(guarded, 1, receive)
            sends.append(send)
        await trio.sleep(0.1)
        gc.collect()
        for number in range(0, children, at_once):
            back, left = trio.Event(), at_once
            began = perf_counter()
            for send in sends[number : number + at_once]:
                send.send_nowait(1)
            await back.wait()
            times.append(perf_counter() - began)
        nursery.cancel_scope.cancel()
    return times


def idle(actors: int) -> dict[str, float]:
    """A task each that waits on its channel: trio has nothing to wait on without one."""

    async def one(receive: trio.MemoryReceiveChannel[int]) -> None:
        async for _ in receive:
            pass

    async def main() -> float:
        async with trio.open_nursery() as nursery:
            before = resident_bytes()
            sends = {}
            for number in range(actors):
                send, receive = trio.open_memory_channel[int](16)
                nursery.start_soon(one, receive)
                sends[f"actor-{number}"] = send
            await trio.sleep(0.1)
            grown = resident_bytes() - before
            nursery.cancel_scope.cancel()
        return grown

    return dict.fromkeys(("idle_bytes", "hibernating_bytes"), trio.run(main) / actors)


def cancel(steps: int) -> dict[str, float]:
    """A nursery around every step, all under one nursery that is cancelled."""

    async def main() -> tuple[float, float]:
        ended: list[float] = []

        async def asleep() -> None:
            try:
                await trio.sleep_forever()
            finally:
                ended.append(perf_counter())

        async def step() -> None:
            async with trio.open_nursery() as inner:
                inner.start_soon(asleep)

        async with trio.open_nursery() as nursery:
            for _ in range(steps):
                nursery.start_soon(step)
            await trio.sleep(0.2)
            began = perf_counter()
            nursery.cancel_scope.cancel()
        told = perf_counter()
        assert len(ended) == steps
        return max(ended) - began, told - began

    last, told = trio.run(main)
    return {"ms": last * 1e3, "told_ms": told * 1e3}


def _timers(tasks: int, first_seconds: float, last_seconds: float) -> dict[str, float]:
    """A sleeping task each."""

    async def main() -> tuple[float, list[float]]:
        late: list[float] = []

        async def sleeper(due: float) -> None:
            await trio.sleep_until(due)
            late.append(trio.current_time() - due)

        async with trio.open_nursery() as nursery:
            before = resident_bytes()
            now = trio.current_time()
            for number in range(tasks):
                seconds = first_seconds + (last_seconds - first_seconds) * number / tasks
                nursery.start_soon(sleeper, now + seconds)
            await trio.sleep(min(0.5, first_seconds / 2))
            grown = resident_bytes() - before
        return grown, late

    grown, late = trio.run(main)
    return {"bytes_per_task": grown / tasks, **lateness(late)}


def timers(tasks: int, first_seconds: float, last_seconds: float) -> dict[str, float]:
    """Due one after the other; and then, as many, all at the same time."""
    spread = _timers(tasks, first_seconds, last_seconds)
    soon = min(last_seconds, 2.0)
    burst = _timers(tasks, soon, soon)
    return spread | {f"burst_{share}_ms": burst[f"late_{share}_ms"] for share in ("p50", "p99", "max")}
