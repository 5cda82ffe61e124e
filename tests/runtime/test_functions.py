"""The names under which a runtime finds Python functions again."""

import sys

from structlog.testing import capture_logs

from runtime.functions import Functions


def another():
    def work():
        return None

    return work


def lines_of(functions):
    """Count the lines that it takes to register one more closure."""
    function, lines = another(), 0

    def count(_frame, event, _argument):
        nonlocal lines
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        functions.register(function)
    finally:
        sys.settrace(before)
    return lines


def test_one_more_closure_costs_the_same_however_many_there_are():
    """A program may make one for every task that it submits."""
    functions = Functions()
    lines_of(functions)
    second = lines_of(functions)
    for _ in range(200):
        functions.register(another())
    assert lines_of(functions) < 2 * second  # to go through all of them would be two hundred more


def test_functions_of_one_name_are_told_apart_by_numbers():
    functions = Functions()
    base = f"{__name__}:another.<locals>.work"
    same = another()
    assert [functions.register(one) for one in (same, another(), same, another())] == [
        base,
        f"{base}#2",
        base,
        f"{base}#3",
    ]


def test_a_program_that_makes_a_closure_for_every_task_is_warned_once():
    functions = Functions()
    with capture_logs() as logs:
        for _ in range(999):
            functions.register(another())
        assert not logs
        for _ in range(2000):
            functions.register(another())
    [warning] = logs
    assert (warning["event"], warning["count"]) == ("functions_pile_up", 1000)
    assert warning["function"].endswith(":another.<locals>.work")
