"""Encryption at rest: nothing in the clear anywhere, no row that opens elsewhere, keys that can be changed."""

import json
import threading

import apsw
import attrs
import pytest
import trio
from structlog.testing import capture_logs

from runtime import open_runtime
from runtime.cache import Memo, Room
from runtime.engine.records import RunEnded, RunStarted, StepReturned, StepStarted
from runtime.engine.states import ResolutionState
from runtime.journal.keys import KeyRing, add_key
from runtime.journal.protocol import AlreadyStored, Entry, JournalUnavailable, StoreUnusable
from runtime.journal.sqlite import upkeep
from runtime.journal.sqlite.database import Opening
from runtime.journal.sqlite.journal import SqliteJournal
from runtime.journal.sqlite.upkeep import check, rotate_keys
from runtime.journal.sqlite.writer import Writer
from runtime.templates.model import Action
from tests.support.journal_laws import DONE, RUNNING, submitted
from tests.support.plans import plan, step

SECRET = "Open-Sesame-4711"


def told(task_id):
    """A task with the secret wherever a secret may be."""
    template = plan(a=step(action=Action(type="echo", configuration={"output": SECRET})))
    output = {"token": SECRET}
    return Entry(
        task_id,
        [
            submitted(task_id, template=template),
            RunStarted(at=0.5),
            StepStarted(at=0.5, step="a", attempt=1),
            StepReturned(at=1.0, step="a", state="DONE", returned="DONE", error=SECRET, output=output, metadata=output),
            RunEnded(at=2.0, state=ResolutionState.DONE, result=output, result_error=SECRET),
        ],
        DONE,
    )


def ring_of(path, *new):
    for name in new:
        add_key(path, name)
    return KeyRing.load(path)


async def store(path, ring, *task_ids):
    journal = await SqliteJournal.open(Opening(path=path), ring)
    for task_id in task_ids:
        await journal.append([told(task_id)])
    return journal


MEMO = Memo(b"\x01" * 32, SECRET.encode(), 9.0)


async def remembers(journal, memo=MEMO):
    await journal.remember(memo, Room(), 0.0)
    return journal


def in_the_clear(folder):
    return [path.name for path in folder.iterdir() if SECRET.encode() in path.read_bytes()]


async def test_without_a_ring_the_secret_is_found_so_the_search_is_one(tmp_path):
    journal = await store(tmp_path / "tasks.db", None, "t")
    assert in_the_clear(tmp_path)
    await journal.close()


async def test_nothing_is_in_the_clear_in_any_file(tmp_path):
    journal = await store(tmp_path / "tasks.db", ring_of(tmp_path / "keys", "one"), "t", "u")
    assert not in_the_clear(tmp_path)
    await journal.close()
    assert not in_the_clear(tmp_path)
    journal = await store(tmp_path / "tasks.db", KeyRing.load(tmp_path / "keys"))
    assert list(await journal.read("t")) == list(told("t").records)
    await journal.close()


async def test_what_steps_remember_is_sealed_and_sealed_anew(tmp_path):
    path, keys = tmp_path / "tasks.db", tmp_path / "keys"
    journal = await remembers(await store(path, ring_of(keys, "one")))
    assert not in_the_clear(tmp_path)
    assert rotate_keys(path, ring_of(keys, "two")) == 1
    assert await journal.recall(MEMO.identity, 8.0) == SECRET.encode()
    await remembers(journal, attrs.evolve(MEMO, identity=b"\x02" * 32))  # with the new key, which it learns of then
    assert rotate_keys(path, KeyRing.load(keys)) == 0
    await journal.close()
    assert not in_the_clear(tmp_path)
    assert check(path, KeyRing.load(keys)).problems == ()


async def test_what_steps_remembered_in_the_clear_is_sealed_by_rotating(tmp_path):
    path = tmp_path / "tasks.db"
    await (await remembers(await store(path, None))).close()
    assert in_the_clear(tmp_path)
    assert rotate_keys(path, ring_of(tmp_path / "keys", "one")) == 1
    assert not in_the_clear(tmp_path)


@pytest.mark.parametrize("change", ["body = zeroblob(length(body))", "until = until + 1", "identity = x'02'"])
async def test_a_memo_that_was_changed_moved_or_prolonged_does_not_open_and_is_found(tmp_path, change):
    path, ring = tmp_path / "tasks.db", ring_of(tmp_path / "keys", "one")
    await (await remembers(await store(path, ring))).close()
    connection = apsw.Connection(str(path))
    connection.execute(f"UPDATE memos SET {change}")
    connection.close()
    journal = await SqliteJournal.open(Opening(path=path), ring)
    with pytest.raises(JournalUnavailable, match="does not open"):
        await journal.recall(b"\x02" if "identity" in change else MEMO.identity, 0.0)
    await journal.close()
    [problem] = check(path, ring).problems
    assert problem.startswith("memo 1: ")


@pytest.mark.parametrize("new", [["two"], []])
async def test_the_wrong_key_or_none_is_a_clear_error_without_any_plaintext(tmp_path, new):
    await (await store(tmp_path / "tasks.db", ring_of(tmp_path / "keys", "one"), "t")).close()
    ring = ring_of(tmp_path / "others", *new) if new else None
    with pytest.raises(StoreUnusable, match="fingerprint") as refusal:
        await SqliteJournal.open(Opening(path=tmp_path / "tasks.db"), ring)
    assert SECRET not in str(refusal.value)
    if ring is None:
        assert "give its key ring, with --keys or $UNDERSTUDY_KEYS_FILE" in str(refusal.value)
    else:
        assert f'{ring.path}, which has "two" ({ring.primary.fingerprint.hex()}): put it back' in str(refusal.value)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE turns SET body = (SELECT body FROM turns AS other WHERE other.position = 6) WHERE position = 1",
        "UPDATE turns SET task = 3 - task",
        "UPDATE turns SET position = 7 WHERE position = 1",
        (
            "UPDATE turns SET body = CAST(substr(body, 1, length(body) - 1) ||"
            " CASE substr(body, -1) WHEN x'00' THEN x'01' ELSE x'00' END AS BLOB) WHERE position = 1"
        ),
        "UPDATE turns SET body = x'0102' WHERE position = 1",
        "UPDATE templates SET body = zeroblob(length(body))",
    ],
)
async def test_a_row_that_was_changed_or_moved_does_not_open(tmp_path, tampering):
    ring = ring_of(tmp_path / "keys", "one")
    path = tmp_path / "tasks.db"
    await (await store(path, ring, "t", "u")).close()
    connection = apsw.Connection(str(path))
    connection.execute(tampering)
    connection.close()
    journal = await SqliteJournal.open(Opening(path=path), ring)
    with pytest.raises(JournalUnavailable, match="does not open") as refusal:
        await journal.read("t")
    assert SECRET not in str(refusal.value)
    await journal.close()


async def test_keys_are_rotated_beside_a_running_runtime_which_goes_on_reading_and_writing(tmp_path):
    path, keys = tmp_path / "tasks.db", tmp_path / "keys"
    journal = await store(path, ring_of(keys, "one"), *[f"t{number}" for number in range(300)])
    ring = ring_of(keys, "two")
    assert rotate_keys(path, ring) == 301
    assert list(await journal.read("t7")) == list(told("t7").records)
    await journal.append([told("after")])
    assert rotate_keys(path, ring) == 0
    await journal.close()
    document = json.loads(keys.read_text())
    del document["keys"]["one"]
    keys.write_text(json.dumps(document))
    assert check(path, KeyRing.load(keys)).problems == ()
    journal = await SqliteJournal.open(Opening(path=path), KeyRing.load(keys))
    assert list(await journal.read("after")) == list(told("after").records)
    await journal.close()


async def test_what_is_stored_between_two_steps_of_a_rotation_is_sealed_anew_as_well(tmp_path, monkeypatch):
    path, keys = tmp_path / "tasks.db", tmp_path / "keys"
    journal = await store(path, ring_of(keys, "one"), *[f"t{number}" for number in range(10)])
    ring = ring_of(keys, "two")
    monkeypatch.setattr(upkeep, "_BATCH", 4)
    go_on, added = upkeep.Rotation.go_on, []

    def interrupted(rotation):
        if len(added) < 5:
            added.append(f"new{len(added)}")
            trio.from_thread.run(journal.append, [told(added[-1])])
        return go_on(rotation)

    monkeypatch.setattr(upkeep.Rotation, "go_on", interrupted)
    assert await trio.to_thread.run_sync(rotate_keys, path, ring) == 11 + len(added)
    await journal.append([told("after")])
    await journal.close()
    (tmp_path / "alone").write_text(
        json.dumps({"primary": "two", "keys": {"two": json.loads(keys.read_text())["keys"]["two"]}})
    )
    assert upkeep.check(path, KeyRing.load(tmp_path / "alone")).problems == ()


async def test_a_rotation_with_another_ring_than_the_owners_is_refused(tmp_path):
    path, keys = tmp_path / "tasks.db", tmp_path / "keys"
    journal = await store(path, ring_of(keys, "one"), "t")
    with pytest.raises(StoreUnusable, match='whose primary key is not "other"'):
        rotate_keys(path, ring_of(tmp_path / "elsewhere", "other"))
    await journal.append([told("after")])
    await journal.close()


async def test_a_store_in_the_clear_is_sealed_by_rotating_and_nothing_of_it_stays(tmp_path):
    path = tmp_path / "tasks.db"
    await (await store(path, None, "t", "u")).close()
    assert in_the_clear(tmp_path)
    ring = ring_of(tmp_path / "keys", "one")
    assert rotate_keys(path, ring) == 3
    assert not in_the_clear(tmp_path)
    assert check(path, ring).problems == ()


async def test_a_rotation_that_was_cut_goes_on_where_it_was(tmp_path, monkeypatch):
    path, keys = tmp_path / "tasks.db", tmp_path / "keys"
    await (await store(path, ring_of(keys, "one"), *[f"t{number}" for number in range(10)])).close()
    ring = ring_of(keys, "two")
    monkeypatch.setattr("runtime.journal.sqlite.upkeep._BATCH", 4)
    from runtime.journal.vault import Vault

    left = 6

    def fail(vault, body, context, seal=Vault.seal):
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError("power")
        return seal(vault, body, context)

    with monkeypatch.context() as patch:
        patch.setattr(Vault, "seal", fail)
        with pytest.raises(StoreUnusable):
            rotate_keys(path, ring)
    assert check(path, ring).problems == ()
    assert 0 < rotate_keys(path, ring) < 11


async def test_a_runtime_that_cannot_learn_of_the_new_key_is_not_locked_out(tmp_path):
    path, keys = tmp_path / "tasks.db", tmp_path / "keys"
    text = ring_of(keys, "one") and keys.read_text()
    journal = await store(path, KeyRing.parse(text, "the environment"), "t")
    with pytest.raises(StoreUnusable, match="did not read its keys from a file"):
        rotate_keys(path, ring_of(keys, "two"))
    await journal.close()
    assert rotate_keys(path, KeyRing.load(keys)) == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense", "is not JSON"),
        ("[]", "is not of the form"),
        ('{"primary": "a", "keys": {}}', 'has no key "a"'),
        ('{"primary": "a", "keys": {"a": "c2hvcnQ="}}', 'the key "a" of'),
        ('{"primary": "a", "keys": {"a": 5}}', 'the key "a" of'),
        ('{"primary": "a", "keys": {"a": "U0VDUkVU!!"}}', 'the key "a" of'),
    ],
)
def test_a_ring_that_is_none_is_refused_and_never_shown(tmp_path, text, says):
    (tmp_path / "keys").write_text(text)
    with pytest.raises(StoreUnusable, match=says) as refusal:
        KeyRing.load(tmp_path / "keys")
    assert "c2hvcnQ" not in str(refusal.value)
    assert "U0VDUkVU" not in str(refusal.value)


def test_a_ring_is_found_in_the_environment_and_a_key_is_never_shown(tmp_path, monkeypatch):
    assert KeyRing.find() is None
    ring = ring_of(tmp_path / "keys", "one")
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("UNDERSTUDY_KEYS", (tmp_path / "keys").read_text())
    assert KeyRing.find().primary == ring.primary
    monkeypatch.delenv("UNDERSTUDY_KEYS")
    monkeypatch.setenv("UNDERSTUDY_KEYS_FILE", str(tmp_path / "keys"))
    assert KeyRing.find() == ring
    secret = json.loads((tmp_path / "keys").read_text())["keys"]["one"]
    assert secret not in repr(ring)
    assert repr(ring.primary.secret) not in repr(ring)


async def test_a_ring_of_the_environment_is_not_inherited_by_what_a_step_runs(tmp_path, monkeypatch):
    """A script that prints its variables would have the keys kept beside what they seal, and shown to who reads the task."""
    (tmp_path / "it").write_text("#!/bin/sh\nenv; echo; echo {}\n")
    (tmp_path / "it").chmod(0o755)
    ring_of(tmp_path / "keys", "one")
    monkeypatch.setenv("UNDERSTUDY_KEYS", (tmp_path / "keys").read_text())
    monkeypatch.setenv("UNDERSTUDY_OTHER", "x")
    async with open_runtime(tmp_path / "tasks.db", scripts=tmp_path) as rt:
        action = Action(type="script", configuration={"file_path": "it"})
        done = await (await rt.submit(plan(a=step(action=action)))).wait()
    printed = done.steps["a"].metadata["output"]
    assert "UNDERSTUDY_OTHER=x" in printed
    assert "UNDERSTUDY_KEYS" not in printed


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, False), (0o644, True), (0o602, True)])
def test_a_ring_that_anybody_may_read_is_used_and_warned_of(tmp_path, mode, warned):
    path = tmp_path / "keys"
    add_key(path, "one")
    path.chmod(mode)
    with capture_logs() as logs:
        ring = KeyRing.load(path)
    assert [line["event"] for line in logs] == ["key_ring_open_to_others"] * warned
    assert ring.refreshed() is ring


def test_a_file_of_keys_that_was_exchanged_for_another_is_said_to_be_and_one_with_more_keys_is_not(tmp_path):
    """What is sealed from then on needs the new file, and what was before the old one: nobody would notice until a restart."""
    ring = ring_of(tmp_path / "keys", "one")
    add_key(tmp_path / "keys", "two")
    ring_of(tmp_path / "others", "three")
    with capture_logs() as logs:
        ring = ring.refreshed()
        assert ring.primary.name == "two"
        assert logs == []
        (tmp_path / "others").rename(tmp_path / "keys")
        assert ring.refreshed().refreshed().primary.name == "three"
    [line] = logs
    assert (line["event"], line["gone"], line["primary"]) == ("key_ring_exchanged", "two", "three")
    assert 'put "two" back' in line["advice"]


def test_a_key_is_not_replaced(tmp_path):
    add_key(tmp_path / "keys", "one")
    with pytest.raises(StoreUnusable, match="already"):
        add_key(tmp_path / "keys", "one")
    add_key(tmp_path / "keys", "two")
    ring = KeyRing.load(tmp_path / "keys")
    assert ring.primary.name == "two"
    assert {key.name for key in ring.keys.values()} == {"one", "two"}


async def test_a_sleeping_standing_is_not_a_secret_but_stays_readable_without_any_key(tmp_path):
    """The row of a task is in the clear on purpose: it holds states and times only."""
    path = tmp_path / "tasks.db"
    journal = await store(path, ring_of(tmp_path / "keys", "one"), "t")
    await journal.append([Entry("u", [submitted("u")], RUNNING)])
    await journal.close()
    connection = apsw.Connection(str(path))
    assert connection.execute("SELECT id, state FROM tasks").fetchall() == [("t", "DONE"), ("u", "RUNNING")]
    connection.close()


async def test_what_was_sealed_for_a_place_that_it_did_not_get_is_sealed_anew(tmp_path, monkeypatch):
    """It is sealed when it is handed over, behind what is under way then; and that may not be stored after all."""
    under_way, free, commit = threading.Event(), threading.Event(), Writer.commit

    def late(writer, group, laid_out=None):
        under_way.set()
        assert free.wait(5)
        return commit(writer, group, laid_out)

    async def refused(journal):
        with pytest.raises(AlreadyStored):
            await journal.append([told("a")])

    journal = await store(tmp_path / "tasks.db", ring_of(tmp_path / "keys.json", "first"), "a", "b")
    monkeypatch.setattr(Writer, "commit", late)
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(refused, journal)
            await trio.to_thread.run_sync(under_way.wait, 5)
            nursery.start_soon(journal.append, [Entry("b", [RunStarted(at=3.0)])])
            await trio.testing.wait_all_tasks_blocked()
            free.set()
        assert (await journal.read("b"))[-1] == RunStarted(at=3.0)
    await journal.close()
