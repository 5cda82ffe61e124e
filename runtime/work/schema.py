"""Checking the output of a successful attempt against the step's `json_schema` (spec section 5.1).

Schemas are compiled once and kept for as long as the template that holds them: validators are cached by the identity
of the schema object, which the cache keeps alive.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from runtime.templates.schemas import compile_schema
from runtime.values.json import Json
from runtime.values.regex import RegexError

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

_KEPT: Final = 1000
_MOST_TEXT: Final = 1000


class Schemas:
    """A bounded cache of compiled schemas."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[Mapping[str, Json], Validator]] = OrderedDict()

    def fault(self, schema: Mapping[str, Json], output: Json) -> str:
        """Say what is wrong with an output, empty when nothing is. Never raises."""
        # Imported when needed, as `compile_schema` does: most templates have no schema.
        from jsonschema.exceptions import best_match  # noqa: PLC0415 - as said
        from referencing.exceptions import Unresolvable  # noqa: PLC0415 - as said

        known = self._kept.get(id(schema))
        if known is None:
            known = self._kept[id(schema)] = (schema, compile_schema(schema))
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        try:
            error = best_match(known[1].iter_errors(output))
        except RecursionError:
            return "output: json_schema cannot be applied to it: it goes in circles, or too deep"
        except (Unresolvable, RegexError) as unclear:
            return f"output: json_schema cannot be applied to it: {unclear}"
        if error is None:
            return ""
        where = error.json_path.removeprefix("$").removeprefix(".")
        return f"output{f' at {where}' if where else ''}: {error.message[:_MOST_TEXT]}"
