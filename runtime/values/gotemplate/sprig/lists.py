"""Sprig's functions on lists."""

from collections.abc import Sequence
from typing import Final

from runtime.values.gotemplate.casts import to_int64, to_text, to_texts
from runtime.values.gotemplate.equality import deep_equal
from runtime.values.gotemplate.errors import FunctionError
from runtime.values.gotemplate.functions import ANY, INT, Host, Table
from runtime.values.gotemplate.sorting import sorted_texts
from runtime.values.gotemplate.sprig.defaults import is_empty
from runtime.values.gotemplate.values import MISSING, Int, Ints, Kind, Lists, NilList, Strings, Value, go_type

_TABLE: Final = Table()
FUNCTIONS: Final = _TABLE.functions

_PIECE: Final = 1_000  # numbers made in one go

NIL_POINTER: Final = "runtime error: invalid memory address or nil pointer dereference"


def items_of(host: Host, value: Value, complaint: str) -> Sequence[Value]:
    """Give a list's items, charged for walking them.

    Raises:
        FunctionError: it is no list; the text is the complaint with the kind of what it is.
    """
    if value is None or value is MISSING:
        raise FunctionError(NIL_POINTER)
    kind = go_type(value).kind
    if kind is not Kind.SLICE:
        raise FunctionError(f"{complaint} {kind.value}")
    host.budget.spend(len(value))
    items: Sequence[Value] = value
    return items


@_TABLE.add("list", "tuple", params=(ANY,), variadic=True)
def _list(*values: Value) -> list[Value]:
    return list(values)


@_TABLE.add("append", "push", "mustAppend", "mustPush", params=(ANY, ANY), host=True)
def _append(host: Host, value: Value, item: Value) -> list[Value]:
    return [*items_of(host, value, "Cannot push on type"), item]


@_TABLE.add("prepend", "mustPrepend", params=(ANY, ANY), host=True)
def _prepend(host: Host, value: Value, item: Value) -> list[Value]:
    return [item, *items_of(host, value, "Cannot prepend on type")]


@_TABLE.add("first", "mustFirst", params=(ANY,), host=True, passes=True)
def _first(host: Host, value: Value) -> Value:
    items = items_of(host, value, "Cannot find first on type")
    return items[0] if items else None


@_TABLE.add("last", "mustLast", params=(ANY,), host=True, passes=True)
def _last(host: Host, value: Value) -> Value:
    items = items_of(host, value, "Cannot find last on type")
    return items[-1] if items else None


@_TABLE.add("rest", "mustRest", params=(ANY,), host=True)
def _rest(host: Host, value: Value) -> list[Value]:
    items = items_of(host, value, "Cannot find rest on type")
    return list(items[1:]) if items else NilList()


@_TABLE.add("initial", "mustInitial", params=(ANY,), host=True)
def _initial(host: Host, value: Value) -> list[Value]:
    items = items_of(host, value, "Cannot find initial on type")
    return list(items[:-1]) if items else NilList()


@_TABLE.add("reverse", "mustReverse", params=(ANY,), host=True)
def _reverse(host: Host, value: Value) -> list[Value]:
    return list(reversed(items_of(host, value, "Cannot find reverse on type")))


@_TABLE.add("compact", "mustCompact", params=(ANY,), host=True)
def _compact(host: Host, value: Value) -> list[Value]:
    return [item for item in items_of(host, value, "Cannot compact on type") if not is_empty(item)]


def _within(host: Host, items: Sequence[Value], wanted: Value) -> bool:
    return any(deep_equal(host.budget, wanted, item) for item in items)


@_TABLE.add("uniq", "mustUniq", params=(ANY,), host=True)
def _uniq(host: Host, value: Value) -> list[Value]:
    kept: list[Value] = []
    for item in items_of(host, value, "Cannot find uniq on type"):
        if not _within(host, kept, item):
            kept.append(item)
    return kept


@_TABLE.add("without", "mustWithout", params=(ANY, ANY), variadic=True, host=True)
def _without(host: Host, value: Value, *omitted: Value) -> list[Value]:
    items = items_of(host, value, "Cannot find without on type")
    return [item for item in items if not _within(host, omitted, item)]


@_TABLE.add("has", "mustHas", params=(ANY, ANY), host=True)
def _has(host: Host, wanted: Value, value: Value) -> bool:
    return value is not None and _within(host, items_of(host, value, "Cannot find has on type"), wanted)


@_TABLE.add("slice", "mustSlice", params=(ANY, ANY), variadic=True, host=True)
def _slice(host: Host, value: Value, *indices: Value) -> Value:
    items = items_of(host, value, "list should be type of slice or array but")
    if not items:
        return None
    start = to_int64(indices[0]) if indices else 0
    end = to_int64(indices[1]) if len(indices) > 1 else len(items)
    if not 0 <= start <= end <= len(items):
        raise FunctionError("reflect.Value.Slice: slice index out of bounds")
    cut = items[start:end]
    return type(value)(cut) if type(value) in {Strings, Ints, Lists} else list(cut)


@_TABLE.add("concat", params=(ANY,), variadic=True, host=True, interface=True)
def _concat(host: Host, *values: Value) -> list[Value]:
    out: list[Value] = []
    for value in values:
        if value is None:
            raise FunctionError(NIL_POINTER)
        kind = go_type(value).kind
        if kind is not Kind.SLICE:
            raise FunctionError(f"Cannot concat type {kind.value} as list")
        host.budget.hold(8 * len(value))
        out += value
    return out or NilList()


@_TABLE.add("chunk", "mustChunk", params=(INT, ANY), host=True)
def _chunk(host: Host, width: int, value: Value) -> Lists:
    items = items_of(host, value, "Cannot chunk type")
    if width < -1 and len(items) == 1:  # what Go's arithmetic gives
        return Lists([list(items)])
    if width < 0 and (len(items) - 1) // width == -1:
        return Lists()
    if width <= 0:
        raise FunctionError("runtime error: makeslice: len out of range")
    host.budget.hold(350 * (len(items) // width + 1))  # a list costs the garbage collector more than it takes
    return Lists([list(items[at : at + width]) for at in range(0, len(items), width)])


@_TABLE.add("sortAlpha", params=(ANY,), host=True)
def _sort_alpha(host: Host, value: Value) -> Strings:
    if value is None or go_type(value).kind is not Kind.SLICE:
        return Strings([to_text(host.budget, value)])
    texts = to_texts(host.budget, value)
    texts = sorted_texts(host.budget, texts)
    if isinstance(value, Strings):  # sorted in place, as Sprig does
        value[:] = texts
        return value
    return Strings(texts)


def count_up(host: Host, start: int, stop: int, step: int) -> Ints:
    """Give the integers from start to before stop."""
    if (stop < start and step >= 0) or (stop >= start and step <= 0):
        return Ints()
    numbers = range(start, stop, step)
    if 40 * len(numbers) > host.budget.memory:
        host.budget.hold(40 * len(numbers))
    made = Ints()
    for at in range(0, len(numbers), _PIECE):
        host.budget.hold(40 * min(_PIECE, len(numbers) - at))
        host.budget.spend(min(_PIECE, len(numbers) - at))
        made += [Int(number) for number in numbers[at : at + _PIECE]]
    return made


@_TABLE.add("until", params=(INT,), host=True)
def _until(host: Host, count: int) -> Ints:
    return count_up(host, 0, count, -1 if count < 0 else 1)


@_TABLE.add("untilStep", params=(INT, INT, INT), host=True)
def _until_step(host: Host, start: int, stop: int, step: int) -> Ints:
    return count_up(host, start, stop, step)


@_TABLE.add("seq", params=(INT,), variadic=True, host=True)
def _seq(host: Host, *params: int) -> str:
    match params:
        case (end,):
            step = -1 if end < 1 else 1
            numbers = count_up(host, 1, end + step, step)
        case (start, end):
            step = -1 if end < start else 1
            numbers = count_up(host, start, end + step, step)
        case (start, step, end):
            if end < start and step > 0:
                return ""
            numbers = count_up(host, start, end + (-1 if end < start else 1), step)
        case _:
            return ""
    host.budget.hold(20 * len(numbers))
    pieces: list[str] = []
    for at in range(0, len(numbers), _PIECE):
        host.budget.spend(_PIECE)
        pieces.append(" ".join(map(int.__repr__, numbers[at : at + _PIECE])))
    return " ".join(pieces)
