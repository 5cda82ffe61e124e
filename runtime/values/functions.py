"""The template functions that µTask adds to Go's and Sprig's (section 4.1).

Those that read variables need to know more than a template's data: it is in `RENDERING`, for as long as one call of
the evaluator lasts.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Final, Protocol
from uuid import UUID

import attrs

from runtime.errors import did_you_mean
from runtime.values.gotemplate import Function, FunctionError, Host, Param
from runtime.values.snapshot import Values

_DEEPEST: Final = 20
"""How far variables may evaluate each other."""


class Expand(Protocol):
    """Renders a text inside a rendering, at its cost."""

    def __call__(self, text: str, host: Host) -> str:
        """Render the text."""


@attrs.define(eq=False)
class Rendering:
    """What one call of the evaluator sees, beside the data, and what it has evaluated so far.

    `run` executes the JavaScript of a variable: its name, its source, its timeout. `results` is what ``evalCache``
    remembers.
    """

    values: Values
    results: dict[str, str]
    expand: Expand
    run: Callable[[str, str, str | None], str]
    depth: int = 0


RENDERING: ContextVar[Rendering] = ContextVar("rendering")


def _field(host: Host, *keys: str) -> object:
    """Walk the data from its root by literal keys; a missing one, or one of what is no map, gives no value."""
    return _walk(host.root, keys)


def _field_from(*arguments: object) -> object:
    """Walk the map that is the last argument by literal keys."""
    if len(arguments) < 2:
        raise FunctionError("fieldFrom needs at least one key and a map")
    *keys, source = arguments
    if not isinstance(source, Mapping):
        raise FunctionError("the last argument of fieldFrom is not a map")
    return _walk(source, keys)


def _walk(value: object, keys: Sequence[object]) -> object:
    for key in keys:
        if not isinstance(key, str):
            raise FunctionError(f"the key {key} is not text")
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _evaluate(host: Host, name: str) -> object:
    """Give the value of a variable (section 3.3): typed where it is no text; templated text; or a script's result."""
    rendering = RENDERING.get()
    variables = rendering.values.variables
    variable = next((one for one in variables if one.name == name), None)
    if variable is None:
        hint = did_you_mean(name, [one.name for one in variables])
        raise FunctionError(f'no variable named "{name}"{f" ({hint})" if hint else ""}')
    if rendering.depth == _DEEPEST:
        raise FunctionError(f"variables evaluate each other more than {_DEEPEST} deep")
    rendering.depth += 1
    try:
        if variable.expression is not None:
            return rendering.run(name, rendering.expand(variable.expression, host), variable.expression_timeout)
        return rendering.expand(variable.value, host) if isinstance(variable.value, str) else variable.value
    finally:
        rendering.depth -= 1


def _evaluate_once(host: Host, name: str) -> object:
    """Give the value of a variable, evaluated at most once for the cache that this rendering was given.

    Only texts are kept: other values cost nothing.
    """
    results = RENDERING.get().results
    if name in results:
        return results[name]
    value = _evaluate(host, name)
    if isinstance(value, str):
        results[name] = value
    return value


def _b64_raw_enc(host: Host, text: str) -> str:
    """Encode in the standard alphabet, without padding."""
    host.budget.hold(2 * len(text))
    return base64.b64encode(text.encode(errors="surrogateescape")).decode().rstrip("=")


def _b64_raw_dec(host: Host, text: str) -> str:
    """Decode what `b64RawEnc` gives; where it cannot, the error's text is the result (section 4.1)."""
    host.budget.hold(len(text))
    symbols = re.sub(r"[\r\n]", "", text)
    wrong = re.search(r"[^A-Za-z0-9+/\r\n]", text)
    if wrong is not None:
        return f"illegal base64 data at input byte {len(text[: wrong.start()].encode(errors='surrogateescape'))}"
    try:
        data = base64.b64decode(symbols + "=" * (-len(symbols) % 4), validate=True)
    except binascii.Error:
        return f"illegal base64 data at input byte {len(text) - 1}"
    return data.decode(errors="surrogateescape")


def _uuid(host: Host) -> str:
    return str(UUID(int=host.random.getrandbits(128), version=4))


FUNCTIONS: Final[Mapping[str, Function]] = {
    "field": Function(_field, (Param.STRING,), variadic=True, host=True, passes=True, interface=True),
    "fieldFrom": Function(_field_from, (Param.ANY,), variadic=True, passes=True, interface=True),
    "eval": Function(_evaluate, (Param.STRING,), host=True, interface=True),
    "evalCache": Function(_evaluate_once, (Param.STRING,), host=True, interface=True),
    "b64RawEnc": Function(_b64_raw_enc, (Param.STRING,), host=True),
    "b64RawDec": Function(_b64_raw_dec, (Param.STRING,), host=True),
    "uuid": Function(_uuid, host=True),
}
