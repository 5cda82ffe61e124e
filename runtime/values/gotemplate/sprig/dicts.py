"""Sprig's functions on maps. Where Go's order is random, ours is sorted."""

from collections.abc import Mapping
from typing import Final

from runtime.values.gotemplate.casts import to_text
from runtime.values.gotemplate.errors import FunctionError
from runtime.values.gotemplate.functions import ANY, MAP, STRING, Host, Table
from runtime.values.gotemplate.limits import DEEPEST
from runtime.values.gotemplate.sorting import sorted_keys
from runtime.values.gotemplate.sprig.defaults import is_empty
from runtime.values.gotemplate.values import ANY_MAP, Kind, NilMap, Strings, Value, go_type

_TABLE: Final = Table()
FUNCTIONS: Final = _TABLE.functions

_Map = Mapping[str, Value]
_KEYS_AND_DEFAULT: Final = 3


@_TABLE.add("dict", params=(ANY,), variadic=True, host=True)
def _dict(host: Host, *values: Value) -> dict[str, Value]:
    made: dict[str, Value] = {}
    for at in range(0, len(values), 2):
        made[to_text(host.budget, values[at])] = values[at + 1] if at + 1 < len(values) else ""
    return made


@_TABLE.add("get", params=(MAP, STRING), passes=True)
def _get(mapping: _Map, key: str) -> Value:
    return mapping.get(key, "")


@_TABLE.add("set", params=(MAP, STRING, ANY), host=True, mutates=True, passes=True)
def _set(host: Host, mapping: dict[str, Value], key: str, value: Value) -> _Map:
    if isinstance(mapping, NilMap):
        raise FunctionError("assignment to entry in nil map")
    host.budget.hold(100)
    mapping[key] = value
    return mapping


@_TABLE.add("unset", params=(MAP, STRING), mutates=True, passes=True)
def _unset(mapping: dict[str, Value], key: str) -> _Map:
    mapping.pop(key, None)
    return mapping


@_TABLE.add("hasKey", params=(MAP, STRING))
def _has_key(mapping: _Map, key: str) -> bool:
    return key in mapping


@_TABLE.add("pluck", params=(STRING, MAP), variadic=True)
def _pluck(key: str, *mappings: _Map) -> list[Value]:
    return [mapping[key] for mapping in mappings if key in mapping]


@_TABLE.add("keys", params=(MAP,), variadic=True, host=True)
def _keys(host: Host, *mappings: _Map) -> Strings:
    host.budget.hold(8 * sum(map(len, mappings)))
    return Strings([key for mapping in mappings for key in sorted_keys(host.budget, mapping)])


@_TABLE.add("values", params=(MAP,), host=True)
def _values(host: Host, mapping: _Map) -> list[Value]:
    host.budget.hold(8 * len(mapping))
    return [mapping[key] for key in sorted_keys(host.budget, mapping)]


@_TABLE.add("pick", params=(MAP, STRING), variadic=True)
def _pick(mapping: _Map, *keys: str) -> dict[str, Value]:
    return {key: mapping[key] for key in keys if key in mapping}


@_TABLE.add("omit", params=(MAP, STRING), variadic=True, host=True)
def _omit(host: Host, mapping: _Map, *keys: str) -> dict[str, Value]:
    host.budget.hold(16 * len(mapping))
    return {key: value for key, value in mapping.items() if key not in keys}


def _is_map(value: Value) -> bool:
    return value is not None and go_type(value).kind is Kind.MAP


def _merge_into(host: Host, target: dict[str, Value], source: _Map, *, overwrite: bool, depth: int = 0) -> None:
    """Merge as the library behind Sprig does: maps within maps are merged, the rest is taken where allowed.

    A map never replaces what is there, unless that is empty; a null only ever replaces.
    """
    host.budget.hold(100 * len(source) + 64)
    if depth > DEEPEST:
        raise FunctionError("maps to merge are nested too deep")
    for key in list(source):
        value = source[key]
        known = target.get(key)
        if value is None:
            if overwrite:
                target[key] = None
            continue
        if _is_map(value):
            if isinstance(known, dict) and not isinstance(known, NilMap) and known is not value:
                _merge_into(host, known, value, overwrite=overwrite, depth=depth + 1)
            if not is_empty(known):
                continue
        if overwrite or is_empty(known):
            target[key] = value


def _merge(host: Host, target: dict[str, Value], sources: tuple[_Map, ...], *, overwrite: bool) -> _Map:
    made = target
    for source in sources:
        if isinstance(made, NilMap) and not isinstance(source, NilMap):
            made = {}
        if made is not source:
            _merge_into(host, made, source, overwrite=overwrite)
    return made


@_TABLE.add("merge", "mustMerge", params=(MAP, MAP), variadic=True, host=True, mutates=True, passes=True)
def _merge_missing(host: Host, target: dict[str, Value], *sources: _Map) -> _Map:
    return _merge(host, target, sources, overwrite=False)


@_TABLE.add(
    "mergeOverwrite", "mustMergeOverwrite", params=(MAP, MAP), variadic=True, host=True, mutates=True, passes=True
)
def _merge_over(host: Host, target: dict[str, Value], *sources: _Map) -> _Map:
    return _merge(host, target, sources, overwrite=True)


def _described(value: Value) -> str:
    return "nil" if value is None else go_type(value).name


@_TABLE.add("dig", params=(ANY,), variadic=True, passes=True)
def _dig(*parts: Value) -> Value:
    if len(parts) < _KEYS_AND_DEFAULT:
        raise FunctionError("dig needs at least three arguments")
    *keys, default, value = parts
    if value is None or go_type(value) is not ANY_MAP:
        raise _conversion(value)
    for key in keys:
        if not isinstance(key, str):
            raise FunctionError(f"interface conversion: interface {{}} is {_described(key)}, not string")
    for key in keys:
        if value is None or go_type(value) is not ANY_MAP:
            raise _conversion(value)
        if key not in value:
            return default
        value = value[key]
    return value


def _conversion(value: Value) -> FunctionError:
    return FunctionError(f"interface conversion: interface {{}} is {_described(value)}, not map[string]interface {{}}")
