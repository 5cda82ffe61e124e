"""What the log says of a store that takes nothing."""

import structlog

from runtime.journal.health import Health, Storing


def said(*reasons):
    health = Health("a.db")
    with structlog.testing.capture_logs() as logs:
        for reason in reasons:
            health.failed(Storing.HEART, reason) if reason else health.stored(Storing.HEART)
    return [line.get("error", line["event"]) for line in logs]


def test_what_else_is_wrong_with_a_store_is_logged_too_each_reason_once_until_all_is_well():
    away, empty, well = "connection refused", "its tables are gone", ""
    assert said(away, away, empty, away, empty, well, well, away) == [away, empty, "store_available", away]


def test_reasons_that_are_always_others_do_not_fill_a_log():
    assert len(said(*(f"no room for file {number}" for number in range(1000)))) < 10
