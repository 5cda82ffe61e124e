"""Laws of the maps that a task is made of: every version of them stays as it is, small or large."""

from hypothesis import given
from hypothesis import strategies as st

from runtime.engine.persistent import MOST_COPIED, persistent, put, without

KEYS = st.integers(0, MOST_COPIED + 20)
CHANGES = st.lists(st.tuples(st.sampled_from(["put", "without"]), KEYS), max_size=60)


@given(st.integers(0, MOST_COPIED + 10), CHANGES)
def test_every_version_is_what_a_dict_was_at_that_moment(size, changes):
    model = dict.fromkeys(range(size), -1)
    map_ = persistent(model)
    versions = [(map_, dict(model))]
    for number, (change, key) in enumerate(changes):
        if change == "put":
            map_, model = put(map_, key, number), {**model, key: number}
        else:
            map_, model = without(map_, key), {k: v for k, v in model.items() if k != key}
        versions.append((map_, model))
    for version, expected in versions:
        assert dict(version.items()) == expected
        assert len(version) == len(expected)
        assert bool(version) == bool(expected)
        assert all(version.get(key) == expected.get(key) and (key in version) == (key in expected) for key in expected)


def test_a_map_that_grows_is_no_longer_copied():
    map_ = persistent(dict.fromkeys(range(MOST_COPIED)))
    assert isinstance(map_, dict)
    assert isinstance(put(map_, 0, None), dict)
    assert not isinstance(put(map_, -1, None), dict)
