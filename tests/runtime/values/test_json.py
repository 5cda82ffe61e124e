import copy
import enum
import json
import pickle
from types import MappingProxyType
from typing import Any, get_type_hints

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.values.json import Json, NotJson, Number, ValueTooLarge, dumps, loads, normalise, parse_number

LITERALS = ["0", "-0", "12", "1.50", "1e3", "1E+2", "0.1", "-2.30", "1e400", "123456789012345678901234", "9" * 5000]

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize("literal", LITERALS)
def test_a_number_prints_as_the_literal_it_came_from(literal):
    number = loads(literal)
    assert dumps(number) == literal
    if literal != "9" * 5000:
        assert str(number) == f"{number}" == literal


@pytest.mark.parametrize("literal", ["1.50", "-0", "1e400"])
def test_a_number_survives_copies_and_pickles(literal):
    number = parse_number(literal)
    assert isinstance(number, Number)
    for again in (copy.deepcopy(number), pickle.loads(pickle.dumps(number)), normalise(number)):
        assert str(again) == literal


def test_a_number_computes_as_the_float_it_is():
    assert Number("1.50") == 1.5
    assert Number("1.50") * 2 == 3.0
    assert hash(Number("1.50")) == hash(1.5)


@given(documents)
def test_a_document_comes_back_from_its_text(document):
    plain = normalise(document)
    assert loads(dumps(plain)) == plain


@given(documents)
def test_what_is_normalised_can_be_encoded_and_normalising_again_changes_nothing(document):
    plain = normalise(document)
    dumps(plain)
    assert normalise(plain) == plain


def test_members_are_sorted_and_text_is_kept_as_it_is():
    assert dumps({"b": "é<", "a": [1, None, True]}) == '{"a":[1,null,true],"b":"é<"}'


@pytest.mark.parametrize("text", ["", "{", "NaN", "-Infinity", "'a'", "[1,]", "[" * 100_000, b"\xff", b"\xef\xbb\xbf1"])
def test_what_is_not_json_is_a_value_error(text):
    with pytest.raises(ValueError):
        loads(text)


def test_a_lone_surrogate_becomes_the_replacement_character_and_a_pair_a_character():
    assert loads(r'{"\ud800": ["\ud83d\ude00", "a\udc00"]}') == {"\ufffd": ["😀", "a\ufffd"]}
    assert loads(b'"\xed\xa0\x80"') == "\ufffd" * 3
    assert normalise({"\ud800": "\udfff"}) == {"\ufffd": "\ufffd"}


def test_containers_become_plain_ones_that_nobody_else_holds():
    class Colour(enum.StrEnum):
        RED = "red"

    inner = [1]
    given_ = {"list": inner, "tuple": (1, 2), "enum": Colour.RED}
    plain = normalise(given_)
    inner.append(2)
    assert plain == {"list": [1], "tuple": [1, 2], "enum": "red"}
    assert type(plain["enum"]) is str


def circular():
    circle: list[Any] = []
    circle.append(circle)
    return circle


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": [0, object()]}, "a[1]"),
        ({"a": {"b": float("nan")}}, "a.b"),
        ({"a": {1: 2}}, "a"),
        ({"a": b"bytes"}, "a"),
        ({"a": {1, 2}}, "a"),
        ([10**5000], "[0]"),
        (float("inf"), ""),
    ],
)
def test_what_is_not_json_is_refused_with_its_path(value, path):
    with pytest.raises(NotJson) as refusal:
        normalise(value)
    assert refusal.value.path.removeprefix(".") == path


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("plain", 5),
        ("wörter", 6),
        ({"key": "item", "kéy": "ítem"}, 30),
        ({"key": {"key": [1, 2.5, None]}}, 46),
        (("a", "bc"), 19),
        (MappingProxyType({"a": "b"}), 10),
        (10**100, 111),
        (Number("1." + "0" * 98), 100),
    ],
)
def test_a_value_may_be_as_large_as_is_said_and_no_larger(value, size):
    """The characters of its texts and long numbers, and eight for each member."""
    assert dumps(normalise(value, size)) == dumps(value)
    with pytest.raises(ValueTooLarge):
        normalise(value, size - 1)


def test_of_what_is_far_too_large_little_is_read():
    read: list[int] = []

    class Watched(enum.Enum):
        ONE = 1

        @property
        def value(self) -> str:
            read.append(1)
            return "x" * 100

    with pytest.raises(ValueTooLarge):
        normalise([Watched.ONE] * 10_000, 200_000)
    assert len(read) == 1201


def test_a_circle_is_refused():
    with pytest.raises(NotJson, match="circular"):
        normalise(circular())


def test_depth_is_bounded():
    deep: Json = 1
    for _ in range(200):
        deep = [deep]
    assert json.loads(dumps(normalise(deep))) == deep
    with pytest.raises(NotJson, match="deep"):
        normalise([deep])


def test_an_annotation_of_json_can_be_resolved_in_any_module():
    @attrs.frozen
    class Holder:
        value: Json
        values: "dict[str, Json]"

    assert get_type_hints(Holder)["value"] is Any
