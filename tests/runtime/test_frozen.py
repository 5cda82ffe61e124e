"""`runtime.frozen` gives what `attrs.frozen` does, but for what it says of itself."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.frozen import frozen, value


def family(define):
    """Define the same classes with one decorator."""

    @define(kw_only=True)
    class Point:
        x: object
        y: object = 0
        seen: int = attrs.field(default=0, eq=False)
        secret: str = attrs.field(default="hidden", repr=False)

    @define
    class Marked(Point):
        mark: tuple[object, ...] = ()

    @define
    class Empty:
        pass

    return Point, Marked, Empty


OURS, THEIRS = family(frozen), family(attrs.frozen)
VALUES = st.one_of(st.integers(0, 2), st.text("ab", max_size=1), st.tuples(st.integers(0, 1)))
MADE: st.SearchStrategy[tuple[int, dict[str, object]]] = st.one_of(
    st.tuples(
        st.just(0), st.fixed_dictionaries({"x": VALUES}, optional={"y": VALUES, "seen": VALUES, "secret": VALUES})
    ),
    st.tuples(st.just(1), st.fixed_dictionaries({"x": VALUES}, optional={"mark": st.tuples(VALUES)})),
    st.tuples(st.just(2), st.just({})),
)


@given(MADE, MADE)
def test_what_it_defines_is_compared_hashed_and_written_out_as_attrs_does(one, other):
    ours, ours_too = (OURS[kind](**fields) for kind, fields in (one, other))
    theirs, theirs_too = (THEIRS[kind](**fields) for kind, fields in (one, other))
    assert (ours == ours_too) == (theirs == theirs_too)
    assert (ours != ours_too) == (theirs != theirs_too)
    assert repr(ours) == repr(theirs)
    if ours == ours_too:
        assert hash(ours) == hash(ours_too)


def test_classes_with_equal_fields_are_not_equal_and_a_list_is_not_hashed():
    first, second = (family(frozen)[0](x=1) for _ in range(2))
    assert first != second
    assert first != 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(OURS[0](x=[]))


def test_one_that_holds_itself_is_written_out():
    held: list[object] = []
    held.append(OURS[0](x=held))
    assert repr(held[0]) == "Point(x=[...], y=0, seen=0)"


def test_what_a_class_has_of_its_own_stays_and_identity_can_be_asked_for():
    @frozen
    class Own:
        x: int

        def __repr__(self):
            return "own"

        def __eq__(self, other):
            return True

        __hash__ = None

    @value(eq=False)
    class Same:
        x: int

    assert repr(Own(1)) == "own"
    assert Own(1) == Own(2)
    assert Own.__hash__ is None
    assert Same(1) != Same(1)
    assert len({Same(1), Same(1)}) == 2
    assert repr(Same(1)) == "Same(x=1)"


def test_only_what_is_frozen_refuses_a_change():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        OURS[0](x=1).x = 2
    changing = family(value)[0](x=1)
    changing.x = 2
    assert changing.x == 2


def test_what_is_cheap_to_make_stays_so_with_fields_that_are_converted():
    """To look at each change makes every instance several times as expensive, for what is never changed."""

    @value
    class Converted:
        x: int = attrs.field(converter=int)

    assert Converted("1") == Converted(1)
    assert Converted.__setattr__ is object.__setattr__


def test_a_field_with_a_way_of_its_own_is_refused_when_the_class_is_defined():
    with pytest.raises(TypeError, match="Keyed: a field with its own way"):

        @frozen
        class Keyed:
            x: str = attrs.field(eq=str.lower)
