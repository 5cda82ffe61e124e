"""The side of ours: a runtime, and a server over it: ``python -m benchmarks.api_ours TASKS SUBSCRIBERS`` serves."""

import sys
from functools import partial

import trio

from benchmarks.api_client import EVENTS_OF_A_TASK, listen, server, submit
from benchmarks.harness import Measures, serve
from runtime import Action, Input, Step, Template, open_runtime
from runtime.api.desk import Desk
from runtime.engine.rights import Identity
from runtime.server.app import Office, build_app
from runtime.server.auth import Everybody
from runtime.server.limits import ServerLimits
from runtime.server.serving import serving
from runtime.testing import load

LITTLE = Template(
    name="little",
    inputs=[Input(name="name")],
    steps={"greet": Step(action=Action(type="echo", configuration={"output": "Hello, {{.input.name}}!"}))},
    auto_runnable=True,
    allow_all_resolver_usernames=True,
)


def inside(count: int, callers: int) -> Measures:
    """Submit and wait, by so many callers."""

    async def main() -> float:
        async with open_runtime() as rt:
            inputs = {"name": "somebody"}
            report = await load(rt, LITTLE, inputs, tasks=count, concurrency=callers, warm_up=count // 10)
            assert report.done == count, report
            return report.per_second

    return {"submits_s": trio.run(main)}


def http(count: int, callers: int) -> Measures:
    """Submit over HTTP."""
    with server("benchmarks.api_ours", 0, 0) as port:
        return submit(port, count, callers)


def events(tasks: int, subscribers: int) -> Measures:
    """Tell subscribers over HTTP what becomes of tasks."""
    with server("benchmarks.api_ours", tasks, subscribers) as port:
        return listen(port, tasks * EVENTS_OF_A_TASK, subscribers)


async def _serve(tasks: int, subscribers: int) -> None:
    limits = ServerLimits(requests_per_second=1e9, burst=1_000_000_000)
    async with open_runtime() as rt:
        await rt.register(LITTLE)
        office = Office(Desk(rt), Everybody(Identity("admin")), limits)
        async with serving(build_app(office), "127.0.0.1:0", grace_seconds=0, limits=limits) as address:
            print(address.rpartition(":")[2], flush=True)
            while tasks and office.subscribers < subscribers:  # noqa: ASYNC110 - they come from another process
                await trio.sleep(0.01)
            for _ in range(tasks):
                await rt.submit(LITTLE, {"name": "somebody"})
            await trio.sleep_forever()


if __name__ == "__main__":
    serve(lambda: trio.run(partial(_serve, *map(int, sys.argv[1:]))))
