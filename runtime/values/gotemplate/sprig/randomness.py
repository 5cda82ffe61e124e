"""Sprig's random functions; all draw on the rendering's source of randomness."""

import base64
import uuid
from typing import Final

from runtime.values.gotemplate.errors import FunctionError
from runtime.values.gotemplate.functions import INT, STRING, Host, Table
from runtime.values.gotemplate.values import Int

_TABLE: Final = Table()
FUNCTIONS: Final = _TABLE.functions

_DIGITS: Final = "0123456789"
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PRINTABLE: Final = "".join(map(chr, range(ord(" "), ord("~") + 1)))


def _draw(host: Host, count: int, chars: str) -> str:
    if count <= 0:
        return ""
    host.budget.hold(16 * count)
    host.budget.spend(5 * count)
    return "".join(host.random.choices(chars, k=count))


@_TABLE.add("randAlphaNum", params=(INT,), host=True)
def _alpha_num(host: Host, count: int) -> str:
    return _draw(host, count, _LETTERS + _DIGITS)


@_TABLE.add("randAlpha", params=(INT,), host=True)
def _alpha(host: Host, count: int) -> str:
    return _draw(host, count, _LETTERS)


@_TABLE.add("randAscii", params=(INT,), host=True)
def _ascii(host: Host, count: int) -> str:
    return _draw(host, count, _PRINTABLE)


@_TABLE.add("randNumeric", params=(INT,), host=True)
def _numeric(host: Host, count: int) -> str:
    return _draw(host, count, _DIGITS)


@_TABLE.add("randBytes", params=(INT,), host=True)
def _bytes(host: Host, count: int) -> str:
    if count < 0:
        raise FunctionError("runtime error: makeslice: len out of range")
    host.budget.hold(8 * count)
    return base64.b64encode(host.random.randbytes(count)).decode()


@_TABLE.add("randInt", params=(INT, INT), host=True)
def _int(host: Host, low: int, high: int) -> Int:
    if high <= low:
        raise FunctionError("invalid argument to Intn")
    return Int(host.random.randrange(low, high))


@_TABLE.add("shuffle", params=(STRING,), host=True)
def _shuffle(host: Host, text: str) -> str:
    host.budget.spend(20 * len(text))
    host.budget.hold(90 * len(text))
    chars = list(text)
    host.random.shuffle(chars)
    return "".join(chars)


@_TABLE.add("uuidv4", host=True)
def _uuidv4(host: Host) -> str:
    return str(uuid.UUID(bytes=host.random.randbytes(16), version=4))
