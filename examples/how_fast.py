"""How much a runtime takes of a template of yours, and what its users feel. Run it: ``python examples/how_fast.py``.

A rate below what the machine can do shows what a user waits for; none shows how many tasks there can be a second.
"""

import trio
from greet import template

from runtime import open_runtime
from runtime.testing import LoadReport, load


async def main(tasks: int = 200) -> list[LoadReport]:
    reports = []
    async with open_runtime() as rt:
        for rate in (50, None):
            report = await load(rt, template, {"name": "Ada"}, tasks=tasks, rate=rate, concurrency=100, warm_up=10)
            print(f"{'as many as there can be' if rate is None else f'{rate} a second'}: {report}")
            reports.append(report)
    return reports


if __name__ == "__main__":
    trio.run(main)
