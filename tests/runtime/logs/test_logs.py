"""What understudy writes into logs, read back from where it was written."""

import json
import logging
import subprocess
import sys
import warnings
from datetime import datetime

import pytest
import structlog

from runtime import Action, Step, Template, open_runtime
from runtime.api.messages import Lagged, TaskStateChanged
from runtime.engine.states import ResolutionState, TaskState
from runtime.logs import LogFormat, LogLevel, LogSettings, log_event, log_events
from runtime.logs.lines import log


def echo(**configuration):
    return Step(action=Action(type="echo", configuration=configuration))


GOOD = Template(name="good", steps={"one": echo(output="x")})
BAD = Template(name="bad", steps={"one": echo(error_message="no\x1b[31m\nsuch", error_type="client")})


def test_when_a_task_is_tried_again_is_written_as_the_time_of_a_line_is():
    facts = {"position": 1, "at": 0.0, "task_id": "t", "state": TaskState.RUNNING, "resolution": ResolutionState.ERROR}
    with structlog.testing.capture_logs() as logs:
        log_event(TaskStateChanged(**facts, run=1, next_retry=1795943491.5))
        log_event(TaskStateChanged(**facts, run=1))
    assert [line.get("next_retry") for line in logs] == ["2026-11-29T09:11:31.500000Z", None]


@pytest.fixture
def written(capsys):
    """Gives what was written on standard error, and sees that nothing was on standard output."""

    def read():
        captured = capsys.readouterr()
        assert captured.out == ""
        return captured.err

    return read


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


async def run(template, task_id):
    async with open_runtime() as rt:
        with log_events(rt):
            await (await rt.submit(template, task_id=task_id)).wait()
        await (await rt.submit(template, task_id="not told")).wait()


async def test_a_program_gets_an_object_a_line_with_ids_under_keys_of_their_own(written):
    with LogSettings(LogFormat.JSON, LogLevel.DEBUG).in_use():
        await run(BAD, "t1")
    lines = objects(written())
    assert {(one["logger"], one["task"]) for one in lines} == {("understudy.tasks", "t1")}
    for one in lines:
        assert datetime.fromisoformat(one["timestamp"]).utcoffset() is not None
    assert [(one["level"], one["event"], one.get("step"), one["state"]) for one in lines] == [
        ("info", "task_state", None, "TODO"),
        ("info", "task_state", None, "RUNNING"),
        ("debug", "step_state", "one", "RUNNING"),
        ("warning", "step_state", "one", "CLIENT_ERROR"),
        ("warning", "task_state", None, "BLOCKED"),
    ]
    assert lines[3]["error"] == "no\x1b[31m\nsuch"


async def test_steps_that_come_to_what_they_should_are_for_debugging(written):
    with LogSettings("json", "info").in_use():
        await run(GOOD, "t2")
    assert [one["state"] for one in objects(written())] == ["TODO", "RUNNING", "DONE"]


async def test_text_is_one_line_that_steers_no_terminal(written):
    with LogSettings(level=LogLevel.INFO).in_use():
        await run(BAD, "t3")
    text = written()
    assert "\x1b" not in text
    lines = text.splitlines()
    assert len(lines) == 4
    for fact in ("warning", "step_state", "task=t3", "step=one", "state=CLIENT_ERROR"):
        assert fact in lines[2]


@pytest.mark.parametrize("wanted", LogFormat)
def test_an_exception_is_its_traceback_without_the_values_of_variables(written, wanted):
    def fails():
        password = "hush-" + "hush"  # what must not be shown
        raise OSError(f"no connection for {len(password)}")

    with LogSettings(wanted).in_use():
        try:
            fails()
        except OSError:
            log("understudy.server").exception("request_failed", path="/task")
    text = written()
    assert "no connection for 9" in text
    assert "in fails" in text
    assert "hush-hush" not in text
    if wanted is LogFormat.JSON:
        [one] = objects(text)
        assert one["exception"].startswith("Traceback")
        assert (one["event"], one["path"], one["level"]) == ("request_failed", "/task", "error")


def test_without_any_setup_what_is_amiss_is_text_on_standard_error_without_values_of_variables():
    """In a process of its own: what tests of others set structlog up to is not undone."""
    code = (
        "from runtime.logs.lines import log\n"
        "def fails():\n    secret = 'hush-' + 'hush'\n    raise OSError(len(secret))\n"
        "log('understudy.store').info('nothing')\n"
        "try: fails()\n"
        "except OSError: log('understudy.store').exception('store_unavailable', store='a.db')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert "store_unavailable" in done.stderr
    assert "store=a.db" in done.stderr
    assert "nothing" not in done.stderr
    assert "hush-hush" not in done.stderr


def test_what_libraries_say_and_what_python_warns_of_are_lines_too(written):
    with LogSettings("json").in_use(), warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)  # as catch_warnings has undone it
        logging.getLogger("some.library").warning("%s is odd", "this")
        logging.getLogger("some.library").info("nothing")
        warnings.warn("that is old", stacklevel=1)
    first, second = objects(written())
    assert (first["logger"], first["level"], first["event"]) == ("some.library", "warning", "this is odd")
    assert "that is old" in second["event"]


def test_a_level_of_a_librarys_own_is_the_one_below_it(written):
    """A library that is asked to log never fails because of that."""
    with LogSettings(LogFormat.JSON, LogLevel.WARNING).in_use():
        for level in (logging.INFO + 5, logging.WARNING + 5, logging.CRITICAL + 5):
            logging.getLogger("lib").log(level, "level %d", level)
    assert [(one["level"], one["event"]) for one in objects(written())] == [
        ("warning", "level 35"),
        ("critical", "level 55"),
    ]


def test_a_line_that_cannot_be_written_is_lost_and_nothing_else(monkeypatch):
    with LogSettings("json").in_use():
        with open("/dev/full", "w") as full:  # noqa: PTH123 - a disk that is full
            monkeypatch.setattr(sys, "stderr", full)
            log("understudy.store").error("store_unavailable")
            monkeypatch.undo()
            with pytest.raises(OSError, match="space"):
                full.close()
        monkeypatch.setattr(sys, "stderr", None)
        log("understudy.store").error("store_unavailable")


def test_a_program_that_has_set_structlog_up_gets_the_lines_and_has_its_setup_back_after_a_block():
    with structlog.testing.capture_logs() as lines:
        log_event(Lagged(missed=3))
    assert lines == [{"event": "events_missed", "missed": 3, "log_level": "warning"}]
    before = structlog.get_config()
    with LogSettings("json").in_use():
        assert structlog.get_config() != before
    assert structlog.get_config() == before


def test_a_format_that_is_none_is_refused():
    with pytest.raises(ValueError, match="xml"):
        LogSettings("xml")
