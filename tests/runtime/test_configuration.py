import enum
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address
from typing import Any, Literal, NewType, TypeVar

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.configuration import ConfigurationInvalid, Templated, check_configuration, overlay, structure
from runtime.duration import Duration
from runtime.values.json import Json, Number

Port = NewType("Port", int)


class Colour(enum.StrEnum):
    RED = "red"
    GREEN = "green"


def holding(type_, **options):
    """Make a class with one field, called `field`."""
    return attrs.make_class("Holding", {"field": attrs.field(type=type_, **options)}, kw_only=True, frozen=True)


def built(type_, value):
    return structure(holding(type_), {"field": value}).field


def faults(config, document, base=None):
    return [str(fault) for fault in check_configuration(config, document, base).faults]


def refusal(config, document, base=None):
    with pytest.raises(ConfigurationInvalid) as refused:
        structure(config, document, base)
    return [str(fault) for fault in refused.value.faults]


@pytest.mark.parametrize(
    ("type_", "value", "result"),
    [
        (bool, True, True),
        (bool, "true", True),
        (bool, " False\n", False),
        (int, 3, 3),
        (int, "3", 3),
        (int, 3.0, 3),
        (int, Number("1e3"), 1000),
        (int, "1e3", 1000),
        (int, "12345678901234567890123", 12345678901234567890123),
        (float, 3, 3.0),
        (float, "-1.5e1", -15.0),
        (float, Number("1.50"), 1.5),
        (str, "text", "text"),
        (str, 404, "404"),
        (str, Number("1.50"), "1.50"),
        (str, True, "true"),
        (Duration, "1m30s", 90.0),
        (Literal["a", 1], "a", "a"),
        (Literal["a", 1], "1", 1),
        (Colour, "red", Colour.RED),
        (Port, "80", 80),
        (IPv4Address, "10.0.0.1", IPv4Address("10.0.0.1")),
        (list[int], ["1", 2], [1, 2]),
        (tuple[str, ...], [1, "b"], ("1", "b")),
        (tuple[str, int], ["a", "1"], ("a", 1)),
        (Sequence[bool], ["true"], (True,)),
        (list, [1, "a"], [1, "a"]),
        (dict[str, str], {"a": 1}, {"a": "1"}),
        (Mapping[str, int], {"a": "1"}, {"a": 1}),
        (dict, {"a": [1]}, {"a": [1]}),
        (str | None, "a", "a"),
        (int | str, "5", 5),
        (int | str, "five", "five"),
        (list[str] | str, "a", "a"),
        (Json, {"a": [None, 1]}, {"a": [None, 1]}),
        (object, "1", "1"),
    ],
)
def test_a_field_takes_what_reads_as_its_type(type_, value, result):
    taken = built(type_, value)
    assert taken == result
    assert type(taken) is type(result)


@pytest.mark.parametrize(
    ("type_", "value", "problem"),
    [
        (bool, 1, "must be true or false"),
        (bool, "yes", "must be true or false"),
        (int, True, "must be a number, not a boolean"),
        (int, 1.5, "must be a whole number"),
        (int, "1_000", "must be a number, not a text"),
        (int, Number("1e400"), "must be a whole number"),
        (float, "nan", "must be a number, not a text"),
        (float, "\u0661", "must be a number, not a text"),
        (float, None, "must be a number, not null"),
        (str, None, "must be text, not null"),
        (str, ["a"], "must be text, not a list"),
        (str, {}, "must be text, not a mapping"),
        (Duration, 30, 'must be a duration such as "30s" or "1m30s", not a number'),
        (Duration, "30", 'time: missing unit in duration "30"'),
        (Colour, "rde", 'must be one of red, green; did you mean "red"?'),
        (Literal["a", "b"], "z", "must be one of a, b"),
        (IPv4Address, "10.0.0", "Expected 4 octets in '10.0.0'"),
        (list[int], "12", "must be a list, not a text"),
        (tuple[str, int], ["a"], "must have exactly 2 items, not 1"),
        (dict[str, int], [1], "must be a mapping, not a list"),
        (int | bool, "x", "a text of this form cannot stand here"),
    ],
)
def test_a_field_refuses_what_does_not(type_, value, problem):
    assert refusal(holding(type_), {"field": value}) == [f"field: {problem}"]


@pytest.mark.parametrize("type_", [bool, int, float, Duration])
def test_an_empty_text_leaves_what_no_text_is_at_its_default_where_it_has_one(type_):
    assert structure(holding(type_, default=type_(1)), {"field": ""}).field == type_(1)
    assert refusal(holding(type_), {"field": ""})[0].startswith("field: ")


@attrs.frozen(kw_only=True)
class User:
    name: str = attrs.field(validator=attrs.validators.min_len(1))
    password: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Auth:
    basic: User | None = None


@attrs.frozen(kw_only=True)
class Config:
    url: str
    auth: Auth = attrs.field(factory=Auth)
    codes: tuple[int, ...] = ()
    retries: int = attrs.field(default=3, validator=attrs.validators.ge(0))
    wait: float = attrs.field(default=1.0, converter=float)
    mode: Literal["fast", "slow"] = "fast"
    notes: Mapping[str, Json] = attrs.field(factory=dict)


def test_every_fault_is_named_at_once_with_its_path():
    document = {
        "auth": {"basic": {"name": ""}},
        "codes": [1, "x", [2]],
        "retries": -1,
        "mode": "fats",
        "notes": 3,
    }
    expected = [
        "url: is missing",
        "auth.basic.password: is missing",
        "auth.basic.name: Length of 'name' must be >= 1: 0",
        "codes[1]: must be a number, not a text",
        "codes[2]: must be a number, not a list",
        'mode: must be one of fast, slow; did you mean "fast"?',
        "notes: must be a mapping, not a number",
        "retries: 'retries' must be >= 0: -1",
    ]
    assert refusal(Config, document) == expected
    assert faults(Config, document) == expected


def test_a_key_that_nothing_reads_is_a_warning_that_names_the_nearest_one():
    checked = check_configuration(Config, {"url": "u", "auth": {"basik": 1}, "retreis": 2})
    assert checked.config == Config(url="u")
    assert checked.faults == ()
    assert [str(warning) for warning in checked.warnings] == [
        'retreis: nothing reads this key (did you mean "retries"?)',
        'auth.basik: nothing reads this key (did you mean "basic"?)',
    ]
    assert structure(Config, {"url": "u", "retreis": 2}) == Config(url="u")


def test_many_such_keys_are_counted_rather_than_listed():
    checked = check_configuration(Config, {"url": "u", **{f"key{number}": 1 for number in range(1000)}})
    assert len(checked.warnings) == 21
    assert checked.warnings[-1].message == "980 more keys that nothing reads"


def test_a_template_passes_every_type_that_a_text_can_become():
    document: Json = {
        "url": "{{.input.url}}",
        "auth": {"basic": {"name": "{{.input.name}}", "password": "p"}},
        "codes": ["{{.input.code}}", 2],
        "retries": "{{.input.retries}}",
        "wait": "{{.input.wait}}",
        "mode": "{{.input.mode}}",
    }
    checked = check_configuration(Config, document)
    assert checked.faults == ()
    config: Any = checked.config
    for text in (config.retries, config.wait, config.codes[0], config.auth.basic.name):
        assert isinstance(text, Templated)
    assert config.notes == {}


def test_a_template_is_not_taken_where_only_a_list_or_a_mapping_can_stand():
    assert faults(Config, {"url": "u", "codes": "{{.x}}", "auth": "{{.x}}"}) == [
        "auth: must be a mapping, not a text",
        "codes: must be a list, not a text",
    ]


def test_after_rendering_braces_are_a_text_like_any_other():
    assert structure(Config, {"url": "{{"}).url == "{{"
    assert refusal(Config, {"url": "u", "retries": "{{"}) == ["retries: must be a number, not a text"]


def test_null_leaves_a_field_at_its_default():
    assert structure(Config, {"url": "u", "retries": None, "auth": None}) == Config(url="u")
    assert refusal(Config, {"url": None}) == ["url: must be text, not null"]


def test_no_configuration_at_all_is_an_empty_one():
    assert structure(Auth, None) == Auth()
    assert refusal(Config, None) == ["url: is missing"]


@pytest.mark.parametrize("document", ["text", "{{.x}}", 3, [1], True])
def test_a_configuration_is_a_mapping(document):
    (fault,) = faults(Config, document)
    assert fault.startswith("must be a mapping")


def test_a_value_that_is_not_json_is_a_fault_with_its_path():
    assert refusal(Config, {"url": "u", "notes": {"when": object()}}) == [
        "notes.when: a value of type object is not JSON"
    ]


def test_a_converter_and_a_rule_of_the_whole_class_are_faults_too():
    @attrs.frozen(kw_only=True)
    class Range:
        low: int = 0
        high: int = attrs.field(default=9)

        @high.validator
        def _above(self, _field, value):
            if value <= self.low:
                raise ValueError("must be above low")

    assert refusal(Range, {"low": 5, "high": 5}) == ["high: must be above low"]
    assert refusal(Range, {"low": "x", "high": 5}) == ["low: must be a number, not a text"]

    @attrs.frozen(kw_only=True)
    class Pair:
        one: str = attrs.field(default="", converter=lambda text: text.upper())
        two: str = ""

        def __attrs_post_init__(self):
            if self.one == self.two:
                raise ValueError("one and two are the same")

    assert structure(Pair, {"one": "a"}).one == "A"
    assert refusal(Pair, {"one": "a", "two": "A"}) == ["one and two are the same"]


def test_a_fault_does_not_show_the_value():
    assert "hunter2" not in " ".join(faults(Config, {"url": ["hunter2"], "retries": "hunter2", "mode": "hunter2"}))


def test_a_class_may_hold_itself():
    @attrs.frozen(kw_only=True)
    class Tree:
        name: str
        children: "tuple[Tree, ...]" = ()

    globals()["Tree"] = Tree
    tree = structure(Tree, {"name": "a", "children": [{"name": "b"}]})
    assert tree.children[0].name == "b"
    assert refusal(Tree, {"name": "a", "children": [{}]}) == ["children[0].name: is missing"]


def test_a_type_that_nothing_can_make_is_the_class_authors_error():
    with pytest.raises(TypeError, match="cannot hold"):
        check_configuration(holding(TypeVar("T")), {"field": 1})


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
)


@pytest.mark.parametrize(
    ("base", "over", "laid"),
    [
        ({"a": 1, "b": 2}, {"b": 3}, {"a": 1, "b": 3}),
        ({"a": {"x": 1, "y": {"z": 1}}}, {"a": {"y": {"w": 2}}}, {"a": {"x": 1, "y": {"z": 1, "w": 2}}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"x": 1}}, {"a": "text"}, {"a": "text"}),
        ({"a": "text"}, {"a": {"x": 1}}, {"a": {"x": 1}}),
        ({"a": 1}, {"a": None, "b": None}, {"a": 1, "b": None}),
        (None, {"a": 1}, {"a": 1}),
        ({"a": 1}, None, {"a": 1}),
    ],
)
def test_maps_merge_at_every_depth_and_null_leaves_what_is_there(base, over, laid):
    assert overlay(base, over) == laid


@given(documents, documents)
def test_laying_a_value_over_itself_or_over_nothing_gives_the_value(value, other):
    assert overlay(None, value) == value
    assert overlay(value, None) == value
    assert overlay(value, value) == value
    assert overlay(overlay(other, value), value) == overlay(other, value)


def test_a_configuration_is_read_over_its_base():
    base: Json = {"url": "base", "auth": {"basic": {"name": "n", "password": "p"}}, "codes": [1, 2]}
    config = structure(Config, {"auth": {"basic": {"name": "other"}}, "codes": [3], "url": None}, base)
    assert config == Config(url="base", auth=Auth(basic=User(name="other", password="p")), codes=(3,))


def test_the_error_says_what_is_wrong_and_where():
    with pytest.raises(ConfigurationInvalid, match=r"invalid configuration: url: is missing"):
        structure(Config, {})
