"""`runtime.frozen` gives what `attrs.frozen` does, but for what it says of itself."""

import copy
import gc
import pickle
import weakref
from collections.abc import Mapping
from typing import Generic, TypeVar

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.frozen import changing, frozen, replaced, value


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


def test_what_is_frozen_refuses_a_change():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        OURS[0](x=1).x = 2


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


# --- values: made by msgspec, known to attrs ----------------------------------------------------------------------

T = TypeVar("T")


@value
class Spot(Generic[T]):
    """A place."""

    x: T
    y: object = 0
    seen: int = attrs.field(default=0, eq=False)
    secret: str = attrs.field(default="hidden", repr=False)
    marks: dict[str, int] = attrs.field(factory=dict)

    @property
    def both(self) -> tuple[object, object]:
        """Where it is."""
        return self.x, self.y


@attrs.frozen
class TheirSpot(Generic[T]):
    x: T
    y: object = 0
    seen: int = attrs.field(default=0, eq=False)
    secret: str = attrs.field(default="hidden", repr=False)
    marks: dict[str, int] = attrs.field(factory=dict)


@value(kw_only=True)
class Named:
    name: str
    size: int = 1


SPOTS = st.tuples(VALUES, VALUES, VALUES, VALUES, st.dictionaries(st.sampled_from("ab"), st.integers(0, 1), max_size=1))


@given(SPOTS, SPOTS)
def test_a_value_is_compared_and_written_out_as_attrs_does_and_made_by_position_or_by_name(one, other):
    names = ("x", "y", "seen", "secret", "marks")
    ours, by_name, ours_too = Spot(*one), Spot(**dict(zip(names, one, strict=True))), Spot(*other)
    theirs, theirs_too = TheirSpot(*one), TheirSpot(*other)
    assert ours == by_name
    assert (ours == ours_too) == (theirs == theirs_too)
    assert repr(ours) == repr(theirs).replace("TheirSpot", "Spot")
    assert attrs.asdict(ours) == attrs.asdict(theirs)
    assert msgspec.to_builtins(ours) == msgspec.to_builtins(theirs)


def test_a_value_is_made_in_c_and_attrs_knows_its_fields():
    assert issubclass(Spot, msgspec.Struct)
    assert Spot.__doc__ == "A place."
    assert Spot[int](1) == Spot(1)
    assert [one.name for one in attrs.fields(Spot)] == ["x", "y", "seen", "secret", "marks"]
    assert attrs.evolve(Spot(1, 2), y=3) == replaced(Spot(1, 2), y=3) == Spot(1, 3)
    assert Spot(1, 2).both == (1, 2)
    assert Spot(1).marks is not Spot(1).marks
    assert hash(Named(name="a")) == hash(Named(name="a"))
    kept = Spot(1)
    assert weakref.ref(kept)() is kept
    for again in (copy.copy(Spot(1, 2)), pickle.loads(pickle.dumps(Spot(1, 2)))):
        assert again == Spot(1, 2)


def test_a_value_is_refused_what_is_missing_or_unknown_or_to_be_changed():
    with pytest.raises(TypeError, match="x"):
        Spot()
    with pytest.raises(TypeError, match="z"):
        Spot(1, z=2)
    with pytest.raises(TypeError):
        Named("a")
    with pytest.raises(AttributeError):
        Spot(1).x = 2
    with pytest.raises(TypeError, match="Farther: no value inherits from another"):

        @value
        class Farther(Spot):
            z: int = 0


def test_the_collector_looks_at_a_value_only_for_what_it_holds():
    assert not gc.is_tracked(Named(name="a"))
    assert gc.is_tracked(Spot([Named(name="a")]))


def test_what_checks_converts_or_inherits_is_made_by_attrs():
    @value
    class Checked:
        x: int = attrs.field(converter=int)

    @value(eq=False)
    class Read(Mapping[str, int]):
        x: int

        def __getitem__(self, key: str) -> int:
            return self.x

        def __iter__(self):
            return iter("x")

        def __len__(self) -> int:
            return 1

    @value
    class Doubled:
        x: int
        twice: int = attrs.field(default=attrs.Factory(lambda self: 2 * self.x, takes_self=True))

    assert Checked("1").x == 1
    assert dict(Read(3)) == {"x": 3}
    assert Doubled(2).twice == 4
    assert not any(issubclass(one, msgspec.Struct) for one in (Checked, Read, Doubled))


class Manners:
    """What gives methods, and nothing else."""

    __slots__ = ()
    name: str

    def greeting(self) -> str:
        return f"Hello, {self.name}!"


@changing(eq=False)
class Guest(Manners):
    name: str
    plates: int = 0


def test_what_changes_is_made_in_c_too_also_with_the_methods_of_another_class():
    guest = Guest("Ada")
    guest.plates += 1
    assert isinstance(guest, msgspec.Struct)
    assert isinstance(guest, Manners)
    assert (guest.greeting(), guest.plates, attrs.evolve(guest, name="Bob").plates) == ("Hello, Ada!", 1, 1)
    assert guest != Guest("Ada", 1)
