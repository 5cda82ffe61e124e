"""The workloads of group `actors`, done with the `actors` package."""

import gc

import attrs
import trio

from actors import (
    Actor,
    Address,
    ChildSpec,
    Cut,
    Effects,
    Exit,
    MailboxFull,
    Question,
    Restart,
    RestartWindow,
    StopReason,
    Strategy,
    SystemClock,
    Timers,
    answers,
    handles,
    infrastructure,
    open_supervisor,
)
from benchmarks.harness import distribution, lateness, percentile, perf_counter, resident_bytes

BOUNDED = 1024
UNLIMITED = RestartWindow(limit=1_000_000_000, period_seconds=1)


class Sum(Actor[int | str]):
    """Adds integers; answers any text with the total."""

    def __init__(self, goal: int = 0) -> None:
        self.goal = goal
        self.seen = 0
        self.total = 0
        self.done = trio.Event()

    @handles(int)
    def add(self, message: int) -> Effects:
        self.total += message
        self.seen += 1
        if self.seen == self.goal:
            self.done.set()
        return None

    @answers(str)
    def echo(self, question: Question[str]) -> Effects:
        question.answer(question.message)
        return None


def tell(messages: int) -> dict[str, float]:
    """In both modes: waiting for space in a bounded mailbox; and with a mailbox that has space for all."""
    return {
        "us_per_message": trio.run(_seconds_of_tell, messages, BOUNDED) / messages * 1e6,
        "unbounded_us_per_message": trio.run(_seconds_of_tell, messages, messages) / messages * 1e6,
    }


async def _seconds_of_tell(messages: int, capacity: int) -> float:
    actor = Sum(messages)
    async with open_supervisor("bench") as supervisor:
        address = supervisor.start_child(ChildSpec(id="sum", start=lambda _: actor, capacity=capacity))
        await trio.lowlevel.checkpoint()
        post = address.post
        began = perf_counter()
        for number in range(messages):
            try:
                post(number)
            except MailboxFull:
                await address.wait_room()
                post(number)
        await actor.done.wait()
        return perf_counter() - began


def ask(asks: int) -> dict[str, float]:
    async def main() -> list[float]:
        times = []
        async with open_supervisor("bench") as supervisor:
            address = supervisor.start_child(ChildSpec(id="sum", start=lambda _: Sum()))
            deadline = trio.current_time() + 600
            for _ in range(asks + asks // 10):
                began = perf_counter()
                await address.ask("?", deadline=deadline)
                times.append(perf_counter() - began)
        return times[asks // 10 :]

    times = trio.run(main)
    microseconds = [seconds * 1e6 for seconds in times]
    return {
        "p50_us": percentile(microseconds, 0.5),
        "p99_us": percentile(microseconds, 0.99),
        **distribution("p99_us", microseconds),
    }


def start_stop(actors: int) -> dict[str, float]:
    async def main() -> float:
        begun = trio.Event()
        left = actors

        class One(Actor[int]):
            @handles(int)
            def note(self, _message: int) -> Effects:
                nonlocal left
                left -= 1
                if left == 0:
                    begun.set()
                return None

        began = perf_counter()
        async with open_supervisor("bench", strategy=Strategy.DYNAMIC) as supervisor:
            for number in range(actors):
                spec = ChildSpec(id=str(number), start=lambda _: One(), restart=Restart.TEMPORARY)
                supervisor.start_child(spec).post(number)
            await begun.wait()
        return perf_counter() - began

    async def one_by_one() -> float:
        async with open_supervisor("bench", strategy=Strategy.DYNAMIC) as supervisor:
            began = perf_counter()
            for number in range(actors):
                spec = ChildSpec(id=str(number), start=lambda _: Sum(), restart=Restart.TEMPORARY)
                await supervisor.terminate_child(supervisor.start_child(spec).name)
            return perf_counter() - began

    return {
        "us_per_actor": trio.run(main) / actors * 1e6,
        "seq_us_per_actor": trio.run(one_by_one) / actors * 1e6,
    }


def restart(children: int) -> dict[str, float]:
    """All at once; and, of as many others, one at a time."""
    (together,) = trio.run(_seconds_of_restarts, children, children)
    each = trio.run(_seconds_of_restarts, children, 1)
    return {"us_per_restart": together / children * 1e6, "seq_us_per_restart": percentile(each, 0.5) * 1e6}


async def _seconds_of_restarts(children: int, at_once: int) -> list[float]:
    """So many are felled at a time, and are back before the next ones are."""
    back = trio.Event()
    left = 0

    class Brittle(Actor[int]):
        @handles(int)
        def fall(self, message: int) -> Effects:
            raise ValueError(message)

    def start(incarnation: int) -> Brittle:
        nonlocal left
        if incarnation == 2:
            left -= 1
            if left == 0:
                back.set()
        return Brittle()

    times = []
    async with open_supervisor("bench", strategy=Strategy.DYNAMIC, window=UNLIMITED) as supervisor:
        addresses = [
            supervisor.start_child(ChildSpec(id=str(number), start=start, window=UNLIMITED))
            for number in range(children)
        ]
        await trio.sleep(0.1)
        gc.collect()
        for number in range(0, children, at_once):
            back, left = trio.Event(), at_once
            began = perf_counter()
            for address in addresses[number : number + at_once]:
                address.post(1)
            await back.wait()
            times.append(perf_counter() - began)
    return times


def idle(actors: int) -> dict[str, float]:
    """Each with its task and its mailbox."""
    return {"idle_bytes": trio.run(_idle_bytes, actors, False)}


def hibernate(actors: int) -> dict[str, float]:
    """Each with neither, for it has not had a message yet."""
    return {"hibernating_bytes": trio.run(_idle_bytes, actors, True)}


def start_idle(_incarnation: int) -> "Idle":
    return Idle()


async def _idle_bytes(actors: int, hibernate: bool) -> float:
    async with open_supervisor("bench", strategy=Strategy.DYNAMIC) as supervisor:
        before = resident_bytes()
        for number in range(actors):
            supervisor.start_child(
                ChildSpec(
                    id=f"actor-{number}",
                    start=start_idle,
                    restart=Restart.TEMPORARY,
                    hibernate=hibernate,
                )
            )
        await trio.sleep(0.1)
        grown = resident_bytes() - before
        supervisor.stop(StopReason.normal())
    return grown / actors


class Idle(Actor[int]):
    @handles(int)
    def note(self, message: int) -> Effects: ...


@attrs.frozen
class Ended:
    exit: Exit[None]


def cancel(steps: int) -> dict[str, float]:
    async def main() -> float:
        running = ended = 0

        async def step() -> None:
            nonlocal running, ended
            running += 1
            try:
                await trio.sleep_forever()
            finally:
                ended += 1

        class Task(Actor[Ended]):
            cut = 0

            async def started(self) -> None:
                for number in range(steps):
                    self.children.start(str(number), step, report=Ended)

            @handles(Ended)
            def note(self, message: Ended) -> Effects:
                self.cut += isinstance(message.exit, Cut)
                return None

        task = Task()
        async with open_supervisor("bench") as supervisor:
            address = supervisor.start_child(ChildSpec(id="task", start=lambda _: task))
            await trio.sleep(0.2)
            began = perf_counter()
            address_stopped = supervisor.terminate_child(address.name)
            await address_stopped
            took = perf_counter() - began
        if not running == ended == task.cut == steps:
            raise AssertionError(f"{running} began, {ended} ended, {task.cut} reported")
        return took

    return {"ms": trio.run(main) * 1e3}


def timers(tasks: int, first_seconds: float, last_seconds: float) -> dict[str, float]:
    class Waker(Actor[float]):
        def __init__(self) -> None:
            self.late: list[float] = []
            self.done = trio.Event()

        @handles(float)
        def wake(self, due: float) -> Effects:
            self.late.append(trio.current_time() - due)
            if len(self.late) == tasks:
                self.done.set()
            return None

    async def main() -> tuple[float, list[float]]:
        due = Timers(SystemClock())
        waker = Waker()
        specs = [
            ChildSpec(id="timers", start=infrastructure(due.run), stop_within=0),
            ChildSpec(id="waker", start=lambda _: waker, capacity=tasks),
        ]
        async with open_supervisor("bench", specs) as supervisor:
            target: Address[float] = supervisor.address_of("waker")
            before = resident_bytes()
            now = trio.current_time()
            for number in range(tasks):
                seconds = first_seconds + (last_seconds - first_seconds) * number / tasks
                left = now + seconds - trio.current_time()  # arming them all takes a while
                due.arm_in(f"task-{number}", left, target, now + seconds)
            grown = resident_bytes() - before
            await waker.done.wait()
        return grown, waker.late

    grown, late = trio.run(main)
    return {"bytes_per_task": grown / tasks, **lateness(late)}


def burst(tasks: int, after_seconds: float) -> dict[str, float]:
    """All are due at the same time."""
    late = timers(tasks, after_seconds, after_seconds)
    return {"burst_p99_ms": late["late_p99_ms"], "burst_max_ms": late["late_max_ms"]}
