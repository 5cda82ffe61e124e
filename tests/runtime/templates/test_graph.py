from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from runtime.templates.graph import Dependencies


@st.composite
def graphs(draw, *, acyclic=False):
    size = draw(st.integers(0, 7))
    names = [f"s{number}" for number in range(size)]
    return {
        name: draw(st.lists(st.sampled_from(names[:number] if acyclic else names), unique=True))
        if number or not acyclic
        else []
        for number, name in enumerate(names)
    }


def reach(needs, start):
    """Everything that one or more needs lead to from a step."""
    found: set[str] = set()
    ahead = list(needs[start])
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += needs[name]
    return found


@given(graphs())
def test_a_cycle_is_every_step_that_needs_itself_through_the_same_steps(needs):
    cycles = Dependencies(needs).cycles()
    in_cycles = [name for group in cycles for name in group]
    assert sorted(in_cycles) == [name for name in needs if name in reach(needs, name)]
    for group in cycles:
        for name in group:
            assert {other for other in reach(needs, name) if name in reach(needs, other)} == set(group)


@given(graphs(acyclic=True), st.data())
def test_steps_are_unrelated_when_neither_needs_the_other(needs, data):
    if not needs:
        return
    name = st.sampled_from(sorted(needs))
    pairs = data.draw(st.lists(st.tuples(name, name)))
    expected = {(a, b) for a, b in pairs if a != b and a not in reach(needs, b) and b not in reach(needs, a)}
    assert Dependencies(needs).unrelated(pairs) == expected


def test_a_graph_may_be_thousands_of_steps_deep_and_wide():
    names = [f"s{number}" for number in range(10_000)]
    chain = {name: names[max(number - 1, 0) : number] for number, name in enumerate(names)}
    assert Dependencies(chain).cycles() == []
    assert Dependencies(chain).unrelated((name, names[-number]) for number, name in enumerate(names)) == set()
    apart: dict[str, list[str]] = {name: [] for name in names}
    assert len(Dependencies(apart).unrelated(pairwise(names))) == 9_999
    ring = {name: [names[number - 1]] for number, name in enumerate(names)}
    assert Dependencies(ring).cycles() == [tuple(names)]
