"""What an address of a store on PostgreSQL says, and that no password is shown of one that cannot be read."""

import traceback

import pytest

from runtime.journal.opening import open_journal, store_address
from runtime.journal.protocol import StoreUnusable


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://u:s3cret%ZZ@127.0.0.1:1/db",
        "postgresql://u:s3cret/x@127.0.0.1:1/db",
        "postgresql://u:12/s3cret@127.0.0.1:1/db",
        "postgresql://u:x#s3cret@127.0.0.1:1/db",
        "postgresql://u:s3cret#@127.0.0.1:1/db",
        "postgresql://u:x@s3cret@127.0.0.1:1/db",
        "postgresql://u:x?s3cret@127.0.0.1:1/db",
        "postgresql://u:1?s3cret=@127.0.0.1:1/db",
        "postgresql://u:[s3cret@127.0.0.1:1/db",
        "postgresql://u:s3cret\u2100@127.0.0.1:1/db",
        "postgresql://u:s3cret@127.0.0.1:1/db?lease",
        "postgresql://u:s3cret@127.0.0.1:1/db?leese=4",
        "postgresql://u:s3cret@127.0.0.1:x/db",
        "postgresql://u:s3cret@127.0.0.1:1/db",
    ],
)
async def test_postgres_address_that_is_of_no_use_is_refused_without_its_password(text):
    with pytest.raises(StoreUnusable) as refused:
        await open_journal(text)
    assert "s3cret" not in "".join(traceback.format_exception_only(refused.value))
    assert "s3cret" not in "".join(str(context) for context in (refused.value.__cause__,))


@pytest.mark.parametrize("schema", ["pg_x", "information_schema", "Ada", "a-b", "a%20b", "1a", "", "ä", "a" * 42])
def test_postgres_address_with_a_schema_that_cannot_be_ours_is_refused(schema):
    with pytest.raises(StoreUnusable, match="schema"):
        store_address(f"postgresql:///db?schema={schema}")


@pytest.mark.parametrize("place", ["h", "h:1,[::1]:2,i", "u@", "u:p%2F%40@[::1]:1", "%2Ftmp", ""])
def test_postgres_address_is_read_as_its_driver_reads_it(place):
    address = store_address(f"postgresql://{place}/db?sslmode=disable&lease=3&schema=s")
    assert address.server == f"postgresql://{place}/db?sslmode=disable"
    assert (address.lease_seconds, address.schema) == (3.0, "s")
    assert "p%2F" not in address.shown


def test_postgres_address_with_an_option_of_nobody_names_the_one_that_was_meant():
    with pytest.raises(StoreUnusable, match=r"postgresql://u@h/d: no such option: leese \(did you mean \"lease\"\?\)"):
        store_address("postgresql://u:p@h/d?leese=4")
