"""Policies, built in and brought along: what they find, and that nothing they do harms anybody else."""

from typing import Any

import attrs
import pytest
import trio

from runtime.flow.rows import Violation
from runtime.flows import Flows
from runtime.policies.cel import CelPolicy
from runtime.policies.evaluation import evaluate
from runtime.policies.protocol import PlanView, Scope, Severity
from runtime.policies.schema import PolicyInvalid, SchemaPolicy
from tests.support.processes import children

VIEW = PlanView(
    flow_id="f",
    flow_type="deploy",
    owner_id="o",
    owner_type="team",
    step_id="s1",
    step="plan",
    target_type="tree",
    target_id="/srv",
    kind="changes",
    plan_only=False,
    metadata={"env": "prod"},
    plan={"changes": [{"path": "a", "actions": ["create"]}, {"path": "b", "actions": ["delete"]}]},
)
NO_DELETES = 'plan.changes.all(change, !("delete" in change.actions))'


@attrs.frozen
class Own:
    """A policy of a program's own."""

    id: str
    does: Any

    def applies(self, _view: PlanView) -> bool:
        return True

    async def evaluate(self, view: PlanView):
        return await self.does(view)


async def test_a_rule_in_cel_is_kept_or_broken():
    keeps = CelPolicy(id="keeps", rule='flow.metadata.env == "prod" && target.type == "tree"')
    breaks = CelPolicy(id="no-deletes", rule=NO_DELETES, message="nothing may be deleted")
    warns = CelPolicy(
        id="names", rule='plan.changes.filter(c, "delete" in c.actions).map(c, "deletes " + c.path)', severity="warn"
    )
    found = await evaluate([keeps, breaks, warns], VIEW)
    assert found.evaluated == ("keeps", "no-deletes", "names")
    assert found.violations == (
        Violation(policy_id="no-deletes", severity="deny", message="nothing may be deleted"),
        Violation(policy_id="names", severity="warn", message="deletes b"),
    )
    assert found.error is None


async def test_a_schema_is_kept_or_broken_with_the_path():
    schema = {
        "properties": {
            "changes": {"items": {"properties": {"actions": {"items": {"enum": ["create", "update", "no-op"]}}}}}
        }
    }
    found = await evaluate([SchemaPolicy(id="actions", schema=schema, message="not allowed")], VIEW)
    [violation] = found.violations
    assert violation.severity == Severity.DENY
    assert violation.path == "changes[1].actions[0]"
    assert violation.message.startswith("not allowed: 'delete' is not one of")


def test_a_schema_that_is_none_is_refused_where_it_is_written():
    with pytest.raises(PolicyInvalid, match="schema"):
        SchemaPolicy(id="x", schema={"type": "objekt"})
    with pytest.raises(ValueError, match="expression"):
        CelPolicy(id="x", rule=" ")


async def test_policies_are_only_about_what_they_are_for():
    scope = Scope(target_types=("database",))
    found = await evaluate([CelPolicy(id="x", rule="false", scope=scope)], VIEW)
    assert found.evaluated == ()
    assert found.violations == ()
    assert Scope(target_types=("tree",), targets=("/srv",), kinds=("changes",)).holds(VIEW)
    assert not Scope(kinds=("terraform_plan",)).holds(VIEW)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("plan.changes.all(", "parse"),
        ("nobody(1)", "nobody"),
        ("plan.nothing", "nothing"),
        ("1 + 1", "not int"),
        ("(" * 9000 + "1" + ")" * 900, ""),
    ],
)
async def test_a_rule_that_is_none_breaks_alone(rule, says):
    with trio.fail_after(60):
        found = await evaluate([CelPolicy(id="bad", rule=rule), CelPolicy(id="good", rule="true")], VIEW)
    assert found.evaluated == ("good",)
    assert found.error.startswith("policy bad: ")
    assert says in found.error


NUMBERS = f"[{','.join(map(str, range(300)))}]"
ENDLESS = "xs.all(a, xs.all(b, xs.all(c, xs.all(d, a + b + c + d > -1))))".replace("xs", NUMBERS)


async def test_a_rule_that_never_ends_is_ended_with_its_process():
    with trio.fail_after(60):
        found = await evaluate([CelPolicy(id="endless", rule=ENDLESS)], VIEW, within_seconds=1.0)
    assert found.error == "policy endless: it did not end within 1 s"


async def test_a_schema_that_never_ends_is_ended_with_its_process():
    definitions = {f"d{n}": {"allOf": [{"$ref": f"#/definitions/d{n + 1}"}] * 8} for n in range(20)}
    definitions["d20"] = {}
    schema = {"definitions": definitions, "$ref": "#/definitions/d0"}
    with trio.fail_after(60):
        found = await evaluate([SchemaPolicy(id="endless", schema=schema)], VIEW, within_seconds=1.0)
    assert found.error == "policy endless: it did not end within 1 s"


async def test_policies_of_a_program_are_evaluated_side_by_side(autojump_clock):
    async def slow(_view):
        await trio.sleep(10)
        return [Violation(policy_id="slow", severity="warn", message="late")]

    async def hangs(_view):
        await trio.sleep_forever()

    async def raises(_view):
        raise RuntimeError("oops")

    began = trio.current_time()
    found = await evaluate([Own("slow", slow), Own("other", slow), Own("hangs", hangs), Own("raises", raises)], VIEW)
    assert trio.current_time() - began == 120
    assert found.evaluated == ("slow", "other")
    assert found.error == "policy hangs: it did not end within 120 s; policy raises: RuntimeError: oops"


async def test_all_policies_together_take_no_longer_than_one_may(autojump_clock):
    async def hangs(_view):
        await trio.sleep_forever()

    began = trio.current_time()
    found = await evaluate([Own(str(n), hangs) for n in range(100)], VIEW)
    assert trio.current_time() - began == 120
    assert found.error.count("did not end within 120 s") == 100


async def test_cancelling_an_evaluation_leaves_no_process_behind():
    before = children()
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(evaluate, [CelPolicy(id="x", rule=ENDLESS)], VIEW)
            while not (made := children() - before):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
    assert not made & children()


@pytest.mark.parametrize(
    ("gives", "says"),
    [
        (["no"], "it gave a str, and not only Violations"),
        (None, "it must give a list of Violations, not NoneType"),
        ("no", "it must give a list of Violations, not str"),
        (
            [Violation(policy_id="p", severity="deny", message="a\ud800")],
            "violation.message: it holds half a character",
        ),
        ([Violation(policy_id="p", severity="deny", message=5)], "violation.message: must be text"),  # type: ignore[arg-type]
    ],
)
async def test_what_a_policy_gives_that_cannot_be_stored_breaks_it_and_no_flow(gives, says):
    async def give(_view):
        return gives

    found = await evaluate([Own("own", give)], VIEW)
    assert found.evaluated == ()
    assert f"policy own: {says}" in (found.error or "")


async def test_what_a_policy_finds_is_its_own_whatever_it_says():
    """Or it would be among those that passed."""

    async def finds(_view):
        return [Violation(policy_id="somebody", severity="deny", message="no")]

    found = await evaluate([Own("own", finds)], VIEW)
    assert [one.policy_id for one in found.violations] == ["own"]


class Sync:
    id = "sync"

    def applies(self, _view: PlanView) -> bool:
        return True

    def evaluate(self, _view: PlanView) -> list[Violation]:
        return []


class Eager(Sync):
    async def applies(self, _view: PlanView) -> bool:  # type: ignore[override]
        return True


@pytest.mark.parametrize(("policy", "says"), [(Sync(), "async def evaluate"), (Eager(), "no async def"), (5, "policy")])
def test_what_could_never_be_evaluated_is_no_policy_from_the_start(policy, says):
    """It would break with every plan, and what breaks is not in anybody's way."""
    with pytest.raises(TypeError, match=says):
        Flows(policies=[policy])
