"""What the README and the examples show works."""

import re
import runpy
import select
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import trio
import yaml

from runtime import open_runtime
from runtime.runner import Runners
from runtime.server.serving import serving
from runtime.templates.validation import check_data
from tests.support.postgres import let_lease_run_out

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def block(language: str, nth: int = 0) -> str:
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return blocks[nth]


def test_the_taste_of_python_prints_what_it_should(tmp_path):
    program = tmp_path / "taste.py"
    program.write_text(block("python"))
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert (done.stdout, done.stderr) == ("{'message': 'HELLO, ADA!'}\n", "")


def test_the_taste_of_yaml_is_a_valid_template():
    checked = check_data(yaml.safe_load(block("yaml")), Runners())
    assert checked.template.name == "greet-later"
    assert not checked.warnings


def test_the_first_command_runs_what_it_says_it_runs():
    command = block("sh").strip()
    arguments = command.partition(".venv/bin/understudy ")[2].split()
    program = "import sys; from runtime.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == 0
    assert "Hola, Ada!" in done.stdout


def test_templates_are_tested_as_the_readme_says(monkeypatch):
    monkeypatch.chdir(ROOT)
    names: dict[str, Any] = {}
    exec(block("python", 1), names)
    names["test_an_order_is_paid_once_its_price_is_known"]()


def test_the_tests_among_the_examples_pass():
    tests = runpy.run_path(str(ROOT / "examples/test_order.py"))
    ran = [test() for name, test in tests.items() if name.startswith("test_")]
    assert len(ran) == 2


def test_the_actors_among_the_examples_keep_their_accounts(capsys):
    runpy.run_path(str(ROOT / "examples/accounts.py"), run_name="__main__")
    assert capsys.readouterr().out.splitlines() == [
        "ada has 30",
        "ben's account ended: error by a1: ValueError: a deposit of -1",
        "ben has 0",
        "bank  one_for_one",
        "`- accounts  dynamic",
        "   |- a0  hibernating",
        "   |- a1  hibernating, incarnation 2",
        "   |- a2  hibernating",
        "   `- ... and 9997 more",
    ]


def test_the_program_among_the_examples_runs(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["greet.py", "Grace"])
    runpy.run_path(str(ROOT / "examples/greet.py"), run_name="__main__")
    assert capsys.readouterr().out == "{'message': 'HELLO, GRACE!'}\n"


def test_the_program_that_survives_goes_on_where_it_was_killed(tmp_path):
    command = [sys.executable, ROOT / "examples/survive.py", tmp_path / "survive.db"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as first:
        said = kill_in_step_2(first)
    second = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert second.stdout.splitlines() in what_may_follow(said)


STEPS = ["step 1", "step 2", "step 3", "step 4", "step 5", "{'last': '5'}"]


def kill_in_step_2(process):
    """Kill it there, or soon after, where the machine is busy; give what it said until then."""
    said = [process.stdout.readline().strip(), process.stdout.readline().strip()]
    process.kill()
    said += process.stdout.read().splitlines()
    assert said == STEPS[: len(said)]
    return said


def what_may_follow(said):
    """The last step that was begun was cut, and is run again; or it was done just then. No other is."""
    last = min(len(said), len(STEPS)) - 1
    return STEPS[last:], STEPS[last + 1 :]


@pytest.mark.parametrize(
    ("inputs", "message", "shout"),
    [
        ({"name": "Ada"}, "Hello, Ada!", "PRUNE"),
        ({"name": "ADA", "language": "spanish"}, "Hola, ADA!", "DONE"),
    ],
)
async def test_the_template_among_the_examples_greets(inputs, message, shout):
    with trio.fail_after(60):
        async with open_runtime() as rt:
            task = await rt.submit(ROOT / "examples/hello.yaml", inputs)
            assert await task.result() == {"message": message}
            assert (await task.status()).steps["shout"].state == shout


async def test_the_service_among_the_examples_asks_whoever_may_approve_and_waits_to_be_called(tmp_path, capsys):
    names = runpy.run_path(str(ROOT / "examples/trio_service.py"))

    @asynccontextmanager
    async def service():
        async with (
            open_runtime(
                tmp_path / "releases.db",
                config={"callback-config": '{"base_url": "http://here/tasks"}'},
                administrators=names["ADMINISTRATORS"],
            ) as rt,
            serving(names["application"](rt), "127.0.0.1:0", grace_seconds=1) as address,
            httpx2.AsyncClient(base_url=f"http://{address}", timeout=30) as http,
        ):
            yield rt, http

    path, answer = "/releases/1.2", "/tasks/v1/tasks/release-1.2/steps/ask/respond"
    with trio.fail_after(120):
        async with service() as (rt, http):
            assert (await http.post(path)).status_code == 200
            await rt.settled(within_seconds=3600)  # that is less than a question may be open
            assert (await rt.status("release-1.2")).state == "WAITING"
            for who, status in ((None, 401), (("ben", "another"), 404), (("ada", "secret"), 200)):
                assert (await http.post(answer, json={"response": "approve"}, auth=who)).status_code == status
            await rt.settled()
            called = capsys.readouterr().out.split()[-1].removeprefix("http://here")
        async with service() as (rt, http):
            assert "the callback" in str((await http.get(path)).json()["waits_for"])
            assert (await http.post(called, json={"size": 7})).status_code == 200
            assert (await rt.wait("release-1.2")).state == "DONE"
            assert (await http.get(path)).json()["result"] == {"approved_by": "ada", "size": "7"}
            page = await http.get("/tasks/ui", follow_redirects=True)
            assert (page.url.path, page.status_code) == ("/tasks/ui/dashboard/", 200)


async def test_the_nightly_round_among_the_examples_looks_at_every_server():
    with trio.fail_after(60):
        async with open_runtime(templates=[ROOT / "examples/server.yaml", ROOT / "examples/nightly.yaml"]) as rt:
            task = await rt.submit(ROOT / "examples/nightly.yaml", {"servers": ["alpha", "beta", "gamma", "delta"]})
            assert await task.result() == {"looked_at": "4"}
            view = await task.status()
    assert view.tags == {"looked-at": "4"}
    seen = [made["result"] for made in view.steps["look"].metadata["tasks"]]
    assert seen == [{"server": name} for name in ("alpha", "beta", "gamma", "delta")]


def test_postgres_the_program_that_survives_is_gone_on_with_by_another_that_runs_beside_it(postgres_store):
    store = f"{postgres_store}&lease=300"  # which no busy machine lets run out
    command = [sys.executable, ROOT / "examples/survive.py", store]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other,
    ):
        [speaks, *_], _, _ = select.select([first.stdout, other.stdout], [], [], 60)
        runs, waits = (first, other) if speaks is first.stdout else (other, first)
        said = kill_in_step_2(runs)
        let_lease_run_out(store, runs.pid)
        rest, _ = waits.communicate(timeout=60)
    assert rest.splitlines() in what_may_follow(said)
