"""Sprig's functions on defaults, emptiness and JSON."""

from typing import Final

from runtime.values.gotemplate.copying import deep_copy
from runtime.values.gotemplate.errors import FunctionError
from runtime.values.gotemplate.functions import ANY, BOOL, STRING, Host, Table
from runtime.values.gotemplate.jsonreading import Unreadable, read_json
from runtime.values.gotemplate.jsonwriting import Unwritable, write_json
from runtime.values.gotemplate.values import JSON_NUMBER, Struct, Value, go_type

_TABLE: Final = Table()
FUNCTIONS: Final = _TABLE.functions

_PRETTY: Final = "  "


def is_empty(value: Value) -> bool:
    """Tell whether a value is nothing, zero, or without contents. A JSON number has contents: its literal."""
    if value:
        return False
    return value is None or not (isinstance(value, Struct) or go_type(value) is JSON_NUMBER)


@_TABLE.add("default", params=(ANY, ANY), variadic=True, passes=True)
def _default(default: Value, *given: Value) -> Value:
    return default if not given or is_empty(given[0]) else given[0]


@_TABLE.add("empty", params=(ANY,))
def _empty(value: Value) -> bool:
    return is_empty(value)


@_TABLE.add("coalesce", params=(ANY,), variadic=True, passes=True, interface=True)
def _coalesce(*values: Value) -> Value:
    return next((value for value in values if not is_empty(value)), None)


@_TABLE.add("all", params=(ANY,), variadic=True)
def _all(*values: Value) -> bool:
    return not any(map(is_empty, values))


@_TABLE.add("any", params=(ANY,), variadic=True)
def _any(*values: Value) -> bool:
    return not all(map(is_empty, values))


@_TABLE.add("ternary", params=(ANY, ANY, BOOL), passes=True)
def _ternary(yes: Value, no: Value, choice: bool) -> Value:
    return yes if choice else no


@_TABLE.add("fromJson", params=(STRING,), host=True)
def _from_json(host: Host, text: str) -> Value:
    try:
        return read_json(host.budget, text)
    except Unreadable:
        return None


@_TABLE.add("mustFromJson", params=(STRING,), host=True)
def _must_from_json(host: Host, text: str) -> Value:
    try:
        return read_json(host.budget, text)
    except Unreadable as fault:
        raise FunctionError(str(fault)) from None


@_TABLE.add("toJson", params=(ANY,), host=True)
def _to_json(host: Host, value: Value) -> str:
    try:
        return write_json(host.budget, value)
    except Unwritable:
        return ""


@_TABLE.add("toPrettyJson", params=(ANY,), host=True)
def _to_pretty_json(host: Host, value: Value) -> str:
    try:
        return write_json(host.budget, value, indent=_PRETTY)
    except Unwritable:
        return ""


def _write(host: Host, value: Value, *, html: bool = True, indent: str = "") -> str:
    try:
        return write_json(host.budget, value, html=html, indent=indent)
    except Unwritable as fault:
        raise FunctionError(str(fault)) from None


@_TABLE.add("mustToJson", params=(ANY,), host=True)
def _must_to_json(host: Host, value: Value) -> str:
    return _write(host, value)


@_TABLE.add("mustToPrettyJson", params=(ANY,), host=True)
def _must_to_pretty_json(host: Host, value: Value) -> str:
    return _write(host, value, indent=_PRETTY)


@_TABLE.add("toRawJson", "mustToRawJson", params=(ANY,), host=True)
def _to_raw_json(host: Host, value: Value) -> str:
    return _write(host, value, html=False)


@_TABLE.add("deepCopy", "mustDeepCopy", params=(ANY,), host=True)
def _deep_copy(host: Host, value: Value) -> Value:
    if value is None:
        raise FunctionError("reflect: call of reflect.Value.Type on zero Value")
    return deep_copy(host.budget, value)
