"""The functions every Go template has. `and` and `or` are not here: they decide what is evaluated, in the compiler."""

from typing import Final
from urllib.parse import quote_from_bytes

from runtime.values.gotemplate.comparison import equal, less
from runtime.values.gotemplate.errors import FunctionError
from runtime.values.gotemplate.functions import ANY, STRING, VALUE, Host, Table
from runtime.values.gotemplate.printing import sprint, sprintf, sprintln
from runtime.values.gotemplate.text import in_chunks, is_lone, map_chars
from runtime.values.gotemplate.values import (
    INTS,
    JSON_NUMBER,
    MISSING,
    UINTS,
    Int,
    Kind,
    StringMap,
    Uint8,
    Value,
    encode,
    go_type,
    size,
    string_of,
    truth,
)

_TABLE: Final = Table()
FUNCTIONS: Final = _TABLE.functions

_HTML: Final = str.maketrans({"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"})
_JS: Final = {
    "\\": "\\\\",
    "'": "\\'",
    '"': '\\"',
    "<": "\\u003C",
    ">": "\\u003E",
    "&": "\\u0026",
    "=": "\\u003D",
}


def _absent(value: Value) -> bool:
    return value is None or value is MISSING


@_TABLE.add("not", params=(VALUE,))
def _not(value: Value) -> bool:
    return not truth(value)


@_TABLE.add("eq", params=(VALUE, VALUE), variadic=True, host=True)
def _eq(host: Host, first: Value, *others: Value) -> bool:
    return equal(host.budget, first, others)


@_TABLE.add("ne", params=(VALUE, VALUE), host=True)
def _ne(host: Host, first: Value, other: Value) -> bool:
    return not equal(host.budget, first, (other,))


@_TABLE.add("lt", params=(VALUE, VALUE))
def _lt(first: Value, other: Value) -> bool:
    return less(first, other)


@_TABLE.add("le", params=(VALUE, VALUE), host=True)
def _le(host: Host, first: Value, other: Value) -> bool:
    return less(first, other) or equal(host.budget, first, (other,))


@_TABLE.add("gt", params=(VALUE, VALUE), host=True)
def _gt(host: Host, first: Value, other: Value) -> bool:
    return not (less(first, other) or equal(host.budget, first, (other,)))


@_TABLE.add("ge", params=(VALUE, VALUE))
def _ge(first: Value, other: Value) -> bool:
    return not less(first, other)


@_TABLE.add("print", params=(ANY,), variadic=True, host=True)
def _print(host: Host, *args: Value) -> str:
    return sprint(host.budget, args)


@_TABLE.add("printf", params=(STRING, ANY), variadic=True, host=True)
def _printf(host: Host, form: str, *args: Value) -> str:
    return sprintf(host.budget, form, args)


@_TABLE.add("println", params=(ANY,), variadic=True, host=True)
def _println(host: Host, *args: Value) -> str:
    return sprintln(host.budget, args)


@_TABLE.add("len", params=(VALUE,), host=True)
def _len(host: Host, item: Value) -> Int:
    if item is MISSING:
        raise FunctionError("reflect: call of reflect.Value.Type on zero Value")
    if item is None:
        raise FunctionError("len of nil pointer")
    kind = go_type(item)
    if kind.kind is Kind.STRING:
        text = string_of(item)
        host.budget.spend(len(text) >> 4)
        return Int(size(text))
    if kind.kind not in {Kind.SLICE, Kind.MAP}:
        raise FunctionError(f"len of type {kind.name.removeprefix('*')}")
    return Int(len(item))


def _position(index: Value, length: int) -> int:
    if _absent(index):
        raise FunctionError("cannot index slice/array with nil")
    kind = go_type(index)
    if kind.kind not in INTS and kind.kind not in UINTS:
        raise FunctionError(f"cannot index slice/array with type {kind.name}")
    if not 0 <= index <= length:
        raise FunctionError(f"index out of range: {int(index)}")
    return int(index)


def _index_one(host: Host, item: Value, index: Value) -> Value:
    kind = go_type(item)
    if kind.kind is Kind.SLICE:
        at = _position(index, len(item))
        if at == len(item):
            raise FunctionError("reflect: slice index out of range")
        return item[at]
    if kind.kind is Kind.STRING:
        text = string_of(item)
        host.budget.spend(len(text) >> 4)
        data = encode(text)
        at = _position(index, len(data))
        if at == len(data):
            raise FunctionError("reflect: string index out of range")
        return Uint8(data[at])
    if kind.kind is not Kind.MAP:
        raise FunctionError(f"can't index item of type {kind.name.removeprefix('*')}")
    if _absent(index):
        raise FunctionError("value is nil; should be of type string")
    if go_type(index) is JSON_NUMBER or not isinstance(index, str):
        raise FunctionError(f"value has type {go_type(index).name}; should be string")
    return item.get(index, "" if isinstance(item, StringMap) else None)


@_TABLE.add("index", params=(VALUE, VALUE), variadic=True, host=True, passes=True)
def _index(host: Host, item: Value, *indexes: Value) -> Value:
    if _absent(item):
        raise FunctionError("index of untyped nil")
    for index in indexes:
        if item is None:
            raise FunctionError("index of nil pointer")
        item = _index_one(host, item, index)
    return item


@_TABLE.add("call", params=(VALUE, VALUE), variadic=True)
def _call(function: Value, *_args: Value) -> Value:
    if _absent(function):
        raise FunctionError("call of nil")
    raise FunctionError(f"non-function of type {go_type(function).name}")


def _joined(host: Host, args: tuple[Value, ...]) -> str:
    if len(args) == 1 and type(args[0]) is str:
        return args[0]
    return sprint(host.budget, ["<no value>" if _absent(arg) else arg for arg in args])


@_TABLE.add("html", params=(ANY,), variadic=True, host=True)
def _html(host: Host, *args: Value) -> str:
    text = _joined(host, args)
    host.budget.hold(len(text) * 5)
    return in_chunks(lambda chunk: chunk.translate(_HTML), text)


def _js_char(char: str) -> str:
    if char in _JS:
        return _JS[char]
    if char < " ":
        return f"\\u{ord(char):04X}"
    if char.isprintable() or is_lone(char) or char == "\x7f":
        return char
    return f"\\u{ord(char):04X}"


@_TABLE.add("js", params=(ANY,), variadic=True, host=True)
def _js(host: Host, *args: Value) -> str:
    text = _joined(host, args)
    host.budget.hold(len(text) * 6)
    host.budget.spend(3 * len(text))
    return map_chars(_js_char, text)


@_TABLE.add("urlquery", params=(ANY,), variadic=True, host=True)
def _urlquery(host: Host, *args: Value) -> str:
    text = _joined(host, args)
    host.budget.hold(len(text) * 3)
    return in_chunks(lambda chunk: quote_from_bytes(encode(chunk), safe=" ").replace(" ", "+"), text)
