"""What a program says in Python is refused where it says it, with the name of the argument."""

from collections.abc import Iterable
from functools import partial
from typing import Any

import attrs
import pytest

from runtime import Action, Administrators, Flows, Limits, Step, Template, TemplateInvalid, open_runtime
from runtime.errors import Invalid
from runtime.runner import ChildTask, Fault, Outcome, Runner, StepRequest
from runtime.settings import SettingInvalid
from tests.support.plans import plan, step

WRONG: dict[str, Any] = {
    "store": 5,
    "keys": 5,
    "runners": 5,
    "scripts": None,
    "functions": 5,
    "templates": 5,
    "administrators": 5,
    "callables": "text",
    "config": {"a": 5},
    "region": 5,
    "grace_seconds": "5s",
    "answer_within_seconds": -1,
    "keep_ended_seconds": float("nan"),
    "limits": {"a": 5},
    "destinations": 5,
    "environment": 5,
    "journal": 5,
    "clock": 5,
    "faults": 5,
    "flows": 5,
    "maintenance": "no",
}


async def test_every_argument_of_another_kind_is_named_at_once():
    with pytest.raises(SettingInvalid) as refusal:
        async with open_runtime(**WRONG):
            raise AssertionError
    assert {fault.path for fault in refusal.value.faults} == set(WRONG)


@pytest.mark.parametrize("name", ["runners", "functions", "templates", "callables"])
async def test_so_is_what_is_wrong_in_a_list(name):
    given: dict[str, Any] = {name: [5, int]}
    with pytest.raises(SettingInvalid) as refusal:
        async with open_runtime(**given):
            raise AssertionError
    assert [fault.path for fault in refusal.value.faults] == [f"{name}[0]", f"{name}[1]"]


@pytest.mark.parametrize("name", ["functions", "templates"])
async def test_a_path_that_no_file_can_have_is_told_as_one_that_cannot_be_read(name):
    given: dict[str, Any] = {name: "x" * 10_000}
    with pytest.raises(Invalid, match="the file cannot be read: file name too long"):
        async with open_runtime(**given):
            raise AssertionError


@pytest.mark.parametrize(
    ("make", "given", "name"),
    [
        (Limits, {"resources": 5}, "resources"),
        (Limits, {"resources": {"a": 1.5}}, 'resource "a"'),
        (Limits, {"everywhere": 5}, "everywhere"),
        (Limits, {"acquire_timeout": "5"}, "acquire_timeout"),
        (Limits, {"executions": 1.5}, "executions"),
        (Limits, {"result_size": "5"}, "result_size"),
        (Flows, {"generators": [5]}, "generators"),
        (Flows, {"generators": 5}, "generators"),
        (Flows, {"documents": 5}, "documents"),
        (Flows, {"documents": [5]}, "documents"),
        (Flows, {"policies": 5}, "policies"),
        (Flows, {"plan_readers": 5}, "plan_readers"),
        (Flows, {"policies": [5]}, "policies"),
        (Flows, {"hooks": 5}, "hooks"),
        (Flows, {"hooks": {"http": 5}}, "hooks.http"),
        (Flows, {"dependents": 5}, "dependents"),
        (Flows, {"generate_within_seconds": "5"}, "generate_within_seconds"),
    ],
)
def test_so_are_those_of_limits_and_flows(make, given, name):
    with pytest.raises((ValueError, TypeError), match=name):
        make(**given)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"name": 5, "description": "d", "title_format": "t"}, "name"),
        ({"inputs": 5}, "inputs"),
        ({"steps": 5}, "steps"),
        ({"steps": {"a": 5}}, "steps.a"),
        ({"steps": {"a": Step(action=5)}}, "steps.a.action"),  # type: ignore[arg-type]
        ({"steps": {"a": step(pre_hook=5)}}, "steps.a.pre_hook"),
        ({"steps": {"a": step(conditions=5)}}, "steps.a.conditions"),
        ({"steps": {"a": Step(action=Action(type="echo"), dependencies=5)}}, "steps.a.dependencies"),  # type: ignore[arg-type]
    ],
)
async def test_so_is_what_is_none_of_a_template(given, path):
    template = Template(**{"name": "plan", "steps": {"a": step()}, **given})
    async with open_runtime() as rt:
        with pytest.raises(TemplateInvalid) as refusal:
            await rt.submit(template)
    assert [fault.path for fault in refusal.value.faults] == [path]


@attrs.frozen(kw_only=True)
class Nothing:
    """No configuration."""


class Broken(Runner[Nothing]):
    """One whose `validate` is written wrongly."""

    config = Nothing
    gives: Any = ()

    def validate(self, _config: Nothing) -> Iterable[Fault]:
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives  # type: ignore[no-any-return]

    async def run(self, _request: StepRequest[Nothing]) -> Outcome:
        return Outcome()


@pytest.mark.parametrize(
    ("gives", "words"),
    [
        (["no"], "its validate gave a str, and not only Faults"),
        (None, "its validate failed: TypeError"),
        (RuntimeError("boom"), "its validate failed: RuntimeError: boom"),
    ],
)
async def test_a_runner_that_cannot_say_what_is_wrong_is_what_is_wrong(gives, words):
    kind = type("Kind", (Broken,), {"name": "kind", "gives": gives})
    async with open_runtime(runners=[kind]) as rt:
        with pytest.raises(TemplateInvalid) as refusal:
            await rt.submit(plan(a=step(action=Action(type="kind"))))
    assert f'runner "kind" cannot be asked about it: {words}' in str(refusal.value)


@pytest.mark.parametrize("named", [Administrators, partial(ChildTask, template="x")])
@pytest.mark.parametrize("field", [{"usernames": "root"}, {"groups": "root"}])
def test_a_name_is_no_list_of_names(named, field):
    """Whoever has a single letter as a name would be one."""
    if named is not Administrators:
        field = {f"watcher_{name}": one for name, one in field.items()}
    with pytest.raises(TypeError, match="must be a list of texts, not the text 'root'"):
        named(**field)
