"""Flows as documents: what a YAML file of ``kind: flow`` holds, and what a signal that generates steps gives.

::

    kind: flow
    name: deploy
    labels: {present: Deploying, past: Deployed}
    groups:
      - name: network
        steps:
          - {name: plan, execution_type: approval, signal: {type: script, data: {...}}}
          - {name: apply, signal: {type: script, data: {...}}}
        after:
          - {name: tell, signal: {type: email, data: {...}}}
      - name: checks
        parallel: true
        steps: [...]

`labels` is what lists call a flow until it has ended, and from then on (`runtime.flow.naming.Labels`).
In the place of groups and steps a document may have a ``generate_signal``, whose output is such a document.

The fields of groups and steps are those of `runtime.flow.rows`; texts in ``data`` are templates, rendered when the step
begins, and see ``.input``, ``.task`` (the flow: ``task_id``, ``owner_id``, ``plan_only`` and so on; and of the step itself
``step_id``, ``retry_index`` and ``group_retry_index``) and, by name, ``.step``, clones under the name of their first.
"""

from collections.abc import Mapping
from typing import Literal

import attrs

from runtime.configuration import check_configuration
from runtime.errors import Fault, FlowInvalid
from runtime.flow.generation import GenerationError, flatten
from runtime.flow.naming import UNLABELLED, Labels
from runtime.flow.rows import GroupSpec, Signal, StepSpec
from runtime.flow.states import ApprovalOption, Mode, OnError, OnPolicyFailure
from runtime.values.json import Json


@attrs.frozen(kw_only=True)
class FlowDocument:
    """One flow: all its steps, or the signal that gives them once the flow is started. `labels`: what lists call it."""

    kind: Literal["flow"] = "flow"
    name: str = ""
    description: str = ""
    labels: Labels = UNLABELLED
    mode: Mode = Mode.GROUP
    plan_only: bool = False
    approval_option: ApprovalOption = ApprovalOption.PROMPT
    on_error: OnError = OnError.ABORT
    on_policy_failure: OnPolicyFailure = OnPolicyFailure.OPEN
    generate_signal: Signal | None = None
    groups: tuple[GroupSpec, ...] = ()
    steps: tuple[StepSpec, ...] = ()

    def given(self) -> tuple[GroupSpec | StepSpec, ...]:
        """Give what a generator would have given."""
        return (*self.groups, *self.steps)


def fault_of(mode: Mode, on_error: OnError) -> tuple[Fault, ...]:
    """Say what is wrong with settings that do not go together, if anything is."""
    if mode is not Mode.GROUP or on_error is not OnError.CONTINUE:
        return ()
    hint = "a step that it may go on over says `skip_on_failure: true`; or choose another `mode`"
    return (
        Fault("on_error", "a flow of groups waits for somebody where a step fails: it does not go on by itself", hint),
    )


@attrs.frozen(kw_only=True)
class Draft:
    """What could be read of a document: the flow where there is nothing wrong with it, and what its author may not have meant."""

    flow: FlowDocument | None = None
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()


def is_flow(data: Json) -> bool:
    """Say whether a document is one of a flow, well written or not: it says so, or has groups, or steps in a list."""
    if not isinstance(data, Mapping) or "kind" in data:
        return isinstance(data, list) or (isinstance(data, Mapping) and data["kind"] == "flow")
    return not data.keys().isdisjoint({"groups", "generate_signal"}) or isinstance(data.get("steps"), list)


def with_names(data: Json) -> Json:
    """Give a document that is a list, of groups or of steps, as what says so."""
    if not isinstance(data, list):
        return data
    return {"groups" if any(isinstance(one, Mapping) and "steps" in one for one in data) else "steps": data}


def draft_of(data: Json) -> Draft:
    """Read a document, and find every fault of it."""
    if isinstance(data, Mapping) and "kind" not in data and isinstance(data.get("steps"), Mapping):
        return Draft(faults=(Fault("", "this is a template of tasks, and no flow", "`understudy run` runs it"),))
    checked = check_configuration(FlowDocument, with_names(data), templated=False)
    flow = checked.config
    if flow is None:
        return Draft(faults=checked.faults, warnings=checked.warnings)
    faults = list(fault_of(flow.mode, flow.on_error))
    if flow.generate_signal is not None:
        if flow.given():
            faults.append(Fault("generate_signal", "a flow has steps, or a signal that gives them"))
    elif not flow.given():
        faults.append(Fault("", "there are no steps", "a flow has some, or a `generate_signal` that gives them"))
    else:
        try:
            flatten(flow.given())
        except GenerationError as fault:
            faults.append(Fault("", str(fault)))
    return Draft(flow=None if faults else flow, faults=tuple(faults), warnings=checked.warnings)


def read_flow(data: Json, source: str = "") -> FlowDocument:
    """Read a document.

    Raises:
        FlowInvalid: with every fault and its path.
    """
    draft = draft_of(data)
    if draft.flow is None:
        raise FlowInvalid(draft.faults, source)
    return draft.flow
