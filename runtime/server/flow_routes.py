"""The routes about flows, and about what steps of tasks ask: each is a message, and strict about its body."""

from typing import Final

from runtime.api.flow_commands import (
    AnswerApproval,
    AnswerTaskApproval,
    CancelFlow,
    DeleteFlow,
    InterruptFlowStep,
    PauseFlow,
    RerunFlow,
    RetryGroup,
    RetryStep,
    SetApprovalOption,
    SkipStep,
    StartFlow,
    SubmitFlow,
    UnpauseFlow,
)
from runtime.api.flow_queries import (
    GetApproval,
    GetFlow,
    GetFlowStep,
    ListFlows,
    ListFlowTypes,
    ListPolicyReports,
)
from runtime.flow.states import ResponseType
from runtime.server.route import PAGE, Build, Fields, Parameter, Route, after, before, named, text, truth

_FLOW: Final = "/v1/flows/{flow_id}"
_STEP: Final = f"{_FLOW}/steps/{{step_id}}"
_TASK_STEP: Final = "/v1/tasks/{task_id}/steps/{step}"


def _fields_of(message: type, *but: str) -> tuple[Parameter, ...]:
    """Give a body all fields of a message."""
    return named(*(name for name in message.__annotations__ if name not in but))


def _saying(message: type, response: ResponseType) -> Build:
    def build(fields: Fields) -> list[tuple[type, Fields]]:
        return [(message, {**fields, "response": str(response)})]

    return build


def _about_step(verb: str, message: type, *, body: tuple[Parameter, ...] = ()) -> Route:
    return Route(
        method="POST",
        path=f"{_STEP}/{verb}",
        message=message,
        strict=True,
        in_path=named("flow_id", "step_id"),
        in_body=body,
    )


def _answering(path: str, message: type, *ids: str) -> tuple[Route, ...]:
    said = tuple(
        Route(
            method="POST",
            path=f"{path}/{verb}",
            message=message,
            strict=True,
            in_path=named(*ids),
            in_body=named("note"),
            build=_saying(message, response),
        )
        for verb, response in (("approve", ResponseType.APPROVE), ("deny", ResponseType.DENY))
    )
    respond = Route(
        method="POST",
        path=f"{path}/respond",
        message=message,
        strict=True,
        in_path=named(*ids),
        in_body=named("response", "note"),
    )
    return (*said, respond)


FLOW_ROUTES: Final = (
    Route(method="GET", path="/v1/flow-types", message=ListFlowTypes, strict=True),
    Route(
        method="GET",
        path="/v1/flows",
        message=ListFlows,
        strict=True,
        paged=True,
        tags="metadata",
        in_query=(
            Parameter("status", read=text),
            Parameter("flow_type", read=text),
            Parameter("owner_id", read=text),
            Parameter("owner_type", read=text),
            Parameter("after", read=after),
            Parameter("before", read=before),
            *PAGE,
        ),
    ),
    Route(method="POST", path="/v1/flows", message=SubmitFlow, strict=True, status=201, in_body=_fields_of(SubmitFlow)),
    Route(
        method="GET",
        path=_FLOW,
        message=GetFlow,
        strict=True,
        in_path=named("flow_id"),
        in_query=(Parameter("hidden", read=truth),),
    ),
    Route(method="DELETE", path=_FLOW, message=DeleteFlow, strict=True, status=204, in_path=named("flow_id")),
    *(
        Route(method="POST", path=f"{_FLOW}/{verb}", message=message, strict=True, in_path=named("flow_id"))
        for verb, message in (("start", StartFlow), ("pause", PauseFlow), ("unpause", UnpauseFlow))
    ),
    Route(
        method="POST",
        path=f"{_FLOW}/cancel",
        message=CancelFlow,
        strict=True,
        in_path=named("flow_id"),
        in_body=named("reason"),
    ),
    Route(
        method="POST",
        path=f"{_FLOW}/groups/{{group_id}}/cancel",
        message=CancelFlow,
        strict=True,
        in_path=named("flow_id", "group_id"),
        in_body=named("reason"),
    ),
    Route(
        method="PUT",
        path=f"{_FLOW}/approval-option",
        message=SetApprovalOption,
        strict=True,
        in_path=named("flow_id"),
        in_body=named("option"),
    ),
    Route(
        method="POST",
        path=f"{_FLOW}/rerun",
        message=RerunFlow,
        strict=True,
        in_path=named("flow_id"),
        in_body=_fields_of(RerunFlow, "flow_id"),
    ),
    Route(
        method="GET",
        path=f"{_FLOW}/policy-reports",
        message=ListPolicyReports,
        strict=True,
        in_path=named("flow_id"),
        in_query=(Parameter("step_id", read=text),),
    ),
    Route(method="GET", path=_STEP, message=GetFlowStep, strict=True, in_path=named("flow_id", "step_id")),
    Route(
        method="GET", path=f"{_STEP}/approval", message=GetApproval, strict=True, in_path=named("flow_id", "step_id")
    ),
    *_answering(_STEP, AnswerApproval, "flow_id", "step_id"),
    _about_step("retry", RetryStep, body=named("stale_plan")),
    _about_step("skip", SkipStep),
    _about_step("cancel", CancelFlow, body=named("reason")),
    _about_step("interrupt", InterruptFlowStep, body=named("reason", "attempt")),
    _about_step("retry-group", RetryGroup),
    *_answering(_TASK_STEP, AnswerTaskApproval, "task_id", "step"),
)
