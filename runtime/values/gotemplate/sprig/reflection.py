"""Sprig's functions on types and kinds."""

from typing import Final

from runtime.values.gotemplate.equality import deep_equal
from runtime.values.gotemplate.functions import ANY, STRING, Host, Table
from runtime.values.gotemplate.values import Value, go_type

_TABLE: Final = Table()
FUNCTIONS: Final = _TABLE.functions


@_TABLE.add("typeOf", params=(ANY,))
def _type_of(value: Value) -> str:
    return go_type(value).name


@_TABLE.add("typeIs", params=(STRING, ANY))
def _type_is(wanted: str, value: Value) -> bool:
    return wanted == go_type(value).name


@_TABLE.add("typeIsLike", params=(STRING, ANY))
def _type_is_like(wanted: str, value: Value) -> bool:
    return go_type(value).name in {wanted, f"*{wanted}"}


@_TABLE.add("kindOf", params=(ANY,))
def _kind_of(value: Value) -> str:
    return go_type(value).kind.value


@_TABLE.add("kindIs", params=(STRING, ANY))
def _kind_is(wanted: str, value: Value) -> bool:
    return wanted == go_type(value).kind.value


@_TABLE.add("deepEqual", params=(ANY, ANY), host=True)
def _deep_equal(host: Host, left: Value, right: Value) -> bool:
    return deep_equal(host.budget, left, right)
