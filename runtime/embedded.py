"""How a step runs a flow. `FlowDoor` itself runs none: it is what a runner has that no runtime uses."""

from collections.abc import Mapping

from runtime.frozen import frozen
from runtime.values.json import Json
from runtime.wishes import FlowOrder


@frozen(kw_only=True)
class AnswerReport:
    """How an approval was answered."""

    response: str
    note: str
    by: str


@frozen(kw_only=True)
class StepReport:
    """What a step of a flow came to."""

    status: str
    output: Json = None
    answer: AnswerReport | None = None


@frozen(kw_only=True)
class FlowReport:
    """What a flow came to; `error` is empty where it succeeded. Of several steps of a name, the last."""

    id: str
    status: str
    error: str
    steps: Mapping[str, StepReport]


class FlowDoor:
    """Where flows are looked up; to have one run is a wish (`runtime.wishes.RunFlow`)."""

    async def look_up(self, order: FlowOrder) -> FlowReport | None:
        """Tell what a flow came to; None for one that has not ended, or is not there and can be run.

        Raises:
            Refused: it cannot be run, or there is something else of that id.
            ConnectionError: there is nobody to ask here.
        """
        raise ConnectionError(f"there is no runtime to run {order.id} in")


NO_FLOWS = FlowDoor()
