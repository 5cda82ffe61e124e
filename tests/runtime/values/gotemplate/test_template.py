"""What the package promises beside giving what Go gives."""

import ast
import random
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

import runtime.values.gotemplate as package
from runtime.values.gotemplate import (
    MISSING,
    ExecutionError,
    Function,
    FunctionError,
    Host,
    LimitExceeded,
    Limits,
    Param,
    ParseError,
    Template,
    TemplateError,
)
from tests.values.oracle.ours import Literal


def show(source: str, data: Any = None, **options: Any) -> str:
    return Template(source).render(data, **options)


def test_the_face_is_what_it_says() -> None:
    assert package.__all__ == tuple(sorted(package.__all__, key=lambda name: (not name.isupper(), name)))
    assert all(hasattr(package, name) for name in package.__all__)


def test_nothing_else_of_the_project_is_imported() -> None:
    folder = Path(package.__file__).parent
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            own = [name for name in names if name.split(".")[0] in {"runtime", "actors", "runners"}]
            assert all(name.startswith("runtime.values.gotemplate") for name in own), (file, own)


def test_a_pattern_of_a_template_never_reaches_pythons_own_regular_expressions() -> None:
    folder = Path(package.__file__).parent
    for name in ("regex.py", "sprig/regexes.py"):
        imported = {
            alias.name
            for node in ast.walk(ast.parse((folder / name).read_text(encoding="utf-8")))
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        assert "re" not in imported


def test_errors_are_the_two_declared_ones() -> None:
    assert issubclass(ParseError, TemplateError)
    assert issubclass(LimitExceeded, ExecutionError)
    with pytest.raises(ParseError, match=r"^template: tmpl:1: unclosed action$"):
        Template("{{")
    with pytest.raises(
        ExecutionError, match=r"^template: mine:2:4: executing \"mine\" at <\.a\.b>: can't evaluate field b"
    ):
        Template("\n{{.a.b}}", name="mine").render({"a": 1})


def test_numbers_of_the_data_print_their_literal_and_are_strings_to_go() -> None:
    data = {"i": 12345678, "f": Literal("1.50"), "e": Literal("1e3"), "big": 10**30}
    assert show("{{.i}} {{.f}} {{.e}} {{.big}}", data) == "12345678 1.50 1e3 1" + "0" * 30
    assert show("{{kindOf .i}} {{typeOf .i}} {{if 0}}{{else}}{{if .z}}yes{{end}}{{end}}", {"i": 1, "z": 0}) == (
        "string json.Number yes"
    )
    with pytest.raises(ExecutionError, match="incompatible types"):
        show("{{eq .i 12345678}}", data)
    assert show("{{eq (int .i) 12345678}}", data) == "true"


def test_numbers_of_from_json_are_floats() -> None:
    assert show("{{(fromJson .j).id}}", {"j": '{"id": 12345678}'}) == "1.2345678e+07"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{.m}}", "<no value>"),
        ("{{.m.x.y}}", "<no value>"),
        ("{{.nul}}", "<no value>"),
        ('{{printf "%v" .m}}', "<nil>"),
        ('{{index . "m"}}', "<no value>"),
        ('{{.m | default "d"}}', "d"),
    ],
)
def test_what_is_missing_prints_as_go_prints_it(source: str, text: str) -> None:
    assert show(source, {"nul": None}) == text


def test_data_is_never_changed() -> None:
    data = {"a": {"b": [1, 2]}, "l": ["b", "a"]}
    source = (
        '{{$_ := set .a "c" 1}}{{.a.c}}{{$_ := unset .a "b"}}{{.a}}{{$_ := merge . (dict "z" 1)}}{{.z}}{{sortAlpha .l}}'
    )
    assert show(source, data) == "1map[c:1]1[a b]"
    assert data == {"a": {"b": [1, 2]}, "l": ["b", "a"]}


def test_data_may_be_any_mapping_and_sequence() -> None:
    frozen: Mapping[str, Any] = MappingProxyType({"a": MappingProxyType({"b": ("x", "y")})})
    assert (
        show("{{.a.b}} {{index .a.b 1}} {{range .a.b}}{{.}}{{end}} {{toJson .}}", frozen)
        == '[x y] y xy {"a":{"b":["x","y"]}}'
    )
    assert show('{{$_ := set .a "c" 1}}{{.a.c}}', frozen) == "1"


def test_a_value_go_has_no_type_for_is_an_error_not_a_crash() -> None:
    for source in (
        "{{.}}",
        "{{.x}}",
        "{{.x.y}}",
        "{{range .x}}{{end}}",
        "{{toJson .}}",
        "{{upper .x}}",
        "{{eq .x 1}}",
        "{{len .x}}",
    ):
        with pytest.raises(ExecutionError):
            show(source, {"x": object()})
        with pytest.raises(ExecutionError):
            show(source, {"x": b"bytes"})


def test_own_functions_come_first_and_see_the_root() -> None:
    def field(host: Host, *names: str) -> Any:
        value = host.root
        for name in names:
            value = value.get(name, MISSING) if isinstance(value, dict) else MISSING
        return value

    def shout(text: str) -> str:
        return text.upper() + "!"

    def refuse() -> str:
        raise FunctionError("not today")

    functions = {
        "field": Function(field, (Param.STRING,), variadic=True, host=True),
        "upper": Function(shout, (Param.STRING,)),
        "refuse": Function(refuse),
    }
    data = {"a.b": {"c-d": "x"}}
    assert Template('{{with 1}}{{field "a.b" "c-d"}}{{end}}', functions=functions).render(data) == "x"
    assert Template('{{field "no" "way"}}{{if field "no"}}a{{end}}', functions=functions).render(data) == "<no value>"
    assert Template('{{"x" | upper}}', functions=functions).render() == "X!"
    with pytest.raises(ExecutionError, match=r"at <refuse>: error calling refuse: not today$"):
        Template("{{refuse}}", functions=functions).render()
    with pytest.raises(ExecutionError, match=r"expected string; got json.Number"):
        Template("{{upper .n}}", functions=functions).render({"n": 1})


def test_an_own_function_may_be_called_break_and_hides_the_keyword() -> None:
    functions = {"break": Function(lambda: "broken")}
    assert Template("{{break}}", functions=functions).render() == "broken"


def test_whatever_an_own_function_raises_becomes_an_execution_error() -> None:
    def fault() -> str:
        raise RuntimeError("inner")

    with pytest.raises(ExecutionError, match=r"error calling fault: RuntimeError: inner"):
        Template("{{fault}}", functions={"fault": Function(fault)}).render()


def test_the_same_clock_and_randomness_give_the_same_text() -> None:
    source = '{{now}} {{randAlphaNum 8}} {{uuidv4}} {{randInt 1 100}} {{shuffle "abcdef"}} {{randBytes 4}} {{ago (toDate "2006" "2020")}}'
    options = {"clock": lambda: 1_700_000_000_000_000_000, "randomness": lambda: random.Random(7)}
    text = show(source, **options)
    assert text == show(source, **options)
    assert text.startswith("2023-11-14 22:13:20 +0000 UTC ")


def test_what_reaches_the_host_is_not_there() -> None:
    for name in ("env", "expandenv", "getHostByName"):
        with pytest.raises(ParseError, match=r"not defined"):
            Template(f'{{{{{name} "x"}}}}')


def test_newer_gos_additions_are_there() -> None:
    assert (
        show("{{range 3}}{{.}}{{end}} {{range $i := 2}}{{$i}}{{end}} {{range 0}}{{else}}none{{end}}") == "012 01 none"
    )
    assert show("{{with .a}}a{{else with .b}}b{{.}}{{else}}c{{end}}", {"b": 1}) == "bb1".replace("bb", "b")
    assert show('{{sha512sum "a" | trunc 8}}') == "1f40fc92"
    with pytest.raises(ExecutionError, match="iterate over more than one variable"):
        show("{{range $i, $e := 3}}{{end}}")


def test_bytes_that_are_not_utf8_survive_until_the_end() -> None:
    assert show('{{print (substr 0 1 "é") (substr 1 2 "é")}}') == "é"
    assert show('{{substr 0 1 "é"}}') == "\ufffd"
    assert show("{{.s}}", {"s": "half \ud800 pair"}) == "half \ufffd pair"


def test_a_template_can_be_rendered_by_several_threads_at_once() -> None:
    template = Template('{{range $i, $e := .l}}{{printf "%03d-%s|" $i $e}}{{end}}')
    data = {"l": [f"x{i}" for i in range(50)]}
    expected = template.render(data)
    texts: list[str] = []
    threads = [
        threading.Thread(target=lambda: texts.extend(template.render(data) for _ in range(20))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == [expected] * 80


def test_certificates_can_be_made_and_signed() -> None:
    source = (
        '{{$key := genPrivateKey "ecdsa"}}{{$ca := genCAWithKey "ca" 10 $key}}'
        '{{$c := genSignedCertWithKey "host" (list "10.0.0.1") (list "a.example") 5 $ca (genPrivateKey "ed25519")}}'
        "{{$ca.Cert | trunc 27}} {{$c.Cert | trunc 27}} {{$c.Key | trunc 27}}"
        "{{$copy := buildCustomCert ($c.Cert | b64enc) ($c.Key | b64enc)}} {{eq $copy.Cert $c.Cert}}"
    )
    begin = "-----BEGIN CERTIFICATE-----"
    assert show(source) == f"{begin} {begin} -----BEGIN PRIVATE KEY----- true"


def test_limits_are_positive_by_default() -> None:
    limits = Limits()
    assert min(limits.steps, limits.output, limits.memory, limits.depth) > 0
