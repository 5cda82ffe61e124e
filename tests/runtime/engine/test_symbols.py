"""The symbols of µTask's step package (spec section 16), one by one: each has an equivalent here that behaves so.

`EQUIVALENTS` names where each of them is; the tests below show the behaviour that its row asks for.
"""

import importlib
import inspect
from typing import ClassVar

import attrs
import pytest

from runtime.engine.graph import need_of
from runtime.engine.retry import retry_delay
from runtime.engine.states import BUILTIN, RETRIABLE, RUNNABLE, StepState, is_final
from runtime.errors import TemplateInvalid
from runtime.runner import ClientError, NotAssigned, NotProvisioned, Outcome, Runner, Runners, StepFailed, StepRequest
from runtime.templates.actions import FunctionTypes, RunnerTypes
from runtime.templates.calls import conditions_of, custom_states_of
from runtime.templates.loading import RUN_FIELDS, template_of
from runtime.templates.model import (
    Action,
    Assertion,
    Condition,
    ConditionScope,
    ConditionType,
    ForeachStrategy,
    Function,
    Operator,
    RetryPattern,
    Step,
    dependency_parts,
)
from runtime.templates.validation import validate
from runtime.work.program import program_of
from tests.runtime.templates.helpers import TYPES
from tests.support.plain_loop import Loop, scripted
from tests.support.plain_loop import Outcome as Attempted
from tests.support.plans import echo, plan, step

EQUIVALENTS = {
    "RetrySeconds": "runtime.templates.model:RetryPattern.SECONDS",
    "RetryMinutes": "runtime.templates.model:RetryPattern.MINUTES",
    "RetryHours": "runtime.templates.model:RetryPattern.HOURS",
    "ForEachStrategyParallel": "runtime.templates.model:ForeachStrategy.PARALLEL",
    "ForEachStrategySequence": "runtime.templates.model:ForeachStrategy.SEQUENCE",
    "StateAny": "runtime.engine.states:ANY",
    "StateTODO": "runtime.engine.states:StepState.TODO",
    "StateWaiting": "runtime.engine.states:StepState.WAITING",
    "StateRunning": "runtime.engine.states:StepState.RUNNING",
    "StateDone": "runtime.engine.states:StepState.DONE",
    "StateClientError": "runtime.engine.states:StepState.CLIENT_ERROR",
    "StateServerError": "runtime.engine.states:StepState.SERVER_ERROR",
    "StateFatalError": "runtime.engine.states:StepState.FATAL_ERROR",
    "StateCrashed": "runtime.engine.states:StepState.CRASHED",
    "StatePrune": "runtime.engine.states:StepState.PRUNE",
    "StateToRetry": "runtime.engine.states:StepState.TO_RETRY",
    "StateRetryNow": "runtime.engine.states:StepState.RETRY_NOW",
    "StateAfterrunError": "runtime.engine.states:StepState.AFTERRUN_ERROR",
    "StateExpanded": "runtime.engine.states:StepState.EXPANDED",
    "AfterRun": "runtime.work.judgement:judge",
    "PreRun": "runtime.work.judgement:judge",
    "DependencyParts": "runtime.templates.model:dependency_parts",
    "RegisterRunner": "runtime.runner:Runners",
    "Run": "runtime.work.attempt:run_attempt",
    "ValidCondition": "runtime.templates.condition_rules:check_condition",
    "Context": "runtime.runner:StepRequest",
    "Runner.Exec": "runtime.runner:Runner.run",
    "Runner.ValidConfig": "runtime.runner:Runner.check",
    "Runner.Context": "runtime.runner:StepRequest.values",
    "Runner.Resources": "runtime.runner:Runner.resources",
    "Runner.MetadataSchema": "runtime.runner:Runner.metadata_schema",
    "StateSetter": "runtime.engine.events:Change",
    "CheckIfValidState": "runtime.engine.operations:_unknown_state",
    "ExecutorMetadata": "runtime.templates.actions:ActionType.metadata_schema",
    "GetConditions": "runtime.templates.calls:conditions_of",
    "GetCustomStates": "runtime.templates.calls:custom_states_of",
    "GetPreHook": "runtime.work.program:Program.hook",
    "IsChild": "runtime.engine.task:Child",
    "IsFinal": "runtime.engine.states:is_final",
    "IsRetriable": "runtime.engine.states:RETRIABLE",
    "IsRunnable": "runtime.engine.states:RUNNABLE",
    "ValidAndNormalize": "runtime.templates.validation:validate",
    "ValidAndNormalizeNewStep": "runtime.templates.loading:RUN_FIELDS",
}

FIELDS = {
    "Step": "description idempotent action pre_hook json_schema retry_pattern max_retries execution_delay dependencies "
    "custom_states conditions foreach foreach_strategy resources",
    "Progress": "output metadata children error state tries last_run",
    "Child": "item",
    "Loop": "size",
}
"""The fields of the original's step (16.4): what the template says, where it stands, and what loops know."""


@pytest.mark.parametrize(("symbol", "where"), EQUIVALENTS.items())
def test_every_symbol_has_its_equivalent(symbol, where):
    module, _, path = where.partition(":")
    found = importlib.import_module(module)
    for name in path.split("."):
        if inspect.isclass(found) and attrs.has(found) and name in {field.name for field in attrs.fields(found)}:
            return
        found = getattr(found, name)
    assert found is not None or symbol == "Runner.MetadataSchema"


@pytest.mark.parametrize("cls", FIELDS)
def test_every_field_of_a_step_is_somewhere(cls):
    module = "runtime.templates.model" if cls == "Step" else "runtime.engine.task"
    found = {field.name for field in attrs.fields(getattr(importlib.import_module(module), cls))}
    assert set(FIELDS[cls].split()) <= found


class TestConstants:
    def test_the_backoff_curves_and_their_default(self):
        assert list(map(str, RetryPattern)) == ["seconds", "minutes", "hours"]
        assert Step(action=echo()).retry_pattern is RetryPattern.SECONDS
        assert [retry_delay(pattern, 1) for pattern in RetryPattern] == [10, 96, 3600]

    def test_a_loop_is_parallel_unless_it_says_otherwise_and_only_a_loop_may_say(self):
        checked = validate(plan(a=step(foreach='["x"]')), TYPES).template
        assert checked.steps["a"].foreach_strategy is ForeachStrategy.PARALLEL
        with pytest.raises(TemplateInvalid, match="foreach"):
            validate(plan(a=step(foreach_strategy=ForeachStrategy.SEQUENCE)), TYPES)

    def test_any_is_a_wildcard_of_dependencies_a_reserved_name_and_no_state(self):
        assert need_of("a:ANY").any
        assert "ANY" not in set(StepState)
        with pytest.raises(TemplateInvalid, match="ANY"):
            validate(plan(a=step(custom_states=["ANY"])), TYPES)

    def test_todo_is_where_a_step_begins_and_done_satisfies_a_bare_dependency(self):
        loop = Loop(plan(a=step(), b=step("a")))
        assert loop.states() == {"a": "TODO", "b": "TODO"}
        assert loop.run().steps["b"].state == StepState.DONE

    def test_waiting_parks_the_task_and_is_not_retried_by_itself(self):
        loop = Loop(plan(a=step()), lambda *_: Attempted("WAITING"))
        assert str(loop.run().resolution) == "WAITING"
        assert loop.task.course.next_retry is None
        assert StepState.WAITING in RUNNABLE - RETRIABLE

    def test_a_step_in_waiting_is_tried_once_more_before_the_run_ends(self):
        loop = Loop(plan(a=step(), b=step()), scripted({"a": [Attempted("WAITING")]}))
        loop.run()
        assert loop.started == ["a", "b", "a"]
        assert loop.task.run == 1

    def test_running_is_neither_runnable_nor_final(self):
        assert not is_final(StepState.RUNNING)
        assert StepState.RUNNING not in RUNNABLE

    @pytest.mark.parametrize(
        ("state", "resolution"),
        [("CLIENT_ERROR", "BLOCKED_BADREQUEST"), ("FATAL_ERROR", "BLOCKED_FATAL"), ("SERVER_ERROR", "ERROR")],
    )
    def test_errors_block_or_are_retried(self, state, resolution):
        loop = Loop(plan(a=step()), lambda *_: Attempted(state))
        assert str(loop.run().resolution) == resolution
        assert (loop.task.course.next_retry is not None) == (state in RETRIABLE)
        assert state in RUNNABLE  # in a later run, at somebody's word

    def test_prune_goes_on_to_dependents_but_not_through_any(self):
        loop = Loop(plan(a=step(), b=step("a"), c=step("b:ANY")), scripted({"a": [Attempted("PRUNE")]}))
        loop.run()
        assert loop.states() == {"a": "PRUNE", "b": "PRUNE", "c": "DONE"}

    def test_retry_now_is_another_attempt_in_the_same_run(self):
        from runtime.engine.events import Change

        again = Attempted(changes=(Change(step="a", state="RETRY_NOW"),))
        loop = Loop(plan(a=step()), scripted({"a": [again, again, Attempted()]}))
        assert (loop.run().run, loop.task.steps["a"].tries) == (1, 3)


class TestFunctions:
    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("x", ("x", ("DONE",))),
            ("x:A,B", ("x", ("A", "B"))),
            ("x:A:B", ("x", ("A:B",))),
            ("x: A", ("x", (" A",))),
            ("x:", ("x", ("",))),
        ],
    )
    def test_dependencies_are_split_at_the_first_colon_and_never_trimmed(self, text, parts):
        assert dependency_parts(text) == parts

    def test_a_second_runner_of_one_name_is_refused_and_the_registry_goes_on(self):
        class Twin(Runner[object]):
            name, config = "twin", object

            async def run(self, _request):
                return Outcome()

        with pytest.raises(ValueError, match="twin"):
            Runners([Twin(), Twin()])
        assert Runners([Twin()]).get("twin").name == "twin"

    @pytest.mark.parametrize(
        ("condition", "problem"),
        [
            ({"type": "check", "then": {"a": "DONE"}}, "this"),
            ({"type": "check", "then": {"nobody": "DONE"}}, "nobody"),
            ({"type": "check", "then": {"stranger": "DONE"}}, "stranger"),
            ({"type": "check", "then": {"this": "RUNNING"}}, "RUNNING"),
            ({"type": "check", "foreach": "children"}, "foreach"),
            ({"type": "check", "if": [{"value": "", "operator": "REGEXP", "expected": "("}]}, "expected"),
        ],
    )
    def test_conditions_are_checked(self, condition, problem):
        action = {"type": "echo", "configuration": {}}
        document = {
            "name": "test",
            "description": "test",
            "title_format": "test",
            "steps": {"a": {"action": action, "conditions": [condition]}, "stranger": {"action": action}},
        }
        with pytest.raises(TemplateInvalid, match=problem):
            validate(template_of(document).template, TYPES)


class TestTypes:
    def test_an_error_of_a_runner_is_of_a_class_and_may_carry_output_metadata_and_tags(self):
        for kind in (StepFailed, ClientError, NotAssigned, NotProvisioned):
            failure = kind("text", output=1, metadata=2, tags={"a": "b"})
            assert (str(failure), failure.output, failure.metadata, failure.tags) == ("text", 1, 2, {"a": "b"})

    def test_a_request_describes_the_task_to_its_step(self):
        fields = {field.name for field in attrs.fields(StepRequest)}
        assert {"task_id", "resolution_id", "step", "config", "requester", "resolver", "values"} <= fields

    def test_what_a_runner_does_not_say_is_empty(self):
        class Plain(Runner[object]):
            name, config = "plain", object

            async def run(self, _request):
                return Outcome()

        assert list(Plain().resources(object())) == []
        assert Plain.metadata_schema is None


CHECKS = [
    Condition(type=ConditionType.CHECK, if_=[Assertion(value=str(index), operator=Operator.EQ)], then={"this": "S"})
    for index in range(3)
]
INNER = Function(name="inner", action=echo(), conditions=CHECKS[:1], custom_states=["A", "B"], pre_hook=echo("hook"))
OUTER = Function(name="outer", action=Action(type="inner"), conditions=CHECKS[1:2], custom_states=["B", "C"])
FUNCTIONS = {"inner": INNER, "outer": OUTER}


class TestMethods:
    def test_conditions_come_innermost_first_and_the_steps_own_last(self):
        calling = Step(action=Action(type="outer"), conditions=CHECKS[2:])
        assert list(conditions_of(calling, FUNCTIONS)) == CHECKS

    def test_custom_states_are_the_steps_own_then_those_of_functions_without_doubles(self):
        calling = Step(action=Action(type="outer"), custom_states=["C", "D"])
        assert sorted(custom_states_of(calling, FUNCTIONS)) == ["A", "B", "C", "D"]
        assert list(custom_states_of(calling, FUNCTIONS))[:2] == ["C", "D"]

    def test_the_innermost_pre_hook_is_the_one(self):
        template = attrs.evolve(plan(a=Step(action=Action(type="outer"))), functions=FUNCTIONS)
        assert program_of(template, template.steps["a"], Runners()).hook == INNER.pre_hook

    def test_a_child_of_a_loop_is_one_whatever_its_item(self):
        """Q11: one with a null item was not recognised."""
        loop = Loop(plan(a=step(foreach="x")), scripted({"a": [Attempted(items=(None,))]}))
        from runtime.engine.events import RunRequested

        loop.tell(RunRequested(at=0))
        loop.finish()
        assert loop.task.children["a-0"].item is None

    def test_which_states_are_final_retriable_and_runnable(self):
        assert {state for state in StepState if is_final(state)} == {"DONE", "PRUNE"}
        assert is_final("A_CUSTOM_STATE")
        assert {*RETRIABLE} == {"SERVER_ERROR", "TO_RETRY", "AFTERRUN_ERROR"}
        assert len(RUNNABLE) == 10
        assert {*BUILTIN} == {*StepState, "ANY"}

    def test_validation_fills_in_the_strategy_the_scope_and_the_schema(self):
        skip = Condition(type=ConditionType.SKIP, then={"this": "PRUNE"})
        loop = step(foreach="[]", conditions=[skip], json_schema={"version": 4, "type": "object"})
        checked = validate(plan(a=loop), TYPES).template.steps["a"]
        assert checked.conditions[0].foreach is ConditionScope.CHILDREN
        assert checked.json_schema["$schema"].startswith("http://json-schema.org/draft-04")

    @pytest.mark.parametrize("field", RUN_FIELDS)
    def test_a_step_of_a_template_says_nothing_of_a_run(self, field):
        document = {
            "name": "test",
            "description": "test",
            "title_format": "test",
            "steps": {"a": {"action": {"type": "echo", "configuration": {}}, field: ["x"]}},
        }
        with pytest.raises(TemplateInvalid, match=f"Step {field} must not be set"):
            template_of(document)

    def test_an_action_leads_through_functions_to_the_metadata_of_its_runner(self):
        class Known(Runner[object]):
            name, config = "known", object
            metadata_schema: ClassVar = {"type": "object"}

            async def run(self, _request):
                return Outcome()

        calls = {"f": Function(name="f", action=Action(type="known"))}
        types = FunctionTypes(calls, RunnerTypes(Runners([Known()])))
        assert types.find("f").metadata_schema == {"type": "object"}
