"""Checking the output of a successful attempt against the step's `json_schema` (spec section 5.1).

Schemas are compiled once and kept for as long as the template that holds them: validators are cached by the identity
of the schema object, which the cache keeps alive.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from runtime.templates.schemas import compile_schema, fault_found
from runtime.values.json import Json

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

_KEPT: Final = 1000


class Schemas:
    """A bounded cache of compiled schemas."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[Mapping[str, Json], Validator]] = OrderedDict()

    def fault(self, schema: Mapping[str, Json], output: Json) -> str:
        """Say what is wrong with an output, empty when nothing is. Never raises."""
        known = self._kept.get(id(schema))
        if known is None:
            known = self._kept[id(schema)] = (schema, compile_schema(schema))
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        problem = fault_found(known[1], output)
        return f"output {problem}" if problem.startswith("at ") else f"output: {problem}" if problem else ""
