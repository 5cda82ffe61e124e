"""Whatever comes in, only declared errors come out, and the bounds hold."""

import re
import string
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.values.gotemplate import Limits, Template, TemplateError
from runtime.values.gotemplate.lexer import Kind, lex
from runtime.values.gotemplate.template import STANDARD
from tests.values.oracle.grammar import Generator
from tests.values.oracle.ours import read

# What the guards say of faults that no function declared: these would be bugs.
UNFORESEEN = re.compile(r"internal fault|error calling \w+: [A-Z]\w*(?:Error|Exception|Warning): ")
LIMITS = Limits(steps=100_000, output=50_000, memory=1 << 20, depth=20)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcxyz"), inner, max_size=4),
    max_leaves=12,
)
fragments = st.sampled_from(
    ["{{", "}}", "{{-", " -}}", "/*", "*/", "if", "range", "with", "else", "end", "define", "template", "block", "break",
     "continue", "nil", "true", "$", "$x", ".", ".a", ".a.b", ":=", "=", "|", "(", ")", ",", '"a"', '"', "`", "'a'", "'",
     "1", "-1", "0x", "1.5", "1e9", "1i", "print", "printf", "index", "eq", "len", "\n", " ", "\\", "é", "\udc80", "%s"]
)  # fmt: skip
sources = st.lists(fragments | st.text(max_size=4), max_size=25).map("".join)


def render(source: str, data: Any) -> str | None:
    try:
        text = Template(source).render(data, limits=LIMITS)
    except TemplateError as fault:
        message = str(fault)
        assert message.startswith("template: ")
        assert not UNFORESEEN.search(message)
        return None
    assert len(text) <= LIMITS.output
    text.encode()
    return text


@settings(max_examples=400, deadline=None)
@given(source=sources, data=json_values)
def test_any_source_renders_or_fails_as_declared(source: str, data: Any) -> None:
    render(source, data)


@settings(max_examples=300, deadline=None)
@given(source=st.text(max_size=60) | sources)
def test_any_source_is_cut_to_its_end_or_to_an_error(source: str) -> None:
    tokens = lex("{{" + source)
    assert tokens[-1].kind in {Kind.EOF, Kind.ERROR}
    positions = [token.pos for token in tokens]
    assert positions == sorted(positions)


arguments = st.lists(
    json_values.map(lambda value: (".v", value)) | st.sampled_from([("1", None), ('"x"', None), ("nil", None), ("2.5", None), ("(list 1 .v)", [1]), ("(until 3)", None)]),
    max_size=3,
)  # fmt: skip
# Built of its parts, which takes half the time that a regular expression would.
numbers = st.integers(0, 9_999_999).map(str)
indices = st.just("") | st.integers(0, 99).map("[{}]".format)
verbs = st.builds(
    "%{}{}{}{}{}{}".format,
    st.sampled_from(["", "-", "+", "#", " ", "0", "-+", "+0", "#0", "# ", " 0", "+#", "-+#", "+# ", "00-"]),
    indices,
    st.sampled_from(["", "*"]) | numbers,
    st.sampled_from(["", ".", ".*"]) | numbers.map(".{}".format),
    indices,
    st.sampled_from(f"{string.ascii_letters}%!é"),
)
directives = st.lists(verbs | st.text(max_size=5), max_size=4).map("".join)


@settings(max_examples=400, deadline=None)
@given(form=directives, args=arguments)
def test_any_format_prints_or_fails_as_declared(form: str, args: list[tuple[str, Any]]) -> None:
    data = {"f": form, "v": args[0][1] if args else None}
    render("{{printf .f " + " ".join(text for text, _ in args) + "}}", data)


patterns = st.text(alphabet="ab()[]{}|*+?.^$\\dwspPQEbz-,0123:<>=!iUé", max_size=15)


@settings(max_examples=300, deadline=None)
@given(
    pattern=patterns,
    text=st.text(alphabet="abé1 \n", max_size=30),
    replacement=st.text(alphabet="$1{}ax\\", max_size=8),
)
def test_any_pattern_matches_or_fails_as_declared(pattern: str, text: str, replacement: str) -> None:
    data = {"p": pattern, "t": text, "r": replacement}
    for source in (
        "{{regexMatch .p .t}}",
        "{{regexFindAll .p .t -1}}",
        "{{regexReplaceAll .p .t .r}}",
        "{{regexSplit .p .t -1}}",
        "{{mustRegexFind .p .t}}",
    ):
        render(source, data)


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(sorted(set(STANDARD) - {"bcrypt", "htpasswd", "derivePassword"})),
    args=arguments,
    piped=st.booleans(),
)
def test_any_function_takes_any_arguments_or_fails_as_declared(
    name: str, args: list[tuple[str, Any]], piped: bool
) -> None:
    texts = [text for text, _ in args]
    data = {"v": args[0][1] if args else None}
    command = " ".join([name, *texts[1:]]) if piped and texts else " ".join([name, *texts])
    render(f"{{{{{f'{texts[0]} | ' if piped and texts else ''}{command}}}}}", data)


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_any_generated_template_renders_or_fails_as_declared(seed: int) -> None:
    template, data = Generator(seed).case()
    render(template, read(data))
