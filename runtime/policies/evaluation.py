"""All the policies that apply to a plan, side by side."""

from collections.abc import Iterable, Sequence
from typing import Final

import attrs
import trio

from runtime.arguments import faults_of
from runtime.flow.rows import Violation
from runtime.foreign import passes, told
from runtime.policies.protocol import PlanView, Policy, PolicyBroken

EVALUATE_WITHIN_SECONDS: Final = 120.0
AT_ONCE: Final = 16
"""How many policies are evaluated at once, of those that apply to one plan."""


@attrs.frozen(kw_only=True)
class Evaluation:
    """What the policies found: those evaluated to the end, what broke them, and what kept others from telling."""

    evaluated: tuple[str, ...] = ()
    violations: tuple[Violation, ...] = ()
    error: str | None = None


def _violations(policy: Policy, given: object) -> Sequence[Violation]:
    """Take what a policy gives, which need not be type-checked, and has to be stored: under its own id, whatever it says."""
    found: list[Violation] = []
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise PolicyBroken(f"it must give a list of Violations, not {type(given).__name__}")
    for one in given:
        if not isinstance(one, Violation):
            raise PolicyBroken(f"it gave a {type(one).__name__}, and not only Violations")
        for fault in faults_of(one, "violation"):
            raise PolicyBroken(str(fault))
        found.append(attrs.evolve(one, policy_id=policy.id))
    return found


async def evaluate(
    policies: Iterable[Policy], view: PlanView, *, within_seconds: float = EVALUATE_WITHIN_SECONDS
) -> Evaluation:
    """Hold a plan against every policy that applies, once each. Whatever a policy does, this ends and never raises."""
    found: dict[str, Sequence[Violation]] = {}
    broken: dict[str, str] = {}
    applying: list[Policy] = []
    for policy in policies:
        try:
            if policy.applies(view):
                applying.append(policy)
        except BaseException as fault:
            if passes(fault):
                raise
            broken[policy.id] = told(fault)

    slots = trio.CapacityLimiter(AT_ONCE)

    async def one(policy: Policy) -> None:
        with trio.move_on_after(within_seconds) as patience:
            try:
                async with slots:
                    found[policy.id] = _violations(policy, await policy.evaluate(view))
            except PolicyBroken as fault:
                broken[policy.id] = str(fault)
            except BaseException as fault:
                if passes(fault):
                    raise
                broken[policy.id] = told(fault)
        if patience.cancelled_caught:
            broken[policy.id] = f"it did not end within {within_seconds:g} s"

    async with trio.open_nursery() as nursery:
        for policy in applying:
            nursery.start_soon(one, policy)
    return Evaluation(
        evaluated=tuple(policy.id for policy in applying if policy.id in found),
        violations=tuple(violation for policy in applying for violation in found.get(policy.id, ())),
        error="; ".join(f"policy {name}: {text}" for name, text in sorted(broken.items())) or None,
    )
