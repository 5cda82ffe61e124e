"""What somebody wants run as a flow, and the submission it comes to: the settings of a call before those of a document."""

import os
from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import attrs

from runtime.api.flow_checks import CheckedFlow, check_flow_file
from runtime.api.flow_messages import SubmitFlow
from runtime.arguments import sorted_texts
from runtime.errors import Fault, FlowInvalid, did_you_mean, together
from runtime.flow.document import FlowDocument, fault_of, read_flow
from runtime.flow.generation import flatten
from runtime.flow.naming import UNLABELLED, Labels
from runtime.flow.records import APPROVAL_SECONDS, PLAN_SECONDS, FlowCreated
from runtime.flow.rows import Signal
from runtime.flow.states import ApprovalOption, Mode, OnError, OnPolicyFailure
from runtime.ids import new_id
from runtime.lengths import Name, TagText
from runtime.templates.actions import ActionTypes
from runtime.templates.loading import read_document
from runtime.values.json import Json

FlowSource: TypeAlias = str | os.PathLike[str] | Mapping[str, Json] | FlowDocument
"""A flow as a user names it: a type that the runtime knows, the path of a YAML file, or a document."""

FILES: Final = frozenset({".yaml", ".yml", ".json"})
"""How the names of files end; any other text is a type of flows."""


@attrs.frozen(kw_only=True)
class FlowRequest:
    """A flow to be. None: as the document says, or as is usual. See `runtime.api.flow_client.FlowClient.flow`."""

    type: Name
    document: FlowDocument | None = None
    labels: Labels = UNLABELLED
    inputs: Mapping[str, Json] = attrs.field(factory=dict)
    flow_id: Name = ""
    by: Name = "user"
    by_groups: Iterable[str] = ()
    by_admin: bool = False
    owner_id: Name = ""
    owner_type: Name = ""
    org_id: Name = ""
    metadata: Mapping[Name, TagText] = attrs.field(factory=dict)
    mode: Mode | str | None = None
    plan_only: bool | None = None
    approval_option: ApprovalOption | str | None = None
    on_error: OnError | str | None = None
    on_policy_failure: OnPolicyFailure | str | None = None
    generate_signal: Signal | None = None
    approval_seconds: float = APPROVAL_SECONDS
    plan_seconds: float = PLAN_SECONDS
    segment: int = 5
    max_in_flight: int = 10
    start: bool = True
    parent: str = ""

    def submission(self) -> SubmitFlow:
        """Give what the runtime is asked to take on.

        Raises:
            FlowInvalid: a setting is none.
        """
        known = self.document or FlowDocument()
        plan_only = known.plan_only if self.plan_only is None else self.plan_only
        mode = choice(Mode, self.mode, "mode", known.mode)
        on_error = choice(OnError, self.on_error, "on_error", known.on_error)
        faults = fault_of(mode, on_error)
        if faults:
            raise FlowInvalid(faults)
        header = FlowCreated(
            at=0.0,
            by=self.by or "user",
            by_groups=sorted_texts(self.by_groups, "by_groups"),
            by_admin=self.by_admin,
            flow_id=_checked_id(self.flow_id) or new_id(),
            type=self.type,
            owner_id=self.owner_id,
            owner_type=self.owner_type,
            org_id=self.org_id,
            metadata=dict(self.metadata),
            inputs=dict(self.inputs),
            mode=mode,
            plan_only=plan_only,
            approval_option=choice(ApprovalOption, self.approval_option, "approval_option", known.approval_option),
            on_error=on_error,
            on_policy_failure=choice(
                OnPolicyFailure, self.on_policy_failure, "on_policy_failure", known.on_policy_failure
            ),
            generate_signal=self.generate_signal or known.generate_signal,
            approval_seconds=self.approval_seconds,
            plan_seconds=self.plan_seconds,
            segment=_at_least_one(self.segment, "segment"),
            max_in_flight=_at_least_one(self.max_in_flight, "max_in_flight"),
            parent=self.parent,
            labels=self.labels if self.document is None else self.document.labels,
        )
        given = known.given()
        steps, groups = flatten(given, plan_only=plan_only) if given else ((), ())
        return SubmitFlow(flow=header, steps=tuple(steps), groups=tuple(groups), start=self.start)


def _checked_id(flow_id: str) -> str:
    if "/" in flow_id:
        raise FlowInvalid([Fault("flow_id", 'must be a text without "/"')])
    return flow_id


def _at_least_one(number: int, name: str) -> int:
    if number < 1:
        raise FlowInvalid([Fault(name, f"must be at least 1, not {number}")])
    return number


def load_flow(
    source: str | os.PathLike[str], types: ActionTypes, plan_kinds: Collection[str], *, strict: bool = False
) -> CheckedFlow:
    """Read a file of ``kind: flow``, and see that it can be carried out. Blocks.

    Raises:
        FlowInvalid: with every fault and its path.
    """
    document, name = read_document(source, FlowInvalid)
    return check_flow_file(document, types, plan_kinds, name, strict=strict)


def load_flows(folder: str | os.PathLike[str]) -> tuple[FlowDocument, ...]:
    """Read the files of flows in a folder, in the order of their names; one without a name is called as its file. Blocks.

    Raises:
        FlowInvalid: with every fault of every file; or two have one name.
    """
    path = Path(folder)
    try:
        files = sorted(one for one in path.iterdir() if one.suffix in FILES)
    except OSError as fault:
        problem = f"the folder cannot be read: {(fault.strerror or 'input/output error').lower()}"
        raise FlowInvalid([Fault("", problem)], str(path)) from None
    documents: dict[str, FlowDocument] = {}
    refusals: list[FlowInvalid] = []
    for file in files:
        try:
            document, source = read_document(file, FlowInvalid)
            flow = read_flow(document.data, source)
        except FlowInvalid as refusal:
            refusals.append(refusal)
            continue
        name = flow.name or file.stem
        if name in documents:
            refusals.append(FlowInvalid([Fault("name", f'there is another flow "{name}"')], source))
        documents[name] = attrs.evolve(flow, name=name)
    if refusals:
        raise together(refusals)
    return tuple(documents.values())


E = TypeVar("E", bound=Enum)


def choice(kind: type[E], given: E | str | None, name: str, known: E) -> E:
    """Give what was said in the call, or what is known where nothing was.

    Raises:
        FlowInvalid: there is no such word.
    """
    if given is None:
        return known
    try:
        return kind(given)
    except ValueError:
        words = [str(one.value) for one in kind]
        hint = did_you_mean(str(given), words) or f"known: {', '.join(words)}"
        raise FlowInvalid([Fault(name, f'"{str(given)[:100]}" is not one of its values', hint)]) from None
