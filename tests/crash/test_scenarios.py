"""A sample of the product of scenarios and crashes; all of it: ``python -m tests.crash.scenarios``."""

import random

import pytest

from runtime.faults import FaultPoint
from tests.crash.scenarios import CASES, play

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


def test_the_sample_crashes():
    crashes = [play(case, FaultPoint.AFTER_APPEND, 2, stored=False) for case in CASES[:5]]
    assert [crashed for crashed, _wrong in crashes] == [True] * 5
