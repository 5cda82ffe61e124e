"""The face of the package is a list, and the list is the truth."""

import types

import actors


def test_everything_public_is_exported_in_order():
    public = {name for name, value in vars(actors).items() if not name.startswith("_")}
    public -= {name for name in public if isinstance(getattr(actors, name), types.ModuleType)}
    assert isinstance(actors.__all__, tuple)
    assert set(actors.__all__) == public
    assert len(actors.__all__) == len(public)


def test_every_public_thing_says_what_it_promises():
    for name in actors.__all__:
        thing = getattr(actors, name)
        if isinstance(thing, type | types.FunctionType):  # the rest are type aliases
            assert thing.__doc__, name
