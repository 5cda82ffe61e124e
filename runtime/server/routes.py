"""The routes of spec section 11.2: each is a message, named in the words of µTask.

A route says where the fields of its message come from: the path, the query, and the body, under the names that they
have there. Its OpenAPI operation is made from the same (`openapi`). Members of a body that a route does not know are
passed over, as clients of µTask send whole objects back; messages themselves are strict (``POST /v1/messages``).
"""

from collections.abc import Sequence
from typing import Final

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
    InterruptStep,
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
from runtime.api.showing import View
from runtime.server.flow_routes import FLOW_ROUTES
from runtime.server.route import (
    PAGE,
    Fields,
    Parameter,
    Route,
    after,
    before,
    duration,
    named,
    text,
    truth,
    worded,
)

_WATCHERS: Final = worded("watcher_usernames", "watcher_groups")
_RESOLVERS: Final = worded("resolver_usernames", "resolver_groups")


def _resolve(fields: Fields) -> Sequence[tuple[type, Fields]]:
    start_over = fields.pop("start_over", False)
    return [(StartTaskOver if start_over is True else ResolveTask, fields)]


def _edit_execution(fields: Fields) -> Sequence[tuple[type, Fields]]:
    task: Fields = {"task_id": fields["task_id"]}
    edits: list[tuple[type, Fields]] = []
    if fields.get("steps", {}) != {}:
        edits.append((EditTaskSteps, {**task, "steps": fields["steps"], "replace": True}))
    if fields.get("resolver_inputs", {}) != {}:
        edits.append((EditResolverInputs, {**task, "resolver_inputs": fields["resolver_inputs"]}))
    return edits


def _edit_step(fields: Fields) -> Sequence[tuple[type, Fields]]:
    return [(EditTaskSteps, {"task_id": fields["task_id"], "steps": {str(fields["step"]): fields.get("definition")}})]


ROUTES: Final = (
    Route(method="GET", path="/template", message=ListTemplates, paged=True, in_query=PAGE),
    Route(method="GET", path="/template/{name}", message=GetTemplate, in_path=named("name")),
    Route(method="GET", path="/function", message=ListFunctions, paged=True, in_query=PAGE),
    Route(method="GET", path="/function/{name}", message=GetFunction, in_path=named("name")),
    Route(
        method="POST",
        path="/task",
        message=SubmitTask,
        status=201,
        in_body=(
            *worded("comment", "tags", template_name="template"),
            *named(input="inputs"),
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
        in_body=(
            *worded("comment", "tags", template_name="template"),
            *named("inputs", common_input="common_inputs"),
            *_WATCHERS,
        ),
    ),
    Route(
        method="GET",
        path="/task",
        message=ListTasks,
        paged=True,
        tags="tags",
        in_query=(
            Parameter("type", "involvement", text),
            Parameter("state", read=text),
            Parameter("batch", read=text),
            Parameter("template", read=text),
            Parameter("after", read=after),
            Parameter("before", read=before),
            *PAGE,
        ),
    ),
    Route(method="GET", path="/task/{id}", message=GetTask, in_path=named(id="task_id")),
    Route(
        method="PUT",
        path="/task/{id}",
        message=EditTaskInputs,
        in_path=named(id="task_id"),
        in_body=(*worded("tags"), *named(input="inputs"), *_WATCHERS),
    ),
    Route(method="POST", path="/task/{id}/wontfix", message=RejectTask, status=204, in_path=named(id="task_id")),
    Route(method="DELETE", path="/task/{id}", message=DeleteTask, status=204, admin=True, in_path=named(id="task_id")),
    Route(
        method="POST",
        path="/task/{id}/comment",
        message=AddComment,
        status=201,
        in_path=named(id="task_id"),
        in_body=worded("content"),
    ),
    Route(method="GET", path="/task/{id}/comment", message=ListComments, in_path=named(id="task_id")),
    Route(
        method="GET",
        path="/task/{id}/comment/{comment_id}",
        message=GetComment,
        in_path=named("comment_id", id="task_id"),
    ),
    Route(
        method="PUT",
        path="/task/{id}/comment/{comment_id}",
        message=EditComment,
        in_path=named("comment_id", id="task_id"),
        in_body=worded("content"),
    ),
    Route(
        method="DELETE",
        path="/task/{id}/comment/{comment_id}",
        message=DeleteComment,
        status=204,
        in_path=named("comment_id", id="task_id"),
    ),
    Route(
        method="POST",
        path="/resolution",
        message=ResolveTask,
        status=201,
        in_body=named("task_id", "resolver_inputs", "start_over"),
        build=_resolve,
        view=View.RESOLUTION,
    ),
    Route(
        method="GET", path="/resolution/{id}", message=FindTask, in_path=named(id="resolution_id"), view=View.RESOLUTION
    ),
    Route(
        method="PUT",
        path="/resolution/{id}",
        message=EditTaskSteps,
        status=204,
        admin=True,
        execution=True,
        in_path=named(id="task_id"),
        in_body=named("steps", "resolver_inputs"),
        build=_edit_execution,
    ),
    *(
        Route(
            method="POST",
            path=f"/resolution/{{id}}/{verb}",
            message=message,
            status=204,
            execution=True,
            in_path=named(id="task_id"),
            in_query=(Parameter("force", read=truth),) if message is PauseTask else (),
        )
        for verb, message in (("run", RunTask), ("pause", PauseTask), ("extend", ExtendTask), ("cancel", CancelTask))
    ),
    Route(
        method="GET",
        path="/resolution/{id}/step/{name}",
        message=FindTask,
        in_path=named(id="resolution_id"),
        view=View.STEP,
    ),
    Route(
        method="PUT",
        path="/resolution/{id}/step/{name}",
        message=EditTaskSteps,
        status=204,
        admin=True,
        execution=True,
        in_path=named(id="task_id", name="step"),
        whole_body="definition",
        build=_edit_step,
    ),
    Route(
        method="PUT",
        path="/resolution/{id}/step/{name}/state",
        message=SetStepState,
        status=204,
        execution=True,
        in_path=named(id="task_id", name="step"),
        in_body=worded("state"),
    ),
    Route(
        method="POST",
        path="/resolution/{id}/step/{name}/interrupt",
        message=InterruptStep,
        status=204,
        execution=True,
        in_path=named(id="task_id", name="step"),
        in_body=named("reason", "attempt", "retry"),
    ),
    Route(method="POST", path="/key-rotate", message=RotateKeys, admin=True),
    Route(
        method="GET",
        path="/unsecured/stats",
        message=GetStatistics,
        public=True,
        tags="tags",
    ),
    Route(
        method="POST",
        path="/unsecured/callback/{id}",
        message=CallCallback,
        public=True,
        in_path=named(id="callback_id"),
        in_query=(Parameter("t", "secret", text),),
        whole_body="body",
    ),
    *FLOW_ROUTES,
)
