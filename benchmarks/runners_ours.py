"""The side of ours: steps of tasks."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trio

from benchmarks.harness import Measures, perf_counter
from benchmarks.runners_server import SETTLE_SECONDS, serving
from runtime import Action, Step, TaskState, Template, open_runtime
from runtime.values.json import Json


def _template(count: int, action: Action) -> Template:
    return Template(name="wave", steps={f"s{number}": Step(action=action) for number in range(count)})


def _measure(template: Template, waves: int, scripts: str) -> Measures:
    async def main() -> float:
        async with open_runtime(scripts=scripts) as rt:
            prepared = await rt.prepare(template)
            seconds = 0.0
            for wave in range(waves + 1):
                began = perf_counter()
                view = await (await rt.submit(prepared)).wait()
                assert view.state is TaskState.DONE, view.errors
                seconds += perf_counter() - began if wave else 0.0
            return seconds

    return {"us_per_step": trio.run(main) / waves / len(template.steps) * 1e6}


def http(count: int, waves: int) -> Measures:
    """A task of http steps."""
    with serving() as url:
        action = Action(type="http", configuration={"url": url, "method": "GET"})
        return _measure(_template(count, action), waves, ".")


@contextmanager
def _scripts(program: str) -> Iterator[str]:
    """Give a scripts folder that holds a program of the system's."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(program, Path(folder) / "program")
        yield folder


def script(count: int, waves: int) -> Measures:
    """A task of script steps."""
    action = Action(type="script", configuration={"file_path": "program", "output_mode": "disabled"})
    with _scripts("/bin/true") as folder:
        return _measure(_template(count, action), waves, folder)


def cancel(count: int, waves: int) -> Measures:
    """A task of script steps that sleep, cancelled."""
    configuration: dict[str, Json] = {"file_path": "program", "argv": ["1000"], "output_mode": "disabled"}
    template = _template(count, Action(type="script", configuration=configuration))

    async def main(folder: str) -> float:
        seconds = 0.0
        async with open_runtime(scripts=folder) as rt:
            for wave in range(waves + 1):
                task = await rt.submit(template)
                await trio.sleep(SETTLE_SECONDS)
                began = perf_counter()
                await task.cancel()
                await task.wait()
                seconds += perf_counter() - began if wave else 0.0
        return seconds

    with _scripts("/bin/sleep") as folder:
        return {"ms": trio.run(main, folder) / waves * 1e3}
