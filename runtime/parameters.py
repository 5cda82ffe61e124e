"""What a function of the program declares its parameters to be, and the texts that templates make, read as that.

A template can only produce text. What a function says that it takes is read of it, as a runner's configuration is:
``amount: float`` receives 10.5 for ``{{.input.amount}}``, and ``items: list[str]`` the list that
``{{.input.items | toJson}}`` writes. Only texts are read, and only for a parameter that is a ``bool``, an ``int``, a
``float``, a list or a mapping (or None); every other value, and every other parameter, gets what is there.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import NoneType, UnionType
from typing import Any, Final, TypeAlias, Union, get_args, get_origin, get_type_hints

from runtime.structuring.scalars import boolean, number, whole_number
from runtime.values.json import Json, loads

Read: TypeAlias = Callable[[str], Json]

_SCALARS: Final[Mapping[Any, Read]] = {bool: boolean, int: whole_number, float: number}


def readers_of(function: Callable[..., Any]) -> Mapping[str, Read]:
    """Give what reads a text for each parameter that does not take it as it is."""
    try:
        hints = get_type_hints(function if hasattr(function, "__annotations__") else type(function).__call__)
    except Exception:  # noqa: BLE001 - annotations are any code: without a meaning here, they are none
        return {}
    found = {name: _reader(hint) for name, hint in hints.items() if name != "return"}
    return {name: read for name, read in found.items() if read is not None}


def _reader(hint: Any) -> Read | None:
    if get_origin(hint) in (Union, UnionType):
        kinds = [kind for kind in get_args(hint) if kind is not NoneType]
        return _reader(kinds[0]) if len(kinds) == 1 else None
    kind = get_origin(hint) or hint
    if kind in _SCALARS:
        return _SCALARS[kind]
    if not isinstance(kind, type) or issubclass(kind, str | bytes):
        return None
    if issubclass(kind, Mapping):
        return partial(_written, Mapping, "a mapping")
    return partial(_written, list, "a list") if kind is list or kind is Sequence else None


def _written(kind: type, name: str, text: str) -> Json:
    try:
        value = loads(text)
    except ValueError:
        value = None
    if not isinstance(value, kind):
        raise TypeError(f"must be {name}, and the text is not one in JSON: `| toJson` in a template writes one")
    return value


def declared(readers: Mapping[str, Read], arguments: Mapping[str, Json]) -> Mapping[str, Json]:
    """Give the arguments, with texts read as the parameters are declared.

    Raises:
        ValueError: a text cannot be read as that; it names the argument.
    """
    given = dict(arguments)
    for name, read in readers.items():
        text = given.get(name)
        if isinstance(text, str):
            try:
                given[name] = read(text)
            except (ValueError, TypeError, ArithmeticError) as fault:
                raise ValueError(f"arguments.{name}: {fault}") from None
    return given
