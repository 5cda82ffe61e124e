"""What the runners have in common that run a flow for a step."""

from runtime.runner import ClientError, FlowOrder, FlowReport, Refused, RunnerSettings, StepFailed


async def run_flow(settings: RunnerSettings, order: FlowOrder) -> FlowReport:
    """Run a flow to its end.

    Raises:
        ClientError: it was not taken.
        StepFailed: nobody goes on with it here.
    """
    try:
        return await settings.flows.run(order)
    except Refused as refusal:
        raise ClientError(str(refusal)) from refusal
    except ConnectionError as gone:
        raise StepFailed(str(gone)) from gone
