"""How many appends one commit takes."""

from hypothesis import given
from hypothesis import strategies as st

from runtime.journal.turns import ENOUGH, share


@given(came=st.integers(0, 5000), waiting=st.integers(1, 5000))
def test_a_commit_takes_somebody_and_nobody_who_does_not_wait(came: int, waiting: int) -> None:
    assert 1 <= share(came, waiting) <= waiting


@given(many=st.integers(2 * ENOUGH, 1000))
def test_of_many_who_go_round_in_step_one_half_works_while_the_other_is_stored(many: int) -> None:
    first = share(0, many)
    waiting = many - first
    for _ in range(4):
        stored = share(waiting, waiting)  # those who were told before come again while it is stored
        assert stored == waiting
        waiting = many - stored
    assert abs(2 * first - many) <= 1


@given(few=st.integers(1, 2 * ENOUGH - 1))
def test_few_share_one_commit(few: int) -> None:
    assert share(0, few) == few
