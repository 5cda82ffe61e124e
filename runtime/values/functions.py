"""The template functions that µTask adds to Sprig or changes (section 4.1), and those whose cost has to be bounded.

Each takes the `Rendering` it is called from first. None of them knows which template engine calls it; what one raises
becomes an error of the template, with the function's name before it.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from random import Random
from typing import Any, Final, Protocol
from uuid import UUID

import attrs
import msgspec

from runtime.errors import did_you_mean
from runtime.values import patterns
from runtime.values.json import dumps, loads
from runtime.values.meter import Meter
from runtime.values.snapshot import Values
from runtime.values.views import ListView, MapView, data_view, decoded_view, plain

Function = Callable[..., object]


class Expander(Protocol):
    """What evaluating a variable needs: the template engine and the script engine that this rendering runs on."""

    def expand(self, text: str, rendering: "Rendering") -> str:
        """Render a template inside this rendering."""

    def run(self, name: str, source: str, timeout: str | None) -> str:
        """Run the JavaScript of the variable called `name`."""


@attrs.frozen(kw_only=True, eq=False)
class Rendering:
    """One rendering: what it sees, what it may cost, and what it has evaluated so far.

    `cache` belongs to whoever asked for the rendering, and lives as long as ``evalCache`` should remember.
    """

    values: Values
    meter: Meter
    cache: dict[str, str]
    expander: Expander


def field(rendering: Rendering, *keys: str) -> object:
    """Walk the data from its root by literal keys; a missing one, or one of what is no map, gives no value."""
    return _walk(data_view(rendering.values, rendering.meter), keys)


def field_from(_: Rendering, *arguments: object) -> object:
    """Walk the map that is the last argument by literal keys."""
    if len(arguments) < 2:
        raise ValueError("fieldFrom needs at least one key and a map")
    *keys, source = arguments
    if not isinstance(source, Mapping):
        raise TypeError("the last argument of fieldFrom is not a map")
    return _walk(source, keys)


def _walk(value: object, keys: Sequence[object]) -> object:
    for key in keys:
        if not isinstance(key, str):
            raise TypeError(f"the key {key} is not text")
        value = value.get(key) if isinstance(value, MapView) else None
    return value


def evaluate(rendering: Rendering, name: str) -> object:
    """Give the value of a variable (section 3.3): typed where it is no text; templated text; or a script's result."""
    variables = rendering.values.variables
    variable = variables.get(name)
    if variable is None:
        hint = did_you_mean(name, list(variables))
        raise LookupError(f'no variable named "{name}"{f" ({hint})" if hint else ""}')
    if variable.expression is not None:
        source = rendering.expander.expand(variable.expression, rendering)
        return rendering.expander.run(name, source, variable.expression_timeout)
    if isinstance(variable.value, str):
        return rendering.expander.expand(variable.value, rendering)
    return data_view(variable.value, rendering.meter)


def evaluate_once(rendering: Rendering, name: str) -> object:
    """Give the value of a variable, evaluated at most once for the cache that this rendering was given.

    Only texts are kept: other values cost nothing, and what a template sees of them belongs to its rendering.
    """
    if name in rendering.cache:
        return rendering.cache[name]
    value = evaluate(rendering, name)
    if isinstance(value, str):
        rendering.cache[name] = value
    return value


def must_from_json(rendering: Rendering, text: str) -> object:
    """Decode JSON; numbers keep their literals, and compute as floats."""
    return decoded_view(loads(text), rendering.meter)


def from_json(rendering: Rendering, text: str) -> object:
    """Decode JSON, or give no value."""
    try:
        return must_from_json(rendering, text)
    except ValueError:
        return None


_HTML: Final = {"&": "\\u0026", "<": "\\u003c", ">": "\\u003e"}
_LINES: Final = {"\u2028": "\\u2028", "\u2029": "\\u2029"}


def _escaped(text: str, escapes: Mapping[str, str]) -> str:
    """Escape characters that JSON holds in texts only."""
    for character, escape in escapes.items():
        text = text.replace(character, escape)
    return text


def must_to_json(_: Rendering, value: object) -> str:
    """Encode as JSON that is safe inside HTML, as Go does by default."""
    return _escaped(dumps(plain(value)), _HTML | _LINES)


def must_to_raw_json(_: Rendering, value: object) -> str:
    """Encode as JSON."""
    return _escaped(dumps(plain(value)), _LINES)


def must_to_pretty_json(rendering: Rendering, value: object) -> str:
    """Encode as JSON with two spaces of indentation."""
    return msgspec.json.format(must_to_json(rendering, value), indent=2)


def _or_empty(function: Function) -> Function:
    """Give the form of a function that answers what it cannot do with empty text."""

    def forgiving(rendering: Rendering, value: object) -> object:
        try:
            return function(rendering, value)
        except (TypeError, ValueError):
            return ""

    return forgiving


def b64_raw_enc(_: Rendering, text: str) -> str:
    """Encode in the standard alphabet, without padding."""
    return base64.b64encode(text.encode()).decode().rstrip("=")


def b64_raw_dec(_: Rendering, text: str) -> str:
    """Decode what `b64_raw_enc` gives; where it cannot, the error's text is the result (section 4.1)."""
    symbols = re.sub(r"[\r\n]", "", text)
    wrong = re.search(r"[^A-Za-z0-9+/\r\n]", text)
    if wrong is not None:
        return f"illegal base64 data at input byte {len(text[: wrong.start()].encode())}"
    try:
        return base64.b64decode(symbols + "=" * (-len(symbols) % 4), validate=True).decode(errors="replace")
    except binascii.Error:
        return f"illegal base64 data at input byte {len(text) - 1}"


def append(_: Rendering, sequence: object, item: object) -> list[object]:
    """Give the list with one more element at its end."""
    return [*_elements(sequence), item]


def prepend(_: Rendering, sequence: object, item: object) -> list[object]:
    """Give the list with one more element at its start."""
    return [item, *_elements(sequence)]


def _elements(sequence: object) -> Sequence[object]:
    if isinstance(sequence, ListView):
        return sequence.elements()
    if isinstance(sequence, list):
        return sequence
    raise TypeError("cannot push on what is not a list")


def _metered(function: Callable[..., object]) -> Function:
    """Give the form of a function of `patterns` that finds its meter in the rendering."""

    @wraps(function)
    def metered(rendering: Rendering, *arguments: Any) -> object:
        return function(rendering.meter, *arguments)

    return metered


def _uuid(random: Random, _: Rendering) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))


def functions(random: Random) -> Mapping[str, Function]:
    """Give these functions by the names that templates call them. `random` is where identifiers come from."""
    own: dict[str, Function] = {
        "field": field,
        "fieldFrom": field_from,
        "eval": evaluate,
        "evalCache": evaluate_once,
        "fromJson": from_json,
        "mustFromJson": must_from_json,
        "toJson": _or_empty(must_to_json),
        "mustToJson": must_to_json,
        "toRawJson": must_to_raw_json,
        "mustToRawJson": must_to_raw_json,
        "toPrettyJson": _or_empty(must_to_pretty_json),
        "mustToPrettyJson": must_to_pretty_json,
        "b64RawEnc": b64_raw_enc,
        "b64RawDec": b64_raw_dec,
        "uuid": partial(_uuid, random),
        "regexQuoteMeta": lambda _, text: patterns.quote_meta(text),
    }
    for name in ("append", "push", "mustAppend", "mustPush"):
        own[name] = append
    for name in ("prepend", "mustPrepend"):
        own[name] = prepend
    return {**own, **_regexes()}


def _regexes() -> Mapping[str, Function]:
    named: dict[str, Callable[..., object]] = {
        "Match": patterns.must_match,
        "Find": patterns.find,
        "FindAll": patterns.find_all,
        "ReplaceAll": patterns.replace_all,
        "ReplaceAllLiteral": patterns.replace_all_literal,
        "Split": patterns.split,
    }
    metered = {name: _metered(function) for name, function in named.items()}
    known = {f"{prefix}{name}": function for name, function in metered.items() for prefix in ("regex", "mustRegex")}
    return {**known, "regexMatch": _metered(patterns.match)}
