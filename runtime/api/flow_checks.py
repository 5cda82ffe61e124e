"""Whether the steps of a document can be carried out here: their signals name runners, whose configuration is in order.

A generator's steps are known too late for that: what is wrong with one of them fails that step alone.
"""

from collections.abc import Iterator, Sequence

from runtime.errors import Fault, FlowInvalid
from runtime.flow.document import FlowDocument
from runtime.flow.rows import Signal, StepSpec
from runtime.runner import RunnerUnknown
from runtime.templates.actions import ActionTypes
from runtime.templates.paths import item, member, shown, under


def check_document(document: FlowDocument, types: ActionTypes, source: str = "") -> None:
    """See that a document can be carried out.

    Raises:
        FlowInvalid: with every fault and its path.
    """
    faults = [fault for path, signal in _signals(document) for fault in _faults(path, signal, types)]
    if faults:
        raise FlowInvalid(faults, source)


def _signals(document: FlowDocument) -> Iterator[tuple[str, Signal]]:
    if document.generate_signal is not None:
        yield "generate_signal", document.generate_signal
    for number, group in enumerate(document.groups):
        for name in ("before", "steps", "after"):
            yield from _of_steps(member(item("groups", number), name), getattr(group, name))
    yield from _of_steps("steps", document.steps)


def _of_steps(path: str, steps: Sequence[StepSpec]) -> Iterator[tuple[str, Signal]]:
    for number, step in enumerate(steps):
        where = item(path, number)
        for name, signal in (("legacy_signal", step.legacy_signal), ("signal", step.signal)):
            if signal is not None:
                yield member(where, name), signal
        for index, clone in enumerate(step.clone_as):
            if clone.signal is not None:
                yield member(item(member(where, "clone_as"), index), "signal"), clone.signal


def _faults(path: str, signal: Signal, types: ActionTypes) -> Iterator[Fault]:
    try:
        kind = types.find(signal.type)
    except RunnerUnknown as unknown:
        yield Fault(member(path, "type"), f"no runner called {shown(signal.type)}", unknown.hint)
        return
    if kind.calls:
        yield Fault(member(path, "type"), f"{shown(signal.type)} is a function, and steps of flows call none")
        return
    for fault in kind.check(signal.data, None).faults:
        yield Fault(under(member(path, "data"), fault.path), fault.message, fault.hint)
