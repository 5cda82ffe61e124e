"""A template is anybody's text: it ends, soon, in a text or in a TemplatingError."""

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import TemplatingError
from runtime.values.functions import FUNCTIONS as OURS
from runtime.values.gotemplate import Limits
from runtime.values.gotemplate.template import STANDARD_NAMES
from runtime.values.json import normalise
from runtime.values.snapshot import Values
from runtime.values.templates import Templates, TooMuch
from tests.runtime.values.rendering import NOW, render

MEGABYTE = '{{$s := repeat 1000000 "a"}}'
DOUBLED = "{{$x := list `aaaa`}}{{range until 100}}{{$x = list $x $x}}{{end}}"
CIRCLE = '{{$d := dict}}{{$_ := set $d "d" $d}}'

HOSTILE = [
    '{{repeat 1000000000 "x"}}',
    "{{until 100000000}}",
    "{{untilStep 0 1000000000 1}}",
    "{{seq 1000000000}}",
    "{{range 1000000000}}x{{end}}",
    "{{range until 1000}}{{range until 1000}}{{range until 1000}}x{{end}}{{end}}{{end}}",
    '{{define "x"}}{{template "x"}}{{end}}{{template "x"}}',
    '{{define "x"}}{{template "x" .}}{{template "x" .}}{{end}}{{template "x"}}',
    "{{" + "(" * 5_000 + "1" + ")" * 5_000 + "}}",
    "{{if 1}}" * 5_000 + "{{end}}" * 5_000,
    "{{" + "9" * 100_000 + "}}",
    "{{.a}}" * 200_000,
    '{{$x := "aaaa"}}{{range until 100}}{{$x = cat $x $x}}{{end}}',
    f"{DOUBLED}{{{{$x}}}}",
    f"{DOUBLED}{{{{toJson $x}}}}",
    f'{DOUBLED}{{{{printf "%v" $x}}}}',
    f"{DOUBLED}{{{{deepCopy $x}}}}",
    f"{DOUBLED}{{{{deepEqual $x (deepCopy $x)}}}}",
    "{{$x := list `a` `b`}}{{range until 100}}{{$x = concat $x $x}}{{end}}",
    "{{$x := list}}{{range until 5000}}{{$x = list $x}}{{end}}{{$x}}",
    f"{CIRCLE}{{{{$d}}}}",
    f"{CIRCLE}{{{{toJson $d}}}}",
    f"{CIRCLE}{{{{deepCopy $d}}}}",
    f"{MEGABYTE}{{{{range until 1000}}}}{{{{upper $s}}}}{{{{end}}}}",
    f"{MEGABYTE}{{{{range until 1000}}}}{{{{$s}}}}{{{{end}}}}",
    MEGABYTE + '{{printf "' + "%[1]s" * 100 + '" $s}}',
    MEGABYTE + "{{print" + " $s" * 100 + "}}",
    MEGABYTE + "{{regexReplaceAll `a` $s $s}}",
    MEGABYTE + "{{regexReplaceAll `a` $s `" + "$0" * 60 + "`}}",
    MEGABYTE + "{{range until 1000}}{{regexMatch `(a|b|c)*d` $s}}{{end}}",
    MEGABYTE + '{{replace "" $s $s}}',
    MEGABYTE + "{{wrapWith 1 $s $s}}",
    MEGABYTE + "{{join $s (until 1000)}}",
    "{{indent 1000000 (repeat 1000 `\n`)}}",
    "{{uniq (until 50000)}}",
    "{{randAlpha 100000000}}",
    "{{randBytes 100000000}}",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:60])
def test_a_hostile_template_ends_in_an_error(text):
    with pytest.raises(TemplatingError) as caught:
        render(text)
    assert str(caught.value).startswith("Templating error: template: tmpl")


@pytest.mark.parametrize(
    ("limits", "text", "explanation"),
    [
        (Limits(output=5), "123456{{1}}", "longer than 5 characters"),
        (Limits(steps=1000), "{{range 4000}}x{{end}}", "maximum of 1000 steps"),
        (Limits(memory=10_000), "{{repeat 100000 `x`}}", "maximum memory of 10000 bytes"),
        (Limits(depth=5), "{{define `x`}}{{template `x`}}{{end}}{{template `x`}}", "exceeded maximum template depth"),
    ],
)
def test_each_limit_is_named_when_it_is_passed(limits, text, explanation):
    with pytest.raises(TooMuch, match=explanation):
        render(text, limits=limits)


def test_a_runaway_expression_is_linear():
    assert render(f"{MEGABYTE}{{{{regexMatch `^(a+)+$` $s}}}}") == "true"


def test_templates_kept_compiled_are_bounded_by_their_size():
    engine = Templates(now=lambda: NOW, random=Random(1))
    for number in range(16):
        render("x" * 250_000 + f"{{{{{number}}}}}", engine=engine)
    for number in range(10_000):
        render(f"{{{{{number}}}}}", engine=engine)
    assert len(engine._compiled) < 3_000
    assert engine._size <= 8_000_000


PIECES = st.sampled_from(
    [
        "{{", "}}", "{{-", "-}}", " ", ".", "$", "|", "(", ")", '"', "`", "'", ":=", "=", ",", "\\", "\n", "%d", "{{/*", "*/}}",
        ".input", ".step.a", ".input.x", "$x", "nil", "true", "1", "-1", "1.5", "0x1f", "1e9", "'a'", '"s"', "9" * 30,
        "if ", "else", "end", "range ", "with ", "define ", "template ", "block ", "break", "continue",
        "add ", "index ", "len ", "printf ", "slice ", "eq ", "toJson ", "fromJson ", "default ", "dict ", "list ", "set ",
        "regexMatch ", "repeat ", "until ", "substr ", "trunc ", "splitList ", "date ", "now", "toDate ", "semver ", "dig ",
        "merge ", "first ", "deepCopy ", "field ", "eval ", "uuid", "b64dec ", "urlParse ", "round ", "atoi ", "html ",
        "\x00", "é", "\ud800", "\u2028",
    ]
)  # fmt: skip
TEXTS = st.one_of(
    st.lists(PIECES, max_size=25).map("".join),
    st.lists(PIECES, max_size=12).map(lambda pieces: "{{" + "".join(pieces) + "}}"),
    st.text(max_size=40).map(lambda text: "{{" + text),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "y", "a-b"]), inner, max_size=3),
    max_leaves=8,
)
SMALL = Limits(steps=200_000, output=20_000, memory=200_000, depth=32)


@settings(max_examples=400, deadline=None)
@given(text=TEXTS, data=JSON)
def test_whatever_the_text_and_the_data_only_a_templating_error_escapes(text, data):
    values = Values(input={"x": data}, iterator=data)
    try:
        result = render(text, values, SMALL)
    except TemplatingError as fault:
        assert str(fault)
    else:
        assert isinstance(result, str)


def _every_function() -> list[str]:
    return sorted(
        {*STANDARD_NAMES, *OURS}
        - {"genPrivateKey", "genCA", "genSelfSignedCert", "genSignedCert", "bcrypt", "htpasswd", "derivePassword"}
    )


FUNCTIONS = st.deferred(lambda: st.sampled_from(_every_function()))
ARGUMENTS = st.sampled_from(
    [".input.x", ".iterator", "nil", "1", "-3", "2.5", "true", '"a,b"', '""', "(list 1 `b`)", "now"]
)


@settings(max_examples=400, deadline=None)
@given(name=FUNCTIONS, arguments=st.lists(ARGUMENTS, max_size=4), data=JSON)
def test_whatever_a_function_is_given_only_a_templating_error_escapes(name, arguments, data):
    values = Values(input={"x": data}, iterator=data)
    try:
        render(f"{{{{{name} {' '.join(arguments)}}}}}", values, SMALL)
    except TemplatingError as fault:
        assert str(fault)


@settings(max_examples=200, deadline=None)
@given(data=JSON)
def test_json_survives_the_template(data):
    values = Values(input={"x": normalise(data)})
    assert json.loads(render("{{toJson .input.x}}", values)) == data
    assert json.loads(render("{{.input.x | toPrettyJson}}", values)) == data
    assert json.loads(render("{{list .input.x | toRawJson}}", values)) == [data]
