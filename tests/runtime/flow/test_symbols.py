"""Section 20: every public symbol of the original has its equivalent here, under the name that this project gives it.

What waited there decides here: a function that ran a layer to its end is one that begins it, and its end is a note to
the layer above. What raised to end a flow is an `Ending`, and raises where somebody asks for the result.
"""

from importlib import import_module

import attrs
import pytest

from runtime.flow.effects import ContinueAsNew
from runtime.flow.outcomes import (
    ApprovalPauseError,
    Ending,
    EndingKind,
    FlowCancelledError,
    FlowNotDone,
    FlowStoppedError,
    NotApprovedError,
)
from runtime.flow.rerun_input import RerunInput
from runtime.flow.states import (
    DENY_VIOLATIONS_KEY,
    DIRECTIVE_KEY,
    PASSED_POLICY_IDS_KEY,
    WARN_VIOLATIONS_KEY,
    Directive,
    FlowStatus,
    RerunOperation,
)
from runtime.journal.protocol import STATES_OF_FLOWS

EQUIVALENTS = {
    "CancelFutureSteps": "cleanup:cancel_future_steps",
    "CheckStepCancellation": "cancellation:check_step_cancellation",
    "HandleCancellation": "cancellation:handle_cancellation",
    "IsCancellationErr": "chains:is_cancellation_err",
    "StepHumanDescription": "chains:step_human_description",
    "DispatchGroupSignal": "groups:dispatch_group",
    "DispatchGroupSignalByIdx": "groups:dispatch_group",  # with FlowCreated.group_records = False
    "DispatchStepSignal": "lifecycle:queue",
    "ExecuteStepsViaChildWorkflow": "flat:enter",  # with Mode.CHILD
    "GenerateSteps": "generation:start",
    "WorkflowStepGenerator": "generation:choose_generator",
    "StepConfig": "records:FlowCreated",  # owner, mode, and how much may run at once; queues have no names here
    "WorkflowConductor": "decision:decide",
    "WorkflowConductor.Handle": "events:StartRequested",
    "WorkflowConductor.Rerun": "rerun:rerun",
    "WorkflowConductor.ExecFn": "rows:StepSpec.signal",
    "WorkflowConductor.ExecFnLegacy": "rows:StepSpec.legacy_signal",
    "WorkflowConductor.StepChildWorkflow": "states:Mode.CHILD",
    "ErrNotApproved": "outcomes:NotApprovedError",
    "FlowCancellationErr": "outcomes:FlowCancelledError",
    "ApprovalPauseErr": "outcomes:ApprovalPauseError",
    "FlowStoppedErr": "outcomes:FlowStoppedError",
    "ContinueAsNewErr": "effects:ContinueAsNew",
    "RerunInput": "events:RerunInput",
    "RerunOperation": "states:RerunOperation",
}


@pytest.mark.parametrize("symbol", EQUIVALENTS)
def test_every_symbol_has_its_equivalent(symbol):
    module, _, name = EQUIVALENTS[symbol].partition(":")
    found = import_module(f"runtime.flow.{module}")
    for part in name.split("."):
        if attrs.has(found):
            assert part in attrs.fields_dict(found)
        else:
            found = getattr(found, part)
            assert found is not None


def test_the_protocol_constants_are_literally_these():
    assert [str(one) for one in Directive] == [
        "continue",
        "stop",
        "await-approval",
        "skip-group",
        "retry",
        "retry-group",
    ]
    assert DIRECTIVE_KEY == "directive"
    assert DENY_VIOLATIONS_KEY == "deny_violations"
    assert WARN_VIOLATIONS_KEY == "warn_violations"
    assert PASSED_POLICY_IDS_KEY == "passed_policy_ids"
    assert [str(one) for one in RerunOperation] == ["skip-step", "retry-step"]


def test_outcomes_are_told_apart_by_type_and_say_what_they_know():
    assert str(NotApprovedError()) == "not approved"
    assert str(FlowCancelledError()) == "workflow cancelled"
    assert "s3" in str(ApprovalPauseError("s3"))
    stopped = FlowStoppedError("s3", "denied")
    assert "s3" in str(stopped)
    assert "denied" in str(stopped)
    assert "step" not in str(FlowStoppedError("", "denied"))
    assert stopped.retries_exhausted is False
    assert ContinueAsNew(5).start_from_step_idx == 5
    assert not isinstance(ContinueAsNew(5), FlowNotDone)


def test_only_the_engine_says_that_retries_are_exhausted():
    ending = Ending(kind=EndingKind.STOPPED, step_id="s1", message="spent", retries_exhausted=True)
    assert ending.error.retries_exhausted is True
    assert Ending(kind=EndingKind.SUCCESS).error is None


def test_the_json_of_a_rerun_leaves_an_empty_list_out():
    plain = RerunInput(flow_id="f", step_id="s", operation="retry-step")
    assert plain.to_json() == {
        "flow_id": "f",
        "step_id": "s",
        "operation": "retry-step",
        "stale_plan": False,
        "replan_step_id": "",
        "continue_from_idx": 0,
    }
    more = attrs.evolve(plain, additional_skip_step_ids=("a",))
    assert more.to_json()["additional_skip_step_ids"] == ["a"]
    with pytest.raises(TypeError):
        RerunInput(flow_id="f", step_id="s")


def test_every_status_that_a_flow_may_be_listed_in_is_told_from_the_others():
    states = {status: state for status, state in STATES_OF_FLOWS.items() if status is not FlowStatus.RETRYING}
    assert STATES_OF_FLOWS.keys() == set(FlowStatus)
    assert len(set(states.values())) == len(states)
