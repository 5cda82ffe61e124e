import pytest

from runtime.engine.retry import next_delay, retry_delay
from runtime.templates.model import RetryPattern

SECONDS = [8, 10, 12.5, 15.6, 19.5, 24.4, 30.5, 38.1, 47.7, 59.6, 74.5, 93.1, 116.4, 145.5, 181.9, 227.4, 284.2, 355.3]


@pytest.mark.parametrize(
    ("tries", "seconds"), [*enumerate(SECONDS), (18, 444.1), (19, 555.1), (20, 600), (10_000, 600)]
)
def test_the_seconds_curve_grows_by_a_quarter_up_to_ten_minutes(tries, seconds):
    assert retry_delay(RetryPattern.SECONDS, tries) == pytest.approx(seconds, abs=0.05)


@pytest.mark.parametrize(("tries", "seconds"), [(0, 0), (1, 96), (2, 192), (3, 288), (19, 1800), (500, 1800)])
def test_the_minutes_curve_grows_by_a_constant_up_to_half_an_hour(tries, seconds):
    assert retry_delay(RetryPattern.MINUTES, tries) == pytest.approx(seconds)


@pytest.mark.parametrize(("tries", "seconds"), [(0, 3000), (1, 3600), (2, 4200), (3, 4800), (13, 10800), (500, 10800)])
def test_the_hours_curve_starts_below_an_hour_and_ends_at_three(tries, seconds):
    assert retry_delay(RetryPattern.HOURS, tries) == pytest.approx(seconds)


def test_the_next_run_comes_after_the_shortest_delay():
    assert next_delay([(RetryPattern.HOURS, 1), (RetryPattern.SECONDS, 0), (RetryPattern.MINUTES, 3)]) == 8


def test_with_nothing_to_retry_the_next_run_comes_after_an_hour():
    assert next_delay([]) == 3600
