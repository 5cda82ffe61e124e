"""The OpenAPI 3.1 document, made from the routes and the schemas of their messages."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any, Final, cast

from runtime.api.codec import EVENTS, REQUESTS, SUBSCRIPTIONS
from runtime.api.schema import TAG, tag_of
from runtime.server.answers import SCHEMAS, answer_schema
from runtime.server.route import Parameter, Route, after, before, duration, truth, whole
from runtime.server.routes import ROUTES
from runtime.values.json import Json

_JSON: Final = "application/json"
_PROBLEM: Final = "application/problem+json"
_REFUSALS: Final = {
    "400": "What was sent cannot be taken, or the state of the task forbids it.",
    "401": "It is not known who asks, or it is not an administrator.",
    "403": "This is not theirs to do.",
    "404": "There is no such thing, or not for who asks.",
    "405": "The method is not taken here, or not now: the server is under maintenance, and only reads.",
    "408": "The body took too long to arrive.",
    "409": "There is such a thing already.",
    "413": "The body is too large.",
    "429": "Too many requests; `Retry-After` says when to come back.",
    "503": "The server is full, draining or late; `Retry-After` says when to come back.",
}
_TEXTS: Final = {
    "/healthz": "Say that the server lives.",
    "/readyz": "Say whether it takes requests.",
    "/metrics": "Give figures, as Prometheus reads them.",
    "/unsecured/mon/ping": "Answer pong, once the store has answered.",
}
_PROBLEM_SCHEMA: Final[Json] = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "error": {"type": "string"},
        "faults": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"path": {"type": "string"}, "message": {"type": "string"}, "hint": {"type": "string"}},
                "required": ["path", "message"],
            },
        },
    },
    "required": ["title", "status", "detail", "error"],
}


@cache
def document() -> dict[str, Json]:
    """Give the document. It is the same for every server, and not to be changed."""
    paths: dict[str, dict[str, Json]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    paths["/v1/messages"] = {"post": _messages()}
    paths["/v1/events"] = {"get": _events()}
    paths["/meta"] = {"get": _plain("Say who asks, and of what.", {"$ref": "#/components/schemas/Meta"})}
    for path, summary in _TEXTS.items():
        paths[path] = {"get": _text(summary)}
    for path in ("/unsecured/spec.json", "/openapi.json"):
        paths[path] = {"get": {**_plain("Give this document.", {"type": "object"}), "security": []}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "understudy", "version": version("understudy")},
        "paths": cast("Json", paths),
        "components": {
            "schemas": {
                **_definitions(REQUESTS.schema()),
                **_definitions(SUBSCRIPTIONS.schema()),
                **_definitions(EVENTS.schema()),
                **SCHEMAS,
                "Problem": _PROBLEM_SCHEMA,
            },
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
        "security": [{"basic": []}, {"bearer": []}],
    }


def _definitions(schema: Mapping[str, Json]) -> dict[str, Json]:
    return dict(cast("Mapping[str, Json]", schema["$defs"]))


def _operation(route: Route) -> dict[str, Json]:
    schema: Any = REQUESTS.schemas[tag_of(route.message)]
    properties = schema["properties"]
    parameters = [_parameter(one, "path", properties) for one in route.in_path]
    parameters += [_parameter(one, "query", properties) for one in route.in_query]
    if route.tags:
        parameters.append(
            {
                "name": "tag",
                "in": "query",
                "schema": {"type": "array", "items": {"type": "string", "pattern": "^[^=]+="}},
            }
        )
    operation: dict[str, Json] = {
        "operationId": f"{route.method.lower()}{route.path.replace('/', '_').replace('{', '').replace('}', '')}",
        "summary": schema["description"].split("\n")[0],
        "parameters": parameters,
        "responses": _responses(route.status, answer_schema(route) if route.status != 204 else {}),
    }
    if route.in_body or route.whole_body:
        operation["requestBody"] = {"content": {_JSON: {"schema": _body(route, schema)}}}
    if route.public:
        operation["security"] = []
    return operation


def _parameter(one: Parameter, place: str, properties: Mapping[str, Any]) -> dict[str, Json]:
    known = dict(properties.get(one.gives, {"type": "string", "minLength": 1}))
    about = known.pop("description", "")
    schema: dict[str, Any] = known
    if one.read in {after, before}:
        schema = {"type": "string", "format": "date-time"}
    elif one.read is truth:
        schema = {"type": "boolean"}
    elif one.read is whole:
        schema = {"type": "integer", "minimum": 0}
    elif "anyOf" in known:
        schema = dict(known["anyOf"][0])
    if place == "path":
        schema["pattern"] = "^[^/]+$"
    return {"name": one.name, "in": place, "required": place == "path", "description": about, "schema": schema}


def _body(route: Route, schema: Any) -> dict[str, Json]:
    if route.whole_body:
        return {"type": "object"}
    properties: dict[str, Json] = {}
    for one in route.in_body:
        known = schema["properties"].get(one.gives)
        if one.read is duration:
            known = {"type": "string", "description": "How much later it starts, as a duration such as 1h30m."}
        properties[one.name] = known if known is not None else {}
    required = [one.name for one in route.in_body if one.gives in schema["required"] and one.gives != TAG]
    body: dict[str, Json] = {"type": "object", "properties": properties, "required": cast("Json", required)}
    return {**body, "additionalProperties": False} if route.strict else body


def _responses(status: int, answer: Json) -> dict[str, Json]:
    refused: dict[str, Json] = {
        code: {"description": text, "content": {_PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
        for code, text in _REFUSALS.items()
    }
    done: Json = (
        {"description": "Done."} if status == 204 else {"description": "Done.", "content": {_JSON: {"schema": answer}}}
    )
    return {str(status): done, **refused}


def _messages() -> dict[str, Json]:
    one_of: list[Json] = [{"$ref": f"#/components/schemas/{cls.__name__}"} for cls in REQUESTS.classes.values()]
    return {
        "operationId": "message",
        "summary": "Send one command or query.",
        "requestBody": {"required": True, "content": {_JSON: {"schema": {"oneOf": one_of}}}},
        "responses": _responses(200, {}),
    }


def _events() -> dict[str, Json]:
    return {
        "operationId": "events",
        "summary": "Listen to what happens: server-sent events, or a WebSocket. `after` is the last position that is known.",
        "parameters": [
            {"name": "after", "in": "query", "schema": {"type": "integer", "minimum": 0}},
            {"name": "task_id", "in": "query", "schema": {"type": "string"}},
        ],
        "responses": {**_responses(200, {}), "200": {"description": "Events.", "content": {"text/event-stream": {}}}},
    }


def _plain(summary: str, answer: Json) -> dict[str, Json]:
    return {"summary": summary, "responses": _responses(200, answer)}


def _text(summary: str) -> dict[str, Json]:
    text: Json = {"description": "Done.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    return {"summary": summary, "security": [], "responses": {**_responses(200, {}), "200": text}}
