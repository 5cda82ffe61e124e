"""Templates as users name them, and as they are once they were checked against what a runtime knows."""

import os
from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from typing import Final, TypeAlias

import attrs

from runtime.api.callables import name_callables
from runtime.arguments import check_kind
from runtime.errors import Fault
from runtime.functions import Functions
from runtime.templates.actions import ActionTypes
from runtime.templates.model import Template
from runtime.templates.validation import Validated, check_data, check_file, validate
from runtime.threads import BRIEF
from runtime.values.json import Json

TemplateSource: TypeAlias = str | os.PathLike[str] | Mapping[str, Json] | Template
"""A template as a user names it: a path to a YAML file, a mapping as YAML would give it, or an object."""

_PREPARED_KEPT: Final = 128
"""How many template objects are remembered as checked."""


@attrs.frozen
class Prepared:
    """A template that was found valid. Submitting it again costs no second check."""

    template: Template
    warnings: tuple[Fault, ...] = ()


class Preparation:
    """Checks templates. It remembers objects, so that a program may submit the same one again and again."""

    def __init__(self, types: ActionTypes, callables: Functions) -> None:
        self._types = types
        self._callables = callables
        self._known: OrderedDict[int, tuple[Template, Prepared]] = OrderedDict()

    async def prepare(self, source: TemplateSource | Prepared, *, strict: bool = False) -> Prepared:
        """See `runtime.api.client.Runtime.prepare`."""
        match source:
            case Prepared():
                return source
            case Template():
                return self._prepare_object(source)
            case Mapping():
                return _prepared(check_data(source, self._types, strict=strict))
            case _:
                check_kind(source, str | os.PathLike, "template", "a path, a mapping or a Template")
                return _prepared(await BRIEF.run(partial(check_file, source, self._types, strict=strict)))

    def _prepare_object(self, template: Template) -> Prepared:
        known = self._known.get(id(template))
        if known is not None:
            return known[1]
        prepared = _prepared(validate(name_callables(template, self._callables), self._types))
        # The entry keeps the object alive, so its id is its own for as long as it is a key here.
        self._known[id(template)] = (template, prepared)
        if len(self._known) > _PREPARED_KEPT:
            self._known.popitem(last=False)
        return prepared


def _prepared(checked: Validated) -> Prepared:
    return Prepared(checked.template, checked.warnings)
