"""A plan built in Python, with a plain ``async def`` as one of its actions. Run it: ``python examples/greet.py Ada``."""

import sys

import trio

from runtime import Action, Input, Step, Template, open_runtime


async def greet(name: str) -> dict[str, str]:
    await trio.sleep(0.1)  # stands for something that takes time
    return {"message": f"Hello, {name}!"}


template = Template(
    name="greet",
    inputs=[Input(name="name")],
    steps={
        "greet": Step(action=Action.calling(greet, name="{{.input.name}}"), idempotent=True),
        "shout": Step(
            action=Action(type="echo", configuration={"output": "{{.step.greet.output.message | upper}}"}),
            dependencies=["greet"],
        ),
    },
    result_format={"message": "{{.step.shout.output}}"},
)


async def main(name: str) -> None:
    async with open_runtime() as rt:
        task = await rt.submit(template, {"name": name})
        print(await task.result())


if __name__ == "__main__":
    trio.run(main, sys.argv[1] if len(sys.argv) > 1 else "Ada")
