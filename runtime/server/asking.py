"""From a request to messages: parameters are gathered as their route says, and faults speak of them by their own names."""

from collections.abc import Mapping, Sequence
from typing import Final

import attrs
from starlette.requests import Request

from runtime.api.checking import MessageInvalid
from runtime.api.codec import REQUESTS
from runtime.api.commands import Command
from runtime.api.queries import Query
from runtime.api.schema import TAG, tag_of
from runtime.errors import Fault, did_you_mean
from runtime.server.route import Fields, Parameter, Route, texts
from runtime.values.json import Json

_MOST_FAULTS: Final = 20
_LONGEST: Final = 100


def messages_of(route: Route, request: Request, body: Json, task_id: str) -> Sequence[Command | Query]:
    """Give the messages that a request is; `task_id` is the task of the execution that its path names.

    Raises:
        MessageInvalid: with every fault, and the parameter that it is in.
    """
    fields = _fields(route, request, body)
    if task_id:
        fields["task_id"] = task_id
    built = [(route.message, fields)] if route.build is None else route.build(fields)
    names = {one.gives: one.name for one in (*route.in_path, *route.in_query, *route.in_body)}
    return [_decoded(message, own, names) for message, own in built]


def _decoded(message: type, fields: Fields, names: Mapping[str, str]) -> Command | Query:
    try:
        return REQUESTS.decode({TAG: tag_of(message), **fields})
    except MessageInvalid as refusal:
        raise MessageInvalid([_renamed(fault, names) for fault in refusal.faults]) from None


def _renamed(fault: Fault, names: Mapping[str, str]) -> Fault:
    """Give a fault under the name that its parameter has in the request."""
    for end, mark in enumerate(fault.path):
        if mark in ".[":
            head, tail = fault.path[:end], fault.path[end:]
            break
    else:
        head, tail = fault.path, ""
    return attrs.evolve(fault, path=names.get(head, head) + tail)


def _fields(route: Route, request: Request, body: Json) -> Fields:
    fields: Fields = {one.gives: request.path_params[one.name] for one in route.in_path}
    faults: list[Fault] = []
    for one in route.in_query:
        text = request.query_params.get(one.name)
        if text:
            _read(one, text, fields, faults)
    if route.tags:
        fields[route.tags] = _tags(request.query_params.getlist("tag"), faults)
    if (route.whole_body or route.in_body) and not isinstance(body, Mapping) and (route.whole_body or body is not None):
        raise MessageInvalid([Fault("", "the body has to be an object")])
    if route.whole_body:
        fields[route.whole_body] = body
    elif isinstance(body, Mapping):
        for one in route.in_body:
            value = body.get(one.name)
            if one.read is not None and isinstance(value, str):
                _read(one, value, fields, faults)
            elif value is not None or (route.strict and one.name in body):
                fields[one.gives] = texts(value) if one.worded else value
    if route.strict:
        faults += _unknown(route, body)
    if faults:
        raise MessageInvalid(faults)
    return fields


def _unknown(route: Route, body: Json) -> Sequence[Fault]:
    """Name the members of a body that nobody reads."""
    if body is None:
        return ()
    if not isinstance(body, Mapping):
        return [Fault("", "the body has to be an object")]
    known = [one.name for one in route.in_body]
    unknown = [name for name in body if name not in known][:_MOST_FAULTS]
    return [Fault(name[:_LONGEST], "there is no such field", did_you_mean(name, known)) for name in unknown]


def _read(parameter: Parameter, text: str, fields: Fields, faults: list[Fault]) -> None:
    try:
        fields[parameter.gives] = text if parameter.read is None else parameter.read(text)
    except ValueError as fault:
        faults.append(Fault(parameter.name, str(fault)))


def _tags(texts: Sequence[str], faults: list[Fault]) -> dict[str, Json]:
    tags: dict[str, Json] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if equals and name:
            tags[name] = value
        else:
            faults.append(Fault("tag", "tags are asked for as tag=NAME=VALUE"))
    return tags
