"""``understudy store``: what is done to a store besides running tasks on it."""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from actors import SystemClock
from runtime.cli.options import KEYS
from runtime.duration import parse_duration
from runtime.errors import UnderstudyError

REFUSED: Final = 2
UNSOUND: Final = 1

F = TypeVar("F", bound=Callable[..., Any])


def _refusing(command: F) -> F:
    """Print what a command refuses as one line."""

    @wraps(command)
    def run(**options: Any) -> None:
        try:
            command(**options)
        except UnderstudyError as refusal:
            click.echo(f"error: {refusal}", err=True)
            sys.exit(REFUSED)

    return run  # type: ignore[return-value] # the same function, as far as click sees


def _counted(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'' if count == 1 else 's'}"


@click.group()
def store() -> None:
    """Look after a store: check it, copy it, make it smaller, change its keys."""


@store.command()
@click.argument("store")
@KEYS
@_refusing
def check(*, store: str, keys: Path | None) -> None:
    """Read all of STORE and print what is wrong with it. May be used while a runtime has it open."""
    from runtime.journal.keys import KeyRing  # noqa: PLC0415 - SQLite is not needed for --help
    from runtime.journal.tending import tend  # noqa: PLC0415

    tended = tend(store)
    found = tended.check(KeyRing.find(keys))
    for problem in found.problems:
        click.echo(problem)
    found_there = (
        _counted(found.tasks, "task"),
        _counted(found.records, "record"),
        _counted(len(found.problems), "problem"),
    )
    click.echo(f"{tended.shown}: {', '.join(found_there)}")
    sys.exit(UNSOUND if found.problems else 0)


@store.command()
@click.argument("store")
@click.argument("destination", type=click.Path(path_type=Path))
@_refusing
def backup(*, store: str, destination: Path) -> None:
    """Copy STORE, as it is now, to DESTINATION. May be used while a runtime has it open.

    The copy is a store itself. To restore it, stop what runs on the old one, delete that with the files that are named
    after it (-wal, -shm, -owner), and put the copy in its place.
    """
    from runtime.journal.tending import tend  # noqa: PLC0415

    size = tend(store).backup(destination)
    click.echo(f"{destination}: {size:,} bytes")


@store.command()
@click.argument("store")
@_refusing
def compact(*, store: str) -> None:
    """Give back the room that deleted tasks took in STORE."""
    from runtime.journal.tending import tend  # noqa: PLC0415

    tended = tend(store)
    before, after = tended.compact()
    click.echo(f"{tended.shown}: {before:,} bytes before, {after:,} after")


@store.command()
@click.argument("store")
@click.option("--older-than", default="720h", show_default=True, help="How long ago a task has to have ended.")
@KEYS
@_refusing
def collect(*, store: str, older_than: str, keys: Path | None) -> None:
    """Delete the tasks of STORE that ended long ago."""
    from runtime.journal.keys import KeyRing  # noqa: PLC0415 - as above
    from runtime.journal.tending import tend  # noqa: PLC0415

    try:
        age = parse_duration(older_than)
    except ValueError as fault:
        raise click.BadParameter(str(fault), param_hint="--older-than") from fault
    if age < 0:  # that would be all of them
        raise click.BadParameter("must not be negative", param_hint="--older-than")
    tended = tend(store)
    count = tended.collect(KeyRing.find(keys), SystemClock().wall() - age)
    click.echo(f"{tended.shown}: {_counted(count, 'task')} deleted")


@store.command("rotate-keys")
@click.argument("store")
@KEYS
@_refusing
def rotate_keys(*, store: str, keys: Path | None) -> None:
    """Seal all of STORE with the primary key of the key ring.

    May be used while a runtime that read its keys from a file has it open. Interrupted, it goes on when it is called
    again. Afterwards the other keys may be taken off the ring.
    """
    from runtime.journal.keys import KeyRing  # noqa: PLC0415 - as above
    from runtime.journal.protocol import StoreUnusable  # noqa: PLC0415
    from runtime.journal.tending import tend  # noqa: PLC0415

    tended = tend(store)
    ring = KeyRing.find(keys)
    if ring is None:
        raise StoreUnusable("there is no key ring to seal with: name its file with --keys, or make one with new-key")
    sealed = tended.rotate_keys(ring)
    click.echo(f'{tended.shown}: {sealed} rows sealed anew; everything is sealed with "{ring.primary.name}"')


@store.command("new-key")
@click.argument("keys", type=click.Path(path_type=Path))
@click.argument("name")
@_refusing
def new_key(*, keys: Path, name: str) -> None:
    """Add a random key NAME to the key ring in the file KEYS, and make it the primary one."""
    from runtime.journal.keys import add_key  # noqa: PLC0415 - as above

    add_key(keys, name)
    click.echo(f'{keys}: sealing with "{name}"')
