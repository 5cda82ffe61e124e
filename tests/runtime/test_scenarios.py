"""The acceptance scenarios (spec section 18) and the invariants (section 19), by number: where each is proven.

A name without a path is a case of the suite that is kept as data (tests/test_conformance); what nobody else shows is
shown below. A test that is renamed or dropped fails here.
"""

import ast
from pathlib import Path

import attrs
import pytest

from actors import VirtualClock
from runtime import Action, Condition, Input, ResolutionState, Step, TaskState, open_runtime
from runtime.api.messages import TaskStateChanged
from runtime.templates.model import Assertion, ConditionScope, ConditionType, Operator
from tests.support.plans import echo, plan, step
from tests.test_conformance import SUITE

ROOT = Path(__file__).parents[1]

DECISION = "runtime/engine/test_decision.py::"
LAWS = "runtime/engine/test_laws.py::"
LOOPS = "runtime/engine/test_loops.py::"
TASKS = "runtime/work/test_tasks.py::"
WISHES = "runtime/work/test_wishes.py::"
OPERATOR = "runtime/api/test_operator.py::"
HERE = "runtime/test_scenarios.py::"

SCENARIOS = {
    1: ["dep-chain-stops-at-server-error"],
    2: ["retry-client-error-blocks"],
    3: [DECISION + "test_runs_are_limited_too", OPERATOR + "test_a_task_that_used_up_its_runs_can_be_given_more"],
    4: [
        HERE + "test_4_a_server_error_is_tried_again_later",
        TASKS + "test_a_retry_waits_on_the_virtual_clock_and_the_task_leaves_memory_meanwhile",
    ],
    5: ["retry-step-max-retries"],
    6: [
        "valid-lint-nested-key-at-root",
        "valid-reserved-step-name",
        "valid-unknown-step-in-handle",
        "valid-circular-dependencies",
        "valid-orphan-dependency",
        "valid-condition-foreach-skip-only",
        "valid-condition-foreach-on-plain-step",
        "valid-lint-recursive-schema",
        "valid-lint-nested-object",
        "valid-allowed-state-impact",
    ],
    7: ["valid-schema-version-normalised"],
    8: ["dep-prune-skip"],
    9: ["cond-check-override-and-final"],
    10: ["cond-chained-states-and-messages", "cond-list-operators"],
    11: [
        "valid-dep-states-accepted",
        "valid-dep-any-with-other-state",
        "valid-dep-duplicate-state",
        "valid-dep-empty-state",
        DECISION + "test_a_need_for_a_custom_state_is_met_by_it_and_pruned_by_any_other_end",
    ],
    12: [
        DECISION + "test_a_step_whose_owner_died_is_done_again_only_when_that_does_no_harm",
        "life-cancelled-cannot-run",
        "life-running-cannot-run",
    ],
    13: ["dep-any-state", "dep-indirect-any-stays-todo"],
    14: ["input-number", "each-large-numbers-stay-exact"],
    15: [HERE + "test_15_a_client_error_that_a_check_knows_lets_the_task_go_on"],
    16: ["retry-now-bounded-by-max-retries", HERE + "test_16_a_step_that_retries_now_goes_on_from_its_own_output"],
    17: ["each-basic", "each-children-states-visible"],
    18: ["each-sequence-stops-on-error"],
    19: ["each-skip-children-or-parent", HERE + "test_19_a_loop_may_be_skipped_when_it_is_retried"],
    20: ["retry-loop-step-to-retry"],
    21: [LOOPS + "test_a_loop_that_was_set_to_an_error_beforehand_stays_there"],
    22: ["tmpl-variables", "tmpl-variables-survive-clone"],
    23: [HERE + "test_23_lines_and_quotes_survive_on_their_way_into_json"],
    24: [
        "out-base-output-merge",
        "out-merge-without-action-output",
        "out-bad-format-template-unknown-root",
        "out-bad-format-template-own-output",
    ],
    25: ["func-arguments", "func-pre-hook", "func-templated-output"],
    26: [HERE + "test_26_two_steps_share_a_base_configuration_and_keep_their_own"],
    27: ["plug-script-argument", "plug-script-environment"],
    28: ["sub-parent-resumed-by-subtasks", "sub-parent-paused-not-resumed", "sub-running-parent-made-due"],
    29: [WISHES + "test_children_run_by_themselves_and_their_end_wakes_the_step_that_wished_for_them"],
    30: [
        WISHES + "test_a_callback_is_taken_once_from_who_knows_its_secret_and_wakes_who_awaits_it",
        "sub-callback-waits",
    ],
    31: [OPERATOR + "test_starting_over_takes_the_template_as_it_is_now_and_forgets_what_was"],
    32: ["valid-variable-without-name", "valid-variable-timeout-on-value", "valid-variable-bad-timeout"],
}
"""31 and 32 have parts that are about the HTTP API and the listing of templates, 33 is about listing alone."""

INVARIANTS = {
    "I1": [LAWS + "test_no_step_starts_while_a_need_of_it_is_open", TASKS + "test_one_id_is_one_task"],
    "I2": [TASKS + "test_a_submission_that_cannot_be_stored_is_refused_and_nothing_is_started"],
    "I3": [
        DECISION + "test_a_late_report_is_ignored",
        DECISION + "test_a_drain_lets_what_runs_finish_and_starts_nothing",
    ],
    "I4": [DECISION + "test_a_step_runs_once_in_a_run_even_when_it_is_set_to_retry"],
    "I5": [LAWS + "test_the_order_in_which_steps_finish_does_not_change_the_final_states"],
    "I6": [DECISION + "test_a_step_whose_owner_died_is_done_again_only_when_that_does_no_harm"],
    "I7": [DECISION + "test_an_ended_task_cannot_be_run_or_cancelled"],
    "I8": ["sub-running-parent-made-due", LAWS + "no_wake_up_is_lost"],
    "I9": ["runtime/work/test_resources.py::test_cancelling_gives_everything_back_whether_held_or_waited_for"],
    "I10": ["runtime/journal/test_sealing.py::test_nothing_is_in_the_clear_in_any_file"],
    "I11": [OPERATOR + "test_everything_an_operator_did_is_in_the_journal_with_who_and_why"],
    "I12": [OPERATOR + "test_starting_over_takes_the_template_as_it_is_now_and_forgets_what_was"],
}


def names_in(path):
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(
    "proof", sorted({one for proofs in [*SCENARIOS.values(), *INVARIANTS.values()] for one in proofs})
)
def test_the_proof_is_there(proof):
    path, _, name = proof.rpartition("::")
    assert name in (names_in(path) if path else {case["id"] for case in SUITE.cases})


def test_every_scenario_and_every_invariant_has_a_proof():
    assert set(SCENARIOS) == set(range(1, 33))
    assert set(INVARIANTS) == {f"I{number}" for number in range(1, 13)}


def when(value, expected, state, kind=ConditionType.CHECK, **more):
    asserted = Assertion(value=value, operator=Operator.EQ, expected=expected)
    return Condition(type=kind, if_=[asserted], then={"this": state}, **more)


@pytest.fixture
async def rt(autojump_clock):
    async with open_runtime(clock=VirtualClock(1_700_000_000.0)) as runtime:
        yield runtime


async def test_15_a_client_error_that_a_check_knows_lets_the_task_go_on(autojump_clock, rt):
    action = echo(error_message="no", error_type="client", metadata={"HTTPStatus": 404})
    found = when("{{.step.this.metadata.HTTPStatus}}", "404", "NOT_FOUND")
    task = await rt.submit(
        plan(a=step(action=action, conditions=[found], custom_states=["NOT_FOUND"]), b=step("a:ANY"))
    )
    view = await task.wait()
    assert (view.state, view.steps["a"].state) == (TaskState.DONE, "NOT_FOUND")


async def test_16_a_step_that_retries_now_goes_on_from_its_own_output(autojump_clock, rt):
    fibonacci = {
        "a": "{{if .step.this.output.b}}{{.step.this.output.b}}{{else}}0{{end}}",
        "b": "{{if .step.this.output.b}}{{add .step.this.output.a .step.this.output.b}}{{else}}1{{end}}",
    }
    enough = Condition(
        type=ConditionType.CHECK,
        if_=[Assertion(value="{{.step.this.output.b}}", operator=Operator.LT, expected="1000")],
        then={"this": "RETRY_NOW"},
    )
    task = await rt.submit(plan(a=step(action=echo(fibonacci), conditions=[enough], max_retries=-1)))
    view = await task.wait()
    assert (view.steps["a"].output["b"], view.run_count, view.steps["a"].try_count) == ("1597", 1, 17)


async def test_19_a_loop_may_be_skipped_when_it_is_retried(autojump_clock, rt):
    skip = when("{{.step.this.state}}", "TO_RETRY", "PRUNE", ConditionType.SKIP, foreach=ConditionScope.PARENT)
    task = await rt.submit(plan(each=step(foreach='["a"]', conditions=[skip]), after=step("each")), run=False)
    await task.operator().pause()
    await task.operator().set_step_state("each", "TO_RETRY")
    await task.run()
    view = await task.wait()
    assert {name: one.state for name, one in view.steps.items()} == {"each": "PRUNE", "after": "PRUNE"}


async def test_23_lines_and_quotes_survive_on_their_way_into_json(autojump_clock, rt):
    text = 'one "two"\nthree\\'
    template = plan(
        a=step(action=echo('{"given": {{.input.text | toJson}}}', unmarshal=True)),
        inputs=[Input(name="text", regex="(?s).*")],
    )
    task = await rt.submit(template, {"text": text})
    assert (await task.wait()).steps["a"].output == {"given": text}


async def test_26_two_steps_share_a_base_configuration_and_keep_their_own(autojump_clock, rt):
    template = attrs.evolve(
        plan(
            a=Step(action=Action(type="echo", base_configuration="base", configuration={"metadata": {"own": "a"}})),
            b=Step(action=Action(type="echo", base_configuration="base", configuration={"metadata": {"own": "b"}})),
        ),
        base_configurations={"base": {"output": {"shared": "{{.task.task_id}}"}}},
    )
    task = await rt.submit(template)
    view = await task.wait()
    assert view.steps["a"].output == view.steps["b"].output == {"shared": task.id}
    assert [view.steps[name].metadata for name in "ab"] == [{"own": "a"}, {"own": "b"}]


async def test_4_a_server_error_is_tried_again_later(autojump_clock, rt):
    async with rt.subscribe() as events:
        task = await rt.submit(plan(a=step(action=echo(error_message="down"))))
        async for event in events:
            if isinstance(event, TaskStateChanged) and event.resolution is ResolutionState.ERROR:
                break
        view = await task.status()
    assert view.next_retry > view.last_activity
    assert view.steps["a"].error == "down"
