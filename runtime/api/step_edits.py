"""Steps as somebody sends them back who saw them (`shapes`): which they changed, and how they are to be."""

from collections.abc import Mapping
from typing import Final

from runtime.api.shapes import steps_shape
from runtime.api.views import view_task
from runtime.engine.states import ANY
from runtime.engine.task import Task
from runtime.errors import Fault, InputInvalid
from runtime.values.json import Json, dumps

_SHOWN_ONLY: Final = frozenset({"name", "last_run", "item", "children_steps"})
"""What a step is shown with, and cannot be set: it is passed over when somebody sends a step back as they saw it.

So is what an expanded loop depends on: its children.
"""


def changed(steps: Mapping[str, Json], task: Task) -> Mapping[str, Json]:
    """Give the steps that are not as they are shown: who sends all of an execution back rewrites what they changed in it."""
    shown = steps_shape(task, view_task(task), manages=True)
    return {name: one for name, one in steps.items() if name not in shown or dumps(one) != dumps(shown[name])}


def documents(steps: Mapping[str, Json]) -> Mapping[str, Mapping[str, Json] | None]:
    """Give the steps as documents; null is one that is removed."""
    found: dict[str, Mapping[str, Json] | None] = {}
    faults = []
    for name, one in steps.items():
        if one is None or isinstance(one, Mapping):
            found[name] = None if one is None else _document(one)
        else:
            faults.append(Fault(f"steps.{name}", "must be an object"))
    if faults:
        raise InputInvalid(faults)
    return found


def _document(step: Mapping[str, Json]) -> Mapping[str, Json]:
    document = {member: value for member, value in step.items() if member not in _SHOWN_ONLY}
    children, needed = step.get("children_steps"), step.get("dependencies")
    if isinstance(children, list) and isinstance(needed, list):
        spun = [f"{child}:{ANY}" for child in children]
        document["dependencies"] = [one for one in needed if one not in spun]
    return document
