"""The laws of pools, against any sequence of requests and returns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.work.limits import Limits
from runtime.work.pools import Pools

LABELS = ["a", "b", "c", "d"]
LIMITS = st.fixed_dictionaries({label: st.integers(min_value=1, max_value=3) for label in LABELS})
REQUESTS = st.lists(st.sets(st.sampled_from(LABELS), min_size=1), max_size=30)


class Bench:
    """Pools with everything that was asked of them."""

    def __init__(self, limits):
        self.pools = Pools(limits)
        self.wanted = {}
        self.complete = []

    def request(self, ticket, labels):
        self.wanted[ticket] = labels
        if self.pools.request(ticket, labels):
            self.complete.append(ticket)

    def give_back(self, ticket):
        del self.wanted[ticket]
        if ticket in self.complete:
            self.complete.remove(ticket)
        granted = self.pools.give_back(ticket)
        assert all(one in self.wanted for one in granted)
        self.complete.extend(granted)


@given(LIMITS, REQUESTS, st.randoms(use_true_random=False))
def test_no_limit_is_passed_and_nobody_waits_for_what_is_free(limits, requests, random):
    bench = Bench(limits)
    pending = list(enumerate(requests))
    while pending or bench.wanted:
        if pending and (not bench.wanted or random.random() < 0.6):
            bench.request(*pending.pop(0))
        else:
            bench.give_back(random.choice(sorted(bench.wanted)))
        figures = bench.pools.figures()
        for label, one in figures.items():
            assert one.held <= one.limit
            assert one.held >= sum(label in bench.wanted[ticket] for ticket in bench.complete)
            assert not one.waiting or one.held == one.limit
        assert sum(one.waiting for one in figures.values()) == len(bench.wanted) - len(bench.complete)
        assert not bench.wanted or bench.complete, "somebody can always go on, so nobody waits for ever"
    assert all((one.held, one.waiting) == (0, 0) for one in bench.pools.figures().values())


@given(st.integers(min_value=1, max_value=3), st.integers(min_value=1, max_value=30))
def test_a_resource_is_given_in_the_order_in_which_it_was_asked_for(limit, count):
    bench = Bench({"a": limit})
    for ticket in range(count):
        bench.request(ticket, {"a"})
    seen = []
    while bench.complete:
        seen.append(bench.complete[0])
        bench.give_back(bench.complete[0])
    assert seen == list(range(count))


def test_whoever_waits_for_a_scarce_resource_does_not_sit_on_a_plentiful_one():
    bench = Bench({"socket": 2, "url:slow": 1})
    for ticket in range(5):
        bench.request(ticket, {"socket", "url:slow"})
    bench.request(5, {"socket"})
    assert bench.complete == [0, 5]


def test_whoever_stops_waiting_is_forgotten_and_nobody_else_is_held_up():
    bench = Bench({"a": 1, "b": 1})
    bench.request(0, {"a"})
    bench.request(1, {"a", "b"})
    bench.request(2, {"a"})
    bench.give_back(1)
    bench.give_back(0)
    assert bench.complete == [2]
    figures = bench.pools.figures()
    assert (figures["a"].granted, figures["a"].abandoned, figures["b"].held) == (2, 1, 0)
    assert bench.pools.give_back(7) == ()


@pytest.mark.parametrize("limits", [{"resources": {"a": -1}}, {"acquire_timeout": -1}])
def test_limits_below_zero_are_refused(limits):
    with pytest.raises(ValueError, match="0 "):
        Limits(**limits)
