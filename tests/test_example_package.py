"""The package among the examples, installed as a user would, from the working tree, and used."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "examples/understudy-countdown"

PROGRAM = """
import json
import trio
from runtime import open_runtime
from runtime.api.messages import StepProgressed

template = {
    "name": "launch",
    "description": "launch",
    "title_format": "launch",
    "steps": {
        "count": {
            "action": {"type": "countdown", "configuration": {"seconds": 2, "every": "10ms", "tag": "rocket"}},
        },
    },
}

async def main():
    said = []
    async with open_runtime() as rt, rt.subscribe() as events:
        view = await (await rt.submit(template)).wait()
        rt.shutdown()
        await rt.drained()
        async for event in events:
            if isinstance(event, StepProgressed):
                said.append([event.done, event.message])
    step = view.steps["count"]
    print(json.dumps({"output": step.output, "tags": view.tags, "said": said}))

trio.run(main)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Install it, without a network, into a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [*pip, "--disable-pip-version-check", "--target", str(folder), str(PACKAGE)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return {**os.environ, "PYTHONPATH": str(folder)}


def test_a_template_uses_it_by_name_and_its_progress_is_seen(installed):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, cwd=ROOT, env=installed, timeout=120
    )
    assert done.stderr == ""
    assert done.stdout == (
        '{"output": {"counted": 2}, "tags": {"rocket": "over"}, "said": [[0.0, "2..."], [0.5, "1..."]]}\n'
    )


def test_its_own_tests_find_the_laws_and_pass(installed, tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--disable-plugin-autoload",
            "-p",
            "trio",
            "-c",
            str(PACKAGE / "pyproject.toml"),
            str(PACKAGE / "tests"),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=installed,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout
