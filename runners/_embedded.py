"""What the runners have in common that run a flow for a step."""

from runtime.runner import (
    REFUSED,
    ClientError,
    FlowOrder,
    FlowReport,
    NotAssigned,
    Refused,
    RunFlow,
    RunnerSettings,
    Spawned,
    StepFailed,
)


async def run_flow(
    settings: RunnerSettings, order: FlowOrder, spawned: tuple[Spawned, ...], *, awaits: str = "waits for"
) -> FlowReport:
    """Give what a flow came to, if it has ended; `awaits` begins what the step says until then.

    Raises:
        NotAssigned: it has not, and is run: the step is to wait for it.
        ClientError: it cannot be run.
        StepFailed: there is nobody here to run it.
    """
    for batch in spawned:
        child = batch.tasks.get(order.id)
        if child is not None and child.state == REFUSED:
            raise ClientError(child.error)
    try:
        report = await settings.flows.look_up(order)
    except Refused as refusal:
        raise ClientError(str(refusal)) from refusal
    except ConnectionError as gone:
        raise StepFailed(str(gone)) from gone
    if report is None:
        raise NotAssigned(f"{awaits} flow {order.id}", output={"id": order.id}, wishes=[RunFlow(order=order)])
    return report
