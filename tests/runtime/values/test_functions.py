"""The functions that µTask adds to Sprig or changes (section 4.1)."""

from random import Random

import pytest

from runtime.errors import TemplatingError
from runtime.templates.model import Variable
from runtime.values.snapshot import StepView, Values
from runtime.values.templates import Templates
from tests.runtime.values.rendering import NOW, render, some_values


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ('{{field "input" "a-b" "c.d"}}', "dashed"),
        ('{{field "input" "missing" "x"}} {{field "input" "name" "x"}}', "<no value> <no value>"),
        ('{{field "input" "missing" | default "d"}}', "d"),
        ('{{field "step" "first" "state"}} {{.input.map | fieldFrom "a"}}', "DONE x"),
        ('{{`{"foo":{"bar":1}}` | fromJson | fieldFrom `foo` `bar`}}', "1"),
        ('{{`{"id":32}` | fromJson | fieldFrom `invalid` | default `example.org`}}', "example.org"),
        ('{{define "x"}}{{field "input" "name"}}{{end}}{{template "x" .input.map}}', "utask"),
        ('{{fromJson "{nonsense"}} {{if fromJson "x"}}x{{else}}falsy{{end}}', "<no value> falsy"),
        ('{{(fromJson `{"n":12345678}`).n}} {{fromJson `{"b":666}`}}', "1.2345678e+07 map[b:666]"),
        ('{{eq (fromJson "3") 3.0}} {{int (fromJson "3.7")}} {{typeOf (fromJson "3")}}', "true 3 float64"),
        ('{{printf "%.2f" (fromJson "3")}}', "3.00"),
        ('{{int64 (fromJson "9007199254740993")}} {{int64 (fromJson "1e3")}}', "9007199254740992 1000"),
        ("{{.input.html | toJson}}", '"\\u003ca\\u0026b\\u003e\\u2028"'),
        ("{{.input.html | toRawJson}}", '"<a&b>\\u2028"'),
        ('{{dict "b" 1 "a" (list 1.5 2.0 nil true) | toJson}}', '{"a":[1.5,2,null,true],"b":1}'),
        ('{{dict "a" (list 1 (dict)) | toPrettyJson}}', '{\n  "a": [\n    1,\n    {}\n  ]\n}'),
        ("{{list 1e21 1e-7 1e20 0.000001 | toJson}}", "[1e+21,1e-7,100000000000000000000,0.000001]"),
        ("{{.input.missing | toJson}} {{toJson now}}", 'null "2026-03-04T05:06:07.89Z"'),
        ('{{b64RawEnc "a"}} {{b64RawDec "YQ"}} {{b64RawDec "Y!"}}', "YQ a illegal base64 data at input byte 1"),
        (
            '{{b64RawDec "YQ=="}}|{{b64RawDec "Y"}}',
            "illegal base64 data at input byte 2|illegal base64 data at input byte 0",
        ),
        ('{{regexMatch "^a+$" "aaa"}} {{regexMatch "(" "x"}}', "true false"),
        ('{{regexReplaceAll "a(x*)b" "-ab-axxb-" "${1}W"}}', "-W-xxW-"),
        ('{{regexReplaceAll "a(x*)b" "-ab-axxb-" "$1W"}}', "---"),
        ('{{regexReplaceAllLiteral "a" "banana" "$1"}}', "b$1n$1n$1"),
        ('{{regexFindAll "[2,4,6,8]" "123456789" -1}} {{regexFindAll "a" "aaa" 2}}', "[2 4 6 8] [a a]"),
        ('{{regexSplit "z+" "pizza" -1}} {{regexSplit "a" "banana" 2}}', "[pi a] [b nana]"),
        ('{{regexFind "[a-z]+" "12ab"}}{{regexFind "x" "y"}} {{regexQuoteMeta "1.2$"}}', "ab 1\\.2\\$"),
        ('{{append .input.list 3}} {{prepend (list 1) 0}} {{push (list) "x"}}', "[a 1 map[x:<nil>] 3] [0 1] [x]"),
        ("{{slice (list 1 2 3) 1 2}}", "[2]"),
        ("{{deepEqual .input.list (deepCopy .input.list)}} {{has `a` .input.list}}", "true true"),
    ],
)
def test_function(text, printed):
    assert render(text) == printed


@pytest.mark.parametrize(
    ("text", "explanation"),
    [
        ('{{fieldFrom "a" "b"}}', "the last argument of fieldFrom is not a map"),
        ('{{fieldFrom "a"}}', "fieldFrom needs at least one key and a map"),
        ("{{.input.map | fieldFrom 1}}", "the key 1 is not text"),
        ('{{mustFromJson "{nonsense"}}', "error calling mustFromJson"),
        ('{{mustRegexMatch "(" "x"}}', "error calling mustRegexMatch"),
        ('{{append "x" 1}}', "Cannot push on type string"),
        ('{{eval "nome"}}', 'no variable named "nome" (did you mean "name"?)'),
    ],
)
def test_a_wrong_call_is_explained(text, explanation):
    with pytest.raises(TemplatingError) as caught:
        render(text, some_values(variables=[Variable(name="name", value="x")]))
    assert explanation in str(caught.value)


def test_a_variable_keeps_its_type_and_its_text_is_a_template():
    values = some_values(
        variables=[
            Variable(name="number", value=12345678912345),
            Variable(name="list", value=[1, {"a": 2.5}]),
            Variable(name="text", value="Hello {{ `World` }}, {{.input.name}} {{.step.this.state}}!"),
            Variable(name="outer", value='<{{eval "text"}}>'),
        ]
    ).with_this(StepView(state="RUNNING"))
    assert render('{{eval "number"}} {{typeOf (eval "number")}}', values) == "12345678912345 json.Number"
    assert render('{{(index (eval "list") 1).a}}', values) == "2.5"
    assert render('{{eval "text"}}', values) == "Hello World, utask RUNNING!"
    assert render('{{evalCache "outer"}}', values) == "<Hello World, utask RUNNING!>"


def test_a_variable_that_evaluates_itself_ends_in_an_error():
    values = Values(variables=[Variable(name="self", value='{{eval "self"}}')])
    with pytest.raises(TemplatingError, match="variables evaluate each other more than 20 deep"):
        render('{{eval "self"}}', values)


def test_the_same_source_of_chance_and_time_gives_the_same_text():
    text = '{{uuid}} {{uuidv4}} {{randAlphaNum 8}} {{randInt 0 1000}} {{shuffle "abcdef"}} {{now}}'
    first, second, third = (render(text, engine=Templates(now=lambda: NOW, random=Random(seed))) for seed in (1, 1, 2))
    assert first == second != third
    assert len(first.split()[0]) == 36
