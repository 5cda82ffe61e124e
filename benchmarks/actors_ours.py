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
from benchmarks.harness import lateness, percentile, perf_counter, resident_bytes, round_trips, warm_up

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
            for _ in range(warm_up(asks) + asks):
                began = perf_counter()
                await address.ask("?", deadline=deadline)
                times.append(perf_counter() - began)
        return times[warm_up(asks) :]

    return round_trips(trio.run(main))


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
    """Such that hold neither a task nor a mailbox, for they have not had a message yet; and beside them such that do."""
    hibernating, idle = trio.run(_bytes_each, actors)
    return {"hibernating_bytes": hibernating, "idle_bytes": idle}


def start_idle(_incarnation: int) -> "Idle":
    return Idle()


async def _bytes_each(actors: int) -> list[float]:
    grown = []
    async with open_supervisor("bench", strategy=Strategy.DYNAMIC) as supervisor:
        for hibernate in (True, False):
            before = resident_bytes()
            for number in range(actors):
                supervisor.start_child(
                    ChildSpec(
                        id=f"actor-{hibernate}-{number}",
                        start=start_idle,
                        restart=Restart.TEMPORARY,
                        hibernate=hibernate,
                    )
                )
            await trio.sleep(0.1)
            grown.append((resident_bytes() - before) / actors)
        supervisor.stop(StopReason.normal())
    return grown


class Idle(Actor[int]):
    @handles(int)
    def note(self, message: int) -> Effects: ...


@attrs.frozen
class Ended:
    exit: Exit[None]


def cancel(steps: int) -> dict[str, float]:
    """Until the last step has ended, and until whoever cancels knows."""

    async def main() -> tuple[float, float]:
        running = 0
        ended: list[float] = []

        async def step() -> None:
            nonlocal running
            running += 1
            try:
                await trio.sleep_forever()
            finally:
                ended.append(perf_counter())

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
            await supervisor.terminate_child(address.name)
            told = perf_counter()
        assert running == len(ended) == task.cut == steps, (running, len(ended), task.cut)
        return max(ended) - began, told - began

    last, told = trio.run(main)
    return {"ms": last * 1e3, "told_ms": told * 1e3}


def _timers(tasks: int, first_seconds: float, last_seconds: float) -> dict[str, float]:
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


def timers(tasks: int, first_seconds: float, last_seconds: float) -> dict[str, float]:
    """Due one after the other; and then, as many, all at the same time."""
    spread = _timers(tasks, first_seconds, last_seconds)
    soon = min(last_seconds, 2.0)
    burst = _timers(tasks, soon, soon)
    return spread | {f"burst_{share}_ms": burst[f"late_{share}_ms"] for share in ("p50", "p99", "max")}
