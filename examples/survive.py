"""A task that survives the program: run it, stop it as rudely as you like, and run it again.

    python examples/survive.py [STORE]

Each step takes a moment. Steps that were done are not run again; the one that was cut is, for it says that it may.

With ``postgresql://host/database`` as the store, run it in two terminals at once: one runs the task, both wait for it, and
when you kill the one that runs it, the other goes on.
"""

import sys

import trio

from runtime import Action, Step, Template, open_runtime


async def count(number: int) -> int:
    """Take a moment."""
    print(f"step {number}", flush=True)
    await trio.sleep(0.3)
    return number


template = Template(
    name="count",
    steps={
        f"step{number}": Step(
            action=Action.calling(count, number=number),
            dependencies=[f"step{number - 1}"] if number > 1 else [],
            idempotent=True,
        )
        for number in range(1, 6)
    },
    result_format={"last": "{{.step.step5.output}}"},
)


async def main(store: str) -> None:
    """Submit the task, or find it again under its id, and wait for it."""
    async with open_runtime(store) as rt:
        task = await rt.submit(template, task_id="the-one")
        print(await task.result())


if __name__ == "__main__":
    trio.run(main, sys.argv[1] if len(sys.argv) > 1 else "survive.db")
