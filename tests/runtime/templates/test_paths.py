import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.templates.paths import item, member, parts, prefixes, shown, under


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (member("", "steps"), "steps"),
        (member("steps", "getTime"), "steps.getTime"),
        (item(member("steps", "a"), 0), "steps.a[0]"),
        (member("steps", "a.b"), 'steps["a.b"]'),
        (member("", ""), '[""]'),
        (member("variables", "english-message"), "variables.english-message"),
        (under("a", "b.c"), "a.b.c"),
        (under("a", "[0]"), "a[0]"),
        (under("", "b"), "b"),
        (under("a", ""), "a"),
    ],
)
def test_a_path_is_written_in_the_terms_of_the_document(path, text):
    assert path == text


@given(st.lists(st.text(max_size=80) | st.integers(0, 10**9)))
def test_parts_take_apart_what_members_and_items_have_put_together(steps):
    path = ""
    for step in steps:
        path = item(path, step) if isinstance(step, int) else member(path, step)
    assert list(parts(path)) == steps


@given(st.text())
def test_any_text_can_be_taken_for_a_path(text):
    list(parts(text))
    assert {"", text} <= set(prefixes(text))


def test_a_long_key_is_cut_in_a_path():
    assert len(member("a", "x" * 10_000)) < 200


@pytest.mark.parametrize(
    ("value", "text"),
    [({}, "an object"), ([1], "a list"), ("a", '"a"'), (1.50, "1.5"), (True, "true"), (None, "null")],
)
def test_a_value_is_shown_in_short(value, text):
    assert shown(value) == text


def test_a_long_value_is_cut():
    assert len(shown("x" * 1000)) == 80
