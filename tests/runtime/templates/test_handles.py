import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.templates.handles import handles_of


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("", []),
        (".step.x", []),
        ("{{.step.x}}", [("step", "x")]),
        ("{{- .step.x -}}", [("step", "x")]),
        ("a{{ .a.b_1.c2 }}b{{.d}}", [("a", "b_1", "c2"), ("d",)]),
        ("{{.é.ü}}", [("é", "ü")]),
        ("{{ printf `%s .no` .a.b }}", [("a", "b")]),
        ('{{ "\\" }} .no" | eq .a }}', [("a",)]),
        ("{{/* .no */}}{{.a}}", [("a",)]),
        ("{{- /* }} .no */ -}}{{.a}}", [("a",)]),
        ("{{ (index .a.b 0).no.no2 }}", [("a", "b")]),
        ("{{ (eval `x` | fromJson).no }}", []),
        ("{{ .a .b}}", [("a",), ("b",)]),
        ("{{ .a.b | default .c }}", [("a", "b"), ("c",)]),
        ("{{ $.a.b }}", [("a", "b")]),
        ("{{ $x := .a }}{{ $x.no }}", [("a",)]),
        ("{{ 1.5 }}{{ .5 }}", []),
        ("{{ . }}", []),
        ("{{if .a}}{{.b}}{{else if .c}}{{.d}}{{else}}{{.e}}{{end}}", [("a",), ("b",), ("c",), ("d",), ("e",)]),
        ("{{range .a}}{{.no}}{{$.b}}{{else}}{{.c}}{{end}}{{.d}}", [("a",), ("b",), ("c",), ("d",)]),
        ("{{range $i, $e := .a}}{{$e.no}}{{end}}{{.b}}", [("a",), ("b",)]),
        ("{{with .a}}{{if .no}}{{.no}}{{end}}{{.no}}{{else with .b}}{{.no}}{{end}}{{.c}}", [("a",), ("b",), ("c",)]),
        ('{{define "t"}}{{.no}}{{$.no}}{{end}}{{template "t" .a}}', [("a",)]),
        ('{{block "t" .a}}{{.no}}{{end}}', [("a",)]),
        ("{{end}}{{.a}}{{else}}", [("a",)]),
        ("{ {.no}} {{.a}} }}", [("a",)]),
        ("{{.a}}{{.a}}", [("a",)]),
        ("{{ .a\n.b }}", [("a",), ("b",)]),
    ],
)
def test_a_path_counts_where_the_dot_is_the_root(text, paths):
    handles = handles_of(text)
    assert list(handles.paths) == paths
    assert handles.problem == ""


def test_the_names_given_to_eval_are_found():
    handles = handles_of("{{eval `a b`}}{{ evalCache \"c\" }}{{ eval .d }}{{ `e` }}{{(eval 'f')}}")
    assert handles.variables == ("a b", "c", "f")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{{", "an action is not closed: }} is missing"),
        ("{{ .a", "an action is not closed: }} is missing"),
        ('{{ "a }}', "a quoted text is not closed"),
        ("{{ `a }}", "a quoted text is not closed"),
        ("{{/* a }}", "a comment is not closed"),
        ("{{.step.my-step.output}}", "a name with - in it cannot be reached by dots: use field"),
    ],
)
def test_what_cannot_be_a_template_is_said_to_be_none(text, problem):
    assert handles_of(text).problem == problem


@given(st.text(alphabet=st.sampled_from("{}.$ab-\"`'\\/* |()\n0éif"), max_size=200))
def test_any_text_can_be_scanned(text):
    handles_of(text)


@pytest.mark.parametrize("hostile", ["{{", '{{"\\', "{{(", "{{.a", "{{range .}}", "{{/*", "{{`", "{{end}}", "{{ -"])
def test_scanning_takes_time_in_proportion_to_the_text(hostile):
    handles_of(hostile * 20_000)
    handles_of(hostile + '\\"' * 100_000)
