import pytest

from runtime.values.regex import PatternInvalid, SearchTooCostly, compile_pattern


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("b", "abc", True),
        ("^b", "abc", False),
        (r"^\d+-\d+Z$", "10-20Z", True),
        ("", "", True),
        (r"(?i)É", "é", True),
        (r"^\pL+$", "été", True),
        (r"^[[:alpha:]]$", "x", True),
        ("^.$", "\ud800", True),
        ("{{.input.x}}", "x", False),
        ("a$", "a\nb", False),
    ],
)
def test_a_pattern_is_searched_anywhere_in_the_text(pattern, text, found):
    assert compile_pattern(pattern).search(text) is found


@pytest.mark.parametrize(
    "pattern", ["(", "a{1001}", "(?=a)", "(?!a)", r"(a)\1", "*", "[z-a]", r"\pL" * 1000, "a" * 5000]
)
def test_what_re2_has_not_is_refused_with_a_reason(pattern):
    with pytest.raises(PatternInvalid) as refusal:
        compile_pattern(pattern)
    assert str(refusal.value)


def test_a_pattern_that_hangs_backtracking_engines_is_found_missing_at_once():
    assert not compile_pattern(r"^(a+)+$").search("a" * 100_000 + "b")


def test_a_search_that_could_take_long_is_refused_before_it_begins():
    pattern = compile_pattern("(x?){1000}y")
    assert not pattern.search("x" * 100)
    with pytest.raises(SearchTooCostly, match="100000 characters"):
        pattern.search("x" * 100_000)
