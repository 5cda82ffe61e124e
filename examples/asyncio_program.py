"""A runtime in an asyncio program: tasks are awaited from its loop, and a step calls a coroutine of the program.

Run it: ``python examples/asyncio_program.py``.
"""

import asyncio

from runtime import Action, Step, Template
from runtime.hosts.aio import on_host, open_runtime


async def look_up(name: str) -> str:
    await asyncio.sleep(0.01)  # whatever the program does on its loop: a database, a cache, another service
    return f"{name}, of asyncio"


async def main() -> list[str]:
    template = Template(
        name="greet",
        steps={
            "who": Step(action=Action.calling(on_host(look_up), name="Ada")),
            "greet": Step(
                action=Action(type="echo", configuration={"output": "Hello, {{.step.who.output}}!"}),
                dependencies=["who"],
            ),
        },
        result_format={"message": "{{.step.greet.output}}"},
    )
    async with open_runtime() as rt:
        tasks = [await rt.submit(template) for _ in range(3)]
        return [result["message"] for result in await asyncio.gather(*(task.result() for task in tasks))]


if __name__ == "__main__":
    print(*asyncio.run(main()), sep="\n")
