"""The power fails at any write or sync: what was acknowledged under FULL is there, and the store is sound."""

import itertools
import random

import apsw
import pytest

from runtime.engine.events import RunRequested
from runtime.journal.protocol import Entry, StoreUnusable, standing_of
from runtime.journal.sqlite.database import Durability, Opening
from runtime.journal.sqlite.upkeep import check
from runtime.journal.sqlite.writer import Writer
from runtime.journal.turns import Templates, encoded
from tests.crash.power import Disk
from tests.support.plain_loop import Loop
from tests.support.plans import plan, step

names = itertools.count()


def history(task_id):
    """The turns of a task that ran to its end, as a runtime would have stored them, one entry a commit."""
    loop = Loop(plan(a=step(), b=step("a")), task_id=task_id)
    stored = 0
    for more in (lambda: loop.tell(RunRequested(at=loop.now)), loop.finish, loop.finish):
        more()
        yield Entry(task_id, loop.records[stored:], standing_of(loop.task))
        stored = len(loop.records)


def played(folder, rng, durability):
    """Write; before each step of the disk, keep what a power loss might leave, and what was acknowledged by then."""
    acknowledged, pictures = [], []
    disk = Disk(f"disk-{next(names)}", lambda: pictures.append((disk.after_power_loss(rng), list(acknowledged))))
    opening = Opening(path=folder / "tasks.db", durability=durability, vfs=disk.name, exclusive=True)
    writer = Writer(opening, None)
    templates = Templates()
    for entry in itertools.chain.from_iterable(history(f"t{number}") for number in range(8)):
        [position] = writer.commit([[encoded(entry, templates)]])
        assert isinstance(position, int)
        acknowledged.append((entry.task_id, position))
        if rng.random() < 0.2:
            writer._connection.wal_checkpoint(mode=rng.randint(0, 3))
    writer.close()
    return pictures


def what_is_left(folder, files):
    """Open what is left; give what a check says of it, and the turns that are there."""
    for path in folder.iterdir():
        path.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    found = check(folder / "tasks.db", None)
    connection = apsw.Connection(str(folder / "tasks.db"))
    rows = connection.execute("SELECT id, position FROM turns JOIN tasks ON task = number ORDER BY position").fetchall()
    connection.close()
    return found, rows


def agree(rows, acknowledged, durability):
    """Say whether nothing that was promised is missing; an unacknowledged turn may be there as well."""
    kept = rows[: len(acknowledged)]
    return kept == acknowledged if durability is Durability.FULL else kept == acknowledged[: len(kept)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("durability", Durability)
def test_power_lost_at_any_step_leaves_a_sound_store_with_all_that_was_promised(tmp_path, durability, seed):
    (tmp_path / "live").mkdir()
    (tmp_path / "left").mkdir()
    pictures = played(tmp_path / "live", random.Random(seed), durability)
    assert len(pictures) > 100
    for number, (files, acknowledged) in enumerate(pictures):
        if number % 3 != seed:
            continue
        try:
            found, rows = what_is_left(tmp_path / "left", files)
        except StoreUnusable as nothing:
            assert not acknowledged, f"step {number}: {nothing}"
        else:
            assert not found.problems, f"step {number}"
            assert agree(rows, acknowledged, durability), f"step {number}"


def test_the_simulation_can_lose_what_was_not_synced(tmp_path):
    """With fewer syncs, commits are lost: the order of those that are left holds, the promise of FULL does not."""
    (tmp_path / "live").mkdir()
    (tmp_path / "left").mkdir()
    pictures = played(tmp_path / "live", random.Random(7), Durability.NORMAL)
    missing = 0
    for files, acknowledged in pictures[-40:]:
        _, rows = what_is_left(tmp_path / "left", files)
        missing += not agree(rows, acknowledged, Durability.FULL)
    assert missing
