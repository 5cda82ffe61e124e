"""How a step runs a flow. `FlowDoor` itself runs none: it is what a runner has that no runtime uses."""

from collections.abc import Mapping

import attrs

from runtime.values.json import Json


@attrs.frozen(kw_only=True)
class FlowOrder:
    """A flow that a step of the task `parent` wants run: of a type that a generator is for, or a document. See `runtime.api.flow_client`."""

    id: str
    flow: str | Mapping[str, Json]
    by: str = "user"
    inputs: Mapping[str, Json] = attrs.field(factory=dict)
    metadata: Mapping[str, str] = attrs.field(factory=dict)
    owner_id: str = ""
    owner_type: str = ""
    plan_only: bool = False
    approve_all: bool = False
    approval_seconds: float = 30 * 86400.0
    plan_seconds: float = 72 * 3600.0
    parent: str = ""


@attrs.frozen(kw_only=True)
class AnswerReport:
    """How an approval was answered."""

    response: str
    note: str
    by: str


@attrs.frozen(kw_only=True)
class StepReport:
    """What a step of a flow came to."""

    status: str
    output: Json = None
    answer: AnswerReport | None = None


@attrs.frozen(kw_only=True)
class FlowReport:
    """What a flow came to; `error` is empty where it succeeded. Of several steps of a name, the last."""

    id: str
    status: str
    error: str
    steps: Mapping[str, StepReport]


class FlowDoor:
    """Where flows are taken on."""

    async def run(self, order: FlowOrder) -> FlowReport:
        """Have a flow taken on, or find the one of that id, and wait for its end.

        Cancelled by a person, it cancels the flow; cut by a shutdown, it leaves the flow to be found again.

        Raises:
            Refused: the flow was not taken, or there is something else of that id.
            ConnectionError: nobody goes on with it here.
        """
        raise ConnectionError(f"there is no runtime to run {order.id} in")


NO_FLOWS = FlowDoor()
