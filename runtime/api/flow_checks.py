"""Whether a flow can be carried out here: its document is one, its signals name runners, whose configuration is in order.

And somebody reads its plans. The signals of a generator are known too late: what is wrong with one fails its step alone.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import attrs

from runtime.errors import Fault, FlowInvalid, together
from runtime.flow.document import FlowDocument, draft_of, with_names
from runtime.flow.noop import unknown_kind
from runtime.runner import RunnerUnknown
from runtime.templates.actions import ActionType, ActionTypes
from runtime.templates.faults import NOWHERE, Doubts, Places, Report
from runtime.templates.paths import item, member, shown, under
from runtime.values.json import Json

if TYPE_CHECKING:
    from runtime.templates.yaml import YamlDocument


@attrs.frozen(kw_only=True)
class CheckedFlow:
    """A flow that can be carried out, and what its author may not have meant."""

    document: FlowDocument
    warnings: tuple[Fault, ...]


def check_flow(
    data: Json,
    types: ActionTypes,
    plan_kinds: Collection[str],
    source: str = "",
    *,
    strict: bool,
    places: Places = NOWHERE,
    warnings: Iterable[Fault] = (),
) -> CheckedFlow:
    """Read a document, and see that it can be carried out; `warnings` are those of the file it is from.

    Raises:
        FlowInvalid: with every fault and its path, and its line where `places` knows it; with `strict`, every warning is one.
    """
    draft = draft_of(data)
    report = Report()
    report.faults.extend(draft.faults)
    report.warnings.extend((*warnings, *draft.warnings))
    doubts = Doubts(fault for fault in draft.faults if fault.path)
    _check(with_names(data), types, plan_kinds, report, doubts)
    placed = report.verdict(places, source, strict=strict, refusal=FlowInvalid)
    assert draft.flow is not None  # noqa: S101 - its faults were the verdict
    return CheckedFlow(document=draft.flow, warnings=placed)


def check_flow_file(
    document: "YamlDocument", types: ActionTypes, plan_kinds: Collection[str], source: str, *, strict: bool
) -> CheckedFlow:
    """Check a file that was read: see `check_flow`."""
    places, warnings = document.places, document.warnings
    return check_flow(document.data, types, plan_kinds, source, strict=strict, places=places, warnings=warnings)


def check_document(document: FlowDocument, types: ActionTypes, plan_kinds: Collection[str], source: str = "") -> None:
    """See that a document that was read, or built in Python, can be carried out.

    Raises:
        FlowInvalid: with every fault and its path.
    """
    report = Report()
    _check(document, types, plan_kinds, report, Doubts())
    report.verdict(NOWHERE, source, strict=False, refusal=FlowInvalid)


def check_documents(documents: Mapping[str, FlowDocument], types: ActionTypes, plan_kinds: Collection[str]) -> None:
    """See that several documents can be carried out.

    Raises:
        FlowInvalid: with every fault of each, and its path.
    """
    refusals: list[FlowInvalid] = []
    for name, document in documents.items():
        try:
            check_document(document, types, plan_kinds, name)
        except FlowInvalid as refusal:
            refusals.append(refusal)
    if refusals:
        raise together(refusals)


def _check(document: object, types: ActionTypes, plan_kinds: Collection[str], report: Report, doubts: Doubts) -> None:
    """Look at a document, read or as it is written. Who reads it says what is not even of the type that it has to be."""
    find = cache(types.find)
    for path, signal in _signals(document):
        name = _part(signal, "type")
        if isinstance(name, str) and not doubts.touch(path):
            _check_signal(path, name, _part(signal, "data"), find, report)
    for path, step in _steps(document):
        kind = _part(step, "plan_kind")
        fault = unknown_kind(kind, plan_kinds) if isinstance(kind, str) else None
        if fault is not None:
            report.faults.add(member(path, fault.path), fault.message, fault.hint)


def steps_in(document: Json) -> int:
    """Count the steps of a document as it is written."""
    return sum(1 for _ in _steps(with_names(document)))


def _steps(document: object) -> Iterator[tuple[str, Any]]:
    for where, group in _parts(document, "", "groups"):
        for name in ("before", "steps", "after"):
            yield from _parts(group, where, name)
    yield from _parts(document, "", "steps")


def _signals(document: object) -> Iterator[tuple[str, Any]]:
    yield from _signal_of("", "generate_signal", document)
    for where, step in _steps(document):
        for kind in ("legacy_signal", "signal"):
            yield from _signal_of(where, kind, step)
        for place, clone in _parts(step, where, "clone_as"):
            yield from _signal_of(place, "signal", clone)


def _signal_of(path: str, name: str, owner: object) -> Iterator[tuple[str, Any]]:
    signal = _part(owner, name)
    if signal is not None:
        yield member(path, name), signal


def _parts(owner: object, path: str, name: str) -> Iterator[tuple[str, object]]:
    parts = _part(owner, name)
    for number, part in enumerate(parts if isinstance(parts, Sequence) else ()):
        yield item(member(path, name), number), part


def _part(owner: object, name: str) -> Any:
    return owner.get(name) if isinstance(owner, Mapping) else getattr(owner, name, None)


def _check_signal(path: str, name: str, data: Json, find: Callable[[str], ActionType], report: Report) -> None:
    try:
        kind = find(name)
    except RunnerUnknown as unknown:
        report.faults.add(member(path, "type"), f"no runner called {shown(name)}", unknown.hint)
        return
    if kind.calls:
        report.faults.add(member(path, "type"), f"{shown(name)} is a function, and steps of flows call none")
        return
    checked = kind.check(data, None)
    for faults, found in ((report.faults, checked.faults), (report.warnings, checked.warnings)):
        for fault in found:
            faults.add(under(member(path, "data"), fault.path), fault.message, fault.hint)
