"""Snapshots: what they show, and that taking one costs nothing that grows with the task."""

import tracemalloc
from collections.abc import Mapping

import attrs
import pytest

from runtime.values.json import dumps
from runtime.values.snapshot import StepView, Values


def test_roots_are_present_as_section_4_2_says():
    assert list(Values()) == ["input", "iterator", "resolver_input", "step", "task"]
    everywhere = Values(config={"a": "1"}).with_pre_hook(1, None).with_function_args({"x": 1})
    assert set(everywhere) - set(Values()) == {"config", "pre_hook", "function_args"}
    assert len(everywhere) == 8
    assert Values()["iterator"] is None
    with pytest.raises(KeyError):
        Values()["config"]
    with pytest.raises(KeyError):
        Values()["variables"]


def test_values_are_read_in_python_as_in_templates():
    view = StepView(state="DONE", output={"x": [1]}, try_count=2)
    values = Values(input={"a": 1}, iterator={"id": 3}).with_step("first", view).with_this(view)
    assert values["step"]["first"]["output"]["x"] == [1]
    assert values["step"]["this"]["try_count"] == 2
    assert values["iterator"]["id"] == 3
    assert values.step_view("first") is view
    assert values.step_view("second") is None


def test_a_step_shows_exactly_seven_keys_and_null_as_an_empty_object():
    view = StepView(state="DONE")
    assert isinstance(view, Mapping)
    assert dict(view) == {
        "state": "DONE",
        "error": "",
        "output": {},
        "metadata": {},
        "children": (),
        "try_count": 0,
        "max_retries": 0,
    }
    with pytest.raises(KeyError):
        view["get"]
    assert dict(Values().with_pre_hook(None, None)["pre_hook"]) == {"output": {}, "metadata": {}}


def test_a_snapshot_never_changes():
    before = Values().with_step("a", StepView(state="TODO"))
    after = before.with_step("a", StepView(state="DONE")).with_step("b", StepView())
    assert before["step"]["a"]["state"] == "TODO"
    assert list(before["step"]) == ["a"]
    assert after["step"]["a"]["state"] == "DONE"


def test_a_snapshot_shares_the_data_of_the_one_before():
    data, output = {"x": ["y"]}, {"big": list(range(100))}
    first = Values(input=data, task={"task_id": "1"}).with_step("a", StepView(output=output))
    second = attrs.evolve(first.with_step("b", StepView()), iterator=1).with_this(StepView())
    assert second["input"] is data
    assert second["step"]["a"]["output"] is output
    assert second.variables is first.variables


def _bytes_for_one_more_step(steps: int) -> int:
    values = Values()
    for number in range(steps):
        values = values.with_step(f"step-{number}", StepView())
    view = StepView(state="DONE")
    tracemalloc.start()
    try:
        kept = values.with_step("one-more", view)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept["step"]["one-more"] is view
    return size


def test_adding_a_step_allocates_as_little_in_a_large_task_as_in_a_small_one():
    assert _bytes_for_one_more_step(5_000) < 2 * _bytes_for_one_more_step(5) + 4_096


def test_a_snapshot_is_json():
    values = Values(input={"a": 1}).with_step("s", StepView(state="DONE"))
    assert dumps(values["step"]) == (
        '{"s":{"children":[],"error":"","max_retries":0,"metadata":{},"output":{},"state":"DONE","try_count":0}}'
    )
