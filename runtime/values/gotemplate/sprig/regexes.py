"""Sprig's functions on regular expressions. Those named must* say what is wrong; the others fail with more words."""

from collections.abc import Callable
from typing import Final

from runtime.values.gotemplate.errors import FunctionError
from runtime.values.gotemplate.functions import INT, STRING, Host, Table
from runtime.values.gotemplate.regex import BadPattern, Pattern, compile_pattern, matchable, quote_meta
from runtime.values.gotemplate.text import can_backquote, quote
from runtime.values.gotemplate.values import NilStrings, Strings, Value, decode

_TABLE: Final = Table()
FUNCTIONS: Final = _TABLE.functions

_COMPILING: Final = 200  # steps; most patterns are compiled already, but for large ones their size is charged as well


def _compiled(host: Host, pattern: str) -> Pattern:
    host.budget.spend(_COMPILING)
    compiled = compile_pattern(pattern)
    host.budget.spend(compiled.size)
    return compiled


def _compile(host: Host, pattern: str) -> Pattern:
    try:
        return _compiled(host, pattern)
    except BadPattern as fault:
        raise FunctionError(f"error parsing regexp: {fault}") from None


def _must_compile(host: Host, pattern: str) -> Pattern:
    try:
        return _compiled(host, pattern)
    except BadPattern as fault:
        shown = f"`{pattern}`" if can_backquote(pattern) else quote(pattern)
        raise FunctionError(f"regexp: Compile({shown}): error parsing regexp: {fault}") from None


@_TABLE.add("regexMatch", params=(STRING, STRING), host=True)
def _match(host: Host, pattern: str, text: str) -> bool:
    try:
        return _compiled(host, pattern).find(host.budget, matchable(text), 0) is not None
    except BadPattern:
        return False


@_TABLE.add("mustRegexMatch", params=(STRING, STRING), host=True)
def _must_match(host: Host, pattern: str, text: str) -> bool:
    return _compile(host, pattern).find(host.budget, matchable(text), 0) is not None


def _find(host: Host, pattern: Pattern, text: str) -> str:
    data = matchable(text)
    found = pattern.find(host.budget, data, 0)
    return decode(data[found[0] : found[1]]) if found else ""


def _find_all(host: Host, pattern: Pattern, text: str, count: int) -> Strings:
    data = matchable(text)
    found = [decode(data[start:end]) for start, end in pattern.find_all(host.budget, data, count)]
    return Strings(found) if found else NilStrings()


def _split(host: Host, pattern: Pattern, text: str, count: int) -> Strings:
    if count == 0:
        return NilStrings()
    if not text and pattern.source:
        return Strings([""])
    data = matchable(text)
    out: list[str] = []
    begin = end = 0
    for start, stop in pattern.find_all(host.budget, data, count):
        if count > 0 and len(out) == count - 1:
            break
        end = start
        if stop != 0:
            out.append(decode(data[begin:end]))
        begin = stop
    if end != len(data):
        out.append(decode(data[begin:]))
    return Strings(out)


def _replace(host: Host, pattern: Pattern, text: str, replacement: str) -> str:
    return pattern.replace(host.budget, text, replacement, literal=False)


def _replace_literal(host: Host, pattern: Pattern, text: str, replacement: str) -> str:
    return pattern.replace(host.budget, text, replacement, literal=True)


def _both(name: str, function: Callable[..., Value], *params: object) -> None:
    """Add a function under its name, and under its must* name with the plainer error."""

    def plain(host: Host, pattern: str, *args: Value) -> Value:
        return function(host, _must_compile(host, pattern), *args)

    def must(host: Host, pattern: str, *args: Value) -> Value:
        return function(host, _compile(host, pattern), *args)

    types = (STRING, STRING, *params)
    _TABLE.add(name, params=types, host=True)(plain)  # type: ignore[arg-type]
    _TABLE.add(f"must{name[0].upper()}{name[1:]}", params=types, host=True)(must)  # type: ignore[arg-type]


_both("regexFind", _find)
_both("regexFindAll", _find_all, INT)
_both("regexSplit", _split, INT)
_both("regexReplaceAll", _replace, STRING)
_both("regexReplaceAllLiteral", _replace_literal, STRING)


@_TABLE.add("regexQuoteMeta", params=(STRING,), host=True)
def _quote_meta(host: Host, text: str) -> str:
    host.budget.hold(2 * len(text))
    host.budget.spend(2 * len(text))
    return quote_meta(text)
