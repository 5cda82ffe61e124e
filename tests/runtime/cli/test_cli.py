"""The command line: what it prints, and the exit status scripts rely on."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from runtime.cli.commands import cli

ROOT = Path(__file__).parents[3]
HEAD = "name: some-task\ndescription: does something\ntitle_format: some task\n"
ECHO = (
    HEAD
    + "steps:\n  one:\n    action: {type: echo, configuration: {output: {size: 1.50}}}\nresult_format: {size: '{{.step.one.output.size}}'}\n"
)


@pytest.fixture
def template(tmp_path):
    def write(text: str, name: str = "task.yaml") -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


def understudy(*arguments: str):
    done = CliRunner().invoke(cli, arguments)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert "Traceback" not in done.output
    return done


def test_a_task_that_is_done_exits_with_0_and_shows_its_steps_and_its_result(template):
    done = understudy("run", template(ECHO))
    assert done.exit_code == 0
    lines = [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in done.stdout.splitlines()]
    assert lines == [
        "task TODO", "task RUNNING", "one RUNNING", "one DONE", "task DONE", "some task: DONE", "{", '  "size": "1.50"', "}",
    ]  # fmt: skip


def test_json_prints_the_final_task_and_nothing_else(template):
    done = understudy("run", "--json", template(ECHO))
    view = json.loads(done.stdout)
    assert (done.exit_code, view["state"], view["result"]) == (0, "DONE", {"size": "1.50"})
    assert '"output":{"size":1.50}' in done.stdout


def test_a_task_that_ends_otherwise_exits_with_1_and_names_the_error(template):
    failing = (
        HEAD
        + "steps:\n  one: {action: {type: echo, configuration: {error_type: client, error_message: no such thing}}}\n"
    )
    done = understudy("run", template(failing))
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-2:] == [
        "some task: BLOCKED (BLOCKED_BADREQUEST)",
        "  one CLIENT_ERROR: no such thing",
    ]


def test_inputs_are_typed_by_their_declarations(template):
    text = HEAD + (
        "inputs:\n- {name: size, type: number}\n- {name: big, type: bool}\n- {name: words, collection: true}\n"
        "steps:\n  one: {action: {type: echo, configuration: {output: '{{.input.size}} {{.input.big}} {{.input.words}}'}}}\n"
        "result_format: {all: '{{.step.one.output}}'}\n"
    )
    done = understudy(
        "run", "--json", template(text), "-i", "size=1.50", "--input", "big=true", "-i", "words=x", "-i", "words=y"
    )
    assert json.loads(done.stdout)["result"] == {"all": "1.50 true [x y]"}


STEP = "steps:\n  one: {action: {type: echo}}\n"
REFUSED = {
    "not YAML": ("{[", "task.yaml"),
    "not a mapping": ("- one\n- two\n", "a template is an object"),
    "empty": ("", "the document is empty"),
    "a wrong type": (HEAD + "steps: 3\n", "steps: "),
    "a wrong type deep inside": (HEAD + "steps:\n  one: {action: {type: echo}, max_retries: many}\n", "steps.one.max_retries: "),
    "a missing dependency": (HEAD + "steps:\n  one: {dependencies: [two], action: {type: echo}}\n", 'steps.one.dependencies[0]: Invalid dependency, no step with that name: "two"'),
    "a cycle": (HEAD + "steps:\n  one: {dependencies: [two], action: {type: echo}}\n  two: {dependencies: [one], action: {type: echo}}\n", "circular dependency [one two]"),
    "an unknown runner": (HEAD + "steps:\n  one: {action: {type: ecko}}\n", 'did you mean "echo"?'),
    "a name that is a word of YAML": (
        HEAD.replace("title_format: ", "title_format: '{{.input.n}}' #") + "inputs: [{name: n}]\n" + STEP,
        "title_format: Wrong input key: n (line 3; in YAML n means false: quote it where the input is declared)",
    ),
    "a flow": ("kind: flow\nname: x\n", "kind: this is a flow, and no template of tasks"),
    "a function": ("name: one\naction: {type: echo}\n", "action: this is a function, and no template of tasks (the folder of functions is --functions)"),
    "policies": ("policies: []\n", "policies: this is a file of policies, and no template of tasks"),
    "an input that is missing": (HEAD + "inputs: [{name: who}]\n" + STEP, "input.who: missing input who"),
    "an input that breaks its constraint": (HEAD + "inputs: [{name: who, regex: '^x', default: xx}]\n" + STEP, "input.who: "),
    "an alias bomb": (HEAD + "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(12)), "alias"),
    "a recursive alias": (HEAD + "tags: &t {a: *t}\n" + STEP, "alias"),
    "a duplicate key": (HEAD + "name: again\n" + STEP, "name"),
    "nested too deeply": (HEAD + "steps: " + "[" * 100_000, "deep"),
    "a runtime field": (HEAD + "steps:\n  one: {action: {type: echo}, state: DONE}\n", "steps.one.state"),
    "a secret in a fault": (HEAD + "steps:\n  one: {action: {type: http, configuration: {url: 'http://x', method: GET, auth: {bearer: hush-hush, basic: {user: u, password: hush-hush}}}}}\n", "steps.one.action.configuration.auth"),
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_run_is_refused_with_2_within_a_second_naming_its_path(template, text):
    source, expected = REFUSED[text]
    began = time.process_time()  # the promise is a second on the wall, which others' processes are not to prolong here
    done = (
        understudy("run", template(source), "--input", "who=y")
        if "constraint" in text
        else understudy("run", template(source))
    )
    took = time.process_time() - began
    assert done.exit_code == 2
    assert expected in done.stderr
    assert done.stderr.startswith("error: ")
    assert not done.stdout
    assert "hush-hush" not in done.stderr
    assert took < 5  # a second, and room for a machine that is slow


def test_files_that_are_none_are_refused(tmp_path):
    huge = tmp_path / "huge.yaml"
    with huge.open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    os.mkfifo(tmp_path / "pipe.yaml")
    for name, expected in (
        ("nowhere.yaml", "no such file"),
        (".", "directory"),
        ("huge.yaml", "large"),
        ("pipe.yaml", ""),
    ):
        done = understudy("run", str(tmp_path / name))
        assert done.exit_code == 2
        assert expected in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["run", "{none}"],
        *(["run", "{template}", option, "{none}"] for option in ("--store", "--functions", "--templates", "--config")),
        ["run", "{template}", "--store", "{folder}/tasks.db", "--keys", "{none}"],
        ["validate", "{none}"],
        ["flow", "run", "{none}.yaml"],
        ["flow", "ls", "--store", "{none}"],
        *(["store", name, "{none}"] for name in ("check", "compact", "collect")),
        ["store", "backup", "{none}", "{folder}/copy"],
        ["store", "new-key", "{none}", "first"],
        *(["serve", option, "{none}"] for option in ("--flows", "--policies", "--tokens", "--passwords", "--groups", "--audit")),
    ],
)  # fmt: skip
def test_what_may_not_even_be_looked_at_is_refused_in_words(command, template, tmp_path):
    """As a file is in a folder that is somebody else's: to ask whether it is there fails, too."""
    named = {"none": tmp_path / ("x" * 300), "template": template(ECHO), "folder": tmp_path}
    done = understudy(*[one.format(**named) for one in command])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "error" in done.stderr.lower()


def test_every_fault_is_printed_at_once(template):
    done = understudy(
        "validate", template(HEAD + "steps:\n  one: {action: {type: ecko}, dependencies: [x], retry_pattern: daily}\n")
    )
    assert done.exit_code == 2
    for path in ("steps.one.action.type", "steps.one.dependencies[0]", "steps.one.retry_pattern"):
        assert path in done.stderr


def test_wrong_values_and_what_nobody_reads_are_printed_beside_wrong_types(template):
    text = HEAD + (
        "steps:\n  one:\n    max_retries: many\n    dependancies: [x]\n"
        "    action: {type: http, configuration: {url: 'http://x', method: FETCH, timeout: soon, bdy: x}}\n"
    )
    done = understudy("validate", template(text))
    assert done.exit_code == 2
    for said in (
        "steps.one.max_retries: must be a whole number",
        "configuration.timeout: time: invalid duration",
        "configuration.method: must be one of",
        'steps.one.dependancies: unknown key "dependancies", ignored',
        'configuration.bdy: nothing reads this key (line 8; did you mean "body"?)',
    ):
        assert said in done.stderr


def test_an_unknown_key_is_a_warning_with_its_path_and_a_fault_when_strict(template):
    path = template(ECHO + "retry_maximum: 3\n")
    lax = understudy("run", path)
    assert lax.exit_code == 0
    assert "warning: " in lax.stderr
    assert "retry_maximum" in lax.stderr
    assert 'did you mean "retry_max"?' in lax.stderr
    strict = understudy("run", "--strict", path)
    assert (strict.exit_code, strict.stdout) == (2, "")
    assert understudy("validate", path).exit_code == 0
    assert understudy("validate", "--strict", path).exit_code == 2


CALLING = (
    HEAD
    + "steps:\n  one: {action: {type: greet, configuration: {who: Ada}}}\nresult_format: {said: '{{.step.one.output}}'}\n"
)
GREET = "name: greet\naction: {type: echo, configuration: {output: 'Hello {{ .function_args.who }}'}}\n"


def test_steps_call_the_functions_of_the_given_folder(template, tmp_path):
    path = template(CALLING)
    (tmp_path / "functions/deep").mkdir(parents=True)
    template(GREET, "functions/deep/greet.yaml")
    functions = str(tmp_path / "functions")
    done = understudy("run", "--json", "--functions", functions, path)
    assert (done.exit_code, json.loads(done.stdout)["result"]) == (0, {"said": "Hello Ada"})
    assert understudy("validate", "--functions", functions, path).exit_code == 0
    for without in (understudy("run", path), understudy("validate", path)):
        assert without.exit_code == 2
        assert 'no runner called "greet"' in without.stderr


@pytest.mark.parametrize("command", ["run", "validate"])
def test_a_bad_function_is_refused_with_2_naming_its_file_and_path(template, tmp_path, command):
    path, function = template(CALLING), template("name: greet\naction: {type: ehco}\n", "greet.yaml")
    for given, expected in ((function, f"{function}: action.type: "), (str(tmp_path / "none"), "no such file")):
        done = understudy(command, "--functions", given, path)
        assert (done.exit_code, done.stdout) == (
            2,
            f"{path}: valid, but for the functions\n" if command == "validate" else "",
        )
        assert done.stderr.startswith("error: invalid function ")
        assert expected in done.stderr


@pytest.mark.parametrize(("function", "told"), [(GREET + "conditions: 5\n", True), ("{", False)])
def test_validate_names_what_is_wrong_with_functions_and_templates_at_once(template, tmp_path, function, told):
    """But nothing of a template that only follows: an unreadable file may hold whatever it calls."""
    (tmp_path / "functions").mkdir()
    template(function, "functions/greet.yaml")
    good = template(
        "name: say\naction: {type: greet, configuration: {who: '{{.function_args.what}}'}}\n", "functions/say.yaml"
    )
    path = template(CALLING.replace("title_format: some task", "title_format: '{{.input.who}}'"))
    typo = template(CALLING.replace("greet", "greeet").replace("{who: Ada}", "{}"), "typo.yaml")
    done = understudy("validate", "--functions", str(tmp_path / "functions"), path, typo)
    assert done.exit_code == 2
    assert "greet.yaml" in done.stderr
    assert good not in done.stderr
    assert f"{path}: title_format: Wrong input key: who" in done.stderr.replace("\n  ", " ")
    assert ("greeet" in done.stderr) is told


def test_validate_warns_of_what_nobody_reads_in_a_function(template, tmp_path):
    path, function = template(CALLING), template(GREET + "conditons: []\n", "greet.yaml")
    done = understudy("validate", "--functions", function, path)
    assert done.exit_code == 0
    assert f"warning: {function}: conditons: unknown key" in done.stderr


def test_validate_warns_of_texts_that_no_data_can_be_rendered_with(template):
    path = template(ECHO.replace("{size: 1.50}", "{odd: '{{.task.created | nosuch}}', size: 1}"), "odd.yaml")
    done = understudy("validate", path)
    assert done.exit_code == 0, done.stderr
    assert 'configuration.output.odd: not a template: template: tmpl:1: function "nosuch" not defined' in done.stderr
    assert understudy("validate", "--strict", path).exit_code == 2


def test_validate_looks_at_every_file_and_fails_if_one_is_wrong(template):
    good, bad = template(ECHO, "good.yaml"), template("x", "bad.yaml")
    done = understudy("validate", bad, good)
    assert done.exit_code == 2
    assert f"{good}: valid" in done.stdout
    assert "bad.yaml" in done.stderr


def test_a_folder_is_validated_file_by_file(template, tmp_path):
    good, bad = template(ECHO, "good.yaml"), template("x", "bad.yaml")
    done = understudy("validate", str(tmp_path))
    assert done.exit_code == 2
    assert done.stdout == f"{good}: valid\n"
    assert bad in done.stderr
    (tmp_path / "empty").mkdir()
    assert "there are no templates in there" in understudy("validate", str(tmp_path / "empty")).stderr
    assert understudy("validate", str(tmp_path / "empty")).exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["run"],
        ["run", "a", "b"],
        ["validate"],
        ["run", "x", "--grace", "-1"],
        ["run", "x", "--grace", "nan"],
    ],
)
def test_a_wrong_command_line_exits_with_2(arguments):
    assert understudy(*arguments).exit_code == 2


def test_an_id_that_is_empty_is_none(template):
    done = understudy("run", template(ECHO), "--id", "")
    assert (done.exit_code, "task_id: must be a text" in done.stderr) == (2, True)


def test_keys_without_a_store_to_seal_are_refused(template):
    done = understudy("run", template(ECHO), "--keys", "ring.json")
    assert (done.exit_code, "there is no store to seal with them" in done.stderr) == (2, True)


@pytest.mark.parametrize("text", ["x", "nme=Ada", "=Ada"])
def test_an_input_that_is_none_is_refused(template, text):
    done = understudy("run", template(HEAD + "inputs: [{name: name, optional: true}]\n" + STEP), "-i", text)
    assert done.exit_code == 2
    assert "input" in done.stderr


@pytest.mark.parametrize("library", ["click", "rich"])
def test_without_its_libraries_the_command_says_what_to_install(library):
    code = f"import sys; sys.modules['{library}'] = None\nfrom runtime.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "x"], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr == f"error: the command line needs {library}: pip install 'understudy[cli]'\n"


@pytest.mark.parametrize("command", [("run", "examples/hello.yaml"), ("flow", "run", "examples/deploy.yaml"), ("ls",)])
def test_what_needs_no_server_needs_none_of_its_libraries(command, tmp_path):
    """The README's first command installs only `cli` and `http`; a client needs no more either."""
    blocked = "import sys; sys.modules.update(dict.fromkeys(['starlette', 'hypercorn', 'psycopg', 'asyncssh', 'cryptography']))"
    code = f"{blocked}\nfrom runtime.cli import main; main()"
    options = ["--server", "http://127.0.0.1:1"] if command == ("ls",) else ["--input", "name=Ada"]
    done = subprocess.run(
        [sys.executable, "-c", code, *command, *options], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == {"run": 0, "flow": 3, "ls": 2}[command[0]], done.stderr


SLEEPING = HEAD + "steps:\n  one: {idempotent: true, action: {type: script, configuration: {file_path: nap.sh}}}\n"


def interrupted(tmp_path, *signals: int, grace: str, arguments: tuple[str, ...] = ()):
    """Start a run, wait until its step runs, send the signals, and give how it ended."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "nap.sh").write_text("#!/bin/sh\nsleep 1000\n")
    (scripts / "nap.sh").chmod(0o755)
    (tmp_path / "nap.yaml").write_text(SLEEPING)
    command = [sys.executable, "-c", "from runtime.cli import main; main()", "run", str(tmp_path / "nap.yaml")]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [*command, "--scripts", str(scripts), "--grace", grace, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path,
    ) as process:  # fmt: skip
        seen = ""
        assert process.stdout is not None
        assert process.stderr is not None
        while "one RUNNING" not in seen:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            seen += line
        for one in signals:
            process.send_signal(one)
            while (notice := process.stderr.readline()) and "again to stop at once" not in notice:
                assert "task_state" in notice  # a line of the log, if it is written
        out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return process.returncode, seen + out


def test_ctrl_c_shuts_down_in_order_and_exits_with_130(tmp_path):
    status, out = interrupted(tmp_path, signal.SIGINT, grace="0.2")
    assert status == 130
    assert "one TO_RETRY: interrupted by user: SIGINT" in out
    assert "some task: interrupted" in out


def test_a_second_ctrl_c_does_not_wait_for_the_grace(tmp_path):
    status, out = interrupted(tmp_path, signal.SIGINT, signal.SIGINT, grace="1000")
    assert status == 130
    assert "one TO_RETRY: interrupted by user: SIGINT" in out


def test_sigterm_shuts_down_in_order_and_exits_with_143(tmp_path):
    assert interrupted(tmp_path, signal.SIGTERM, grace="0")[0] == 143


SUBTASK = "steps:\n  one: {action: {type: subtask, configuration: {template: the-child}}}\n"
CHILD = ECHO.replace("name: some-task", "name: the-child\nauto_runnable: true")


def test_templates_that_name_each_other_are_checked_together(template):
    parent, child = template(HEAD + SUBTASK), template(CHILD, "child.yaml")
    assert understudy("validate", parent).exit_code == 2
    assert understudy("validate", parent, child).exit_code == 0
    assert understudy("validate", parent, "--templates", str(Path(child).parent)).exit_code == 0


def test_a_task_starts_tasks_of_the_given_folder_of_templates(template, tmp_path):
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "child.yaml").write_text(CHILD)
    parent = template(HEAD + SUBTASK)
    refused = understudy("run", parent)
    assert (refused.exit_code, 'no template called "the-child"' in refused.stderr) == (2, True)
    assert understudy("run", parent, "--templates", str(tmp_path / "others")).exit_code == 0


@pytest.mark.parametrize("kept", [False, True])
def test_a_task_that_waits_for_somebody_says_what_to_do_and_ends_with_3(template, tmp_path, kept):
    """Nobody can reach it: it was waited for in silence, for ever."""
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "child.yaml").write_text(CHILD.replace("auto_runnable: true", "auto_runnable: false"))
    command = ["run", template(HEAD + SUBTASK), "--templates", str(tmp_path / "others"), "--id", "t"]
    if kept:
        command += ["--store", str(tmp_path / "tasks.db")]
    for done in [understudy(*command) for _ in range(1 + kept)]:  # again: it waits already
        assert done.exit_code == 3
        assert done.stdout.splitlines()[-2] == "some task: WAITING"
        assert "  one WAITING: waits for task " in done.stdout
        assert done.stderr.startswith("it waits until somebody does something: ")
        assert ("nobody can reach it in memory" in done.stderr) is not kept
        assert "understudy serve" in done.stderr


def logged(text):
    return [json.loads(line) for line in text.splitlines()]


def test_a_log_of_json_is_an_object_a_line_on_standard_error_and_leaves_standard_output_as_it_is(template):
    path = template(ECHO + "retry_maximum: 3\n")
    plain, done = understudy("run", "--json", path), understudy("run", "--json", "--log-format", "json", path)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["result"] == json.loads(plain.stdout)["result"]
    lines = logged(done.stderr)
    assert [one.get("state", one["event"]) for one in lines] == ["template_warning", "TODO", "RUNNING", "DONE"]
    assert "retry_maximum" in lines[0]["warning"]
    assert len({one["task"] for one in lines[1:]}) == 1
    chatty = understudy("run", "--log-level", "debug", "--log-format", "json", path)
    assert [one["state"] for one in logged(chatty.stderr) if one.get("step") == "one"] == ["RUNNING", "DONE"]
    assert understudy("run", "--log-level", "error", "--log-format", "json", path).stderr == ""


def test_the_log_may_be_chosen_by_the_environment_and_says_why_a_task_was_refused(template, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_LOG_FORMAT", "json")
    done = understudy("run", template("- one\n"))
    [refused] = logged(done.stderr)
    assert (done.exit_code, refused["event"], refused["level"]) == (2, "refused", "error")
    assert "a template is an object" in refused["error"]
    monkeypatch.setenv("UNDERSTUDY_LOG_FORMAT", "xml")
    assert "'xml' is not one of" in understudy("run", template(ECHO)).stderr


def test_text_logs_what_becomes_of_tasks_where_it_is_asked_to(template):
    failing = HEAD + "steps:\n  one: {action: {type: echo, configuration: {error_type: client, error_message: gone}}}\n"
    quiet, told = understudy("run", template(failing)), understudy("run", "--log-level", "info", template(failing))
    assert quiet.stderr == ""
    assert told.stdout.splitlines()[-1] == quiet.stdout.splitlines()[-1] == "  one CLIENT_ERROR: gone"
    assert "state=BLOCKED" in told.stderr
    assert "step=one" in told.stderr


def test_passwords_are_in_no_log(template):
    secret = (
        HEAD + "inputs: [{name: pass, type: password}]\nsteps:\n"
        "  one: {action: {type: echo, configuration: {output: '{{.input.pass}}'}}}\n"
    )
    done = understudy("run", "--log-format", "json", "--log-level", "debug", template(secret), "-i", "pass=hush-hush")
    assert done.exit_code == 0
    assert "hush-hush" not in done.stderr


def test_what_a_signal_does_is_a_line_of_the_log_too(tmp_path):
    status, _out = interrupted(tmp_path, signal.SIGINT, grace="0.2", arguments=("--log-format", "json"))
    assert status == 130


def test_ctrl_c_while_it_loads_is_130_and_no_traceback():
    code = (
        "import sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'runtime.cli.commands': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from runtime.cli import main; main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert (done.returncode, done.stderr) == (130, "")


@pytest.mark.parametrize(
    ("command", "statuses"),
    [
        (["run", "examples/hello.yaml", "--input", "name=Ada"], {130}),
        (["flow", "run", "examples/deploy.yaml", "--input", "name=Ada"], {130}),
        (["serve", "--listen", "127.0.0.1:0"], {0, 130}),  # it may be serving already, and is told to stop
    ],
)
def test_ctrl_c_while_a_runtime_opens_ends_it_and_crashes_nothing(command, statuses):
    """The first actor interrupts the process that it is begun in, as a key may at any moment."""
    code = (
        "import signal, sys\n"
        "import runtime.work.tree as tree\n"
        "class Interrupted(tree.Intake):\n"
        "    def __init__(self, *arguments):\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "        super().__init__(*arguments)\n"
        "tree.Intake = Interrupted\n"
        "from runtime.cli import main; main()\n"
    )
    arguments = [sys.executable, "-c", code, *command]
    done = subprocess.run(arguments, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode in statuses
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), BaseExceptionGroup("", [KeyboardInterrupt()])])
def test_ctrl_c_in_any_command_is_130(template, monkeypatch, interrupt):
    def known_types(**_options):
        raise interrupt

    monkeypatch.setattr("runtime.cli.check.known_types", known_types)
    assert understudy("validate", template(ECHO)).exit_code == 130


def shell(command, template, **files):
    program = f"{sys.executable} -c 'from runtime.cli import main; main()'"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    arguments = ["bash", "-o", "pipefail", "-c", command.format(understudy=program, template=template)]
    done = subprocess.run(arguments, capture_output=True, text=True, env=environment, timeout=60)
    assert "Traceback" not in done.stderr
    return done


def test_output_that_nobody_reads_costs_a_task_nothing(template, tmp_path):
    """A reader that has seen enough is no reason to cut a step."""
    path, store = template(ECHO), tmp_path / "tasks.db"
    done = shell(f"{{understudy}} run {{template}} --store {store} --id one | head -1", path)
    assert (done.returncode, done.stdout.split()[-2:]) == (0, ["task", "TODO"])
    assert '"state":"DONE"' in understudy("run", path, "--store", str(store), "--id", "one", "--json").stdout
    assert shell("{understudy} run {template} >&-", path).returncode == 0


ABROAD = HEAD.replace("some task", "T\u00e2che \U0001f600") + STEP + "result_format: {said: '\u00fc \U0001f600'}\n"


@pytest.mark.parametrize("columns", ["", "0", "40"])
def test_output_takes_any_text_whatever_its_encoding_and_width(tmp_path, columns):
    """What the encoding has not is written as JSON escapes it."""
    (tmp_path / "abroad.yaml").write_text(ABROAD, encoding="utf-8")
    runner, command = CliRunner(charset="ascii", env={"COLUMNS": columns}), ["run", str(tmp_path / "abroad.yaml")]
    done = runner.invoke(cli, command)
    assert (done.exit_code, done.stdout.splitlines()[-4]) == (0, "T\\u00e2che \\ud83d\\ude00: DONE")
    assert json.loads(runner.invoke(cli, [*command, "--json"]).stdout)["result"] == {"said": "\u00fc \U0001f600"}
    assert runner.invoke(cli, ["validate", *command[1:]]).exit_code == 0


@pytest.mark.parametrize("command", ["run --json {template}", "run {template}", "validate {template}", "--help"])
def test_output_that_cannot_be_written_is_said_and_status_4(template, command):
    done = shell("{understudy} " + command + " > /dev/full", template(ECHO))
    assert (done.returncode, done.stderr) == (4, "error: the output cannot be written: No space left on device\n")
