import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.engine.conditions import ConditionError, holds
from runtime.templates.model import Operator

TRUE = [
    (Operator.EQ, "a", "a"),
    (Operator.EQ, "", ""),
    (Operator.NE, "a", "b"),
    (Operator.NE, "1", "1.0"),
    (Operator.GT, "2", "1"),
    (Operator.GT, "10", "9"),
    (Operator.GT, "1.5", "1.25"),
    (Operator.GT, "123456789012345678901", "123456789012345678900"),
    (Operator.LT, "-3", "2"),
    (Operator.GE, "1.0", "1"),
    (Operator.LE, " 4 ", "4"),
    (Operator.REGEXP, "john@example.com", r"[a-z\.]+@example\.com$"),
    (Operator.REGEXP, "xabcx", "abc"),
    (Operator.NOTREGEXP, "foobar", r"@example\.com$"),
    (Operator.IN, "foo, bar", "bar"),
    (Operator.IN, "only", "only"),
    (Operator.NOTIN, "foo,bar", "baz"),
    (Operator.NOTIN, "foobar", "foo"),
]
FALSE = [
    (Operator.EQ, "a", "A"),
    (Operator.NE, "a", "a"),
    (Operator.GT, "1", "1"),
    (Operator.LT, "1", "1"),
    (Operator.GE, "1", "2"),
    (Operator.LE, "2", "1"),
    (Operator.REGEXP, "foo", "bar"),
    (Operator.NOTREGEXP, "foo", "o+"),
    (Operator.IN, "foo,bar", "foo,bar"),
    (Operator.NOTIN, "foo,bar", "foo"),
]


@pytest.mark.parametrize(("operator", "value", "expected"), TRUE)
def test_it_holds(operator, value, expected):
    assert holds(operator, value, expected)


@pytest.mark.parametrize(("operator", "value", "expected"), FALSE)
def test_it_does_not_hold(operator, value, expected):
    assert not holds(operator, value, expected)


def test_a_missing_value_counts_as_nothing_on_both_sides():
    assert holds(Operator.EQ, "<no value>", "")
    assert holds(Operator.EQ, "a<no value>b", "ab")
    assert holds(Operator.EQ, "", "<no value>")


def test_the_separator_of_a_list_can_be_chosen():
    assert holds(Operator.IN, "a b;c", "a b", separator=";")
    assert holds(Operator.IN, "a,b", "a,b", separator="")


@pytest.mark.parametrize("operator", [Operator.GT, Operator.LT, Operator.GE, Operator.LE])
@pytest.mark.parametrize(
    ("value", "expected"),
    [("x", "1"), ("1", ""), ("nan", "1"), ("inf", "1"), ("9" * 2000, "1"), ("1_0", "1"), ("\u0662", "1")],
)
def test_ordering_what_is_no_number_is_an_evaluation_error(operator, value, expected):
    with pytest.raises(ConditionError, match="needs numbers on both sides"):
        holds(operator, value, expected)


@pytest.mark.parametrize("operator", [Operator.REGEXP, Operator.NOTREGEXP])
def test_a_pattern_that_does_not_compile_is_an_evaluation_error(operator):
    with pytest.raises(ConditionError):
        holds(operator, "x", "(")


@given(st.sampled_from(Operator), st.text(), st.text(), st.text(max_size=3))
def test_any_two_texts_either_compare_or_raise_the_declared_error(operator, value, expected, separator):
    try:
        assert holds(operator, value, expected, separator=separator) in {True, False}
    except ConditionError as fault:
        assert str(fault)
