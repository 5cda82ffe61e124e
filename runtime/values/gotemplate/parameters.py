"""Whether a value, or a literal, fits a parameter's type, and what Go says if not."""

from collections.abc import Callable, Mapping
from typing import Final

from runtime.values.gotemplate import nodes
from runtime.values.gotemplate.functions import Param
from runtime.values.gotemplate.semver import Version
from runtime.values.gotemplate.timemethods import Duration
from runtime.values.gotemplate.times import Location, Time
from runtime.values.gotemplate.values import (
    ANY_LIST,
    ANY_MAP,
    MISSING,
    Certificate,
    Float,
    Int,
    NilList,
    NilMap,
    Uint32,
    Value,
    go_type,
)


def _map(value: Value) -> Value:
    if value is MISSING:
        return NilMap()
    return value if isinstance(value, Mapping) and go_type(value) is ANY_MAP else None


def _list(value: Value) -> Value:
    if value is MISSING:
        return NilList()
    return value if value is not None and go_type(value) is ANY_LIST else None


def _string(value: Value) -> Value:
    return str(value) if isinstance(value, str) else None


def _never(_value: Value) -> Value:
    return None


TYPED: Final[Mapping[Param, tuple[type, Callable[[Value], Value]]]] = {
    Param.STRING: (str, _string),
    Param.INT: (Int, _never),
    Param.UINT32: (Uint32, _never),
    Param.FLOAT64: (Float, _never),
    Param.BOOL: (bool, _never),
    Param.MAP: (dict, _map),
    Param.LIST: (list, _list),
    Param.TIME: (Time, _never),
    Param.CERTIFICATE: (Certificate, _never),
    Param.VERSION: (Version, _never),
    Param.DURATION: (Duration, _never),
    Param.LOCATION: (Location, _never),
}
"""The Python type that fits a parameter as it is, and what makes other values fit, or gives None."""


def describe_mismatch(value: Value, param: Param) -> str:
    """Say what Go says of a value that does not fit."""
    if value is MISSING:
        return f"invalid value; expected {param.value}"
    got = "interface {}" if value is None else go_type(value).name
    return f"wrong type for value; expected {param.value}; got {got}"


_Literal = nodes.Number | nodes.Text | nodes.Bool


def _int(node: _Literal) -> Value:
    return Int(node.as_int) if isinstance(node, nodes.Number) and node.as_int is not None else None


def _uint32(node: _Literal) -> Value:
    return Uint32(node.as_uint & 0xFFFFFFFF) if isinstance(node, nodes.Number) and node.as_uint is not None else None


def _duration(node: _Literal) -> Value:
    return Duration(node.as_int) if isinstance(node, nodes.Number) and node.as_int is not None else None


def _float(node: _Literal) -> Value:
    return Float(node.as_float) if isinstance(node, nodes.Number) and node.as_float is not None else None


LITERALS: Final[Mapping[Param, Callable[[_Literal], Value]]] = {
    Param.STRING: lambda node: node.text if isinstance(node, nodes.Text) else None,
    Param.BOOL: lambda node: node.value if isinstance(node, nodes.Bool) else None,
    Param.INT: _int,
    Param.UINT32: _uint32,
    Param.FLOAT64: _float,
    Param.DURATION: _duration,
}
"""How a literal is read for a parameter; None if it cannot be."""

_WANTED: Final = {
    Param.STRING: "string",
    Param.BOOL: "bool",
    Param.INT: "integer",
    Param.UINT32: "unsigned integer",
    Param.FLOAT64: "float",
    Param.DURATION: "integer",
}


def literal_fault(node: _Literal, param: Param) -> str:
    """Say what Go says of a literal that does not fit."""
    wanted = _WANTED.get(param)
    if wanted is None:
        return f"can't handle {node} for arg of type {param.value}"
    return f"expected {wanted}; found {node}"
