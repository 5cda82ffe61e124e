"""The work of one step of a flow: the attempt of a task's step, whose result is read for what it says to the flow.

Any runner will do. What its outcome's metadata holds under these keys is for the flow:

    ``directive``   what the step answers its parent (section 6.2)
    ``target``      ``{"type", "id"}`` of the thing it acted on
    ``status``      ``auto-skipped`` or ``user-skipped``: it found that there was nothing to do

The output of an approval step is its plan.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Final

import attrs
import trio

from runtime.engine.events import OrderChildren, StepFinished
from runtime.engine.states import StepState
from runtime.engine.task import Header, Progress
from runtime.flow.chains import STEP_FAILED, step_human_description
from runtime.flow.events import WorkFinished
from runtime.flow.flow import Flow
from runtime.flow.rows import Signal, Step, StepSpec
from runtime.runner import ClientError
from runtime.templates.model import Action, Template
from runtime.templates.model import Step as TaskStep
from runtime.values.evaluator import renders
from runtime.values.json import Json
from runtime.values.snapshot import StepView, Values, object_for_null
from runtime.wishes import Spawned
from runtime.work.attempt import run_attempt
from runtime.work.flows.children import Nursery
from runtime.work.limits import flow_label
from runtime.work.program import program_of
from runtime.work.resources import NotBegun
from runtime.work.trial import Attempt, Tools

_USERS_OWN: Final = frozenset({StepState.CLIENT_ERROR, StepState.FATAL_ERROR})
"""The states that say that the step's own definition is wrong, so that its error may be shown."""


@attrs.frozen(kw_only=True)
class Done:
    """What one signal came to."""

    error: str = ""
    own_mistake: bool = False
    output: Json = None
    metadata: Mapping[str, Json] = attrs.field(factory=dict)


async def work(flow: Flow, step: Step, attempt: int, tools: Tools, nursery: Nursery) -> WorkFinished:
    """Do the work of a step: its signals in order, up to the first that fails. Cancelling it cuts the runner."""
    tools = patient(tools)
    done, limit = Done(), step.spec.timeout_seconds
    with trio.move_on_after(limit or math.inf) as patience:
        for number, signal in enumerate(step.spec.signals):
            try:
                done = await perform_signal(flow, step.spec, signal, tools, step=step, number=number, nursery=nursery)
            except NotBegun as word:
                if not number or step.spec.idempotent:
                    at = tools.clock.wall()
                    return WorkFinished(at=at, step=step.id, attempt=attempt, begun=False, error=str(word))
                done = Done(error=str(word))
            if done.error:
                break
    if patience.cancelled_caught:
        done = Done(error=f"it did not end within {limit:g} s")
    metadata, target = done.metadata, done.metadata.get("target")
    target = target if isinstance(target, Mapping) else {}
    return WorkFinished(
        at=tools.clock.wall(),
        step=step.id,
        attempt=attempt,
        error=done.error or None,
        late=patience.cancelled_caught,
        description=_description(done),
        output=done.output,
        directive=str(metadata.get("directive") or ""),
        status=str(metadata.get("status") or ""),
        target_type=str(target.get("type") or ""),
        target_id=str(target.get("id") or ""),
    )


def patient(tools: Tools) -> Tools:
    """Give the tools of what waits for resources as long as it takes, and goes on elsewhere where that is too long."""
    return tools if tools.resources is None else attrs.evolve(tools, resources=tools.resources.patient())


def _description(done: Done) -> str:
    if not done.error:
        return ""
    return step_human_description(ClientError(done.error)) if done.own_mistake else STEP_FAILED


async def perform_signal(
    flow: Flow,
    spec: StepSpec,
    signal: Signal,
    tools: Tools,
    *,
    step: Step | None = None,
    number: int = 0,
    nursery: Nursery | None = None,
) -> Done:
    """Perform one signal, and the tasks it wishes for. Cancelling it cuts the runner."""
    attempt = _attempt(flow, spec, signal, step, tools)
    while True:
        finished = await run_attempt(attempt)
        if not isinstance(finished, StepFinished):
            return Done(error="a step of a flow cannot loop")
        orders = [wish for wish in finished.wishes if isinstance(wish, OrderChildren)]
        if not orders or nursery is None or step is None or attempt.spawned:
            return _done(finished)
        batches = [await nursery.bring_up(order, f"{flow.header.flow_id}.{step.id}.{number}") for order in orders]
        attempt = attrs.evolve(attempt, spawned=tuple(batches), wishes=())


def _done(finished: StepFinished) -> Done:
    metadata = finished.metadata if isinstance(finished.metadata, Mapping) else {}
    failed = finished.state != StepState.DONE
    return Done(
        error=(finished.error or f"the action ended {finished.state}") if failed else "",
        own_mistake=finished.state in _USERS_OWN,
        output=finished.output,
        metadata=metadata,
    )


def _attempt(flow: Flow, spec: StepSpec, signal: Signal, step: Step | None, tools: Tools) -> Attempt:
    header = flow.header
    definition = TaskStep(
        action=Action(type=signal.type, configuration=signal.data),
        idempotent=spec.idempotent,
        resources=[*spec.resources, flow_label(header.type)],
    )
    name = spec.name if step is None else step.id
    template = Template(name=header.type, steps={name: definition})
    run = flow.runs[-1].id if flow.runs else ""
    return Attempt(
        tools=tools,
        header=Header(
            task_id=header.flow_id,
            title=header.type,
            inputs=header.inputs,
            requester=header.by,
            submitted_at=header.at,
            resolution_id=run,
            resolver=header.by,
        ),
        program=program_of(template, definition, tools.runners),
        step=name,
        number=1 if step is None else step.attempt,
        kept=Progress(),
        sight=values_of(flow, step) if renders(signal.data) else Values(input=header.inputs),
        spawned=_NOTHING,
        callbacks={},
    )


_NOTHING: Final[tuple[Spawned, ...]] = ()


class _Steps(Mapping[str, StepView]):
    """The steps of a flow by name, of several of one name the newest; what is not asked for costs nothing."""

    __slots__ = ("_flow",)

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def __getitem__(self, name: str) -> StepView:
        one = self._flow.steps[self._flow.named[name]]
        return StepView(one.status.status, "", object_for_null(one.output), one.status.metadata)

    def __contains__(self, name: object) -> bool:
        return name in self._flow.named

    def __iter__(self) -> Iterator[str]:
        return iter(self._flow.named)

    def __len__(self) -> int:
        return len(self._flow.named)


def values_of(flow: Flow, step: Step | None) -> Values:
    """Show the flow to the texts of a step: or to those of the signal that generates its steps."""
    header = flow.header
    infos: dict[str, Json] = {
        "task_id": header.flow_id,
        "flow_type": header.type,
        "owner_id": header.owner_id,
        "owner_type": header.owner_type,
        "requester_username": header.by,
        "metadata": header.metadata,
        "plan_only": header.plan_only,
    }
    if step is not None:
        infos.update(step_id=step.id, retry_index=step.retry_index, group_retry_index=step.generation)
    return Values(input=header.inputs, task=infos, steps=_Steps(flow))
