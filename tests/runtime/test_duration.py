from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.duration import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("-0", 0),
        ("10s", 10),
        ("1h30m", 5400),
        ("-1.5h", -5400),
        ("+.5s", 0.5),
        ("1.s", 1),
        ("2h45m0.5s", 9900.5),
        ("1us1µs1μs", 3e-6),
        ("300ms", 0.3),
        ("1ns", 1e-9),
    ],
)
def test_a_duration_is_the_seconds_that_go_reads_in_it(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", 'time: invalid duration ""'),
        ("foo", 'time: invalid duration "foo"'),
        ("-", 'time: invalid duration "-"'),
        (".s", 'time: invalid duration ".s"'),
        ("10", 'time: missing unit in duration "10"'),
        ("1h30", 'time: missing unit in duration "1h30"'),
        ("10x", 'time: unknown unit "x" in duration "10x"'),
        ("1mx", 'time: unknown unit "mx" in duration "1mx"'),
        ("1s ", 'time: unknown unit "s " in duration "1s "'),
        ("10000000h", 'time: invalid duration "10000000h"'),
        ("\u0661s", 'time: invalid duration "\u0661s"'),
    ],
)
def test_what_go_refuses_is_refused_in_its_words(text, problem):
    with pytest.raises(ValueError) as refusal:
        parse_duration(text)
    assert str(refusal.value) == problem


@given(st.text())
def test_any_text_is_a_duration_or_a_value_error(text):
    with suppress(ValueError):
        assert isinstance(parse_duration(text), float)


def test_a_very_long_text_is_refused_without_being_read():
    with pytest.raises(ValueError, match="invalid duration"):
        parse_duration("1h" * 1_000_000)
