"""What the in-process client does with flows.

What it needs for that is loaded by the first flow that somebody asks for, or about: every runtime has this client.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from runtime.api.flow_messages import DeleteFlow, FlowCommand
from runtime.api.messages import GetTask
from runtime.arguments import check, check_kind, check_text
from runtime.errors import NotFound, Unavailable
from runtime.flow.flow import MANY_STEPS, Flow
from runtime.flow.records import APPROVAL_SECONDS, PLAN_SECONDS
from runtime.flow.rows import GroupSpec
from runtime.flow.states import ApprovalOption
from runtime.journal.listing import Wanted
from runtime.journal.protocol import PAGE, Journal, Listed, Place
from runtime.threads import BRIEF

if TYPE_CHECKING:
    from runtime.api.asking import Asking
    from runtime.api.flow_checks import CheckedFlow
    from runtime.api.flow_handle import FlowHandle
    from runtime.api.flow_messages import SubmitFlow
    from runtime.api.flow_submission import FlowRequest, FlowSource
    from runtime.flow.document import FlowDocument
    from runtime.flow.rows import Signal
    from runtime.flow.states import Mode, OnError, OnPolicyFailure
    from runtime.flows import Flows
    from runtime.templates.actions import ActionTypes
    from runtime.values.json import Json
    from runtime.work.broadcast import Broadcast
    from runtime.work.resources import Resources

LISTED_TIMES: Final = frozenset({"after", "before"})
"""What of a search is any number: nothing of it is stored, and what is long before everything is asked for, too."""


@attrs.frozen
class Page:
    """Which part of a list is wanted, for `check`."""

    before: tuple[float, int] | None
    limit: int


class FlowClient:
    """The part of `runtime.api.client.Runtime` that is about flows."""

    _broadcast: Broadcast
    _journal: Journal
    _types: ActionTypes
    flow_kit: Flows
    _asking: Asking
    _resources: Resources | None

    def queued(self, task_id: str) -> Mapping[str, str]:
        """Name the steps of a task, or of a flow, that wait for resources here, and what they wait for. Sync."""
        return {} if self._resources is None else self._resources.awaited_by(task_id)

    async def flow(
        self,
        source: FlowSource,
        inputs: Mapping[str, Json] | None = None,
        *,
        flow_id: str | None = None,
        by: str = "user",
        owner_id: str = "",
        owner_type: str = "",
        org_id: str = "",
        metadata: Mapping[str, str] | None = None,
        mode: Mode | str | None = None,
        plan_only: bool | None = None,
        approval_option: ApprovalOption | str | None = None,
        on_error: OnError | str | None = None,
        on_policy_failure: OnPolicyFailure | str | None = None,
        generate_signal: Signal | None = None,
        approval_seconds: float = APPROVAL_SECONDS,
        plan_seconds: float = PLAN_SECONDS,
        segment: int = 5,
        max_in_flight: int = 10,
        start: bool = True,
        strict: bool = False,
    ) -> FlowHandle:
        """Take a flow on, and start it unless `start` is false. Returns once it is stored.

        `source` is a type that a generator or a document of this runtime is for (or `generate_signal`), or a document,
        whose settings hold where none are given here. `flow_id` is the idempotency key: the same again is the same flow.

        Of the flows with one `owner_id` and `owner_type` one runs at a time, in the order in which they are started.
        An approval may be answered for `approval_seconds`; a plan that is approved after `plan_seconds` is made again.

        Raises:
            FlowInvalid, InputInvalid: with every fault and its path.
            Conflict: there is another flow, or a task, of that id.
            Unavailable: the runtime is full, draining or closed.
        """
        request = await self.flow_request(
            source,
            strict=strict,
            inputs=inputs or {},
            flow_id=flow_id or "",
            by=by,
            owner_id=owner_id,
            owner_type=owner_type,
            org_id=org_id,
            metadata=metadata or {},
            mode=mode,
            plan_only=plan_only,
            approval_option=approval_option,
            on_error=on_error,
            on_policy_failure=on_policy_failure,
            generate_signal=generate_signal,
            approval_seconds=approval_seconds,
            plan_seconds=plan_seconds,
            segment=segment,
            max_in_flight=max_in_flight,
            start=start,
        )
        return await self.take_flow_on(request)

    async def flow_request(self, source: FlowSource, *, strict: bool = False, **settings: Any) -> FlowRequest:
        """Give what is to be run: a type that documents of this runtime have is that document."""
        from runtime.api.flow_checks import check_document  # noqa: PLC0415 - see above
        from runtime.api.flow_submission import FILES, FlowRequest  # noqa: PLC0415 - see above
        from runtime.flow.document import FlowDocument  # noqa: PLC0415 - see above

        match source:
            case FlowDocument():
                check_document(source, self._types, self.flow_kit.plan_readers)
                document = source
            case str() if Path(source).suffix not in FILES:
                kit = self.flow_kit
                known = kit.documents.get(source) if settings.get("generate_signal") else kit.document_of(source)
                return FlowRequest(type=source, document=known, labels=kit.labels_of(source), **settings)
            case _:
                document = (await self.prepare_flow(source, strict=strict)).document
        return FlowRequest(type=document.name or "flow", document=document, **settings)

    async def prepare_flow(
        self, source: str | os.PathLike[str] | Mapping[str, Json], *, strict: bool = False
    ) -> CheckedFlow:
        """Read a document, or the file of one, and see that it can be carried out here; `strict`: every warning is a fault.

        Raises:
            FlowInvalid: with every fault and its path.
        """
        from runtime.api.flow_checks import check_flow, steps_in  # noqa: PLC0415 - see above
        from runtime.api.flow_submission import load_flow  # noqa: PLC0415 - see above

        kinds = self.flow_kit.plan_readers
        if isinstance(source, Mapping):
            look = partial(check_flow, source, self._types, kinds, strict=strict)
            return await BRIEF.run_if(steps_in(source) > MANY_STEPS, look)
        check_kind(source, str | os.PathLike, "flow", "a type of flows, a path, a mapping or a FlowDocument")
        return await BRIEF.run(partial(load_flow, source, self._types, kinds, strict=strict))

    async def take_flow_on(self, request: FlowRequest) -> FlowHandle:
        """Take a flow on that was prepared, see `flow`."""
        from runtime.api.flow_submission import FlowRequest  # noqa: PLC0415 - see above

        self._asking.check_home()
        check_kind(request, FlowRequest, "request", "a FlowRequest, as `flow_request` gives it")
        submission = await BRIEF.run_if(_has_many(request.document), _submission_of, request)
        await self._asking.ask(submission)
        return self.flow_handle(submission.task_id)

    async def delete_flow(self, flow_id: str) -> None:
        """Delete a flow that has ended, and all that is known of it.

        Raises:
            NotFound: there is none of that id.
            Conflict: it has not ended.
        """
        await self._asking.ask(DeleteFlow(flow_id=flow_id))

    async def find_flows(self, wanted: Wanted, *, before: Place | None = None, limit: int = PAGE) -> Sequence[Listed]:
        """List flows, those with the newest activity first: when their status last changed, or what is listed of them.

        Raises:
            InputInvalid: something wanted is not of its type, or could not be stored.
        """
        check(wanted, but=LISTED_TIMES)
        check(Page(before, limit))
        return await self._journal.find(attrs.evolve(wanted, flows=True), before=before, limit=limit)

    def flow_handle(self, flow_id: str) -> FlowHandle:
        """Give the handle of a flow that was taken on before. Sync; whether there is one is found out later."""
        from runtime.api.flow_handle import FlowHandle  # noqa: PLC0415 - see above

        return FlowHandle(flow_id, self)

    async def tell_flow(self, message: FlowCommand) -> None:
        """Send a command to a flow; returns once what it did is stored.

        Raises:
            InputInvalid: it is none.
        """
        check_kind(message, FlowCommand, "message", "a command to a flow")
        with _as_of_flow(message.flow_id):
            await self._asking.ask(message)

    async def read_flow(self, flow_id: str) -> Flow:
        """Read a flow, with all that the engine knows of it.

        Raises:
            NotFound: there is none of that id.
        """
        check_text(flow_id, "flow_id")
        with _as_of_flow(flow_id):
            flow = await self._asking.ask(GetTask(task_id=flow_id))
        if not isinstance(flow, Flow):
            raise NotFound("flow", flow_id, "it is a task")
        return flow

    async def rest_of_flow(self, flow_id: str) -> Flow:
        """Wait for a flow to come to rest, see `FlowHandle.wait`."""
        check_text(flow_id, "flow_id")
        with self._broadcast.waiter(flow_id) as waiter:  # before the state is read, so that nothing is missed
            flow = await self.read_flow(flow_id)
            if flow.at_rest:
                return flow
            outcome = await waiter.wait()
        if isinstance(outcome, Flow):
            return outcome
        raise Unavailable(f"flow {flow_id} did not come to rest: {outcome}")


def _has_many(document: FlowDocument | None) -> bool:
    if document is None:
        return False
    return sum(len(one.steps) if isinstance(one, GroupSpec) else 1 for one in document.given()) > MANY_STEPS


def _submission_of(request: FlowRequest) -> SubmitFlow:
    check(request)
    return request.submission()


@contextmanager
def _as_of_flow(flow_id: str) -> Iterator[None]:
    """Say of what is nowhere that it is no flow: the intake, which knows of no difference, calls it a task."""
    try:
        yield
    except NotFound as missing:
        if (missing.kind, missing.name) != ("task", flow_id):
            raise
        raise NotFound("flow", flow_id, "it was never taken on here") from None
