import sys
from pathlib import Path

import pytest
import trio

from runners._output import KEPT_BYTES
from runners.script import Script
from runtime.configuration import ConfigurationInvalid
from runtime.duration import parse_duration
from runtime.runner import ClientError, Fault, RunnerSettings, StepFailed
from runtime.testing import laws

HELLO = """echo "Hello world script"
echo '{"dumb_string":"Hello '"$1"'!","random_object":{"foo":"bar"}}'
"""


async def succeeds(scripts, body, **configuration):
    with trio.fail_after(30):
        return await laws.gives_json(scripts.runner, {"file_path": scripts.shell(body), **configuration})


async def fails(scripts, body, **configuration):
    with trio.fail_after(30):
        return await laws.fails_as_declared(scripts.runner, {"file_path": scripts.shell(body), **configuration})


async def test_the_last_line_is_the_output_and_all_of_it_metadata(scripts):
    outcome = await succeeds(scripts, HELLO, argv=["world"])
    assert outcome.output == {"dumb_string": "Hello world!", "random_object": {"foo": "bar"}}
    time = outcome.metadata.pop("execution_time")
    assert 0 < parse_duration(time) < 30
    assert outcome.metadata == {
        "exit_code": "0",
        "process_state": "exit status 0",
        "output": 'Hello world script\n{"dumb_string":"Hello world!","random_object":{"foo":"bar"}}\n',
        "error": "",
    }
    assert set(scripts.runner.metadata_schema["required"]) == {*outcome.metadata, "execution_time"}


async def test_standard_output_and_standard_error_come_in_the_order_they_were_written(scripts):
    outcome = await succeeds(scripts, "echo 1; echo 2 >&2; echo 3; echo 4 >&2; echo {}")
    assert outcome.metadata["output"] == "1\n2\n3\n4\n{}\n"


async def test_a_script_sees_who_it_works_for_and_the_environment_it_was_given(scripts, monkeypatch):
    monkeypatch.setenv("INHERITED", "yes")
    print_environment = "import json, os; print(json.dumps(dict(os.environ)))"
    file = scripts.add("env.py", f"#!{sys.executable}\n{print_environment}\n")
    environment = {"text": "foo", "number": 1.5, "flag": True, "nothing": "", "UTASK_STEP_NAME": "mine"}
    configuration = {"file_path": file, "environment": environment}
    with trio.fail_after(30):
        script = Script(RunnerSettings(scripts=scripts.folder))
        outcome = await laws.gives_json(script, configuration, task_id="T", resolution_id="R")
    expected = {
        "UTASK_TASK_ID": "T",
        "UTASK_RESOLUTION_ID": "R",
        "UTASK_STEP_NAME": "mine",
        "INHERITED": "yes",
        "text": "foo",
        "number": "1.5",
        "flag": "true",
        "nothing": "",
    }
    assert expected.items() <= outcome.output.items()


async def test_arguments_and_standard_input_arrive_as_they_are(scripts):
    body = 'cat; printf "%s|" "$@"; echo; echo {}'
    outcome = await succeeds(scripts, body, argv=["a b", "$HOME", "", 3, True], stdin="words é\n")
    assert outcome.metadata["output"] == "words é\na b|$HOME||3|true|\n{}\n"


async def test_a_script_need_not_read_what_it_is_given(scripts):
    outcome = await succeeds(scripts, "exec 0<&-; echo '{}'", stdin="x" * 10_000_000)
    assert outcome.output == {}


async def test_the_scripts_folder_is_the_working_directory(scripts):
    outcome = await succeeds(scripts, "pwd; echo {}")
    assert outcome.metadata["output"].splitlines()[0] == str(scripts.folder.resolve())


async def test_a_script_can_be_below_the_folder_and_named_from_it(scripts, monkeypatch):
    scripts.add("below/it.sh", "#!/bin/sh\necho {}\n")
    monkeypatch.chdir(scripts.folder)
    here = Script(RunnerSettings(scripts=Path()))
    for file_path in ("./below/it.sh", "below/it.sh", "/below/it.sh", "below/../below/it.sh"):
        assert here.check({"file_path": file_path}).faults == ()
        with trio.fail_after(30):
            assert (await laws.gives_json(here, {"file_path": file_path})).output == {}


@pytest.mark.parametrize("mode", ["disabled", "manual-delimiters"])
async def test_the_output_mode_says_where_the_result_is(scripts, mode):
    delimiters = {"output_manual_delimiters": ["BEGIN", "END"]} if mode == "manual-delimiters" else {}
    outcome = await succeeds(scripts, "echo x BEGIN; echo '{\"a\": 1.50}'; echo END", output_mode=mode, **delimiters)
    assert repr(outcome.output) == ("{'a': 1.50}" if delimiters else "None")


@pytest.mark.parametrize(
    ("configuration", "problem"),
    [
        ({}, "the last line of the output is not a JSON object"),
        (
            {"output_mode": "manual-delimiters", "output_manual_delimiters": ["n", "j"]},
            "what stands between the delimiters is not a JSON object",
        ),
    ],
)
async def test_a_script_that_succeeds_with_another_result_is_a_plain_failure_without_output(
    scripts, configuration, problem
):
    failed = await fails(scripts, "echo not json", **configuration)
    assert failed.message.startswith(problem)
    assert failed.output is None
    assert failed.metadata["exit_code"] == "0"
    assert type(failed) is StepFailed


@pytest.mark.parametrize(
    ("code", "listed", "error"),
    [(3, [], StepFailed), (3, ["3"], ClientError), (65, [1, "64-66"], ClientError), (67, ["64-66"], StepFailed)],
)
async def test_an_exit_code_is_a_failure_of_the_class_it_is_listed_for(scripts, code, listed, error):
    failed = await fails(scripts, f"echo '{{\"a\": 1}}'; exit {code}", exit_codes_unrecoverable=listed)
    assert type(failed) is error
    assert failed.message == f"exit code: {code}"
    assert failed.output == {"a": 1}
    assert failed.metadata["exit_code"] == str(code)
    assert failed.metadata["process_state"] == f"exit status {code}"
    assert failed.metadata["error"] == f"exit code: {code}"


@pytest.mark.parametrize("body", ["exit 1", "echo not json; exit 1"])
async def test_a_failure_needs_no_result(scripts, body):
    failed = await fails(scripts, body)
    assert (failed.message, failed.output) == ("exit code: 1", None)


async def test_a_script_that_prints_nothing_succeeds_without_an_output(scripts):
    assert (await succeeds(scripts, "true")).output is None


async def test_a_signal_is_a_failure_that_names_it(scripts):
    failed = await fails(scripts, "kill -TERM $$")
    assert failed.message == "exit code: -1 (signal: terminated)"
    assert failed.metadata["process_state"] == "signal: terminated"


@pytest.mark.parametrize(
    ("text", "configuration"),
    [
        ("#!/does/not/exist\n", {}),
        ("neither a program nor a script of any kind\0", {}),
        ("#!/bin/sh\n", {"argv": ["a\0b"]}),
        ("#!/bin/sh\n", {"environment": {"a=b": "c"}}),
        ("#!/bin/sh\n", {"argv": ["x" * 5_000_000]}),
    ],
)
@pytest.mark.parametrize(("listed", "error"), [([], StepFailed), ([1], ClientError)])
async def test_a_script_that_cannot_be_started_counts_as_exit_code_1(scripts, text, configuration, listed, error):
    configuration = {"file_path": scripts.add("bad", text), "exit_codes_unrecoverable": listed, **configuration}
    with trio.fail_after(30):
        failed = await laws.fails_as_declared(scripts.runner, configuration)
    assert type(failed) is error
    assert failed.message.startswith("the script cannot be started: ")
    if text == "#!/does/not/exist\n":
        assert failed.message.endswith("there is no such program as its first line (#!) names")
    assert failed.metadata["exit_code"] == "1"


async def test_a_script_that_has_gone_since_it_was_checked_cannot_be_started(scripts):
    with trio.fail_after(30):
        failed = await laws.fails_as_declared(scripts.runner, {"file_path": "gone.sh"})
    assert failed.message == "the script cannot be started: no such file in the scripts folder"


async def test_much_output_is_kept_from_both_ends_and_never_blocks_the_script(scripts):
    million_lines = "i=0; while [ $i -lt 30 ]; do head -c 100000 /dev/zero | tr '\\0' x; echo; i=$((i+1)); done"
    outcome = await succeeds(scripts, f"echo first; {million_lines}; echo '{{\"last\": true}}'")
    assert outcome.output == {"last": True}
    text = outcome.metadata["output"]
    assert text.startswith("first\nxxx")
    assert KEPT_BYTES < len(text) < KEPT_BYTES + 100
    assert "bytes left out" in text


async def test_a_result_that_was_left_out_is_said_to_be(scripts):
    file = scripts.add("long.sh", "#!/bin/sh\nhead -c 3000000 /dev/zero | tr '\\0' x\n")
    with trio.fail_after(30):
        failed = await laws.fails_as_declared(scripts.runner, {"file_path": file})
    assert "is not a JSON object" in failed.message
    left_out = f"{3_000_000 - KEPT_BYTES:,}"
    assert failed.message.endswith(
        f"; {left_out} bytes in the middle of the output were left out, see max_output_bytes"
    )


async def test_output_that_is_no_text_is_shown_as_such(scripts):
    outcome = await succeeds(scripts, "printf '\\377\\n{}'")
    assert outcome.metadata["output"] == "\ufffd\n{}"


def problems(scripts, **configuration):
    return [(fault.path, fault.message) for fault in scripts.runner.check(configuration).faults]


def test_the_file_must_be_there_executable_and_inside_the_folder(scripts, tmp_path):
    scripts.add("plain.txt", "", 0o644)
    (tmp_path / "outside.sh").write_text("#!/bin/sh\n")
    (tmp_path / "outside.sh").chmod(0o755)
    (scripts.folder / "link.sh").symlink_to(tmp_path / "outside.sh")
    (scripts.folder / "circle").symlink_to("circle")
    (scripts.folder / "folder").mkdir()
    expected = {
        "missing.sh": "no such file in the scripts folder",
        "folder": "no such file in the scripts folder",
        "": "no such file in the scripts folder",
        "plain.txt": "is not executable",
        "../outside.sh": "leads out of the scripts folder",
        "link.sh": "leads out of the scripts folder",
        "/bin/sh": "no such file in the scripts folder",
        "x" * 5000: "cannot be looked at: File name too long",
    }
    for file_path, problem in expected.items():
        assert problems(scripts, file_path=file_path) == [("file_path", problem)]
    for file_path in ("circle", "a\0b"):  # what Python says of these differs by its version
        ((path, message),) = problems(scripts, file_path=file_path)
        assert path == "file_path"
        assert "cannot be looked at" in message or "no such file" in message


def test_a_link_that_stays_in_the_folder_is_followed(scripts):
    scripts.shell("echo {}")
    (scripts.folder / "link.sh").symlink_to("script.sh")
    assert problems(scripts, file_path="link.sh") == []


def test_the_file_cannot_be_a_template(scripts):
    assert problems(scripts, file_path="{{.input.script}}") == [("file_path", "cannot be a template")]


def test_a_missing_scripts_folder_is_a_fault_of_the_file():
    nowhere = Script(RunnerSettings(scripts=Path("/does/not/exist")))
    assert nowhere.check({"file_path": "a.sh"}).faults == (Fault("file_path", "no such file in the scripts folder"),)


@pytest.mark.parametrize(
    ("configuration", "path"),
    [
        ({"output_mode": "manual-delimiters"}, "output_manual_delimiters"),
        ({"output_manual_delimiters": ["a", "b"]}, "output_manual_delimiters"),
        ({"output_mode": "disabled", "output_manual_delimiters": ["a", "b"]}, "output_manual_delimiters"),
        ({"output_mode": "manual-delimiters", "output_manual_delimiters": ["a"]}, "output_manual_delimiters"),
        ({"output_mode": "manual-delimiters", "output_manual_delimiters": ["a", "("]}, "output_manual_delimiters[1]"),
        ({"output_mode": "lastline"}, "output_mode"),
        ({"timeout": "0s"}, "timeout"),
        ({"timeout": "-1s"}, "timeout"),
        ({"timeout": "soon"}, "timeout"),
        ({"exit_codes_unrecoverable": ["1", "5-3"]}, "exit_codes_unrecoverable[1]"),
        ({"argv": "one"}, "argv"),
        ({"environment": {"a": []}}, "environment.a"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_path(scripts, configuration, path):
    assert [where for where, _ in problems(scripts, file_path=scripts.shell(""), **configuration)] == [path]


def test_templates_pass_where_a_text_can_stand(scripts):
    configuration = {
        "argv": ["{{.a}}"],
        "environment": {"a": "{{.a}}"},
        "stdin": "{{.a}}",
        "timeout": "{{.a}}",
        "output_mode": "{{.a}}",
        "output_manual_delimiters": ["{{.a}}", "b"],
        "exit_codes_unrecoverable": ["{{.a}}"],
    }
    assert problems(scripts, file_path=scripts.shell(""), **configuration) == []


def test_a_key_of_older_templates_is_only_a_warning(scripts):
    checked = scripts.runner.check({"file_path": scripts.shell(""), "timeout_seconds": "25"})
    assert checked.faults == ()
    assert [str(warning) for warning in checked.warnings] == [
        'timeout_seconds: nothing reads this key (did you mean "timeout"?)'
    ]


def test_a_rendered_timeout_that_is_none_is_refused(scripts):
    with pytest.raises(ConfigurationInvalid, match="timeout: time: invalid duration"):
        scripts.runner.structure({"file_path": "a", "timeout": "soon"})


def test_it_takes_a_fork_and_the_script(scripts):
    config = scripts.runner.structure({"file_path": "./a.sh"})
    assert scripts.runner.resources(config) == ("fork", "script:./a.sh")


def test_what_a_script_is_given_is_not_in_the_configurations_repr(scripts):
    secrets = {"argv": ["hunter2"], "environment": {"password": "hunter2"}, "stdin": "hunter2"}
    assert "hunter2" not in repr(scripts.runner.structure({"file_path": "a", **secrets}))
