import pytest
import trio

from runners.echo import Echo
from runtime.runner import ClientError, Fault, StepFailed
from runtime.testing import laws

echo = Echo()


async def succeeds(configuration):
    with trio.fail_after(30):
        return await laws.gives_json(echo, configuration)


async def fails(configuration):
    with trio.fail_after(30):
        return await laws.fails_as_declared(echo, configuration)


async def test_output_and_metadata_come_back_as_they_are():
    outcome = await succeeds({"output": {"a": [1, None, "b"]}, "metadata": {"c": True}})
    assert outcome.output == {"a": [1, None, "b"]}
    assert outcome.metadata == {"c": True}


async def test_an_empty_configuration_gives_nothing():
    outcome = await succeeds({})
    assert outcome.output is None
    assert outcome.metadata is None


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ('{"a": [1.50, 1e3]}', "{'a': [1.50, 1e3]}"),
        ("a: 1.50\nb: [12345678901234567890123, 'x']", "{'a': 1.50, 'b': [12345678901234567890123, 'x']}"),
        ("3", "3"),
        ("just words", "'just words'"),
        ("", "None"),
        ('{"tab": "a\\tb"}', "{'tab': 'a\\tb'}"),
    ],
)
async def test_a_text_can_be_unmarshalled_and_numbers_keep_their_literals(text, output):
    outcome = await succeeds({"output": text, "unmarshal": "true"})
    assert repr(outcome.output) == output


def bomb():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "output",
    [
        None,
        3,
        ["a"],
        "{",
        "a: [",
        "!!python/object:os.system x",
        ".inf",
        "&a [*a]",
        bomb(),
        "[" * 100_000,
    ],
    ids=lambda output: repr(output)[:20],
)
async def test_what_cannot_be_unmarshalled_is_a_plain_failure_without_output(output):
    failed = await fails({"output": output, "unmarshal": True, "metadata": {"a": 1}})
    assert type(failed) is StepFailed
    assert failed.message.startswith("output cannot be unmarshalled: ")
    assert failed.output is None
    assert failed.metadata is None


@pytest.mark.parametrize(("error_type", "error"), [("", StepFailed), ("server", StepFailed), ("client", ClientError)])
async def test_an_error_is_raised_as_told_and_keeps_output_and_metadata(error_type, error):
    failed = await fails({"output": 1, "metadata": {"a": 1}, "error_message": "no", "error_type": error_type})
    assert type(failed) is error
    assert (failed.message, failed.output, failed.metadata) == ("no", 1, {"a": 1})


async def test_no_message_is_no_error_whatever_its_type():
    assert (await succeeds({"error_type": "client", "error_message": ""})).output is None


def test_a_wrong_error_type_is_refused_unless_it_may_still_be_rendered():
    wrong = Fault("error_type", "Wrong error type: expecting 'client' or 'server'")
    assert echo.check({"error_type": "fatal"}).faults == (wrong,)
    assert echo.check({"error_type": "{{.input.type}}"}).faults == ()


async def test_a_rendered_type_that_is_neither_is_a_server_error():
    assert type(await fails({"error_message": "no", "error_type": "fatal"})) is StepFailed


async def test_the_configuration_is_laid_over_its_base():
    config = echo.structure({"output": {"b": 2}}, {"output": {"a": 1}, "metadata": {"m": 1}})
    assert config.output == {"a": 1, "b": 2}
    assert config.metadata == {"m": 1}


def test_it_takes_no_resources():
    assert echo.resources(echo.structure({})) == ()
