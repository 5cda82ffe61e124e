"""A sample of the product of scenarios and crashes; all of it: ``python -m tests.crash.scenarios``."""

import random

import pytest

from runtime.faults import FaultPoint
from tests.crash.scenarios import CASES, play, product

SAMPLE = [
    pytest.param(case, point, nth, stored, id=f"{case.id} {point.name} {nth} {'stored' if stored else 'kept'}")
    for rng in [random.Random(63)]
    for case in rng.sample(CASES, 30)
    for point, nth, stored in [(rng.choice(list(FaultPoint)[:3]), rng.randint(1, 6), rng.random() < 0.5)]
]


@pytest.mark.parametrize(("case", "point", "nth", "stored"), SAMPLE)
def test_a_scenario_holds_whatever_crashes(case, point, nth, stored):
    _crashed, wrong = play(case, point, nth, stored=stored)
    if wrong is not None:
        raise wrong


@pytest.mark.parametrize("name", ["test_a41_", "test_a42_"])
def test_who_was_not_told_that_a_rerun_was_refused_asks_again_and_is(name):
    case = next(one for one in CASES if str(one.id).startswith(name))
    crashes = list(product(case, FaultPoint.AFTER_APPEND, stored=False))
    assert len(crashes) > 3
    assert [wrong for _nth, wrong in crashes] == [None] * len(crashes)


def test_the_sample_crashes():
    crashes = [play(case, FaultPoint.AFTER_APPEND, 2, stored=False) for case in CASES[:5]]
    assert [crashed for crashed, _wrong in crashes] == [True] * 5
