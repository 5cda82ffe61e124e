"""What ``understudy flow --server`` does: sends one message, and tells what happens until the flow rests."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from runtime.api.flow_commands import (
    AnswerApproval,
    CancelFlow,
    FlowCommand,
    InterruptFlowStep,
    PauseFlow,
    RetryGroup,
    RetryStep,
    SetApprovalOption,
    SkipStep,
    SubmitFlow,
    UnpauseFlow,
)
from runtime.api.flow_queries import GetApproval, GetFlow
from runtime.api.flow_submission import FILES, choice
from runtime.cli.flow import READS, Request, inputs_of, list_of
from runtime.cli.flow_report import News, exit_status, print_plan, report, report_list
from runtime.cli.remote import Remote, ServerRefused
from runtime.errors import FlowInvalid
from runtime.flow.document import draft_of, with_names
from runtime.flow.states import ApprovalOption, ResponseType
from runtime.templates.loading import read_document
from runtime.values.json import Json

_INTERRUPTED: Final = 130


def perform_remotely(request: Request) -> int:
    """Do what was asked and give the exit status.

    Raises:
        Refused: the server did not take it, and nothing happened.
    """
    with Remote(request.server, token=request.token, user=request.user) as server:
        try:
            return _perform(server, request)
        except KeyboardInterrupt:  # the flow goes on there
            return _INTERRUPTED


def _perform(server: Remote, request: Request) -> int:
    flow_id = request.flow_id or ""
    if request.kind == "ls":
        report_list(server.ask(list_of(request)), as_json=request.as_json)
        return 0
    if request.kind == "show" and request.step_id:
        print_plan(server.ask(GetApproval(flow_id=flow_id, step_id=request.step_id))["contents"])
        return 0
    before = None if request.kind == "run" else server.ask(GetFlow(flow_id=flow_id))
    view = before if before is not None and request.kind in READS else server.ask(message_of(request))
    if request.wait and request.kind not in READS:
        view = _followed(server, view, News(before, replayed=True), quiet=request.as_json)
    report(view, as_json=request.as_json)
    return exit_status(view)


def message_of(request: Request) -> FlowCommand:
    """Give the message that a command is.

    Raises:
        FlowInvalid, InputInvalid: it is none.
    """
    flow_id, step_id = request.flow_id or "", request.step_id or ""
    match request.kind:
        case "run":
            return _submission(request)
        case "approve":
            return AnswerApproval(flow_id=flow_id, step_id=step_id, response=ResponseType.APPROVE, note=request.note)
        case "deny":
            return AnswerApproval(flow_id=flow_id, step_id=step_id, response=ResponseType.DENY, note=request.note)
        case "respond":
            response = choice(ResponseType, request.response, "response", ResponseType.APPROVE)
            return AnswerApproval(flow_id=flow_id, step_id=step_id, response=response, note=request.note)
        case "retry":
            return RetryStep(flow_id=flow_id, step_id=step_id)
        case "retry-group":
            return RetryGroup(flow_id=flow_id, step_id=step_id)
        case "skip":
            return SkipStep(flow_id=flow_id, step_id=step_id)
        case "interrupt":
            return InterruptFlowStep(flow_id=flow_id, step_id=step_id, reason=request.note)
        case "option":
            option = choice(ApprovalOption, request.option, "option", ApprovalOption.PROMPT)
            return SetApprovalOption(flow_id=flow_id, option=option)
        case "pause":
            return PauseFlow(flow_id=flow_id)
        case "unpause":
            return UnpauseFlow(flow_id=flow_id)
        case "cancel":
            return CancelFlow(flow_id=flow_id, reason=request.note, step_id=step_id, group_id=request.group_id)
        case _:
            raise AssertionError(request.kind)


def _written(path: str) -> Mapping[str, Json]:
    """Give a file of a flow as it is written: what is wrong with it, the server says, all at once."""
    document, source = read_document(path, FlowInvalid)
    data = with_names(document.data)
    if not isinstance(data, Mapping):
        raise FlowInvalid(draft_of(data).faults, source)
    return data


def _submission(request: Request) -> SubmitFlow:
    known = Path(request.document).suffix not in FILES
    return SubmitFlow(
        flow_type=request.document if known else "",
        document=None if known else _written(request.document),
        inputs=inputs_of(request.inputs),
        flow_id=request.flow_id or "",
        owner_id=request.owner_id,
        owner_type=request.owner_type,
        plan_only=request.plan_only or None,
        approval_option=ApprovalOption.APPROVE_ALL if request.approve_all else None,
    )


def _followed(server: Remote, view: Mapping[str, Any], news: News, *, quiet: bool) -> Mapping[str, Any]:
    """Tell what happens to a flow until it rests; give it as it is then."""
    events = server.events(task_id=view["id"])
    while not (view["at_rest"] and (quiet or news.complete(view))):
        event = next(events, None)
        if event is None:
            raise ServerRefused(f"the server tells no more of flow {view['id']}: see how it stands with show")
        news.tell(event, quiet=quiet)
        if not view["at_rest"]:
            view = server.ask(GetFlow(flow_id=view["id"]))
    return view
