import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runners._delimiters import Delimiter, between
from runners._output import Codes, KeptText, OutputMode, result_of


@given(st.lists(st.text("abc\n", max_size=50)), st.integers(min_value=4, max_value=64))
def test_a_text_is_kept_whole_until_it_is_too_long_and_then_from_both_ends(chunks, limit):
    kept = KeptText(limit)
    for chunk in chunks:
        kept.write(chunk.encode())
    said, head = "".join(chunks), limit // 4
    if len(said) > limit:
        left_out = f"\n[... {len(said) - limit} bytes left out ...]\n"
        said = said[:head] + left_out + said[len(said) - limit + head :]
    assert kept.text() == said
    assert kept.text() == said


def test_a_character_cut_in_two_and_bytes_that_are_no_text_are_shown_as_such():
    kept = KeptText(8)
    kept.write("aé".encode() + b"\xff")
    assert kept.text() == "aé\ufffd"


def test_memory_follows_what_is_kept_and_not_what_is_said():
    kept = KeptText(1000)
    for _ in range(1000):
        kept.write(b"x" * 1000)
        assert len(kept._head) + len(kept._tail) <= 3000
    kept.write(b"\nend")
    assert kept.text().startswith("x" * 250 + "\n[... 999004 bytes left out ...]\n")
    assert kept.text().endswith("\nend")


def result(text, mode=OutputMode.LAST_LINE, delimiters=None, left_out=0):
    return result_of(text, mode, delimiters, left_out=left_out)


@pytest.mark.parametrize(
    "text", ['{"a": 1.50}', '{"a": 1.50}\n', 'words\n{"a": 1.50}\n', '\n\n{"a": 1.50}\r\n', '{"a": 1.50}\n  ']
)
def test_the_last_line_is_the_result(text):
    found, problem = result(text)
    assert (repr(found), problem) == ("{'a': 1.50}", "")


@pytest.mark.parametrize("text", ["", "\n", '{"a": 1}\n\n', "words\n \n", " ", "null", "words\nnull\n"])
def test_who_prints_no_result_has_none(text):
    """And not an empty one: a flow would take that for a plan that changes nothing."""
    assert result(text) == (None, "")


@pytest.mark.parametrize("text", ["words", "[1]", "3", '{"a": 1} x', "{'a': 1}", "[" * 5000])
def test_a_last_line_that_is_no_object_is_refused(text):
    found, problem = result(text)
    assert found is None
    assert problem.startswith("the last line of the output")


@pytest.mark.parametrize(
    ("text", "left_out", "found", "problem"),
    [
        ("BEGIN\n{}\nEND", 0, {}, ""),
        ("BEGIN\n{}\nEND", 9, {}, ""),
        ('+ echo BEGIN\nBEGIN{"a": 1}END', 0, {"a": 1}, ""),
        ("BEGIN \n END", 0, None, ""),
        ("words", 0, None, ""),
        ("words", 9, None, "the delimiters are not in the output"),
        ("BEGIN[]END", 0, None, "what stands between the delimiters is JSON, but not an object"),
    ],
)
def test_there_is_no_result_without_delimiters_unless_they_may_have_been_left_out(text, left_out, found, problem):
    delimiters = Delimiter("BEGIN"), Delimiter("END")
    assert result(text, OutputMode.DELIMITERS, delimiters, left_out) == (found, problem)


@pytest.mark.parametrize(
    ("start", "end", "text", "part"),
    [
        ("BEGIN", "END", "xBEGINaENDy", "a"),
        ("BEGIN", "END", "BEGINaBEGINbENDcENDdBEGIN", "bENDc"),
        ("<<", ">>", "<<\n1\n>>", "\n1\n"),
        ("a|b", "c+", "xb1ccc", "1cc"),
        (r"^--+$", "END", "--\nEND", ""),
        (r"(?m)^--+$", "END", "x\n--\n1END", "\n1"),
        ("(x)(y)", "z", "xy1z", "1"),
        ("BEGIN", "END", "ENDBEGIN", ""),
        ("", "", "abc", ""),
        ("é", "ü", "aé😀ü", "😀"),
    ],
)
def test_the_part_between_two_expressions_is_the_longest_after_the_last_start(start, end, text, part):
    assert between(Delimiter(start), Delimiter(end), text) == part


@pytest.mark.parametrize("pattern", ["(", "[a", "*", r"\1", "(?=a)", "a{2000}", "(((a{99}){99}){99})", "x" * 1001])
def test_what_is_no_expression_or_too_large_a_one_is_refused(pattern):
    with pytest.raises(ValueError, match=r"is not a regular expression|is longer than"):
        Delimiter(pattern)


@pytest.mark.parametrize("pattern", ["(x+)+y", "(x|x)*y", "x*x*x*x*y", "(.*)(.*)(.*)y"])
def test_no_expression_takes_for_ever(pattern):
    assert between(Delimiter(pattern), Delimiter("z"), "x" * (1 << 20)) == ""


def test_the_work_of_a_search_is_bounded():
    with pytest.raises(ValueError, match="too large to be searched"):
        between(Delimiter("(a{30}b?){30}"), Delimiter("z"), "x" * (1 << 20))


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [("3", [3], [2, 4, -3]), ("0", [0], [1]), ("64-66", [64, 65, 66], [63, 67]), (" 7 ", [7], [8])],
)
def test_codes_are_one_or_a_range(text, inside, outside):
    codes = Codes(text)
    assert all(code in codes for code in inside)
    assert not any(code in codes for code in outside)


@pytest.mark.parametrize("text", ["", "x", "-1", "1-", "-", "0-3", "3-3", "4-3", "1-2-3", "1 - 2", "\u0661", "9" * 20])
def test_other_texts_are_no_codes(text):
    with pytest.raises(ValueError, match=re.escape("must ")):
        Codes(text)
