"""`flow`: runs a flow, and waits for its end.

The flow has the id ``<task>.<step>``: it is watched, answered and cancelled under it like any other, and a step that is
attempted again finds the flow of the first time, and waits on: also after a crash or a restart. Nothing of the task is
in memory meanwhile, unless others of its steps run. A task that is cancelled cancels its flow.
"""

from collections.abc import Iterator, Mapping

import attrs

from runners._embedded import run_flow
from runtime.runner import ClientError, Fault, FlowOrder, Json, Outcome, Runner, StepRequest


@attrs.frozen(kw_only=True)
class FlowConfig:
    """Which flow to run.

    Attributes:
        flow: the type of flows that a generator is for, or a document as a file of ``kind: flow`` holds one.
        input: what its texts see as ``.input``.
        metadata: texts for its generator.
        owner_id: whose it is.
        owner_type: what kind of owner that is.
        plan_only: it makes plans, and applies none.
        approve_all: nobody is asked.
    """

    flow: Json
    input: Mapping[str, Json] = attrs.field(factory=dict)
    metadata: Mapping[str, str] = attrs.field(factory=dict)
    owner_id: str = ""
    owner_type: str = ""
    plan_only: bool = False
    approve_all: bool = False


class Flow(Runner[FlowConfig]):
    """Runs a flow. Its output says what each step came to."""

    name = "flow"
    resumes = True
    waits = True
    config = FlowConfig

    def validate(self, config: FlowConfig) -> Iterator[Fault]:
        """Refuse what is neither a type nor a document."""
        if not isinstance(config.flow, str | Mapping):
            yield Fault("flow", "must be a type of flows, or a document")

    async def run(self, request: StepRequest[FlowConfig]) -> Outcome:
        """Run the flow.

        Raises:
            NotAssigned: it has not ended.
            ClientError: it was not taken, or ended otherwise than well.
            StepFailed: nobody goes on with it here.
        """
        config = request.config
        if not isinstance(config.flow, str | Mapping):
            raise ClientError("flow: must be a type of flows, or a document")
        order = FlowOrder(
            id=f"{request.task_id}.{request.step}",
            parent=request.task_id,
            flow=config.flow,
            by=request.requester or "user",
            inputs=config.input,
            metadata=config.metadata,
            owner_id=config.owner_id,
            owner_type=config.owner_type,
            plan_only=config.plan_only,
            approve_all=config.approve_all,
        )
        report = await run_flow(self.settings, order, request.spawned)
        steps = {name: {"status": one.status, "output": one.output} for name, one in report.steps.items()}
        output = {"id": report.id, "status": report.status, "steps": steps}
        if report.error:
            raise ClientError(report.error, output=output)
        return Outcome(output=output)
