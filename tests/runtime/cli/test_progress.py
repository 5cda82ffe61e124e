"""What is shown on a terminal, drawn on one that is a string."""

import io

from rich.console import Console

from runtime.api.messages import Lagged, StepProgressed, StepStateChanged, TaskStateChanged
from runtime.cli.progress import LiveTable, progress_for
from runtime.engine.states import ResolutionState, TaskState


def shown(events, steps, *, terminal=True, as_json=False, height=20):
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=80, height=height, color_system=None, _environ={})
    descriptions = {name: f"does {name}" for name in steps}
    with progress_for(console, as_json=as_json, title="abc", descriptions=descriptions) as progress:
        for event in events:
            progress.show(event)
    return out.getvalue()


def moved(name, state, error="", tries=0):
    return StepStateChanged(position=1, at=0.0, task_id="t", step=name, state=state, error=error, tries=tries)


def task(state, resolution, next_retry=None):
    return TaskStateChanged(
        position=1, at=0.0, task_id="t", state=state, resolution=resolution, run=1, next_retry=next_retry
    )


def test_a_terminal_shows_a_table_of_steps_with_their_descriptions_and_errors():
    last = shown([moved("a", "RUNNING"), moved("b", "CUSTOM", "why [not]", 2)], ["a", "b", "c"]).rpartition("step ")[2]
    rows = [line.split() for line in last.splitlines()[1:4]]
    assert rows == [["a", "RUNNING", "does", "a"], ["b", "CUSTOM", "2", "why", "[not]"], ["c", "TODO", "does", "c"]]


def test_a_long_table_shows_what_moves():
    names = [f"s{number}" for number in range(500)]
    out = shown([moved("s400", "RUNNING")], names, height=12)
    last = out.rpartition("step ")[2]
    assert "s400" in last
    assert "499 more" in last
    assert len(last.splitlines()) < 12


def test_a_table_is_drawn_as_often_as_the_terminal_is_however_much_happens(monkeypatch):
    drawn = []
    draw = LiveTable.__rich__
    monkeypatch.setattr(LiveTable, "__rich__", lambda table: drawn.append(table) or draw(table))
    assert "RUNNING" in shown([moved("a", "RUNNING")] * 10_000, ["a"])
    assert len(drawn) < 1_000


def test_a_retry_says_when():
    out = shown([task(TaskState.RUNNING, ResolutionState.ERROR, next_retry=8.2)], ["a"], terminal=False)
    assert out.endswith("task RUNNING (ERROR), run 2 in 8 s\n")


def test_a_pipe_gets_plain_lines_and_is_told_of_what_it_missed():
    out = shown([moved("a", "DONE", "fine: [ok]"), Lagged(missed=3)], ["a"], terminal=False)
    assert out.splitlines()[0].endswith(" a DONE: fine: [ok]")
    assert out.splitlines()[1] == "(3 events not shown)"


def said(name, done, message):
    return StepProgressed(at=0.0, task_id="t", step=name, attempt=1, done=done, message=message)


def test_what_a_step_says_of_its_progress_is_shown_until_it_moves():
    events = [moved("a", "RUNNING"), said("a", 0.5, "half [way]"), moved("b", "RUNNING"), said("b", None, "soon")]
    last = shown([*events, moved("b", "DONE")], ["a", "b"]).rpartition("step ")[2]
    assert [line.split()[-2:] for line in last.splitlines()[1:3]] == [["half", "[way]"], ["does", "b"]]
    lines = shown(events, ["a", "b"], terminal=False).splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["a RUNNING", "a 50% half [way]", "b RUNNING", "b soon"]


def test_json_shows_nothing():
    assert not shown([moved("a", "DONE")], ["a"], as_json=True)
