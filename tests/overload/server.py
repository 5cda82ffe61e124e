"""The server under load: a process of its own, the memory it takes, and what its store holds in the end."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import trio

from runtime import open_runtime

_TEMPLATE = """
name: little
description: does little
title_format: Greet {{.input.name}}
auto_runnable: true
allow_all_resolver_usernames: true
inputs: [{name: name}]
steps:
  greet:
    description: greet
    action: {type: echo, configuration: {output: 'Hello, {{.input.name}}!'}}
"""
_RATE = "1000000"  # of one caller, which all of them are here: what is measured is how much the server takes of all


@attrs.define
class Served:
    """A server that runs."""

    process: "subprocess.Popen[str]"
    host: str
    port: int
    store: Path
    memory: list[int] = attrs.field(factory=list)
    """How many bytes it held in memory, each time that it was looked at."""
    late_seconds: float = 0.0
    """By how much those looks were late, together: for so long the machine did something else."""

    async def watch(self, every_seconds: float = 0.1) -> None:
        """Look at its memory again and again, until it is cancelled."""
        while True:
            self.memory.append(self.resident())
            due = trio.current_time() + every_seconds
            await trio.sleep_until(due)
            self.late_seconds += trio.current_time() - due

    def resident(self) -> int:
        """Say how many bytes it holds in memory."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        return int(found[1]) * 1024 if found else 0

    def stop(self) -> int:
        """End it as an operator would, and give its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    async def lost(self, task_ids: Iterable[str]) -> list[str]:
        """Name those of these tasks that its store does not have, or that did not end."""
        async with open_runtime(self.store) as runtime:
            gone = []
            for task_id in task_ids:
                with trio.move_on_after(60):
                    if await runtime.look_up(task_id) and (await runtime.wait(task_id)).state == "DONE":
                        continue
                gone.append(task_id)
            return gone


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """Run a server for as long as the block lasts."""
    templates, store = folder / "templates", folder / "tasks.db"
    templates.mkdir()
    (templates / "little.yaml").write_text(_TEMPLATE)
    arguments = ["--store", store, "--templates", templates, "--listen", "127.0.0.1:0", "--rate", _RATE]
    command = [sys.executable, "-c", "from runtime.cli import main; main()", "serve", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            host, _, port = line.rpartition("//")[2].strip().rpartition(":")
            yield Served(process, host, int(port), store)
        finally:
            process.kill()
