"""No template, however hostile, takes more than it is given; what stops it says so and names the bound."""

import json
import tracemalloc

import pytest

from runtime.values.gotemplate import Budget, LimitExceeded, Limits, ParseError, Template, TemplateError
from runtime.values.gotemplate.errors import Exhausted

SMALL = Limits(steps=200_000, output=100_000, memory=2 << 20)
DAG = "{{$x := list 1 2 3}}{{range until 40}}{{$x = list $x $x}}{{end}}"
GROWING = '{{$x := "0123456789"}}{{range until 60}}{{$x = print $x $x}}{{end}}'

HOSTILE = [
    '{{repeat 1000000000 "x"}}',
    '{{range until 1000}}{{repeat 100000 "x"}}{{end}}',
    '{{printf "%1000000d" 1}}{{printf "%1000000d" 1}}{{printf "%1000000d" 1}}',
    '{{range until 100}}{{printf "%.1000000f" 1.5}}{{end}}',
    '{{range until 100}}{{printf "%1000000s" "x"}}{{end}}',
    "{{until 100000000}}",
    "{{untilStep 0 100000000 1}}",
    "{{seq 100000000}}",
    '{{indent 100000000 "a"}}',
    GROWING,
    GROWING.replace("print $x $x", 'printf "%s%s" $x $x'),
    GROWING.replace("print $x $x", "cat $x $x"),
    GROWING.replace("print $x $x", 'replace "0" $x $x'),
    GROWING.replace("print $x $x", "quote $x $x"),
    GROWING.replace("print $x $x", "b64enc $x"),
    GROWING.replace("print $x $x", "join $x (list 1 2 3)"),
    GROWING.replace("print $x $x", 'regexReplaceAll "0" $x "$0$0$0$0"'),
    DAG + "{{$x}}",
    DAG + "{{toJson $x}}",
    DAG + "{{deepCopy $x}}",
    DAG + "{{quote $x}}",
    DAG + "{{$y := list 1 2 3}}{{range until 40}}{{$y = list $y $y}}{{end}}{{deepEqual $x $y}}",
    "{{$x := list 1}}{{range until 1000000}}{{$x = append $x 1}}{{end}}",
    "{{$x := list 1}}{{range until 60}}{{$x = concat $x $x}}{{end}}",
    "{{range until 1000}}{{range until 1000}}{{range until 1000}}{{end}}{{end}}{{end}}",
    "{{range 1000000000}}{{end}}",
    '{{define "x"}}{{template "x"}}{{end}}{{template "x"}}',
    '{{define "x"}}{{if .}}{{template "x" (rest .)}}{{template "x" (rest .)}}{{end}}{{end}}{{template "x" (until 50)}}',
    '{{regexFindAll "a(.*z)?" (repeat 100000 "a") -1}}',
    '{{$d := dict}}{{$_ := set $d "a" $d}}{{$d}}',
    '{{$d := dict}}{{$_ := set $d "a" $d}}{{toJson $d}}',
    "{{range until 2000}}" + "x" * 1000 + "{{end}}",
    '{{splitList "" (repeat 100000 "a")}}',
    "{{uniq (until 5000)}}",
    "{{randAlpha 100000000}}",
    '{{range until 10}}{{bcrypt "x"}}{{end}}',
    "{{1" + " | print" * 2500 + "}}",
]


@pytest.mark.parametrize("source", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_template_is_stopped(source: str) -> None:
    template = Template(source)
    tracemalloc.start()
    try:
        with pytest.raises(LimitExceeded) as stopped:
            template.render({}, limits=SMALL)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert stopped.value.limit in {"steps", "output", "memory", "depth"}
    assert peak < 16 << 20


@pytest.mark.parametrize(
    "source",
    [
        "{{" + "(" * 5000 + "1" + ")" * 5000 + "}}",
        "{{if 1}}" * 5000 + "{{end}}" * 5000,
        "x" * 1_100_000,
        "{{.a}}" * 20_000,
    ],
    ids=["parentheses", "blocks", "length", "tokens"],
)
def test_a_source_too_large_or_too_deep_is_refused(source: str) -> None:
    with pytest.raises(ParseError, match=r"nested more than|is longer than|more than 20000 tokens"):
        Template(source)


def test_a_long_chain_of_else_if_is_no_nesting() -> None:
    source = "{{if eq .n 0}}" + "".join(f'{{{{else if eq .n "{i}"}}}}{i}' for i in range(500)) + "{{end}}"
    assert Template(source.replace(".n 0", '.n "x"')).render({"n": 499}) == "499"


def test_deep_data_is_walked_only_so_far() -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    for source in ("{{.}}", "{{toJson .}}", "{{quote .}}", "{{deepCopy .}}", '{{$_ := set (dict) "a" 1}}{{.}}'):
        with pytest.raises(LimitExceeded):
            Template(source).render(deep)
    assert Template("{{fromJson .s}}").render({"s": "[" * 5000 + "]" * 5000}) == "<no value>"


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "(a*)*b", "(.*)(.*)(.*)(.*)(.*)x"], ids=["nested", "choice", "star", "dots"]
)
def test_patterns_that_are_slow_elsewhere_are_linear(pattern: str) -> None:
    source = f'{{{{regexMatch "{pattern}" (print (repeat 20000 "a") "!")}}}}'
    assert Template(source).render(limits=SMALL) in {"true", "false"}


def test_a_pattern_that_grows_when_compiled_is_refused() -> None:
    with pytest.raises(TemplateError):
        Template('{{regexFind "((a{0,100}){0,100}){0,100}" "a"}}').render()


def test_work_within_the_bounds_is_done() -> None:
    assert len(Template('{{range until 1000}}{{repeat 10 "x"}}{{end}}').render(limits=SMALL)) == 10_000


@pytest.mark.parametrize(
    "source",
    [
        "{{range until 50000}}{{.}}{{end}}",
        "{{until 50000}}",
        "{{seq 50000}}",
        "{{until 20000 | sortAlpha | toJson}}",
        '{{range until 5000}}{{printf "%x" .}}{{end}}',
        "{{$d := dict}}{{range until 5000}}{{$_ := set $d (toString .) .}}{{end}}{{$d}}",
    ],
)
def test_a_rendering_asked_to_pause_does_so_and_costs_the_same(source: str) -> None:
    template = Template(source)
    plain = Budget(Limits())
    text = template.render(budget=plain)
    spent: list[int] = []
    pausing = Budget(Limits(), pause=lambda: spent.append(1))
    assert template.render(budget=pausing) == text
    assert pausing.left == plain.left
    assert len(spent) > 3


def test_a_pause_may_end_the_rendering() -> None:
    def give_up() -> None:
        raise Exhausted("given up", "steps")

    with pytest.raises(LimitExceeded, match=r"executing .* given up"):
        Template("{{range until 50000}}{{.}}{{end}}").render(budget=Budget(Limits(), pause=give_up))


@pytest.mark.parametrize("unit", ['"', "\\", "\b", "\\\b<", "é\u2028\\", '<a href="\\">'])
def test_what_is_long_is_written_in_parts_as_it_would_be_whole(unit: str) -> None:
    short = Template("{{toJson .}}").render(unit)[1:-1]
    long = Template("{{toJson .}}").render(unit * 30_000)

    assert long == f'"{short * 30_000}"'
    assert json.loads(long) == unit * 30_000


def test_a_long_value_is_laid_out_in_parts_as_it_would_be_whole() -> None:
    records = [{"name": f"n{i}", "tags": ["a", {}]} for i in range(4_000)]

    assert Template("{{toPrettyJson .}}").render(records) == json.dumps(records, indent=2)
