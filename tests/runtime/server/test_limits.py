"""How much is taken of whom."""

from hypothesis import given
from hypothesis import strategies as st

from runtime.server.limits import RateLimit


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 5))), st.integers(1, 5), st.floats(0.5, 10))
def test_nobody_gets_more_than_the_rate_and_the_burst(asked, burst, per_second):
    limit = RateLimit(per_second, burst)
    now, taken = 0.0, {"a": 0, "b": 0}
    for caller, pause in asked:
        now += pause
        wait = limit.take(caller, now)
        taken[caller] += wait == 0
        assert 0 <= wait <= 1 / per_second + 1e-9
        assert taken[caller] <= burst + now * per_second + 1e-6


@given(st.integers(1, 5), st.floats(0.5, 10))
def test_who_waits_as_long_as_they_are_told_is_taken(burst, per_second):
    limit = RateLimit(per_second, burst)
    for _ in range(burst):
        assert limit.take("a", 0.0) == 0
    wait = limit.take("a", 0.0)
    assert wait > 0
    assert limit.take("a", wait + 1e-6) == 0
    assert limit.take("b", 0.0) == 0


def test_callers_that_were_not_seen_for_longest_are_forgotten():
    limit = RateLimit(1, 1)
    for number in range(20_000):
        limit.take(str(number), 0.0)
    assert len(limit._buckets) <= 10_000
