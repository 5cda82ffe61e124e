"""What is said where a library of an extra is missing: one sentence, which names the extra."""

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from runtime.extras import EXTRAS, ExtraMissing, needed_by

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FASTER = {"jsonschema_rs": "fast"}
"""What is done without, too."""
BROUGHT = {"httpcore2", "jsonschema_specifications", "referencing"}
"""What comes with others, and has no need of a name."""


def imported() -> set[str]:
    """Name every module that our code imports, by its first name."""
    names: set[str] = set()
    for file in (file for package in ("actors", "runtime", "runners") for file in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {one.name.partition(".")[0] for one in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "_loaded":  # when a template needs it
                names |= {
                    one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)
                }
    return names - BROUGHT - sys.stdlib_module_names - {"actors", "runtime", "runners"}


def brings(requirements: list[str], module: str) -> bool:
    """Say whether requirements name the distribution of a module."""
    named = {
        one.lower().replace("_", "-").partition(">")[0].partition("=")[0].partition("[")[0] for one in requirements
    }
    return bool(named & {one.lower().replace("_", "-") for one in packages_distributions().get(module, ())})


def test_every_library_that_is_imported_is_required_or_named_with_the_extra_that_brings_it():
    named = EXTRAS | FASTER
    assert {module for module in imported() if not brings(PROJECT["dependencies"], module)} == set(named)
    assert [
        module for module, extra in named.items() if not brings(PROJECT["optional-dependencies"][extra], module)
    ] == []


def without_extras(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    blocked = f"import sys; sys.modules.update(dict.fromkeys({sorted(EXTRAS)!r}))\n"
    return subprocess.run(
        [sys.executable, "-c", blocked + code, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=60
    )


PLAIN = "name: one\ndescription: one step\ntitle_format: one\nsteps:\n  one:\n    action: "
NEEDS = {
    "bcrypt": PLAIN + "{type: echo, configuration: {output: '{{bcrypt `x`}}'}}\n",
    "distributed": PLAIN + "{type: dask, configuration: {function: 'os:getcwd'}}\n",
    "httpx2": PLAIN + "{type: apiovh, configuration: {path: /me, method: GET, credentials: x}}\n",
    "paramiko": PLAIN + "{type: ssh, configuration: {}}\n",
}
SUBMIT = """
import trio
from runtime import TaskNotDone, TemplateInvalid, open_runtime

async def main():
    async with open_runtime() as rt:
        try:
            await (await rt.submit(sys.argv[1])).result()
        except (TaskNotDone, TemplateInvalid) as fault:
            print(fault)

trio.run(main)
"""


@pytest.mark.parametrize("module", NEEDS)
def test_a_step_that_needs_a_library_says_so(module, tmp_path):
    (tmp_path / "one.yaml").write_text(NEEDS[module])
    done = without_extras(SUBMIT, str(tmp_path / "one.yaml"))
    assert f"it needs {module}: pip install 'understudy[{EXTRAS[module]}]'" in done.stdout, done.stderr


DOORS = {
    "psycopg": "import trio; from runtime import open_runtime as door; trio.run(door('postgresql://h/d').__aenter__)",
    "cel": "from runtime import CelPolicy; CelPolicy(id='one', rule='true')",
    "hypothesis": "import runtime.testing.laws",
    "starlette": "import runtime.server.app",
    "hypercorn": "import runtime.server.serving",
}


RUNNERS = {"http": "httpx2", "apiovh": "httpx2", "ssh": "paramiko"}


@pytest.mark.parametrize(
    ("module", "code"), [*DOORS.items(), *((module, f"import runners.{name}") for name, module in RUNNERS.items())]
)
def test_a_door_in_python_that_needs_a_library_raises_an_error_that_says_so(module, code):
    last = without_extras(code).stderr.splitlines()[-1]
    assert last.endswith(f" needs {module}: pip install 'understudy[{EXTRAS[module]}]'")


@pytest.mark.parametrize(
    ("module", "command"),
    [
        ("hypercorn", ["serve"]),
        ("httpx2", ["ls"]),
        ("httpx2", ["send", "list_tasks"]),
        ("httpx2", ["flow", "ls", "--server", "http://127.0.0.1:1"]),
        ("psycopg", ["store", "check", "postgresql://h/d"]),
        ("psycopg", ["run", "examples/hello.yaml", "--input", "name=Ada", "--store", "postgresql://h/d"]),
        ("cel", ["flow", "run", "examples/deploy.yaml", "--input", "name=Ada", "--policies", "policies.yaml"]),
    ],
)
def test_a_command_that_needs_a_library_says_so(module, command, tmp_path):
    (tmp_path / "policies.yaml").write_text("policies: [{id: one, rule: 'true'}]\n")
    code = "for one in ('click', 'rich'): del sys.modules[one]\nfrom runtime.cli import main; main()"
    given = [str(tmp_path / one) if one == "policies.yaml" else one for one in command]
    done = without_extras(code, *given)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert done.stderr.startswith("error: ")
    assert f" needs {module}: pip install 'understudy[{EXTRAS[module]}]'" in done.stderr


def test_a_library_that_is_there_but_broken_is_told_as_it_is(tmp_path, monkeypatch):
    """To install it again would not help."""
    (tmp_path / "cel").mkdir()
    (tmp_path / "cel/__init__.py").write_text("import cel.missing\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "cel", raising=False)
    with pytest.raises(ModuleNotFoundError, match=r"cel\.missing") as raised, needed_by("it"):
        import cel  # noqa: F401
    assert not isinstance(raised.value, ExtraMissing)
