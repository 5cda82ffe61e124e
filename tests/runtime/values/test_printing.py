"""What Go prints (section 4.3), as µTask templates rely on it."""

from typing import Any

import pytest

from runtime.errors import TemplatingError
from runtime.values.json import loads
from runtime.values.snapshot import Values
from tests.runtime.values.rendering import render, some_values


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("no handle", "no handle"),
        ("{{.input.name}}", "utask"),
        ("{{.input.n}} {{.input.big}} {{.input.huge}}", "12 1619464078 123456789012345678901234567890"),
        ("{{.input.f}} {{.input.e}} {{.input.zero}}", "1.50 1e3 0"),
        ("{{.input.yes}} {{.input.list}} {{.input.none}}", "true [a 1 map[x:<nil>]] []"),
        ("{{.input.map}} {{.input.empty}}", "map[a:x b:1] map[]"),
        ("{{.input.missing}} {{.input.nothing}} {{.missing.at.any.depth}}", "<no value> <no value> <no value>"),
        ("{{.iterator}} {{.pre_hook.x.y}} {{.config.x}}", "<no value> <no value> <no value>"),
        ("{{.step.first.output.x.y}} {{.step.this.state}}", "<no value> <no value>"),
        ('{{index .step "absent"}} {{index .input.list 0}} {{index .input.map "b"}}', "<no value> a 1"),
        ('{{printf "%v" .input.missing}} {{printf "%v" .input.nothing}}', "<nil> <nil>"),
        ("{{.input.html}}", "<a&b>\u2028"),
        ("{{if .input.missing}}x{{else}}empty{{end}} {{if .input.none}}x{{else}}empty{{end}}", "empty empty"),
        ('{{.input.missing | default "d"}} {{coalesce .input.missing .input.nothing "c"}}', "d c"),
        ("{{if .input.zero}}a json.Number is text, so zero is true{{end}}", "a json.Number is text, so zero is true"),
        ('{{len .input.list}} {{len .input.map}} {{len "é"}} {{len .input.n}}', "3 2 2 2"),
        ("{{range .input.list}}[{{.}}]{{else}}none{{end}}", "[a][1][map[x:<nil>]]"),
        ("{{range $k, $v := .input.map}}{{$k}}={{$v}};{{end}}", "a=x;b=1;"),
        ("{{range .input.missing}}x{{else}}none{{end}}{{range .input.nothing}}x{{else}}none{{end}}", "nonenone"),
        ("{{with .input.map}}{{.a}}{{end}}{{with .input.missing}}x{{else}}no{{end}}", "xno"),
        ("{{and .input.name .input.missing}} {{or .input.missing `y`}} {{not .input.missing}}", "<no value> y true"),
        ("{{eq (int64 .input.n) 12}} {{eq .input.name `utask`}} {{lt (int .input.n) 13}}", "true true true"),
        ("{{1234567.0}} {{0.00001}} {{1e20}} {{1.5}}", "1.234567e+06 1e-05 1e+20 1.5"),
        ("{{divf 10 4}} {{mulf 1000000 12.345678}} {{add .input.n 1}}", "2.5 1.2345678e+07 13"),
        ('{{printf "%s|%q|%5s|%-5s|%05d" .input.n .input.name "a" "b" 3}}', '12|"utask"|    a|b    |00003'),
        ('{{typeOf .input.n}} {{kindOf .input.n}} {{printf "%d" .input.n}}', "json.Number string %!d(json.Number=12)"),
        ('{{print 1 2 "a" "b" 3 .input.nothing}}', "1 2ab3 <nil>"),
        ("a {{- /* a comment */ -}} b {{- ` c ` -}} d", "ab c d"),
        ('{{define "x"}}[{{.}}]{{end}}{{template "x" .input.name}}{{template "x"}}', "[utask][<no value>]"),
        ("{{$x := 1}}{{range .input.list}}{{$x = add $x 1}}{{end}}{{$x}}", "4"),
        ("{{range 3}}{{if eq . 1}}{{continue}}{{end}}{{.}}{{end}}", "02"),
        ("{{with .input.missing}}a{{else with .input.name}}{{.}}{{end}}", "utask"),
        ("{{now}} {{typeOf now}}", "2026-03-04 05:06:07.89 +0000 UTC time.Time"),
        ('{{dateModify "1h" now | date "2006-01-02 15:04"}}', "2026-03-04 06:06"),
    ],
)
def test_prints_as_go_does(text, printed):
    assert render(text) == printed


@pytest.mark.parametrize(
    ("text", "explanation"),
    [
        ("{{.input.n.notexisting}}", "can't evaluate field notexisting in type interface"),
        ("{{.input.name.upper}}", "can't evaluate field upper in type interface"),
        ("{{.input.yes.x}}", "can't evaluate field x"),
        ("{{.input.list.x}}", "can't evaluate field x"),
        ("{{.input.nothing.x}}", "nil pointer evaluating interface {}.x"),
        ("{{.input.name.__class__}}", "can't evaluate field __class__"),
        ("{{.iterator.x}}", "nil pointer evaluating interface {}.x"),
        ('{{index .step "absent" "output"}}', "error calling index: index of nil pointer"),
        ("{{index .input.list 9}}", "error calling index: index out of range"),
        ("{{len .input.missing}}", "error calling len: reflect: call of reflect.Value.Type on zero Value"),
        ("{{eq .input.n 12}}", "error calling eq: incompatible types for comparison"),
        ("{{until .input.n}}", "wrong type for value; expected int; got json.Number"),
        ("{{upper}}", "wrong number of args for upper: want 1 got 0"),
        ("{{nofunc}}", 'function "nofunc" not defined'),
        ("{{$x}}", 'undefined variable "$x"'),
        ("{{.input.name", "unclosed action"),
        ("line one\n{{if}}{{end}}", "tmpl:2: missing value"),
        ('{{fail "boom"}}', "error calling fail: boom"),
        ('{{template "x"}}', 'template "x" not defined'),
        ("{{div 1 0}}", "error calling div"),
        ("{{regexFind `(` `x`}}", "missing closing )"),
    ],
)
def test_fails_as_go_does(text, explanation):
    with pytest.raises(TemplatingError) as caught:
        render(text)
    assert str(caught.value).startswith("Templating error: template: tmpl")
    assert explanation in str(caught.value)


@pytest.mark.parametrize("name", ["env", "expandenv", "getHostByName"])
def test_functions_that_reach_the_host_are_not_there(name):
    with pytest.raises(TemplatingError, match=f'function "{name}" not defined'):
        render(f'{{{{{name} "HOME"}}}}')


@pytest.mark.parametrize(
    "literal",
    ["0", "-0", "12", "1.50", "1e3", "1E+3", "-2.3", "0.00001", "1619464078", "12345678901234567890", "1.0", "1e400"],
)
def test_a_number_keeps_its_literal_from_the_document_to_the_text(literal):
    data: Any = loads(f'{{"n": {literal}, "l": [{literal}]}}')
    values = Values(input=data)
    assert render("{{.input.n}}", values) == literal
    assert render("{{toJson .input}}", values) == f'{{"l":[{literal}],"n":{literal}}}'


def test_what_a_template_changes_is_seen_by_the_rest_of_it_and_by_nobody_else():
    values = some_values()
    assert render('{{$_ := set .input.map "new" 1}}{{.input.map}}', values) == "map[a:x b:1 new:1]"
    assert render('{{$_ := unset .input.map "a"}}{{.input.map}} {{.input.map | toJson}}', values) == 'map[b:1] {"b":1}'
    assert values["input"]["map"] == {"a": "x", "b": 1}


def test_only_what_a_template_looks_at_is_converted():
    """A value that no template may meet stands beside those that one reads."""
    data: Any = {"read": {"x": "1"}, "unread": object()}
    values = Values(input=data)
    assert render("{{.input.read.x}} {{len .input}} {{hasKey .input `unread`}}", values) == "1 2 true"
