"""The collector of a process that serves: what was there is left out, what comes later is not."""

import gc
import weakref

import pytest

from runtime.heap import settle_heap


class Knot:
    """Something that only the collector frees."""

    def __init__(self):
        self.itself = self


@pytest.fixture(autouse=True)
def _as_before():
    thresholds = gc.get_threshold()
    gc.unfreeze()
    yield
    gc.freeze()
    gc.set_threshold(*thresholds)


def test_what_was_there_is_left_out():
    before = len(gc.get_objects())
    settle_heap()
    assert gc.get_freeze_count() > before / 2
    assert len(gc.get_objects()) < before / 2


def test_what_comes_later_is_collected_still_and_without_being_asked():
    settle_heap()
    knots = []
    for _ in range(100_000):
        if knots and knots[0]() is None:
            return
        knots.append(weakref.ref(Knot()))
    pytest.fail("nothing was collected")


def test_garbage_that_is_there_already_is_not_kept():
    knot = weakref.ref(Knot())
    settle_heap()
    assert knot() is None
