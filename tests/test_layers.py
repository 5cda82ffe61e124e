"""The layer rule: `actors` <- `runtime` <- `runners`, and a runner costs only what it uses."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ALLOWED: dict[str, set[str]] = {
    "actors": set(),
    "runtime": {"actors"},
    "runners": {"runtime.runner", "runtime.worker"},  # the second is what runners call in other processes
}

PURE = {
    "runtime/engine": {
        "runtime.engine",
        "runtime.arguments",
        "runtime.templates",
        "runtime.values",
        "runtime.errors",
        "runtime.wishes",
        "runtime.frozen",
    },
    "runtime/flow": {
        "runtime.flow",
        "runtime.values",
        "runtime.errors",
        "runtime.runner",
        "runtime.configuration",
        "runtime.frozen",
        "runtime.lengths",
    },
    "runtime/values": {
        "runtime.values",
        "runtime.templates.model",
        "runtime.errors",
        "runtime.duration",
        "runtime.extras",
        "runtime.frozen",
    },
    "runtime/templates": {
        "runtime.templates",
        "runtime.values",
        "runtime.arguments",
        "runtime.errors",
        "runtime.described",
        "runtime.duration",
        "runtime.runner",
        "runtime.engine.states",
        "runtime.frozen",
        "runtime.lengths",
    },
}
"""Folders of `runtime` that may import only these parts of ours."""


def imports(source: str) -> Iterator[tuple[int, str]]:
    """Give the line and the name of every import, those inside functions included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.lineno, node.module or ""


def offenders(layer: str, source: str) -> list[str]:
    """Name the imports that a module of this layer may not have."""
    found = []
    for line, name in imports(source):
        top = name.partition(".")[0]
        if top in ALLOWED and top != layer and not {top, name} & ALLOWED[layer]:
            found.append(f"line {line}: {layer} may not import {name}")
    return found


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("layer", ALLOWED)
def test_a_layer_imports_only_what_is_below_it(layer):
    found = [
        f"{path.relative_to(ROOT)} {text}" for path in modules(layer) for text in offenders(layer, path.read_text())
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("layer", "source"),
    [
        ("actors", "import attrs\nimport runtime\n"),
        ("actors", "def f():\n    from runtime.engine import states\n"),
        ("runtime", "\nfrom runners.echo import Echo\n"),
        ("runners", "\nfrom runtime.engine.states import StepState\n"),
        ("runners", "\nimport actors\n"),
    ],
)
def test_an_import_against_the_grain_is_named_with_its_line(layer, source):
    [found] = offenders(layer, source)
    assert found.startswith("line 2: ")


UNMAPPED = {"runtime/values/gotemplate", "runtime/values/gotemplate/sprig"}
"""Packages whose docstrings say what they are for, and not what each of their modules is."""
PACKAGES = [
    str(path.parent.relative_to(ROOT)) for layer in ALLOWED for path in modules(layer) if path.stem == "__init__"
]


@pytest.mark.parametrize("package", sorted({*PACKAGES} - UNMAPPED))
def test_the_docstring_of_a_package_names_its_modules(package):
    folder = ROOT / package
    named = set(re.findall(r"\w+", ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""))
    assert not {path.stem for path in folder.glob("*.py")} - {"__init__", "__main__"} - named


@pytest.mark.parametrize("folder", PURE)
def test_a_pure_folder_imports_nothing_that_acts(folder):
    found = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules(folder)
        for line, name in imports(path.read_text())
        if name.partition(".")[0] in ALLOWED
        and not any(name == allowed or name.startswith(allowed + ".") for allowed in PURE[folder])
    ]
    assert not found, "\n".join(found)


def loaded_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "runner",
    [
        "apiovh",
        "batch",
        "cache",
        "callback",
        "echo",
        "email",
        "function",
        "http",
        "ping",
        "script",
        "ssh",
        "subtask",
        "tag",
    ],
)
def test_importing_a_runner_loads_neither_the_journal_nor_the_engine(runner):
    loaded = loaded_after(f"import runners.{runner}")
    assert not {
        name
        for name in loaded
        if name.startswith(("runtime.journal", "runtime.engine", "runtime.work", "runtime.server", "runtime.api"))
    }


def test_importing_the_front_loads_nothing_behind_it():
    loaded = loaded_after("import runtime")
    assert {name for name in loaded if name.startswith("runtime")} == {"runtime"}


def test_embedding_does_not_load_the_command_line_or_what_it_needs():
    loaded = loaded_after("from runtime import open_runtime, Template, Step")
    assert not loaded & {"click", "rich", "runtime.cli", "httpx2", "quickjs", "psycopg", "runtime.journal.postgres"}


def test_actors_load_neither_the_runtime_nor_a_logger():
    loaded = loaded_after("import actors")
    assert not {name for name in loaded if name.partition(".")[0] in {"runtime", "runners", "structlog", "jsonschema"}}


_FIRST_TASK = """
import trio

from runtime import Action, Step, Template, open_runtime

async def main():
    step = Step(action=Action(type="echo", configuration={"output": "hello"}))
    async with open_runtime() as rt:
        await (await rt.submit(Template(name="first", steps={"one": step}))).result()

trio.run(main)
"""

_NOT_FOR_A_FIRST_TASK = (
    "runtime.api.commands",
    "runtime.api.flow_submission",
    "runtime.api.flow_views",
    "runtime.cli",
    "runtime.flow.decision",
    "runtime.flow.document",
    "runtime.flow.effects",
    "runtime.flow.events",
    "runtime.flow.generation",
    "runtime.hosts",
    "runtime.journal.codec",
    "runtime.journal.keys",
    "runtime.journal.postgres",
    "runtime.journal.sqlite",
    "runtime.notifications.settings",
    "runtime.policies.evaluation",
    "runtime.server",
    "runtime.values.functions",
    "runtime.values.gotemplate",
    "runtime.values.javascript",
    "runtime.work.flows.actor",
    "runtime.work.flows.asking",
    "runtime.work.sharing",
    *("anyio", "apsw", "cattrs", "cryptography", "httpx2", "jsonschema", "quickjs", "structlog", "tzdata", "yaml"),
)


def test_a_first_task_loads_nothing_that_only_some_tasks_need():
    loaded = loaded_after(_FIRST_TASK)
    found = {name for name in loaded for part in _NOT_FOR_A_FIRST_TASK if name == part or name.startswith(f"{part}.")}
    assert not found
    assert "runtime.work.task" in loaded
