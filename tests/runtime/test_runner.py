import re
import subprocess
import sys
import textwrap
from importlib.metadata import EntryPoint

import attrs
import pytest
import trio

import runtime.runner
from runtime.configuration import ConfigurationInvalid, Templated
from runtime.runner import Fault, Outcome, Runner, Runners, RunnerSettings, RunnerUnknown, StepRequest
from runtime.testing import laws


def the_runner_of_the_docstring():
    """Run the code of the module's docstring, as a reader would."""
    found = re.search(r"write one::\n\n(.*?)\n\nPackaged", runtime.runner.__doc__ or "", re.DOTALL)
    assert found
    names: dict[str, object] = {"__name__": __name__}
    exec(textwrap.dedent(found[1]), names)
    return names["Nap"]


async def test_a_runner_is_ten_lines(autojump_clock):
    nap = the_runner_of_the_docstring()()
    request = StepRequest(
        task_id="t", resolution_id="r", step="s", attempt=1, config=nap.structure({"seconds": "3600"})
    )
    with trio.fail_after(3601):
        assert await nap.run(request) == Outcome(output={"slept": 3600.0})
    assert nap.check({"seconds": "soon"}).faults == (Fault("seconds", "must be a number, not a text"),)
    assert nap.check({"seconds": "{{.input.seconds}}"}).faults == ()
    assert nap.check({"second": 1}).warnings[0].hint == 'did you mean "seconds"?'
    assert nap.resources(request.config) == ()


async def test_and_it_obeys_the_laws():
    nap = the_runner_of_the_docstring()()
    laws.check_never_raises(nap)
    laws.structure_builds_or_refuses(nap)
    with trio.fail_after(30):
        await laws.gives_json(nap, {"seconds": 0})
        await laws.is_cancelled_promptly(nap, {"seconds": "1e6"}, trio.testing.wait_all_tasks_blocked)


@attrs.frozen(kw_only=True)
class Config:
    name: str
    count: int = 1


class Named(Runner[Config]):
    name = "named"
    config = Config

    def validate(self, config):
        if not isinstance(config.name, Templated) and config.name != "right":
            yield Fault("name", "is wrong")

    async def run(self, _request):
        return Outcome()


def test_rules_are_asked_of_whatever_could_be_read():
    """Of what could not be they know as little as of a text that is not rendered yet."""
    runner = Named()
    assert runner.check({"name": "wrong"}).faults == (Fault("name", "is wrong"),)
    assert runner.check({"name": "{{.x}}"}).faults == ()
    assert [fault.path for fault in runner.check({"name": "wrong", "count": "x"}).faults] == ["count", "name"]
    assert [fault.path for fault in runner.check({"name": ["right"], "count": "x"}).faults] == ["name", "count"]
    assert [fault.path for fault in runner.check({}).faults] == ["name"]
    assert runner.check({"count": 2}, {"name": "right"}).faults == ()


def test_a_rendered_configuration_is_built_or_refused():
    assert Named().structure({"count": "2"}, {"name": "a"}) == Config(name="a", count=2)
    with pytest.raises(ConfigurationInvalid, match="name: is missing"):
        Named().structure({})


def test_a_given_runner_comes_before_the_installed_one_of_its_name():
    class Echo(Named):
        name = "echo"

    given = Echo()
    assert Runners([given]).get("echo") is given


def test_two_given_runners_of_one_name_are_refused():
    with pytest.raises(ValueError, match='two runners are called "named"'):
        Runners([Named(), Named()])


def test_an_unknown_runner_is_refused_with_the_nearest_name():
    with pytest.raises(RunnerUnknown, match=r'no runner called "nmaed" \(did you mean "named"\?\)'):
        Runners([Named()]).get("nmaed")


def test_an_installed_runner_is_loaded_once_and_told_the_settings():
    runners = Runners(settings=RunnerSettings())
    runners._found["named"] = EntryPoint("named", f"{__name__}:Named", runtime.runner.ENTRY_POINTS)
    loaded = runners.get("named")
    assert isinstance(loaded, Named)
    assert runners.get("named") is loaded
    assert loaded.settings is runners._settings
    assert "named" in runners.names


@pytest.mark.parametrize("value", ["missing_module:X", f"{__name__}:Missing"])
def test_a_runner_that_cannot_be_loaded_is_refused_with_the_package_that_brings_it(value):
    runners = Runners()
    runners._found["broken"] = EntryPoint("broken", value, runtime.runner.ENTRY_POINTS)
    with pytest.raises(RunnerUnknown, match=f"it cannot be loaded: .*; it is in {value}"):
        runners.get("broken")


def test_a_runner_that_two_packages_bring_is_refused_unless_the_program_gives_one(monkeypatch):
    points = [EntryPoint("named", f"{module}:Named", runtime.runner.ENTRY_POINTS) for module in ("one", "two", "one")]
    monkeypatch.setattr(runtime.runner, "installed", lambda: points)
    with pytest.raises(RunnerUnknown, match="several packages bring one: one:Named, two:Named; uninstall all but one"):
        Runners().get("named")
    given = Named()
    assert Runners([given]).get("named") is given


class Broken(Named):
    def __init__(self, settings):
        super().__init__(settings)
        raise ArithmeticError("bug")


class Leaving(Named):
    def __init__(self, settings):
        super().__init__(settings)
        sys.exit("bye")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (f"{__name__}:Broken", "ArithmeticError: bug"),
        (f"{__name__}:Leaving", "SystemExit: bye"),
        ("builtins:str", "TypeError: builtins:str is not a class of runners"),
        ("os:getcwd", "TypeError: os:getcwd is not a class of runners"),
    ],
)
def test_a_runner_that_fails_while_it_is_made_or_is_none_is_refused_with_what_it_said(value, said):
    runners = Runners()
    runners._found["broken"] = EntryPoint("broken", value, runtime.runner.ENTRY_POINTS)
    with pytest.raises(RunnerUnknown, match=f"it cannot be loaded: {said}; it is in"):
        runners.get("broken")


def test_a_runner_without_a_name_is_refused():
    class Nameless(Runner):
        async def run(self, request):
            raise NotImplementedError

    with pytest.raises(TypeError, match="Nameless has no name that templates could call it by"):
        Runners([Nameless])


@pytest.mark.parametrize("module", ["echo", "script", "http"])
def test_importing_one_runner_loads_neither_the_journal_nor_the_server_nor_the_other_runners(module):
    code = f"import runners.{module}, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    unwanted = ("runtime.journal", "runtime.server", "runtime.work", "runtime.engine", "actors", "rich", "click")
    assert [name for name in loaded if name.startswith(unwanted)] == []
    assert ("httpx2" in loaded) == (module == "http")
    others = {"runners.echo", "runners.script", "runners.http"} - {f"runners.{module}"}
    assert others.isdisjoint(loaded)
