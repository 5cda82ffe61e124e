"""Messages and views as JSON: cattrs does all the (un)structuring."""

from typing import cast

import cattrs

from runtime.values.json import Json, Number

_converter = cattrs.Converter()
_converter.register_unstructure_hook(Number, lambda number: number)


def to_json(value: object) -> Json:
    """Give a message or a view as JSON data."""
    return cast("Json", _converter.unstructure(value))
