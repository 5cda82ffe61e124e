"""Reading plans: does one change anything at all?

A plan is what an approval step's work gave as its output. Any action but exactly one ``no-op`` is a change, so a
replacement (delete, then create) is one. A step says of which kind its plan is (`StepSpec.plan_kind`), and that is how
it has to look:

    ``changes``          ``{"changes": [{"actions": ["create"]}, ...]}``, of what is usual; an entry may hold more, and say
                         ``action: create`` or ``change: {actions: [create]}`` instead
    ``terraform_plan``   what ``terraform show -json`` gives of a plan, or its text
    ``helm_approval``    ``{"diff": "..."}``, empty where nothing changes
    ``kubernetes_manifest_approval``
                         ``{"diff": [{"type": "changed"}, ...]}``, ``unchanged`` where nothing does
    ``approve-all``      anything: it is always asked about
    ``noop``             anything: nobody is ever asked

A program brings readers of kinds of its own along (`runtime.flows.Flows.plan_readers`).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import attrs

from runtime.errors import Fault, did_you_mean
from runtime.flow.rows import StepSpec
from runtime.values.json import Json, loads

PlanReader: TypeAlias = Callable[[Json], bool]
"""Says whether a plan changes nothing, with True or False. Raises `PlanUnreadable` when it cannot tell."""

_NO_OP: Final = "no-op"


class PlanUnreadable(ValueError):
    """A plan cannot be read, so that nobody can say what it changes."""


def unread(steps: Iterable[StepSpec], known: Collection[str]) -> Iterator[Fault]:
    """Give what is wrong with the kinds of the plans of steps, in the order in which they were generated."""
    for number, step in enumerate(steps):
        fault = unknown_kind(step.plan_kind, known)
        if fault is not None:
            yield attrs.evolve(fault, path=f"steps[{number}].{fault.path}")


def unknown_kind(kind: str, known: Collection[str]) -> Fault | None:
    """Say what is wrong with the `plan_kind` of a step, of the kinds that are `known`; None where nothing is."""
    if kind in known:
        return None
    hint = did_you_mean(kind, sorted(known)) or f"known: {', '.join(sorted(known))}"
    return Fault("plan_kind", f'no reader for plans of kind "{kind[:100]}"', hint)


def reader_of(kind: str, contents: Json, readers: Mapping[str, PlanReader]) -> PlanReader:
    """Give who reads a plan.

    Raises:
        PlanUnreadable: there is no plan, or nobody reads its kind.
    """
    fault = unknown_kind(kind, readers)
    if fault is not None:  # of a flow that was taken on where its reader was known
        raise PlanUnreadable(str(fault))
    if contents is None:
        raise PlanUnreadable("the step gave no plan: its output is missing")
    return readers[kind]


def _object(value: Json, what: str) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise PlanUnreadable(f"{what} has to be an object")
    return value


def _list(value: Json, what: str) -> Sequence[Json]:
    if value is None:
        return ()
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise PlanUnreadable(f"{what} has to be a list")
    return value


def _unchanged(change: Json, where: str) -> bool:
    entry = _object(change, where)
    inner = entry.get("change")
    actions = (_object(inner, f"{where}.change") if inner is not None else entry).get("actions")
    if actions is None:
        action = entry.get("action")
        actions = [] if action is None else [action]
    return list(_list(actions, f"{where}.actions")) == [_NO_OP]


def _changes(contents: Json) -> bool:
    plan = _object(contents, "a plan of changes")
    if plan and "changes" not in plan:
        raise PlanUnreadable(
            'a plan of changes has to have its list of "changes"; of another kind, its step says so: plan_kind'
        )
    return all(_unchanged(one, f"changes[{n}]") for n, one in enumerate(_list(plan.get("changes"), "changes")))


def _decoded(text: str) -> Json:
    try:
        return loads(text)
    except ValueError as error:
        raise PlanUnreadable(f"a terraform plan has to be an object, or its text: {error}") from error


def _terraform(contents: Json) -> bool:
    """Read a plan, or its text as JSON. Empty text counts as changed: nobody knows what it would do."""
    if contents == "":
        return False
    plan = _object(_decoded(contents) if isinstance(contents, str) else contents, "a terraform plan")
    for key in ("resource_changes", "deferred_changes"):
        if not all(_unchanged(one, f"{key}[{n}]") for n, one in enumerate(_list(plan.get(key), key))):
            return False
    outputs = plan.get("output_changes") or {}
    return all(
        list(_list(_object(one, f"output_changes.{name}").get("actions"), "actions")) == [_NO_OP]
        for name, one in _object(outputs, "output_changes").items()
    )


def _helm(contents: Json) -> bool:
    plan = _object(contents, "a helm plan")
    return not plan.get("diff")


def _manifest(contents: Json) -> bool:
    plan = _object(contents, "a manifest plan")
    return all(
        _object(one, f"diff[{n}]").get("type") == "unchanged" for n, one in enumerate(_list(plan.get("diff"), "diff"))
    )


PLAN_READERS: Final[Mapping[str, PlanReader]] = {
    "changes": _changes,
    "terraform_plan": _terraform,
    "helm_approval": _helm,
    "kubernetes_manifest_approval": _manifest,
    "noop": lambda _contents: True,
    "approve-all": lambda _contents: False,
}
"""The kinds of plans that are known from the start; a program may add its own."""
