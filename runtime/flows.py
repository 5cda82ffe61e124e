"""What a program brings along for flows: generators, policies, readers of plans, hooks.

::

    @generator("deploy", present="Deploying the app", past="Deployed the app")
    async def deploy(flow: FlowCreated) -> list[GroupSpec]:
        return [
            GroupSpec(name="app", steps=(
                StepSpec(name="plan", execution_type="approval", signal=Signal(type="script", data={...})),
                StepSpec(name="apply", signal=Signal(type="script", data={...})),
            )),
        ]

    async with open_runtime(flows=Flows(generators=[deploy], policies=[CelPolicy(...)])) as rt:
        flow = await rt.flow("deploy", owner_id="app-1")

Nothing is registered anywhere but in the runtime that it is handed to.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import attrs

from runtime.errors import NotFound, did_you_mean
from runtime.flow.naming import UNLABELLED, Labels
from runtime.flow.noop import PLAN_READERS, PlanReader
from runtime.flow.records import FlowCreated
from runtime.flow.rows import GroupSpec, Signal, StepSpec
from runtime.flow.states import Hook
from runtime.policies.protocol import Policy
from runtime.values.json import Json

if TYPE_CHECKING:
    from runtime.flow.document import FlowDocument

__all__ = ("Flows", "Generator", "GroupSpec", "HookCall", "Signal", "StepSpec", "generator")

GENERATE_WITHIN_SECONDS: Final = 60.0
HOOK_WITHIN_SECONDS: Final = 60.0

GeneratorFunction: TypeAlias = Callable[[FlowCreated], object]
"""Gives the steps of a flow: `StepSpec` and `GroupSpec`, in a list, or yields them. An ``async def``, or called in a thread.

Of generators, hooks and readers of plans that are called in threads 64 go on at once, and the others wait; the threads of
the program are not theirs. Nothing can end one: what is cancelled, or late, goes on in its thread until it returns.

One that yields them, asynchronously, has the first groups begun while it goes on, as far as they are `eager`.
"""


T = TypeVar("T")


@attrs.frozen
class Generator:
    """A generator, the type of flows it is for, and what those are called. Still callable, as it was written."""

    type: str
    function: GeneratorFunction
    labels: Labels = UNLABELLED

    def __call__(self, flow: FlowCreated) -> object:
        """Give the steps of a flow."""
        return self.function(flow)


def generator(
    type: str,  # noqa: A002 - what the flow's field is called
    *,
    present: str = "",
    past: str = "",
) -> Callable[[GeneratorFunction], Generator]:
    """Mark a function as the generator of flows of a type, which are called `present` until they have ended, then `past`.

    One of both will do for either; without any they are called as their type.
    """

    def mark(function: GeneratorFunction) -> Generator:
        return Generator(type, function, Labels(present=present, past=past))

    return mark


@attrs.frozen(kw_only=True)
class HookCall:
    """What a hook is told: which, of what step, in what flow, and with what plan and target."""

    hook: Hook
    flow: FlowCreated
    step_id: str
    step: str
    target_type: str
    target_id: str
    plan: Json


HookFunction: TypeAlias = Callable[[HookCall], object]
"""An ``async def``, or called in a thread. What it raises fails a skip or a retry; else it is noted on the step (``hook_error``)."""

DependentsFunction: TypeAlias = Callable[[HookCall, Mapping[str, str]], object]
"""Given a denied step and the names of all steps by id, names the ids of those that depend on it."""


def _listed(kind: str, values: Iterable[T]) -> Iterable[T]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"{kind}: must be a list, not {values!r}")
    return values


def _by_type(generators: Iterable[Generator]) -> Mapping[str, Generator]:
    found: dict[str, Generator] = {}
    for one in _listed("generators", generators):
        if not isinstance(one, Generator):
            raise TypeError(f"generators: each must be a function marked with @generator, not {one!r}")
        if one.type in found:
            raise ValueError(f'two generators are for flows of type "{one.type}"')
        found[one.type] = one
    return found


def _by_name(documents: "Iterable[FlowDocument]") -> "Mapping[str, FlowDocument]":
    found: dict[str, FlowDocument] = {}
    for one in _listed("documents", documents):
        if not isinstance(getattr(one, "name", None), str):
            raise TypeError(f"documents: each must be a flow document, not {one!r}")
        if not one.name:
            raise ValueError("a flow document without a name cannot be asked for")
        if one.name in found:
            raise ValueError(f'two flow documents are called "{one.name}"')
        found[one.name] = one
    return found


def _with_known_readers(own: Mapping[str, PlanReader]) -> Mapping[str, PlanReader]:
    if not isinstance(own, Mapping):
        raise TypeError(f"plan_readers: must be a mapping of kinds to readers, not {own!r}")
    return {**PLAN_READERS, **own}


def _policies(policies: Iterable[Policy]) -> tuple[Policy, ...]:
    kept = tuple(_listed("policies", policies))
    for policy in kept:
        if not isinstance(getattr(policy, "id", None), str):
            raise TypeError(f"policies: each must be a policy, not {policy!r}")
        if not callable(getattr(policy, "applies", None)) or inspect.iscoroutinefunction(policy.applies):
            raise TypeError(f'policies: "{policy.id}" needs a method "applies" that is no async def')
        if not inspect.iscoroutinefunction(getattr(policy, "evaluate", None)):
            raise TypeError(f'policies: "{policy.id}" needs a method "async def evaluate(self, view)"')
    ids = [policy.id for policy in kept]
    for policy_id in ids:
        if ids.count(policy_id) > 1:
            raise ValueError(f'two policies are called "{policy_id}"')
    return kept


@attrs.frozen(kw_only=True)
class Flows:
    """What a program brings along for the flows of one runtime.

    Attributes:
        generators: one for each type of flow.
        documents: flows whose steps are known, each under its name as a type (`runtime.api.flow_submission.load_flows`).
        policies: what every plan is held against.
        plan_readers: by kind, who says whether a plan changes anything; beside those in `runtime.flow.noop`.
        hooks: by the type of a step's signal, who is told before an answer takes effect (`StepSpec.hooks`).
        dependents: who knows which steps depend on a denied one; nobody means none.
        generate_within_seconds: how long a generator may take.
    """

    generators: Mapping[str, Generator] = attrs.field(default=(), converter=_by_type)
    documents: "Mapping[str, FlowDocument]" = attrs.field(default=(), converter=_by_name)
    policies: tuple[Policy, ...] = attrs.field(default=(), converter=_policies)
    plan_readers: Mapping[str, PlanReader] = attrs.field(factory=dict, converter=_with_known_readers)
    hooks: Mapping[str, HookFunction] = attrs.field(factory=dict)
    dependents: DependentsFunction | None = None
    generate_within_seconds: float = GENERATE_WITHIN_SECONDS

    def __attrs_post_init__(self) -> None:
        """See that functions are such, and that a type of flows means one thing."""
        if not isinstance(self.hooks, Mapping):
            raise TypeError(f"hooks: must be a mapping of types of signals to functions, not {self.hooks!r}")
        functions = {
            **{f"hooks.{type_}": one for type_, one in self.hooks.items()},
            "dependents": self.dependents or bool,
        }
        for name, function in functions.items():
            if not callable(function):
                raise TypeError(f"{name}: must be a function, not {function!r}")
        seconds = self.generate_within_seconds
        if type(seconds) not in {int, float} or not seconds >= 0:
            raise ValueError(f"generate_within_seconds is {seconds!r}: it must be a number, 0 or more")
        for name in self.generators.keys() & self.documents.keys():
            raise ValueError(f'a generator and a document are for flows of type "{name}"')

    def document_of(self, flow_type: str) -> "FlowDocument | None":
        """Give the document of a type of flows; None where a generator is for it.

        Raises:
            NotFound: there is neither.
        """
        document = self.documents.get(flow_type)
        if document is None and flow_type not in self.generators:
            known = sorted([*self.documents, *self.generators])
            hint = did_you_mean(flow_type, known) or f"known: {', '.join(known) or 'none'}"
            raise NotFound("type of flows", flow_type[:255], hint)
        return document

    def labels_of(self, flow_type: str) -> Labels:
        """Give what flows of a type are called."""
        known = self.documents.get(flow_type) or self.generators.get(flow_type)
        return UNLABELLED if known is None else known.labels
