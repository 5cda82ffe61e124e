"""Ids are UUIDs like those of the library."""

import uuid

from runtime.ids import new_id


def test_an_id_is_a_random_uuid_as_text_and_no_two_are_alike():
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    for text in ids:
        read = uuid.UUID(text)
        assert (str(read), read.version, read.variant) == (text, 4, uuid.RFC_4122)
