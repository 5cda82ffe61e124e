"""The schemas of what routes answer with: the shapes of spec section 11.3, for the OpenAPI document.

What is written by hand here is what `runtime.api.shapes` shows; a test holds every real answer to it.
"""

from collections.abc import Mapping
from typing import Final

import attrs

from runtime.api.commands import AddComment, CallCallback, EditComment, RotateKeys, SubmitBatch
from runtime.api.flow_desk import FlowType, ListedFlow
from runtime.api.flow_queries import GetApproval, GetFlowStep, ListFlows, ListFlowTypes, ListPolicyReports
from runtime.api.flow_views import ApprovalView, FlowStepDetail, FlowView, PolicyReportView
from runtime.api.queries import (
    GetComment,
    GetFunction,
    GetStatistics,
    GetTemplate,
    ListComments,
    ListFunctions,
    ListTasks,
    ListTemplates,
)
from runtime.api.showing import View
from runtime.engine.states import ResolutionState, TaskState
from runtime.server.route import Route
from runtime.values.json import Json

_TEXT: Final[Json] = {"type": "string"}
_WHOLE: Final[Json] = {"type": "integer", "minimum": 0}
_MOMENT: Final[Json] = {"type": "string", "format": "date-time"}
_TRUTH: Final[Json] = {"type": "boolean"}
_MEMBERS: Final[Json] = {"type": "object"}
_ANY: Final[Json] = {}
_TEXTS: Final[Json] = {"type": "array", "items": _TEXT}
_OBJECTS: Final[Json] = {"type": "array", "items": _MEMBERS}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _list_of(name: str) -> Json:
    return {"type": "array", "items": _ref(name)}


def _object(needed: Mapping[str, Json], may: Mapping[str, Json] | None = None) -> dict[str, Json]:
    return {
        "type": "object",
        "properties": {**needed, **(may or {})},
        "required": list(needed),
        "additionalProperties": False,
    }


def _members_of(view: type) -> dict[str, Json]:
    """Name the members of a view that is shown as it is; what is in each of them says its class."""
    return _object({field.name: _ANY for field in attrs.fields(view)})


_OF_TASK: Final[Mapping[str, Json]] = {
    "id": _TEXT,
    "title": _TEXT,
    "template_name": _TEXT,
    "requester_username": _TEXT,
    "created": _MOMENT,
    "state": {"enum": [str(state) for state in TaskState]},
    "steps_done": _WHOLE,
    "steps_total": _WHOLE,
    "last_activity": _MOMENT,
}
_MAYBE_OF_TASK: Final[Mapping[str, Json]] = {
    "requester_groups": _TEXTS,
    "watcher_usernames": _TEXTS,
    "watcher_groups": _TEXTS,
    "resolver_usernames": _TEXTS,
    "resolver_groups": _TEXTS,
    "tags": {"type": "object", "additionalProperties": _TEXT},
    "resolution": _TEXT,
    "resolver_username": _TEXT,
    "batch": _TEXT,
}
_STEP: Final = _object(
    {
        "name": _TEXT,
        "description": _TEXT,
        "idempotent": _TRUTH,
        "action": _MEMBERS,
        "retry_pattern": _TEXT,
        "dependencies": _TEXTS,
        "foreach_strategy": _TEXT,
        "resources": _TEXTS,
        "state": _TEXT,
        "tags": {"type": ["object", "null"]},
    },
    {
        "pre_hook": _MEMBERS,
        "json_schema": _ANY,
        "max_retries": _WHOLE,
        "execution_delay": _TEXT,
        "custom_states": _TEXTS,
        "conditions": _OBJECTS,
        "foreach": _TEXT,
        "error": _TEXT,
        "output": _ANY,
        "metadata": _ANY,
        "try_count": _WHOLE,
        "children": _ANY,
        "item": _ANY,
        "last_run": _MOMENT,
        "children_steps": _TEXTS,
        "attempt": _WHOLE,
    },
)

SCHEMAS: Final[Mapping[str, dict[str, Json]]] = {
    "Task": _object(
        {**_OF_TASK, "input": _MEMBERS},
        {
            **_MAYBE_OF_TASK,
            "result": _ANY,
            "last_start": _MOMENT,
            "last_stop": _MOMENT,
            "comments": _list_of("Comment"),
            "errors": {"type": "array", "items": _object(dict.fromkeys(("step", "error", "name", "state"), _TEXT))},
            "stop_reason": _TEXT,
            "waits_for": _TEXTS,
            "result_error": _TEXT,
            "resolver_inputs": _OBJECTS,
        },
    ),
    "ListedTask": _object({**_OF_TASK, "input": {"type": "null"}}, _MAYBE_OF_TASK),
    "Resolution": _object(
        {
            "id": _TEXT,
            "task_id": _TEXT,
            "task_title": _TEXT,
            "resolver_username": _TEXT,
            "state": {"enum": [str(state) for state in ResolutionState]},
            "created": _MOMENT,
            "run_count": _WHOLE,
            "run_max": _WHOLE,
            "base_configurations": _MEMBERS,
        },
        {
            "instance_id": _WHOLE,
            "last_start": _MOMENT,
            "last_stop": _MOMENT,
            "next_retry": _MOMENT,
            "steps": {"type": "object", "additionalProperties": _ref("ResolutionStep")},
            "resolver_inputs": _MEMBERS,
        },
    ),
    "ResolutionStep": _STEP,
    "Comment": _object({"id": _TEXT, "username": _TEXT, "created": _MOMENT, "updated": _MOMENT, "content": _TEXT}),
    "Batch": _object({"id": _TEXT, "tasks": _TEXTS}),
    "TaskTemplate": {"type": "object", "properties": {"name": _TEXT, "description": _TEXT}, "required": ["name"]},
    "TaskFunction": _object(
        {"name": _TEXT, "action": _MEMBERS},
        {"pre_hook": _MEMBERS, "conditions": _OBJECTS, "custom_states": _TEXTS},
    ),
    "TaskCounts": _object(
        {"task_states": {"type": "object", "additionalProperties": _WHOLE}},
        {
            "age_seconds": {
                "type": "number",
                "minimum": 0,
                "description": "How long ago they were counted: there only where that takes long, and is not done each time.",
            }
        },
    ),
    "Sealed": _object({"rows": _WHOLE}),
    "Called": _object({"message": _TEXT}),
    "Meta": _object(
        {
            "application_name": _TEXT,
            "user_is_admin": _TRUTH,
            "username": _TEXT,
            "user_groups": _TEXTS,
            "version": _TEXT,
            "commit": _TEXT,
        }
    ),
    **{
        view.__name__: _members_of(view)
        for view in (FlowView, FlowStepDetail, ApprovalView, ListedFlow, FlowType, PolicyReportView)
    },
}

_OF_MESSAGE: Final[Mapping[type, Json]] = {
    AddComment: _ref("Comment"),
    EditComment: _ref("Comment"),
    GetComment: _ref("Comment"),
    ListComments: _list_of("Comment"),
    SubmitBatch: _ref("Batch"),
    ListTasks: _list_of("ListedTask"),
    ListTemplates: _list_of("TaskTemplate"),
    GetTemplate: _ref("TaskTemplate"),
    ListFunctions: _list_of("TaskFunction"),
    GetFunction: _ref("TaskFunction"),
    GetStatistics: _ref("TaskCounts"),
    RotateKeys: _ref("Sealed"),
    CallCallback: _ref("Called"),
    ListFlows: _list_of("ListedFlow"),
    ListFlowTypes: _list_of("FlowType"),
    ListPolicyReports: _list_of("PolicyReportView"),
    GetFlowStep: _ref("FlowStepDetail"),
    GetApproval: _ref("ApprovalView"),
}
_OF_VIEW: Final[Mapping[View, Json]] = {
    View.TASK: _ref("Task"),
    View.RESOLUTION: _ref("Resolution"),
    View.STEP: _ref("ResolutionStep"),
}


def answer_schema(route: Route) -> Json:
    """Give the schema of what a route answers with."""
    if route.message in _OF_MESSAGE:
        return _OF_MESSAGE[route.message]
    return _ref("FlowView") if route.message.__module__.startswith("runtime.api.flow") else _OF_VIEW[route.view]
