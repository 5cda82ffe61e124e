"""How JSON becomes typed values: one reader for each type, built once and kept.

A template can only produce text, so a field takes every value that reads as its type:

================================  =====================================================================================
a field annotated                 takes
================================  =====================================================================================
``bool``                          true, false and their texts, whatever the case
``int``, ``float``                a number, or the text of one (for ``int`` it must be whole)
``str``                           text; a number or a boolean becomes the text that JSON prints for it
`Duration` (seconds)              a Go duration text: ``30s``, ``1m30s``
``Literal[...]``, an `Enum`       one of its values
``list``, ``tuple``, `Sequence`   a list
``dict``, `Mapping`               a mapping
an attrs class                    a mapping of its fields; null leaves a field at its default; unknown keys are warnings
``X | Y``                         what the first of them takes without a fault
``Json``, ``object``              anything
any other class                   the text that it can be called with (`ValueError` from it is the fault)
================================  =====================================================================================

An empty text leaves a ``bool``, a number or a `Duration` at its default, where it has one, as null does.

While a template is checked, a text that holds ``{{`` passes every type that text can become, as `Templated`; converters
and validators of such a field are not asked. A list, a mapping or an attrs class is never made of text, templated or
not: there it is a fault. Faults name types and known words, not the value, which may be a secret; what a validator or
a class says in its `ValueError` is its author's affair.

Modules: `shapes`, the reader of each type; `scalars`, which it calls on plain values; `place`, where in the document it is.
"""

from runtime.structuring.place import Place, Report, Templated
from runtime.structuring.shapes import reader

__all__ = ("Place", "Report", "Templated", "reader")
