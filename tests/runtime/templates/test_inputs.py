import pytest

from runtime.errors import InputInvalid
from runtime.templates.inputs import check_declared, check_inputs, inputs_of_texts
from runtime.templates.model import Input, InputType
from runtime.values.json import Number
from tests.runtime.templates.helpers import pairs

LANGUAGE = Input(name="language", legal_values=["english", "spanish"], default="english")


def refused(declared, given):
    with pytest.raises(InputInvalid) as refusal:
        check_inputs(declared, given)
    return pairs(refusal.value.faults)


@pytest.mark.parametrize("missing", [{}, {"a": None}, {"a": ""}])
def test_what_is_missing_takes_its_default_or_is_asked_for(missing):
    assert check_inputs([Input(name="a", default="x")], missing) == {"a": "x"}
    assert check_inputs([Input(name="a", default=False, type=InputType.BOOL)], missing) == {"a": False}
    assert check_inputs([Input(name="a", default=["x"], collection=True)], missing) == {"a": ["x"]}
    assert refused([Input(name="a")], missing) == [("input.a", "missing input a")]
    optional = check_inputs([Input(name="a", optional=True)], missing)
    assert optional == {key: value for key, value in missing.items() if value is not None}


def test_a_given_value_wins_over_the_default():
    assert check_inputs([LANGUAGE], {"language": "spanish"}) == {"language": "spanish"}


def test_undeclared_inputs_are_dropped_or_kept():
    assert check_inputs([LANGUAGE], {"x": 1}) == {"language": "english"}
    assert check_inputs([LANGUAGE], {"x": 1}, keep_undeclared=True) == {"x": 1, "language": "english"}


def test_every_fault_is_found_at_once():
    declared = [LANGUAGE, Input(name="age", type=InputType.NUMBER), Input(name="a.b"), Input(name="ok", optional=True)]
    assert refused(declared, {"language": "french", "age": "7"}) == [
        ("input.language", '"french" is not one of the legal values: "english", "spanish"'),
        ("input.age", 'must be a number, not "7"'),
        ('input["a.b"]', "missing input a.b"),
    ]


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ({"type": InputType.NUMBER}, 5),
        ({"type": InputType.NUMBER}, -2.3),
        ({"type": InputType.NUMBER}, Number("1.50")),
        ({"type": InputType.BOOL}, False),
        ({"type": InputType.PASSWORD}, "secret"),
        ({"regex": "b"}, "abc"),
        ({"regex": '"'}, '"'),
        ({"legal_values": ['"']}, '"'),
        ({"type": InputType.NUMBER, "legal_values": [1, Number("1.50")]}, Number("1.50")),
        ({"type": InputType.NUMBER, "regex": r"^\d\.50$"}, Number("1.50")),
        ({"collection": True}, []),
        ({"collection": True}, ["a", "b"]),
        ({"collection": True, "type": InputType.NUMBER}, [1, 2.5]),
        ({}, "x" * 100_000),
        ({}, "two\nlines"),
    ],
)
def test_a_value_that_fits_is_taken_as_it_is(declared, value):
    assert check_inputs([Input(name="a", **declared)], {"a": value}) == {"a": value}


@pytest.mark.parametrize(
    ("declared", "value", "path", "message"),
    [
        ({}, 5, "input.a", "must be text, not 5"),
        ({}, ["x"], "input.a", "must be text, not a list"),
        ({"type": InputType.NUMBER}, True, "input.a", "must be a number, not true"),
        ({"type": InputType.BOOL}, 1, "input.a", "must be true or false, not 1"),
        ({}, "x" * 100_001, "input.a", "must have at most 100000 characters, not 100001"),
        ({}, 'a"b', "input.a", 'a double quote (") is not allowed in it'),
        ({"regex": "^b"}, "abc", "input.a", '"abc" does not match the regex "^b"'),
        ({"regex": "(x?){1000}y"}, "x" * 100_000, "input.a", "the pattern is too large to be searched"),
        ({"legal_values": ["1"]}, "2", "input.a", '"2" is not one of the legal values: "1"'),
        ({"type": InputType.NUMBER, "legal_values": [1]}, 1.0, "input.a", "1.0 is not one of the legal values: 1"),
        ({"legal_values": [str(n) for n in range(50)]}, "x", "input.a", '"9", …'),
        ({"collection": True}, "x", "input.a", 'must be a list, not "x"'),
        ({"collection": True}, ["x", 1], "input.a[1]", "must be text, not 1"),
        ({"collection": True, "regex": "^a"}, ["a", ""], "input.a[1]", '"" does not match the regex "^a"'),
        ({}, object(), "input.a", "a value of type object is not JSON"),
        ({"type": InputType.NUMBER}, float("inf"), "input.a", "inf is not JSON"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_path(declared, value, path, message):
    ((where, problem),) = refused([Input(name="a", **declared)], {"a": value})
    assert where == path
    assert message in problem


def test_many_values_against_many_legal_ones_cost_little_and_are_counted():
    declared = Input(name="a", collection=True, legal_values=[str(number) for number in range(20_000)])
    values = [str(number) for number in range(0, 40_000, 2)]
    found = refused([declared], {"a": values})
    assert len(found) == 1001
    assert found[-1] == ("", "and 9000 more")


def test_inputs_are_an_object():
    assert refused([], [1]) == [("input", "must be an object, not a list")]
    assert refused([], {1: 2}) == [("input", "the key 1 is not text")]


@pytest.mark.parametrize(
    "declared", [{"regex": "^x"}, {"legal_values": ["hunter"]}, {"collection": True, "regex": "^x"}]
)
def test_a_password_is_never_shown(declared):
    for value in ("hunter2", ["hunter2"], 40302):
        with pytest.raises(InputInvalid) as refusal:
            check_inputs([Input(name="a", type=InputType.PASSWORD, **declared)], {"a": value})
        assert "hunter" not in str(refusal.value)
        assert "40302" not in str(refusal.value)


DECLARED = [
    Input(name="text"),
    Input(name="secret", type=InputType.PASSWORD),
    Input(name="number", type=InputType.NUMBER),
    Input(name="flag", type=InputType.BOOL),
    Input(name="list", collection=True),
    Input(name="numbers", type=InputType.NUMBER, collection=True),
]


@pytest.mark.parametrize(
    ("texts", "inputs"),
    [
        ([], {}),
        (["text=5"], {"text": "5"}),
        (["text="], {"text": ""}),
        (["text=a=b"], {"text": "a=b"}),
        (["secret=[x]"], {"secret": "[x]"}),
        (["number=5"], {"number": 5}),
        (["number=-2.3"], {"number": -2.3}),
        (["number=1e3"], {"number": 1000.0}),
        (["number=five"], {"number": "five"}),
        (["number=true"], {"number": "true"}),
        (["flag=true"], {"flag": True}),
        (["flag=False"], {"flag": False}),
        (["flag=1"], {"flag": "1"}),
        (["list=a", "list=b"], {"list": ["a", "b"]}),
        (['list=["a", "b"]', "list=c"], {"list": ["a", "b", "c"]}),
        (["list=[a"], {"list": ["[a"]}),
        (["list=[]"], {"list": []}),
        (["numbers=1", "numbers=[2, 3]", "numbers=x"], {"numbers": [1, 2, 3, "x"]}),
    ],
)
def test_a_text_becomes_the_value_that_the_declaration_calls_for(texts, inputs):
    assert inputs_of_texts(DECLARED, texts) == inputs


def test_a_number_keeps_its_literal():
    assert str(inputs_of_texts(DECLARED, ["number=1.50"])["number"]) == "1.50"


def test_every_wrong_text_is_named_at_once():
    with pytest.raises(InputInvalid) as refusal:
        inputs_of_texts(DECLARED, ["text", "txet=1", "zzz=1", "text=1", "text=2", "number=1"])
    assert [str(fault) for fault in refusal.value.faults] == [
        "input.text: an input is written name=value",
        'input.txet: there is no input called "txet" (did you mean "text"?)',
        'input.zzz: there is no input called "zzz" (declared: text, secret, number, flag, list, numbers)',
        "input.text: given twice (only a collection takes several values)",
    ]


def test_an_input_that_there_is_not_is_refused_in_the_same_words_in_python_and_on_a_command_line():
    said = []
    for ask in (
        lambda: check_declared([LANGUAGE], {"language": "english", "langauge": "x", 5: "y"}),
        lambda: inputs_of_texts([LANGUAGE], ["language=english", "langauge=x", "5=y"]),
    ):
        with pytest.raises(InputInvalid) as refusal:
            ask()
        said.append([(fault.path, fault.message, fault.hint) for fault in refusal.value.faults])
    assert said[0] == said[1]
    assert said[0][0] == ("input.langauge", 'there is no input called "langauge"', 'did you mean "language"?')
