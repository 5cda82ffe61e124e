"""Any message of a class, by the annotations and rules of its fields; and any JSON near one."""

import re
import types
from collections.abc import Mapping
from enum import EnumType
from typing import Any, get_args, get_origin

import attrs
from hypothesis import strategies as st

from runtime.api.fields import RULES
from tests.support.strategies import json_values

_JSON = json_values(max_leaves=4)


def messages(cls: Any) -> st.SearchStrategy[Any]:
    """Any valid message of one class."""
    return st.builds(cls, **{one.name: values(one.type, one.metadata.get(RULES, {})) for one in attrs.fields(cls)})


def values(kind: Any, rules: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return _JSON
    if kind is str:
        least = rules.get("minLength", 0)
        texts = st.text(min_size=least, max_size=max(least, min(rules.get("maxLength", 8), 8)))
        pattern = rules.get("pattern")
        return texts.filter(re.compile(pattern).search) if pattern else texts
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers(rules.get("minimum", -(2**70)), rules.get("maximum", 2**70))
    if kind is float:
        return st.floats(rules.get("minimum"), rules.get("maximum"), allow_nan=False, allow_infinity=False)
    if isinstance(kind, EnumType):
        return st.sampled_from(list(kind))
    if origin is types.UnionType:
        return st.one_of([st.none() if one is type(None) else values(one, rules) for one in arguments])
    if origin is tuple:
        return st.lists(values(arguments[0], rules), min_size=rules.get("minItems", 0), max_size=3).map(tuple)
    assert origin is Mapping, kind
    return st.dictionaries(st.text(max_size=5), values(arguments[1], rules), max_size=3)
