"""The suite of behaviours that is kept as data: every case that can be run here passes."""

from pathlib import Path

import pytest
import trio

from tests.conformance.__main__ import verdict
from tests.conformance.cases import load_suite
from tests.conformance.matching import Scope, differences

FIXTURES = Path(__file__).parent / "fixtures/utask"
SUITE = load_suite(FIXTURES / "cases.json", FIXTURES)


@pytest.mark.parametrize("case", SUITE.cases, ids=lambda case: case["id"])
async def test_the_case_passes(case, tmp_path):
    SUITE.lay_out_engine(tmp_path)
    with trio.fail_after(60):
        assert await verdict(SUITE, case, tmp_path) == "pass"


def test_no_case_is_left_out():
    assert len({case["id"] for case in SUITE.cases}) == 77


SEEN = {"text": "hello", "n": 3, "list": [1, {"a": 1.0}], "none": None, "flag": True}


@pytest.mark.parametrize(
    "expected",
    [
        {**SEEN, "n": 3.0},
        {**SEEN, "text": {"$contains": "ell"}},
        {**SEEN, "text": {"$ne": "x"}, "n": {"$gt": 2}},
        {**SEEN, "list": {"$any": True}, "none": {"$present": False}},
        {**SEEN, "list": [1, {"$has": {"a": 1}}], "n": {"$ref": "three"}},
    ],
)
def test_the_driver_sees_what_is_equal(expected):
    assert not list(differences(expected, SEEN, Scope({"three": 3}, now=0)))


@pytest.mark.parametrize(
    "expected",
    [
        {**SEEN, "n": "3"},
        {**SEEN, "n": True},
        {**SEEN, "flag": 1},
        {**SEEN, "list": [1]},
        {**SEEN, "list": [{"a": 1}, 1]},
        {**SEEN, "text": {"$contains": "x"}},
        {**SEEN, "text": {"$ne": "hello"}},
        {**SEEN, "n": {"$gt": 3}},
        {**SEEN, "none": {"$present": True}},
        {**SEEN, "list": [1, {"$has": {"b": 1}}]},
        {**SEEN, "n": {"$ref": "four"}},
        {"text": "hello"},
        {**SEEN, "more": 1},
    ],
)
def test_the_driver_sees_what_differs(expected):
    assert list(differences(expected, SEEN, Scope({"four": 4}, now=0)))
