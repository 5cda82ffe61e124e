import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from runtime.templates import yaml
from runtime.templates.yaml import YamlInvalid, parse_yaml, read_yaml
from runtime.values.json import Number, dumps, normalise


@pytest.mark.parametrize(
    ("scalar", "json"),
    [
        ("1", "1"),
        ("-0", "-0"),
        ("1.50", "1.50"),
        ("1e3", "1e3"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("1e400", "1e400"),
        ("1_000", "1000"),
        ("0777", "511"),
        ("0o777", "511"),
        ("0x1F", "31"),
        ("-0x1F", "-31"),
        ("0b11", "3"),
        ("0b12", '"0b12"'),
        ("08", "8"),
        ("0xFFFFFFFFFFFFFFFF", "18446744073709551615"),
        ("0x10000000000000000", '"0x10000000000000000"'),
        ("0x" + "F" * 9000, f'"0x{"F" * 9000}"'),
        ("07" + "7" * 9000, "7" * 9001),
        ("9" * 9000, "9" * 9000),
        ("!!str .inf", '".inf"'),
        ("+1", "1"),
        ("+1.5", "1.5"),
        (".5", "0.5"),
        ("-.5", "-0.5"),
        ("1.", "1"),
        ("1:30", '"1:30"'),
        ("2001-12-14", '"2001-12-14"'),
        ("2001-12-14T21:59:43Z", '"2001-12-14T21:59:43Z"'),
        ("1.2.3", '"1.2.3"'),
        ("12e", '"12e"'),
        (".", '"."'),
        ("+", '"+"'),
        ("0x", '"0x"'),
        ("yes", "true"),
        ("On", "true"),
        ("Y", "true"),
        ("NO", "false"),
        ("off", "false"),
        ("n", "false"),
        ("True", "true"),
        ("yEs", '"yEs"'),
        ("nope", '"nope"'),
        ("~", "null"),
        ("", "null"),
        ("NULL", "null"),
        ('"yes"', '"yes"'),
        ("'1'", '"1"'),
        ("! 1", '"1"'),
        ("!!str 1.50", '"1.50"'),
        ('!!int "3"', "3"),
        ('!!float "1.5"', "1.5"),
        ("!!bool yes", "true"),
        ('!!null ""', "null"),
        ("!!binary aGVsbG8=", '"hello"'),
        ("!!timestamp 2001-12-14", '"2001-12-14"'),
        ("[a, {b: c}]", '["a",{"b":"c"}]'),
        ("!!map {a: !!seq [1]}", '{"a":[1]}'),
    ],
)
def test_a_value_reads_as_go_reads_it(scalar, json):
    assert dumps(parse_yaml(f"[{scalar}\n]").data or [None]) == f"[{json}]"


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a:\n\tb: x\ty", {"a": {"b": "x  y"}}),
        ("404: a\n1.50: b\ntrue: c", {"404": "a", "1.50": "b", "true": "c"}),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
        ("b: &b {p: 1, q: 2}\nc: {q: 3, <<: *b}", {"b": {"p": 1, "q": 2}, "c": {"q": 3, "p": 1}}),
        ("<<: [{a: 1}, {a: 2, b: 2}]\nc: 3", {"c": 3, "a": 1, "b": 2}),
        ('"<<": 1', {"<<": 1}),
        ("&k a: 1\nb: *k", {"a": 1, "b": "a"}),
        ("---\na: 1\n...\n", {"a": 1}),
        ("%YAML 1.1\n---\na: 1", {"a": 1}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("null", None),
    ],
)
def test_a_document_becomes_json(text, data):
    assert parse_yaml(text).data == data


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    ("text", "path", "problem", "line"),
    [
        ("", "", "the document is empty", None),
        ("# nothing\n", "", "the document is empty", None),
        ("a: [1\nb: 2", "", "not YAML: while parsing a flow sequence, did not find expected ',' or ']'", 2),
        ('a: 1\nb: "\x01"', "", "not YAML: control characters are not allowed", 2),
        ('a: "\ud800"', "", "half of a surrogate pair", None),
        ("a: 1\n---\nb: 2", "", "more than one document", 2),
        ("a: 1\nb: 2\na: 3", "a", 'the key "a" is given twice, on lines 1 and 3', 3),
        ("s:\n  x: {1: a,\n   '1': b}", "s.x.1", 'the key "1" is given twice, on lines 2 and 3', 3),
        ("a: &a [*a]", "a[0]", "the alias *a leads back to itself", 1),
        ("a: &a\n  b: {c: *a}", "a.b.c", "the alias *a leads back to itself", 2),
        ("a: *b", "a", "there is no anchor for the alias *b", 1),
        (BOMB, "a4[7]", "the aliases make the document far larger", 5),
        ("t: &t '" + "x" * 100_000 + "'\nb: [" + ",".join(["*t"] * 1000) + "]", "b[63]", "the aliases make", 2),
        ("m: &m {a: 1, b: 2, c: 3}\nx: {<<: [" + ",".join(["*m"] * 50_000) + "]}", "x[14285]", "the aliases make", 2),
        ("[" * 500, "[0]" * 66 + "[0…", "nested too deeply: at most 100 levels", 1),
        (
            "a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 200)),
            "a99[0]",
            "nested too deep",
            100,
        ),
        ("a: !include b.yaml", "a", 'unknown tag "!include"', 1),
        ("a: !!python/object/apply:os.system [ls]", "a", "unknown tag", 1),
        ("a: !!set {b}", "a", "unknown tag", 1),
        ("a: .inf", "a", ".inf is a number that JSON does not have", 1),
        ("a: [1, -.INF]", "a[1]", "-.INF is a number", 1),
        ("a: !!int x", "a", '"x" is not of type int', 1),
        ("a: !!binary '/w=='", "a", "!!binary takes Base64 of UTF-8 text", 1),
        ("a: {~: 1}", "a", "a key cannot be null", 1),
        ("? [a]\n: 1", "", "a key cannot be a list or an object", 1),
        ("a: &a {}\nb: {*a : 1}", "b", "a key cannot be null, a list or an object", 2),
        ("a: {<<: 1}", "a", "<< takes a mapping or a list of mappings", 1),
        ("a: {<<: [{}, 1]}", "a", "<< takes a mapping or a list of mappings", 1),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_what_cannot_be_read_is_refused_where_it_stands(text, path, problem, line):
    with pytest.raises(YamlInvalid) as refusal:
        parse_yaml(text)
    assert problem in refusal.value.problem
    assert (refusal.value.path, refusal.value.line) == (path, line)


@pytest.mark.parametrize("text", ["[" * 10_000, "{a: " * 10_000, "- " * 10_000])
def test_a_depth_at_which_the_parser_itself_gives_up_is_refused_alike(text):
    with pytest.raises(YamlInvalid, match="nested too deeply: at most 100 levels are read"):
        parse_yaml(text)


def test_a_document_of_too_many_values_is_refused(monkeypatch):
    monkeypatch.setattr(yaml, "_MOST_NODES", 1000)
    parse_yaml("[" + "1," * 999 + "]")
    with pytest.raises(YamlInvalid, match="too large"):
        parse_yaml("[" + "1," * 1000 + "]")


def test_a_text_that_is_too_long_is_refused_unread():
    with pytest.raises(YamlInvalid, match="too large: it may have at most 5 MiB"):
        parse_yaml("[" * (6 << 20))


def test_the_reader_in_python_gives_the_same(monkeypatch):
    """Wheels without libyaml exist; nothing may depend on which reader there is."""
    monkeypatch.setattr(yaml, "_LOADER", pyyaml.SafeLoader)
    assert parse_yaml("a: [1.50, yes, &x {b: c}, *x]\n").data == {"a": [Number("1.50"), True, {"b": "c"}, {"b": "c"}]}
    for text, line in [('a: "\\ud800"', None), ("a: [1\nb: 2", 2), ('é: 1\nb: "\x01"', 2), (BOMB, 5)]:
        with pytest.raises(YamlInvalid) as refusal:
            parse_yaml(text)
        assert refusal.value.line == line


def test_a_word_that_reads_as_a_boolean_key_is_a_warning():
    document = parse_yaml("a:\n  on: 1\n  no: 2")
    assert document.data == {"a": {"true": 1, "false": 2}}
    assert [(warning.path, warning.message) for warning in document.warnings] == [
        ("a.true", 'this key reads as "true"; quote it if it is a word'),
        ("a.false", 'this key reads as "false"; quote it if it is a word'),
    ]


def test_every_part_has_its_line_and_its_rank():
    places = parse_yaml("a:\n  - x\n  - b: 1\n    c: 2\nd: {<<: {e: 1},\n f: 2}").places
    assert [places.find(path)[1] for path in ("a", "a[0]", "a[1]", "a[1].c", "d.e", "d.f", "d.gone", "")] == [
        *(1, 2, 3, 4, 5, 6, 5, None)
    ]
    assert places.find("a[1].c")[0] == (0, 1, 1)


def test_a_file_that_cannot_be_read_is_a_fault_like_any_other(tmp_path):
    with pytest.raises(YamlInvalid, match="there is no such file"):
        read_yaml(tmp_path / "none.yaml")


@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"#%@`,?<~ \n\t01._yn"), max_size=60))
def test_any_text_is_json_or_refused(text):
    try:
        data = parse_yaml(text).data
    except YamlInvalid:
        return
    assert dumps(normalise(data)) == dumps(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON.map(normalise))
def test_what_is_written_as_yaml_is_read_back(value):
    text = pyyaml.safe_dump(value, allow_unicode=True, default_style='"')  # or "Y" would be written plain
    assert parse_yaml(text).data == value
