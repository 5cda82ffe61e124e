"""W13: tasks in their middle, the process killed; how long until another process has them all going, and done."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.harness import perf_counter, python

STORE: Final = "UNDERSTUDY_BENCH_STORE"
LINES: Final = "UNDERSTUDY_BENCH_LINES"


def killed(tasks: int, steps: int, done: int) -> dict[str, float]:
    """Two lives; the lines say that no finished step ran again."""
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as made:
        folder = Path(made)
        lines = os.open(folder / "lines", os.O_RDWR | os.O_CREAT | os.O_APPEND)
        environment = {**os.environ, STORE: str(folder / "tasks.db"), LINES: str(lines)}

        def life(name: str, **more: float) -> "subprocess.CompletedProcess[str]":
            arguments = {"tasks": tasks, "steps": steps, "done": done, **more}
            side = f"benchmarks.durable_lives:{name}"
            command = [
                *(python(name) if name == "second_life" else [sys.executable]),
                "-m",
                "benchmarks.harness",
                side,
                json.dumps(arguments),
            ]
            return subprocess.run(
                command, env=environment, pass_fds=[lines], stdout=subprocess.PIPE, text=True, check=False
            )

        assert life("first_life").returncode == -signal.SIGKILL
        measures: dict[str, float] = json.loads(life("second_life", began=perf_counter()).stdout)
        calls = (folder / "lines").read_text().splitlines()
        os.close(lines)
    assert len(calls) - len(set(calls)) == tasks, "a step that had finished ran again"
    return measures
