"""Paths: how a fault says where it is, in the terms of the document (``steps.getTime.dependencies[0]``)."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from runtime.values.json import Json, dumps

_PLAIN = re.compile(r'[^\s.\[\]"]{1,100}')
_PART = re.compile(r'\.?(?:(?P<plain>[^\s.\[\]"]+)|\[(?P<index>\d{1,15})\]|\[(?P<quoted>"(?:[^"\\]|\\.)*")\])')
_LONGEST_KEY = 100


def member(path: str, key: str) -> str:
    """Lead to a member of an object: ``a.b``, or ``a["b c"]`` where the key would be misread. Long keys are cut."""
    if _PLAIN.fullmatch(key) and key.isprintable():
        return f"{path}.{key}" if path else key
    return f"{path}[{_quoted(key[:_LONGEST_KEY])}]"


def item(path: str, index: int) -> str:
    """Lead to an item of a list: ``a[0]``."""
    return f"{path}[{index}]"


def under(path: str, inner: str) -> str:
    """Lead on from `path` by a path that starts there."""
    return f"{path}{'.' if path and inner and not inner.startswith('[') else ''}{inner}"


def parts(path: str) -> Iterator[str | int]:
    """Take a path apart: the inverse of `member` and `item`. What is no path gives what could be read of it."""
    end = 0
    while (part := _PART.match(path, end)) is not None:
        end = part.end()
        match part.lastgroup:
            case "plain":
                yield part["plain"]
            case "index":
                yield int(part["index"])
            case _:
                yield str(json.loads(part["quoted"]))


def prefixes(path: str) -> Iterator[str]:
    """Give every path that leads to `path` or to something that holds it, the document itself included."""
    yield ""
    for position, character in enumerate(path):
        if character in ".[" and position:
            yield path[:position]
    if path:
        yield path


def shown(value: Json) -> str:
    """Give a short form of a value for a message: its JSON text, cut at 80 characters."""
    match value:
        case Mapping():
            return "an object"
        case str():
            text = _quoted(value[:100])
        case Sequence():
            return "a list"
        case _:
            text = dumps(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def printable(text: str) -> str:
    """Replace what a terminal would obey instead of show."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "\ufffd" for char in text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=not text.isprintable())
