"""Go's literals: quoted strings, characters and numbers, read as package strconv reads them."""

import math
import re
from typing import Final

from runtime.values.gotemplate.text import char_of
from runtime.values.gotemplate.values import encode

MAX_INT64: Final = (1 << 63) - 1
MIN_INT64: Final = -(1 << 63)
MAX_UINT64: Final = (1 << 64) - 1

_SIMPLE: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
}
_ESCAPE: Final = re.compile(
    r"\\(?:x(?P<byte>[0-9a-fA-F]{2})|(?P<octal>[0-7]{3})|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8})"
    r"|(?P<simple>[abfnrtv\\'\"]))"
)
_INT: Final = re.compile(
    r"[+-]?(?:0[xX](?P<hex>(?:_?[0-9a-fA-F])+)|0[bB](?P<bin>(?:_?[01])+)|0[oO](?P<oct>(?:_?[0-7])+)"
    r"|(?P<old>0(?:_?[0-7])+)|(?P<dec>0|[1-9](?:_?[0-9])*))",
    re.ASCII,
)
_BASES: Final = {"hex": 16, "bin": 2, "oct": 8, "old": 8, "dec": 10}
_DIGITS: Final = r"[0-9](?:_?[0-9])*"
_FLOAT: Final = re.compile(rf"[+-]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?", re.ASCII)
_HEX: Final = r"_?[0-9a-fA-F](?:_?[0-9a-fA-F])*"
_HEX_FLOAT: Final = re.compile(
    rf"[+-]?0[xX](?:{_HEX}(?:\.(?:[0-9a-fA-F](?:_?[0-9a-fA-F])*)?)?|\.{_HEX})[pP][+-]?{_DIGITS}", re.ASCII
)
_SPECIAL: Final = re.compile(r"[+-]?inf(?:inity)?|nan", re.IGNORECASE | re.ASCII)
_DECIMAL_DIGITS: Final = re.compile(r"[0-9]*")
_LONGEST_FLOAT: Final = 2000
_LONGEST: Final = 400  # digits; more than any 64-bit number needs, fewer than Python refuses to convert


class BadLiteral(ValueError):
    """A literal is malformed, or out of range; the text is Go's."""


def _unescape(match: re.Match[str], mark: str) -> str:
    name = match.lastgroup or ""
    text = match[name]
    if name == "simple":
        if text in "'\"" and text != mark:
            raise BadLiteral("invalid syntax")
        return _SIMPLE[text]
    code = int(text, 8 if name == "octal" else 16)
    if name in {"byte", "octal"}:
        if code > 0xFF:
            raise BadLiteral("invalid syntax")
        return chr(code) if code < 0x80 else chr(0xDC00 + code)
    if char_of(code) != chr(min(code, 0x10FFFF)):
        raise BadLiteral("invalid syntax")
    return chr(code)


def unquote(literal: str) -> str:
    """Read a string literal, in double quotes or back quotes.

    Raises:
        BadLiteral: it is malformed.
    """
    body = literal[1:-1]
    if literal[0] == "`":
        return body.replace("\r", "")
    if "\\" not in body:
        return body
    out: list[str] = []
    at = 0
    while (slash := body.find("\\", at)) >= 0:
        match = _ESCAPE.match(body, slash)
        if match is None:
            raise BadLiteral("invalid syntax")
        out += (body[at:slash], _unescape(match, '"'))
        at = match.end()
    out.append(body[at:])
    text = "".join(out)
    return text if text.isascii() else encode(text).decode("utf-8", "surrogateescape")


def char_code(literal: str) -> int:
    """Read a character literal.

    Raises:
        BadLiteral: it is malformed, or holds more than one character.
    """
    body = literal[1:]
    if body[0] == "\\":
        match = _ESCAPE.match(body)
        if match is None:
            raise BadLiteral("invalid syntax")
        char = _unescape(match, "'")
        tail = body[match.end() :]
    else:
        char, tail = body[0], body[1:]
        if char == "'":
            raise BadLiteral("invalid syntax")
    if tail != "'":
        raise BadLiteral(f"malformed character constant: {literal}")
    code = ord(char)
    return code - 0xDC00 if 0xDC80 <= code <= 0xDCFF else code


def parse_int(text: str) -> int | None:
    """Read an integer of any size in Go's syntax, its base told by its prefix; None if it is none."""
    match = _INT.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return None
    name = match.lastgroup or ""
    number = int(match[name].replace("_", ""), _BASES[name])
    return -number if text[0] == "-" else number


def parse_decimal(text: str) -> int | None:
    """Read a decimal 64-bit integer, as strconv.ParseInt(text, 10, 64); None if it is none or out of range."""
    if len(text) > _LONGEST or not re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII):
        return None
    number = int(text)
    return number if MIN_INT64 <= number <= MAX_INT64 else None


def clamped_decimal(text: str) -> int:
    """Give what strconv.ParseInt(text, 10, 64) gives beside its error: 0, or the nearest number in range.

    It stops at the digit that takes it beyond 64 bits, whatever follows.
    """
    sign = -1 if text[:1] == "-" else 1
    body = text[1:] if text[:1] in {"+", "-"} else text
    match = _DECIMAL_DIGITS.match(body)
    digits = match[0] if match else ""
    number = int(digits[:_LONGEST]) if digits else 0
    if number <= MAX_UINT64 and len(digits) < len(body):
        return 0
    return max(min(sign * number, MAX_INT64), MIN_INT64)


def is_float(text: str) -> bool:
    """Tell whether a text has the form of a finite float, in range or not."""
    return bool(_FLOAT.fullmatch(text) or _HEX_FLOAT.fullmatch(text))


def parse_float(text: str) -> float | None:
    """Read a float as strconv.ParseFloat does; None if it is none, or out of range, or of thousands of digits."""
    if len(text) > _LONGEST_FLOAT:
        return None
    if _FLOAT.fullmatch(text):
        number = float(text.replace("_", ""))
    elif _HEX_FLOAT.fullmatch(text):
        try:
            number = float.fromhex(text.replace("_", ""))
        except OverflowError:
            return None
    elif _SPECIAL.fullmatch(text):
        return float(text)
    else:
        return None
    return None if math.isinf(number) else number


def wrap_int64(number: int) -> int:
    """Bring an integer into 64 bits as overflow does."""
    return number if MIN_INT64 <= number <= MAX_INT64 else ((number + (1 << 63)) & MAX_UINT64) - (1 << 63)


def truncate(number: float) -> int:
    """Convert a float to int64 as Go's compiler does on amd64."""
    if math.isnan(number) or not MIN_INT64 <= number < MAX_INT64:
        return MIN_INT64
    return int(number)
