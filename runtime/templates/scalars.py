"""What a YAML scalar means, by the rules of Go's yaml.v2 (see `runtime.templates.yaml` for them in words)."""

import base64
import re
from collections.abc import Mapping
from typing import Final

from runtime.templates.paths import shown
from runtime.values.json import Json, parse_number

TAG: Final = "tag:yaml.org,2002:"
SCALAR_TAGS: Final = frozenset({"str", "int", "float", "bool", "null", "binary", "timestamp"})

_WORDS: Final[Mapping[str, bool | None]] = {
    form: meaning
    for meaning, words in ((True, "y yes true on"), (False, "n no false off"), (None, "~ null"))
    for word in words.split()
    for form in (word, word.capitalize(), word.upper())
} | {"": None}
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_GO_INTEGER = re.compile(r"(?P<sign>[-+]?)(0(?P<base>[xXoObB]?)(?P<digits>[0-9a-fA-F]+)|(?P<decimal>[1-9][0-9]*|0))")
_GO_FLOAT = re.compile(r"([-+]?)([0-9]*)(?:\.([0-9]*))?([eE][-+]?[0-9]+)?")
_BASES: Final = {"x": 16, "o": 8, "b": 2, "": 8}
_LARGEST: Final = 1 << 63  # Go takes what fits 64 bits, signed or not, for an integer
_LONGEST: Final = 65  # digits are enough to tell, in any base
_MAY_NOT_BE_TEXT: Final = frozenset("0123456789+-.~yYnNtTfFoO")


def resolve(plain: str) -> Json:
    """Give the value of a plain scalar.

    Raises:
        ValueError: it is a number that JSON does not have.
    """
    if plain[:1] not in _MAY_NOT_BE_TEXT:
        return plain or None
    if plain in _WORDS:
        return _WORDS[plain]
    if plain[0] not in "0123456789+-.":
        return plain
    if _NOT_FINITE.fullmatch(plain):
        raise ValueError(f"{plain} is a number that JSON does not have; quote it if text is meant")
    number = _number(plain.replace("_", ""))
    return plain if number is None else number


def _number(text: str) -> int | float | None:
    if _JSON_NUMBER.fullmatch(text):
        return parse_number(text)
    return _integer(text) if _GO_INTEGER.fullmatch(text) else _float(text)


def _integer(text: str) -> int | float | None:
    match = _GO_INTEGER.fullmatch(text)
    assert match is not None  # noqa: S101 - its only caller has just seen it match
    if match["decimal"]:
        return parse_number(text.lstrip("+"))
    digits = match["digits"].lstrip("0") or "0"
    try:
        value = int(match["sign"] + digits[:_LONGEST], _BASES[match["base"].lower()])
    except ValueError:  # 08 is a float to Go, 0b12 is text
        return _float(text)
    return value if -_LARGEST <= value < 2 * _LARGEST else _float(text)


def _float(text: str) -> int | float | None:
    match = _GO_FLOAT.fullmatch(text)
    if match is None or not (match[2] or match[3]):
        return None
    sign, whole, fraction, exponent = match.groups(default="")
    literal = ("-" if sign == "-" else "") + (whole.lstrip("0") or "0")
    return parse_number(literal + (f".{fraction}" if fraction else "") + exponent)


def tagged(tag: str, text: str) -> Json:
    """Give the value of a scalar whose type its author has written down: one of `SCALAR_TAGS`.

    Raises:
        ValueError: the text is not of that type.
    """
    if tag in {"str", "timestamp"}:
        return text
    if tag == "binary":
        return _decoded(text)
    value = resolve(text)
    match tag:
        case "int" if isinstance(value, int) and not isinstance(value, bool):
            return value
        case "float" if isinstance(value, (int, float)) and not isinstance(value, bool):
            return value
        case "bool" if isinstance(value, bool):
            return value
        case "null" if value is None:
            return value
        case _:
            raise ValueError(f"{shown(text)} is not of type {tag}")


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode()
    except ValueError:
        raise ValueError("!!binary takes Base64 of UTF-8 text") from None
