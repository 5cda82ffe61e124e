"""Reaching into values by name: maps, structs and their methods, nothing, and everything else."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import attrs

from runtime.values.gotemplate.errors import FunctionError
from runtime.values.gotemplate.functions import Function, Param
from runtime.values.gotemplate.literals import parse_decimal, parse_float
from runtime.values.gotemplate.text import quote
from runtime.values.gotemplate.values import (
    ANY_MAP,
    JSON_NUMBER,
    MISSING,
    Enumerated,
    Float,
    Int64,
    Struct,
    Value,
    go_type,
    string_of,
)


class FieldError(Exception):
    """A field cannot be had; the text is Go's."""


class CallError(FieldError):
    """A method failed."""


def _number_int64(number: Value) -> Int64:
    text = string_of(number)
    value = parse_decimal(text)
    if value is None:
        problem = "value out of range" if text.lstrip("-").isdecimal() else "invalid syntax"
        raise FunctionError(f'strconv.ParseInt: parsing "{text}": {problem}')
    return Int64(value)


def _number_float64(number: Value) -> Float:
    value = parse_float(string_of(number))
    if value is None:
        raise FunctionError(f'strconv.ParseFloat: parsing "{string_of(number)}": value out of range')
    return Float(value)


_NUMBER_METHODS: Final = {
    "String": Function(string_of),
    "Int64": Function(_number_int64),
    "Float64": Function(_number_float64),
}
_ENUMERATED_METHODS: Final = {"String": Function(lambda value: value.go_string())}


@attrs.frozen
class Given:
    """Arguments for what may be a method: how many, and how to evaluate them for its parameters."""

    count: int
    evaluate: Callable[[Sequence[Param]], Sequence[Value]]


def _call_method(receiver: Value, name: str, method: Function, given: Given | None) -> Value:
    count = given.count if given else 0
    if count != len(method.params):
        raise FieldError(f"wrong number of args for {name}: want {len(method.params)} got {count}")
    if method.results > 1:
        raise FieldError(f"can't call method/function {quote(name)} with {method.results} results")
    args = given.evaluate(method.params) if given else ()
    try:
        return method.call(receiver, *args)
    except FunctionError as fault:
        raise CallError(f"error calling {name}: {fault}") from None


def _methods(receiver: Value) -> Mapping[str, Function]:
    if isinstance(receiver, Struct):
        return receiver.go_methods
    if isinstance(receiver, Enumerated):
        return receiver.go_methods or _ENUMERATED_METHODS
    return _NUMBER_METHODS if go_type(receiver) is JSON_NUMBER else {}


def get_field(receiver: Value, name: str, *, from_interface: bool, given: Given | None = None) -> Value:
    """Get a field of a value, or call its method.

    `from_interface` tells whether the value came out of a container of interfaces; Go's error says so.

    Raises:
        FieldError: the value has no such field, or arguments were given to one that takes none.
    """
    if type(receiver) is dict and given is None:
        return receiver.get(name, MISSING)
    if receiver is MISSING:
        return MISSING
    if receiver is None:
        raise FieldError(f"nil pointer evaluating interface {{}}.{name}")
    if isinstance(receiver, Mapping):
        if given:
            raise FieldError(f"{name} is not a method but has arguments")
        return receiver.get(name, MISSING)
    method = _methods(receiver).get(name)
    if method is not None:
        return _call_method(receiver, name, method, given)
    if isinstance(receiver, Struct) and name in receiver.go_fields:
        if given:
            raise FieldError(f"{name} has arguments but cannot be invoked as function")
        return getattr(receiver, receiver.go_fields[name])
    kind = "interface {}" if from_interface else go_type(receiver).name
    if isinstance(receiver, Struct) and any(name == hidden for hidden, _ in receiver.go_values()):
        raise FieldError(f"{name} is an unexported field of struct type {kind}")
    raise FieldError(f"can't evaluate field {name} in type {kind}")


def holds_interfaces(value: Value) -> bool:
    """Tell whether what is taken out of a map is an interface to Go, not a value of a known type."""
    return type(value) is dict or (isinstance(value, Mapping) and go_type(value) is ANY_MAP)
