"""Sprig's functions on strings. Positions and lengths are in bytes, as in Go."""

from typing import Final

from runtime.values.gotemplate.casts import to_text, to_texts
from runtime.values.gotemplate.errors import FunctionError
from runtime.values.gotemplate.functions import ANY, INT, STRING, Host, Table
from runtime.values.gotemplate.literals import clamped_decimal
from runtime.values.gotemplate.printing import sprintf, text_of
from runtime.values.gotemplate.text import (
    SPACES,
    is_lower,
    is_space,
    is_upper,
    lower,
    lower_char,
    quote,
    rejoin,
    title_char,
    upper,
    upper_char,
    whole,
)
from runtime.values.gotemplate.values import Int, StringMap, Strings, Value, decode, encode, size

_TABLE: Final = Table()
FUNCTIONS: Final = _TABLE.functions

_STEPS_A_PLACE: Final = 10  # where a text is replaced or split, in one call: three million take no ten milliseconds
_STEPS_A_LINE: Final = 40
_ELLIPSIS: Final = 3
_SHORTEST: Final = 4
_SHORTEST_BOTH: Final = 7


def _bounds(message: str) -> FunctionError:
    return FunctionError(f"runtime error: slice bounds out of range {message}")


def cut(text: str, start: int, end: int) -> str:
    """Give text[start:end] in bytes, with Go's errors for bounds that are out of range."""
    data = encode(text)
    if not 0 <= end <= len(data):
        raise _bounds(f"[:{end}]" + (f" with length {len(data)}" if end >= 0 else ""))
    if not 0 <= start <= end:
        raise _bounds(f"[{start}:{end}]" if start >= 0 else f"[{start}:]")
    return decode(data[start:end])


def cut_tail(text: str, start: int) -> str:
    """Give text[start:] in bytes, with Go's errors for a start that is out of range."""
    data = encode(text)
    if start < 0:
        raise _bounds(f"[{start}:]")
    if start > len(data):
        raise _bounds(f"[{start}:{len(data)}]")
    return decode(data[start:])


def walk(host: Host, text: str) -> None:
    """Charge for handling a text character by character."""
    host.budget.spend(5 * len(text))
    host.budget.hold((16 if text.isascii() else 90) * len(text))


@_TABLE.add("hello")
def _hello() -> str:
    return "Hello!"


@_TABLE.add("trim", params=(STRING,))
def _trim(text: str) -> str:
    return text.strip(SPACES)


@_TABLE.add("upper", params=(STRING,))
def _upper(text: str) -> str:
    return upper(text)


@_TABLE.add("lower", params=(STRING,))
def _lower(text: str) -> str:
    return lower(text)


def _separates(char: str) -> bool:
    if char.isascii():
        return not (char.isalnum() or char == "_")
    return not (char.isalpha() or char.isdecimal()) and is_space(char)


@_TABLE.add("title", params=(STRING,), host=True)
def _title(host: Host, text: str) -> str:
    walk(host, text)
    text = whole(text)
    out: list[str] = []
    before = " "
    for char in text:
        out.append(title_char(char) if _separates(before) else char)
        before = char
    return "".join(out)


@_TABLE.add("untitle", params=(STRING,), host=True)
def _untitle(host: Host, text: str) -> str:
    walk(host, text)
    text = whole(text)
    out: list[str] = []
    pending = True
    for char in text:
        if is_space(char):
            pending = True
        elif pending:
            out.append(lower_char(char))
            pending = False
            continue
        out.append(char)
    return "".join(out)


@_TABLE.add("swapcase", params=(STRING,), host=True)
def _swapcase(host: Host, text: str) -> str:
    walk(host, text)
    text = whole(text)
    out: list[str] = []
    fresh = True
    for char in text:
        if is_upper(char) or (char.istitle() and not is_lower(char)):
            out.append(lower_char(char))
            fresh = False
        elif is_lower(char):
            out.append(title_char(char) if fresh else upper_char(char))
            fresh = False
        else:
            out.append(char)
            fresh = is_space(char)
    return "".join(out)


@_TABLE.add("substr", params=(INT, INT, STRING))
def _substr(start: int, end: int, text: str) -> str:
    if start < 0:
        return cut(text, 0, end)
    if end < 0 or end > size(text):
        return cut_tail(text, start)
    return cut(text, start, end)


@_TABLE.add("trunc", params=(INT, STRING))
def _trunc(count: int, text: str) -> str:
    data = encode(text)
    if count < 0 and len(data) + count > 0:
        return decode(data[len(data) + count :])
    return decode(data[:count]) if 0 <= count < len(data) else text


def _abbreviate(text: str, offset: int, width: int) -> str:
    data = encode(text)
    if width < _SHORTEST:
        return ""
    if len(data) <= width:
        return text
    offset = min(offset, len(data))
    offset = min(offset, len(data) - (width - _ELLIPSIS))
    if offset <= _SHORTEST:
        return decode(data[: width - _ELLIPSIS]) + "..."
    if width < _SHORTEST_BOTH:
        return ""
    if offset + width - _ELLIPSIS < len(data):
        return "..." + _abbreviate(decode(data[offset:]), 0, width - _ELLIPSIS)
    return "..." + decode(data[len(data) - (width - _ELLIPSIS) :])


@_TABLE.add("abbrev", params=(INT, STRING))
def _abbrev(width: int, text: str) -> str:
    return text if width < _SHORTEST else _abbreviate(text, 0, width)


@_TABLE.add("abbrevboth", params=(INT, INT, STRING))
def _abbrevboth(left: int, right: int, text: str) -> str:
    if right < _SHORTEST or (left > 0 and right < _SHORTEST_BOTH):
        return text
    if left > _SHORTEST and right < _SHORTEST_BOTH:
        return ""
    return _abbreviate(text, left, right)


@_TABLE.add("repeat", params=(INT, STRING), host=True)
def _repeat(host: Host, count: int, text: str) -> str:
    if count < 0:
        raise FunctionError("strings: negative Repeat count")
    host.budget.hold(count * (len(text) if text.isascii() else 4 * len(text)))
    return text * count


@_TABLE.add("trimAll", "trimall", params=(STRING, STRING))
def _trim_all(chars: str, text: str) -> str:
    return text.strip(chars) if chars else text


@_TABLE.add("trimSuffix", params=(STRING, STRING))
def _trim_suffix(suffix: str, text: str) -> str:
    return text.removesuffix(suffix)


@_TABLE.add("trimPrefix", params=(STRING, STRING))
def _trim_prefix(prefix: str, text: str) -> str:
    return text.removeprefix(prefix)


def _latin(text: str) -> str:
    """Read each byte as a character of its own, as goutils does."""
    return encode(text).decode("latin-1")


@_TABLE.add("nospace", params=(STRING,), host=True)
def _nospace(host: Host, text: str) -> str:
    walk(host, text)
    if text.isascii():
        return "".join(char for char in text if not is_space(char))
    chars = _latin(text)
    kept = "".join(char for char in chars if not is_space(char))
    return text if len(kept) == len(chars) else kept


@_TABLE.add("initials", params=(STRING,), host=True)
def _initials(host: Host, text: str) -> str:
    walk(host, text)
    out: list[str] = []
    gap = True
    for char in _latin(text):
        space = is_space(char)
        if gap and not space:
            out.append(char)
        gap = space
    return "".join(out)


def _wrapped(host: Host, text: str, width: int, newline: str, *, long_words: bool) -> str:
    data = encode(text)
    newline = newline or "\n"
    width = max(width, 1)
    out: list[str] = []
    offset = 0
    while len(data) - offset > width:
        host.budget.hold(len(newline) + 16)
        host.budget.spend(_STEPS_A_LINE)
        if data[offset] == ord(" "):
            offset += 1
            continue
        space = data.rfind(b" ", offset, offset + width + 1)
        if space >= offset:
            out += (decode(data[offset:space]), newline)
            offset = space + 1
        elif long_words:
            out += (decode(data[offset : offset + width]), newline)
            offset += width
        else:
            space = data.find(b" ", offset + width)
            if space < 0:
                break
            out += (decode(data[offset:space]), newline)
            offset = space + 1
    out.append(decode(data[offset:]))
    return rejoin("".join(out))


@_TABLE.add("wrap", params=(INT, STRING), host=True)
def _wrap(host: Host, width: int, text: str) -> str:
    return _wrapped(host, text, width, "", long_words=False)


@_TABLE.add("wrapWith", params=(INT, STRING, STRING), host=True)
def _wrap_with(host: Host, width: int, newline: str, text: str) -> str:
    return _wrapped(host, text, width, newline, long_words=True)


@_TABLE.add("contains", params=(STRING, STRING))
def _contains(part: str, text: str) -> bool:
    return part in text


@_TABLE.add("hasPrefix", params=(STRING, STRING))
def _has_prefix(prefix: str, text: str) -> bool:
    return text.startswith(prefix)


@_TABLE.add("hasSuffix", params=(STRING, STRING))
def _has_suffix(suffix: str, text: str) -> bool:
    return text.endswith(suffix)


@_TABLE.add("quote", params=(ANY,), variadic=True, host=True)
def _quote(host: Host, *values: Value) -> str:
    out: list[str] = []
    for value in values:
        if value is not None:
            text = to_text(host.budget, value)
            host.budget.hold(2 * len(text))
            host.budget.spend(3 * len(text))
            out.append(quote(text))
    return " ".join(out)


@_TABLE.add("squote", params=(ANY,), variadic=True, host=True)
def _squote(host: Host, *values: Value) -> str:
    texts = [text_of(host.budget, value) for value in values if value is not None]
    host.budget.hold(sum(map(len, texts)))
    return " ".join(f"'{text}'" for text in texts)


@_TABLE.add("cat", params=(ANY,), variadic=True, host=True)
def _cat(host: Host, *values: Value) -> str:
    kept = [value for value in values if value is not None]
    return sprintf(host.budget, " ".join(["%v"] * len(kept)), kept)


def _indented(host: Host, spaces: int, text: str) -> str:
    if spaces < 0:
        raise FunctionError("strings: negative Repeat count")
    lines = text.count("\n") + 1
    host.budget.hold(4 * len(text) + 4 * lines * spaces)
    host.budget.spend(_STEPS_A_PLACE * lines)
    pad = " " * spaces
    return pad + text.replace("\n", "\n" + pad)


@_TABLE.add("indent", params=(INT, STRING), host=True)
def _indent(host: Host, spaces: int, text: str) -> str:
    return _indented(host, spaces, text)


@_TABLE.add("nindent", params=(INT, STRING), host=True)
def _nindent(host: Host, spaces: int, text: str) -> str:
    return "\n" + _indented(host, spaces, text)


@_TABLE.add("replace", params=(STRING, STRING, STRING), host=True)
def _replace(host: Host, old: str, new: str, text: str) -> str:
    times = text.count(old) if old else len(text) + 1
    host.budget.hold(4 * (len(text) + times * len(new)))
    host.budget.spend(_STEPS_A_PLACE * times)
    return text.replace(old, new)


@_TABLE.add("plural", params=(STRING, STRING, INT))
def _plural(one: str, many: str, count: int) -> str:
    return one if count == 1 else many


@_TABLE.add("toString", params=(ANY,), host=True)
def _to_string(host: Host, value: Value) -> str:
    return to_text(host.budget, value)


@_TABLE.add("toStrings", params=(ANY,), host=True)
def _to_strings(host: Host, value: Value) -> Strings:
    return value if isinstance(value, Strings) else Strings(to_texts(host.budget, value))


@_TABLE.add("join", params=(STRING, ANY), host=True)
def _join(host: Host, separator: str, value: Value) -> str:
    texts = to_texts(host.budget, value)
    host.budget.hold(4 * (sum(map(len, texts)) + len(separator) * len(texts)))
    return rejoin(separator.join(texts))


def split_text(host: Host, text: str, separator: str, count: int = -1) -> list[str]:
    """Give strings.SplitN of a text; an empty separator splits characters."""
    if count == 0:
        return []
    pieces = (text.count(separator) if separator else len(text)) + 1
    host.budget.hold(64 * pieces)
    host.budget.spend(_STEPS_A_PLACE * pieces)
    if separator:
        return text.split(separator, count - 1 if count > 0 else -1)
    if count < 0 or count >= len(text):
        return [*whole(text[:-1]), text[-1:]] if text else []
    return [*text[: count - 1], text[count - 1 :]]


@_TABLE.add("splitList", params=(STRING, STRING), host=True)
def _split_list(host: Host, separator: str, text: str) -> Strings:
    return Strings(split_text(host, text, separator))


@_TABLE.add("split", params=(STRING, STRING), host=True)
def _split(host: Host, separator: str, text: str) -> StringMap:
    return StringMap({f"_{index}": part for index, part in enumerate(split_text(host, text, separator))})


@_TABLE.add("splitn", params=(STRING, INT, STRING), host=True)
def _splitn(host: Host, separator: str, count: int, text: str) -> StringMap:
    return StringMap({f"_{index}": part for index, part in enumerate(split_text(host, text, separator, count))})


@_TABLE.add("atoi", params=(STRING,))
def _atoi(text: str) -> Int:
    return Int(clamped_decimal(text))


@_TABLE.add("fail", params=(STRING,))
def _fail(message: str) -> str:
    raise FunctionError(message)
