"""The routes of spec section 11.2: each is a message, named in the words of µTask.

A route says where the fields of its message come from: the path, the query, and the body, under the names that they
have there. Its OpenAPI operation is made from the same (`openapi`). Members of a body that a route does not know are
passed over, as clients of µTask send whole objects back; messages themselves are strict (``POST /v1/messages``).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias

import attrs

from runtime.api.commands import (
    AddComment,
    CallCallback,
    CancelTask,
    DeleteComment,
    DeleteTask,
    EditComment,
    EditResolverInputs,
    EditTaskInputs,
    EditTaskSteps,
    ExtendTask,
    PauseTask,
    RejectTask,
    ResolveTask,
    RotateKeys,
    RunTask,
    SetStepState,
    StartTaskOver,
    SubmitBatch,
    SubmitTask,
)
from runtime.api.queries import (
    FindTask,
    GetComment,
    GetFunction,
    GetStatistics,
    GetTask,
    GetTemplate,
    ListComments,
    ListFunctions,
    ListTasks,
    ListTemplates,
)
from runtime.duration import parse_duration
from runtime.values.json import Json

Read: TypeAlias = Callable[[str], Json]
"""Turns the text of a parameter into what a message takes. Raises `ValueError`, whose text is for the user."""


def whole(text: str) -> Json:
    """Read a page size: 0 is the default; others are brought within bounds, as µTask does."""
    try:
        size = int(text)
    except ValueError:
        raise ValueError("a whole number is wanted") from None
    return min(max(size, 10), 10_000) if size > 0 else 1000


def moment(text: str) -> Json:
    """Read a moment."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("a time in RFC 3339 is wanted, such as 2026-11-27T15:00:00Z") from None
    if read.tzinfo is None:
        raise ValueError("the time says no zone: end it with Z, or an offset")
    return read.timestamp()


def duration(text: str) -> Json:
    """Read a duration of Go's."""
    return max(parse_duration(text), 0.0) if text else 0.0


def truth(text: str) -> Json:
    """Read a truth value."""
    if text.lower() not in {"true", "false", "1", "0", ""}:
        raise ValueError("true or false is wanted")
    return text.lower() in {"true", "1"}


def text(text: str) -> Json:
    """Take a text as it is."""
    return text


@attrs.frozen
class Parameter:
    """A parameter of the path, the query or the body, and the field of the message that it gives."""

    name: str
    field: str = ""
    read: Read | None = None

    @property
    def gives(self) -> str:
        """The field."""
        return self.field or self.name


class View(StrEnum):
    """What a reply shows of a task."""

    TASK = "task"
    RESOLUTION = "resolution"
    STEP = "step"


Fields: TypeAlias = dict[str, Json]
Build: TypeAlias = Callable[[Fields], Sequence[tuple[type, Fields]]]


def _resolve(fields: Fields) -> Sequence[tuple[type, Fields]]:
    start_over = fields.pop("start_over", False)
    return [(StartTaskOver if start_over is True else ResolveTask, fields)]


def _edit_execution(fields: Fields) -> Sequence[tuple[type, Fields]]:
    task: Fields = {"task_id": fields["task_id"]}
    edits: list[tuple[type, Fields]] = []
    if fields.get("steps"):
        edits.append((EditTaskSteps, {**task, "steps": fields["steps"]}))
    if fields.get("resolver_inputs"):
        edits.append((EditResolverInputs, {**task, "resolver_inputs": fields["resolver_inputs"]}))
    return edits


def _edit_step(fields: Fields) -> Sequence[tuple[type, Fields]]:
    return [(EditTaskSteps, {"task_id": fields["task_id"], "steps": {str(fields["step"]): fields.get("definition")}})]


@attrs.frozen(kw_only=True)
class Route:
    """One route.

    `admin`: for administrators; `public`: for everybody, known or not; `paged`: its reply has the headers of pages;
    `tags`: the query has ``tag=key=value`` parameters; `whole_body`: the field that the body as a whole gives;
    `execution`: the id in its path is that of an execution, and the message is about the task of that; `build`: the
    messages, each with its fields, where what was sent makes another one, or several; `view`: what of a task is shown.
    """

    method: str
    path: str
    message: type
    status: int = 200
    admin: bool = False
    public: bool = False
    paged: bool = False
    tags: bool = False
    execution: bool = False
    in_path: tuple[Parameter, ...] = ()
    in_query: tuple[Parameter, ...] = ()
    in_body: tuple[Parameter, ...] = ()
    whole_body: str = ""
    build: "Build | None" = None
    view: View = View.TASK

    @property
    def operation(self) -> str:
        """The id of the operation, in OpenAPI and in metrics."""
        return f"{self.method} {self.path}"


def _p(*names: str, **fields: str) -> tuple[Parameter, ...]:
    return (*(Parameter(name) for name in names), *(Parameter(name, field) for name, field in fields.items()))


_PAGE: Final = (Parameter("page_size", read=whole), Parameter("last", read=text))
_WATCHERS: Final = _p("watcher_usernames", "watcher_groups")
_RESOLVERS: Final = _p("resolver_usernames", "resolver_groups")

ROUTES: Final = (
    Route(method="GET", path="/template", message=ListTemplates, paged=True, in_query=_PAGE),
    Route(method="GET", path="/template/{name}", message=GetTemplate, in_path=_p("name")),
    Route(method="GET", path="/function", message=ListFunctions, paged=True, in_query=_PAGE),
    Route(method="GET", path="/function/{name}", message=GetFunction, in_path=_p("name")),
    Route(
        method="POST",
        path="/task",
        message=SubmitTask,
        status=201,
        in_body=(
            *_p("comment", "tags", template_name="template", input="inputs"),
            *_WATCHERS,
            *_RESOLVERS,
            Parameter("delay", read=duration),
        ),
    ),
    Route(
        method="POST",
        path="/batch",
        message=SubmitBatch,
        status=201,
        in_body=(*_p("inputs", "comment", "tags", template_name="template", common_input="common_inputs"), *_WATCHERS),
    ),
    Route(
        method="GET",
        path="/task",
        message=ListTasks,
        paged=True,
        tags=True,
        in_query=(
            Parameter("type", "involvement", text),
            Parameter("state", read=text),
            Parameter("batch", read=text),
            Parameter("template", read=text),
            Parameter("after", read=moment),
            Parameter("before", read=moment),
            *_PAGE,
        ),
    ),
    Route(method="GET", path="/task/{id}", message=GetTask, in_path=_p(id="task_id")),
    Route(
        method="PUT",
        path="/task/{id}",
        message=EditTaskInputs,
        in_path=_p(id="task_id"),
        in_body=(*_p("tags", input="inputs"), *_WATCHERS),
    ),
    Route(method="POST", path="/task/{id}/wontfix", message=RejectTask, status=204, in_path=_p(id="task_id")),
    Route(method="DELETE", path="/task/{id}", message=DeleteTask, status=204, admin=True, in_path=_p(id="task_id")),
    Route(
        method="POST",
        path="/task/{id}/comment",
        message=AddComment,
        status=201,
        in_path=_p(id="task_id"),
        in_body=_p("content"),
    ),
    Route(method="GET", path="/task/{id}/comment", message=ListComments, in_path=_p(id="task_id")),
    Route(
        method="GET",
        path="/task/{id}/comment/{comment_id}",
        message=GetComment,
        in_path=_p("comment_id", id="task_id"),
    ),
    Route(
        method="PUT",
        path="/task/{id}/comment/{comment_id}",
        message=EditComment,
        in_path=_p("comment_id", id="task_id"),
        in_body=_p("content"),
    ),
    Route(
        method="DELETE",
        path="/task/{id}/comment/{comment_id}",
        message=DeleteComment,
        status=204,
        in_path=_p("comment_id", id="task_id"),
    ),
    Route(
        method="POST",
        path="/resolution",
        message=ResolveTask,
        status=201,
        in_body=_p("task_id", "resolver_inputs", "start_over"),
        build=_resolve,
        view=View.RESOLUTION,
    ),
    Route(
        method="GET", path="/resolution/{id}", message=FindTask, in_path=_p(id="resolution_id"), view=View.RESOLUTION
    ),
    Route(
        method="PUT",
        path="/resolution/{id}",
        message=EditTaskSteps,
        status=204,
        admin=True,
        execution=True,
        in_path=_p(id="task_id"),
        in_body=_p("steps", "resolver_inputs"),
        build=_edit_execution,
    ),
    *(
        Route(
            method="POST",
            path=f"/resolution/{{id}}/{verb}",
            message=message,
            status=204,
            execution=True,
            in_path=_p(id="task_id"),
            in_query=(Parameter("force", read=truth),) if message is PauseTask else (),
        )
        for verb, message in (("run", RunTask), ("pause", PauseTask), ("extend", ExtendTask), ("cancel", CancelTask))
    ),
    Route(
        method="GET",
        path="/resolution/{id}/step/{name}",
        message=FindTask,
        in_path=_p(id="resolution_id"),
        view=View.STEP,
    ),
    Route(
        method="PUT",
        path="/resolution/{id}/step/{name}",
        message=EditTaskSteps,
        status=204,
        admin=True,
        execution=True,
        in_path=_p(id="task_id", name="step"),
        whole_body="definition",
        build=_edit_step,
    ),
    Route(
        method="PUT",
        path="/resolution/{id}/step/{name}/state",
        message=SetStepState,
        status=204,
        execution=True,
        in_path=_p(id="task_id", name="step"),
        in_body=_p("state"),
    ),
    Route(method="POST", path="/key-rotate", message=RotateKeys, admin=True),
    Route(
        method="GET",
        path="/unsecured/stats",
        message=GetStatistics,
        public=True,
        tags=True,
    ),
    Route(
        method="POST",
        path="/unsecured/callback/{id}",
        message=CallCallback,
        public=True,
        in_path=_p(id="callback_id"),
        in_query=(Parameter("t", "secret", text),),
        whole_body="body",
    ),
)
