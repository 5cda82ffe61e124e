"""What an SQLite store promises besides the laws: who may open it, and what it makes of files that are not well."""

import os
import stat
import tempfile
import threading
from collections import deque
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import apsw
import attrs
import pytest
import trio
from structlog.testing import capture_logs

from runtime.engine.events import RunRequested
from runtime.engine.records import RunStarted, StepReturned
from runtime.journal.listing import Role, Wanted
from runtime.journal.opening import open_journal, store_path
from runtime.journal.protocol import Entry, JournalUnavailable, StoreUnusable, entry_of
from runtime.journal.sqlite.database import Durability, Opening
from runtime.journal.sqlite.journal import SqliteJournal
from runtime.journal.sqlite.schema import MIGRATIONS, NEWEST
from runtime.journal.sqlite.writer import Writer
from runtime.journal.turns import Templates, encoded
from tests.support.journal_laws import DONE, first, listed, names, started
from tests.support.plain_loop import Loop
from tests.support.plans import plan, step


@asynccontextmanager
async def opened(path, **options):
    journal = await SqliteJournal.open(Opening(path=path, **options))
    try:
        yield journal
    finally:
        await journal.close()


async def test_what_was_stored_is_there_when_the_store_is_opened_again(tmp_path):
    path = tmp_path / "tasks.db"
    async with opened(path) as journal:
        await journal.append([first("t", RunStarted(at=1.0))])
        before = await journal.read("t")
    async with opened(path) as journal:
        assert list(await journal.read("t")) == list(before)
        assert await journal.append([Entry("t", [started(2.0)])]) == 3


async def test_a_new_task_is_stored_alike_whatever_is_stored_beside_it(tmp_path):
    """Those that nobody's name and no tag finds are written in one statement with all other turns of their commit."""
    async with opened(tmp_path / "tasks.db") as journal:
        await journal.append([first("known")])
        await journal.append([first("plain", RunStarted(at=1.0), standing=DONE), Entry("known", [started(1.0)], DONE)])
        await journal.append([first("beside", RunStarted(at=1.0), standing=DONE), listed("tagged", tags={"a": "b"})])
        plain, beside = [await journal.look_up(name) for name in ("plain", "beside")]
        assert (plain.standing, plain.changed, plain.listing) == (beside.standing, beside.changed, beside.listing)
        assert [len(await journal.read(name)) for name in ("known", "plain", "beside")] == [2, 2, 2]
        assert names(await journal.find(Wanted(tags={"a": "b"}))) == ["tagged"]
        assert [one.standing for one in await journal.tasks()] == [DONE] * 4


async def test_positions_go_on_where_the_last_record_was_collected(tmp_path):
    path = tmp_path / "tasks.db"
    async with opened(path) as journal:
        await journal.append([first("t", standing=DONE)])
        assert await journal.collect(1.0) == 1
    async with opened(path) as journal:
        assert await journal.append([first("t")]) == 2


async def test_only_the_owner_of_the_account_may_read_any_of_its_files(tmp_path):
    async with opened(tmp_path / "tasks.db") as journal:
        await journal.append([first("t")])
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert set(modes) >= {"tasks.db", "tasks.db-wal", "tasks.db-owner"}
    assert set(modes.values()) == {0o600}


async def test_a_store_belongs_to_one_runtime_at_a_time(tmp_path):
    path = tmp_path / "tasks.db"
    async with opened(path):
        with pytest.raises(StoreUnusable, match=f"in use by process {os.getpid()}"):
            await SqliteJournal.open(Opening(path=path))
    async with opened(path):
        pass


async def test_whoever_waits_is_told_when_a_record_cannot_be_stored_and_others_are_stored(tmp_path):
    """Appends of one commit do not share each other's faults."""
    async with opened(tmp_path / "tasks.db") as journal:
        results = {}

        async def add(entry):
            try:
                results[entry.task_id] = await journal.append([entry])
            except JournalUnavailable as refusal:
                results[entry.task_id] = refusal

        async with trio.open_nursery() as nursery:
            nursery.start_soon(add, first("a"))
            nursery.start_soon(add, Entry("ghost", [started(1.0)]))
            nursery.start_soon(add, first("b"))
        assert isinstance(results.pop("ghost"), JournalUnavailable)
        assert sorted(results.values()) == [1, 2]
        assert await journal.append([first("c")]) == 3


async def test_what_cannot_be_encoded_is_the_callers_error_and_nothing_is_stored(tmp_path):
    async with opened(tmp_path / "tasks.db") as journal:
        bad = StepReturned(at=1.0, step="a", state="DONE", returned="DONE", output=object())
        with pytest.raises(TypeError, match="cannot be stored"):
            await journal.append([first("t", bad)])
        assert not await journal.tasks()


async def test_readers_see_what_was_acknowledged_while_others_write(tmp_path):
    async with opened(tmp_path / "tasks.db") as journal:
        await journal.append([first("t")])

        async def write():
            for number in range(50):
                await journal.append([Entry("t", [started(float(number))])])

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            counts = [len(await journal.read("t")) for _ in range(50)]
        assert counts == sorted(counts)
        assert len(await journal.read("t")) == 51


async def test_a_long_history_is_read_in_pieces(tmp_path):
    async with opened(tmp_path / "tasks.db") as journal:
        await journal.append([first("t")])
        async with trio.open_nursery() as nursery:
            for number in range(200):
                nursery.start_soon(journal.append, [Entry("t", [started(float(number))])])
        assert len(await journal.read("t")) == 201


def raw(path, *statements):
    connection = apsw.Connection(str(path))
    for statement in statements:
        connection.execute(statement)
    connection.close()


def foreign(path):
    raw(path, "CREATE TABLE theirs (x)")


def foreign_and_marked(path):
    raw(path, "PRAGMA application_id = 77", "PRAGMA user_version = 1")


def from_the_future(path):
    raw(path, *MIGRATIONS, "PRAGMA application_id = 0x756E6473", f"PRAGMA user_version = {NEWEST + 1}")


def a_text(path):
    path.write_text("this is not a database at all, though it is long enough to be one" * 30)


def overwritten(path):
    raw(path, "CREATE TABLE t (x)")
    path.write_bytes(b"\0" * 100 + path.read_bytes()[100:])


def a_folder(path):
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (foreign, "a database of another program"),
        (foreign_and_marked, "a database of another program"),
        (from_the_future, f"its tables are of version {NEWEST + 1}, this one knows {NEWEST}"),
        (a_text, "not an SQLite database"),
        (overwritten, "not an SQLite database"),
        (a_folder, "may not be opened"),
    ],
)
async def test_a_file_that_is_no_store_is_refused_and_left_as_it_is(tmp_path, spoil, says):
    path = tmp_path / "tasks.db"
    spoil(path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(StoreUnusable, match=says) as refusal:
        await SqliteJournal.open(Opening(path=path))
    assert str(path) in str(refusal.value)
    assert (path.read_bytes() if path.is_file() else b"") == before


async def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StoreUnusable, match=r"there is no folder .*gone$"):
        await SqliteJournal.open(Opening(path=tmp_path / "gone" / "tasks.db"))


def large(task_id, size):
    return first(task_id, StepReturned(at=1.0, step="a", state="DONE", returned="DONE", output="x" * size))


async def test_a_full_disk_refuses_and_loses_nothing_and_goes_on_once_there_is_room(tmp_path):
    path = tmp_path / "tasks.db"
    accepted = []
    async with opened(path, most_pages=60) as journal:
        for number in range(100):
            try:
                await journal.append([large(f"t{number}", 2000)])
            except JournalUnavailable as refusal:
                assert "the disk is full" in str(refusal)
            else:
                accepted.append(f"t{number}")
        with pytest.raises(JournalUnavailable, match="the disk is full"):
            await journal.append([large("again", 200_000)])
        assert names(await journal.tasks()) == accepted
    assert 0 < len(accepted) < 100
    async with opened(path) as journal:
        assert names(await journal.tasks()) == accepted
        assert await journal.append([large("again", 200_000)]) == 2 * len(accepted) + 1


async def test_a_store_that_another_program_keeps_locked_says_so_and_goes_on_when_it_is_free(tmp_path, monkeypatch):
    monkeypatch.setattr("runtime.journal.sqlite.database._BUSY_SECONDS", 0.05)
    path = tmp_path / "tasks.db"
    with capture_logs() as logs:
        async with opened(path) as journal:
            await journal.append([first("a")])
            other = apsw.Connection(str(path))
            other.execute("BEGIN IMMEDIATE")
            assert journal.trouble is None
            with pytest.raises(JournalUnavailable, match="keeps it locked"):
                await journal.append([first("b")])
            for write in (journal.delete("a"), journal.collect(1.0), journal.forget(b"x"), journal.forget_expired(1.0)):
                with pytest.raises(JournalUnavailable, match="keeps it locked"):
                    await write
            assert (journal.trouble.number, "keeps it locked" in journal.trouble.reason) == (1, True)
            assert names(await journal.tasks()) == ["a"]
            other.execute("COMMIT")
            other.close()
            assert await journal.append([first("b")]) == 2
            assert journal.trouble is None
    assert [(line["event"], "keeps it locked" in line.get("error", "")) for line in logs] == [
        ("store_unavailable", True),
        ("store_available", False),
    ]


async def test_damage_is_reported_where_it_is_and_other_tasks_can_be_read(tmp_path):
    path = tmp_path / "tasks.db"
    async with opened(path) as journal:
        await journal.append([first("a")])
        await journal.append([first("b")])
    raw(path, "UPDATE turns SET body = x'c1' WHERE position = 1")
    async with opened(path) as journal:
        with pytest.raises(JournalUnavailable, match="holds what cannot be read"):
            await journal.read("a")
        assert len(await journal.read("b")) == 1


def make_noise(path):
    """Overwrite a store's pages, but for its tables' names."""
    with path.open("r+b") as file:
        for page in range(2, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(b"\xff" * 64)


async def test_a_page_of_noise_is_reported_as_damage_whenever_it_is_found(tmp_path):
    path = tmp_path / "tasks.db"
    async with opened(path) as journal:
        for number in range(60):
            await journal.append([first(f"t{number}")])
    async with opened(path) as journal:
        make_noise(path)
        for look in (
            journal.read("t0"),
            journal.histories(["t0", "t1"]),
            journal.tasks(),
            journal.find(Wanted()),
            journal.look_up("t0"),
            journal.since(0),
        ):
            with pytest.raises(JournalUnavailable, match="damaged"):
                await look
    with pytest.raises((JournalUnavailable, StoreUnusable), match="damaged"):
        await use(path)


async def use(path):
    async with opened(path) as journal:
        for number in range(60):
            await journal.read(f"t{number}")
        await journal.append([first("new")])


@contextmanager
def as_nobody():
    """Root may write everything: be somebody else for a while."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65_534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def open_folder():
    """A folder that everybody may write to, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


async def test_a_store_that_may_only_be_read_says_so(open_folder):
    path = open_folder / "tasks.db"
    async with opened(path) as journal:
        await journal.append([first("t")])
    path.chmod(0o444)
    (open_folder / "tasks.db-owner").chmod(0o666)
    with as_nobody(), pytest.raises(StoreUnusable, match="is read-only: make it writable"):
        await SqliteJournal.open(Opening(path=path))
    path.chmod(0o600)
    with as_nobody(), pytest.raises(StoreUnusable, match="may not be opened"):
        await SqliteJournal.open(Opening(path=path))
    open_folder.chmod(0o555)
    with as_nobody(), pytest.raises(StoreUnusable, match="Permission denied"):
        await SqliteJournal.open(Opening(path=open_folder / "new.db"))


def test_groups_of_all_sizes_are_stored_in_order_with_few_statements(tmp_path):
    """SQLite takes longer to compile a statement than to run it, so there is not one for each size."""
    path = tmp_path / "tasks.db"
    writer = Writer(Opening(path=path, durability=Durability.NORMAL), None)
    templates = Templates()
    texts = set()
    writer._connection.exec_trace = lambda _cursor, text, _values: texts.add(text) or True
    sizes = [*range(1, 34), 63, 64, 65, 130]
    wanted = []
    for size in sizes:
        tasks = [f"{size} {number}" for number in range(size)]
        for entries in (
            [first(task) for task in tasks],
            [Entry(task, [started(1.0)]) for task in tasks],
            [Entry(task, [started(2.0)], DONE) for task in tasks],
        ):
            positions = writer.commit([[encoded(entry, templates)] for entry in entries])
            assert positions == list(range(len(wanted) + 1, len(wanted) + size + 1))
            wanted += tasks
    writer.close()
    with apsw.Connection(str(path)) as connection:
        stored = connection.execute("SELECT id, position FROM turns JOIN tasks ON task = number ORDER BY position")
        assert stored.fetchall() == [(task, position) for position, task in enumerate(wanted, 1)]
        begun = connection.execute("SELECT id, state FROM tasks ORDER BY number").fetchall()
        assert begun == [(f"{size} {number}", "DONE") for size in sizes for number in range(size)]
    assert len(texts) < len(sizes)


class Flaky(apsw.VFS):
    """A file system whose syncs fail once it is told so."""

    broken = False

    def __init__(self):
        super().__init__("flaky", "")

    def xOpen(self, name, flags):
        return FlakyFile(self, name, flags)


class FlakyFile(apsw.VFSFile):
    def __init__(self, disk, name, flags):
        super().__init__("", name, flags)
        self.disk = disk

    def xSync(self, flags):
        if self.disk.broken:
            fault = apsw.IOError("the sync failed")
            fault.result, fault.extendedresult = apsw.SQLITE_IOERR, apsw.SQLITE_IOERR_FSYNC
            raise fault
        super().xSync(flags)


def test_after_a_sync_that_failed_nothing_more_is_stored_until_the_store_is_opened_again(tmp_path):
    """Nobody knows what the disk holds then; what follows would be built on it."""
    disk = Flaky()
    path = tmp_path / "tasks.db"
    writer = Writer(Opening(path=path, vfs="flaky", exclusive=True), None)
    templates = Templates()

    def commit(entry):
        return writer.commit([[encoded(entry, templates)]])

    assert commit(first("a")) == [1]
    disk.broken = True
    [refusal] = commit(first("b"))
    assert isinstance(refusal, JournalUnavailable)
    assert "check the disk, then start again" in str(refusal)
    disk.broken = False
    assert commit(first("c")) == [refusal]
    writer.close()


@pytest.mark.parametrize(
    ("store", "path", "durability"),
    [
        ("tasks.db", "tasks.db", "full"),
        ("sqlite:///tasks.db", "tasks.db", "full"),
        ("sqlite:///some/tasks.db?synchronous=normal", "some/tasks.db", "normal"),
        ("sqlite:////var/tasks.db", "/var/tasks.db", "full"),
        ("sqlite:///with%20space.db", "with space.db", "full"),
    ],
)
def test_what_a_stores_address_means(store, path, durability):
    found, how = store_path(store)
    assert (str(found), how) == (path, durability)


@pytest.mark.parametrize(
    ("store", "says"),
    [
        ("mysql://x", 'no stores of kind "mysql"'),
        ("sqlite://tasks.db", "does not name a file"),
        ("sqlite:///", "does not name a file"),
        *[(store, "cannot be the file of a store: name a file") for store in ("", ".", "a/..", "/", "a\0b", "\ud800")],
        ("sqlite:///t.db?synchronus=full", 'no such option: synchronus (did you mean "synchronous"?)'),
        ("sqlite:///t.db?synchronous=off", '"full" or "normal"'),
    ],
)
async def test_an_address_that_means_nothing_is_refused(store, says):
    with pytest.raises(StoreUnusable) as refusal:
        await open_journal(store)
    assert says in str(refusal.value)


@pytest.mark.parametrize(("durability", "synchronous"), [(Durability.FULL, 2), (Durability.NORMAL, 1)])
async def test_the_durability_asked_for_is_what_the_writer_has(tmp_path, durability, synchronous):
    async with opened(tmp_path / "tasks.db", durability=durability) as journal:
        assert await journal._thread.call(lambda writer: writer._connection.pragma("synchronous")) == synchronous
        assert await journal._thread.call(lambda writer: writer._connection.pragma("journal_mode")) == "wal"


async def test_the_lists_of_a_store_from_before_there_were_any_are_made_when_it_is_opened(tmp_path):
    loop = Loop(attrs.evolve(plan(a=step()), allowed_resolver_groups=("ops",)))
    loop.tell(RunRequested(at=loop.now))
    loop.finish()
    async with opened(tmp_path / "tasks.db") as journal:
        await journal.append([entry_of(loop.task, loop.records)])
        before = await journal.find(Wanted())
        assert len(before) == 1
    raw(tmp_path / "tasks.db", "DELETE FROM involved", "UPDATE tasks SET shown = '', kind = '', listing = NULL")
    async with opened(tmp_path / "tasks.db") as journal:
        assert await journal.find(Wanted()) == before
        wanted = Wanted(template=loop.task.plan.template.name, involving=frozenset({(Role.OWNER_GROUP, "ops")}))
        assert await journal.find(wanted) == before
        assert await journal.find(Wanted(state=before[0].standing.task)) == before


def sizes_of_commits(monkeypatch):
    """Have the sizes of all groups that are stored noted down."""
    sizes = []
    store = Writer.commit

    def commit(writer, group, laid_out=None):
        sizes.append(len(group))
        return store(writer, group, laid_out)

    monkeypatch.setattr(Writer, "commit", commit)
    return sizes


async def test_those_who_go_round_in_step_share_their_commits_and_stay_in_step(tmp_path, monkeypatch):
    """The one of them that listens for all does not run ahead, to be stored by itself."""
    sizes = sizes_of_commits(monkeypatch)
    async with opened(tmp_path / "tasks.db") as journal:
        await journal.append([first(name) for name in "abcd"])

        async def go_round(name):
            for number in range(5):
                await journal.append([Entry(name, [started(float(number))])])

        async with trio.open_nursery() as nursery:
            for name in "abcd":
                nursery.start_soon(go_round, name)
    assert sizes == [1, 4, 4, 4, 4, 4]


async def test_who_is_stored_goes_on_once_the_others_have_handed_over_what_they_work_on(tmp_path, monkeypatch):
    """Or both would be stored by the next commit, and nobody would work meanwhile."""
    sizes = sizes_of_commits(monkeypatch)
    async with opened(tmp_path / "tasks.db") as journal:
        await journal.append([first(name) for name in "ab"])

        async def go_on():
            await journal.append([Entry("a", [started(1.0)])])
            await journal.append([Entry("a", [started(2.0)])])

        async def work():
            await trio.lowlevel.checkpoint()
            while not journal._thread._done:
                threading.Event().wait(0.001)
            await trio.lowlevel.checkpoint()
            await journal.append([Entry("b", [started(1.0)])])

        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(go_on)
                nursery.start_soon(work)
    assert sizes == [1, 1, 1, 1]


async def test_who_is_stored_goes_on_though_others_are_never_done(tmp_path):
    async with opened(tmp_path / "tasks.db") as journal, trio.open_nursery() as nursery:

        async def never_done():
            while True:
                await trio.lowlevel.checkpoint()

        nursery.start_soon(never_done)
        with trio.fail_after(10):
            for number in range(5):
                await journal.append([first(f"t{number}")])
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("cancelled", [0, 1, 2])
async def test_when_one_of_those_who_wait_is_cancelled_the_others_are_told_all_the_same(tmp_path, cancelled):
    """One of them listens for all: when it goes another one does, and when nobody is left the next to come does."""
    async with opened(tmp_path / "tasks.db") as journal:
        free, told = threading.Event(), []
        scopes = [trio.CancelScope() for _ in range(3)]

        async def hold_up():
            await journal._write(lambda _writer: free.wait(5))

        async def append(number):
            with scopes[number]:
                told.append((number, await journal.append([first(f"t{number}")])))

        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(hold_up)
                await trio.testing.wait_all_tasks_blocked()
                for number in range(3):
                    nursery.start_soon(append, number)
                    await trio.testing.wait_all_tasks_blocked()
                for scope in scopes[: cancelled + 1]:
                    scope.cancel()
                await trio.testing.wait_all_tasks_blocked()
                free.set()
            left = [number for number in range(3) if number > cancelled]
            assert sorted(told) == [(number, position) for position, number in enumerate(left, 1)]
            assert await journal.append([first("next")]) == len(left) + 1
            assert len(await journal.tasks()) == len(left) + 1


@pytest.mark.parametrize("reads", ["read", "histories"])
async def test_who_reads_after_a_cancelled_append_sees_what_became_of_it(tmp_path, monkeypatch, reads):
    """It may be stored only now: whoever went on from a history without it would store another in its place."""
    async with opened(tmp_path / "tasks.db") as journal:
        await journal.append([first("t")])
        under_way, free, store, seen = threading.Event(), threading.Event(), Writer.commit, []

        def commit(writer, group, laid_out=None):
            under_way.set()
            assert free.wait(5)
            return store(writer, group, laid_out)

        async def read():
            seen.append(await (journal.read("t") if reads == "read" else journal.histories(["t"])))

        monkeypatch.setattr(Writer, "commit", commit)
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(journal.append, [Entry("t", [started(1.0)])])
                await trio.to_thread.run_sync(under_way.wait)
                nursery.cancel_scope.cancel()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(read)
                await trio.testing.wait_all_tasks_blocked()
                free.set()
        assert len(seen[0] if reads == "read" else seen[0]["t"]) == 2
        assert journal._thread.settled  # who reads from now on does not wait for the writer


async def test_whoever_listens_for_others_may_be_cancelled(tmp_path):
    async with opened(tmp_path / "tasks.db") as journal:
        free = threading.Event()

        async def listen(scope):
            with scope:
                await journal._write(lambda _writer: free.wait(5))

        scope = trio.CancelScope()
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(listen, scope)
                await trio.testing.wait_all_tasks_blocked()
                nursery.start_soon(journal.append, [first("a")])
                nursery.start_soon(journal.append, [first("b")])
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()
                await trio.testing.wait_all_tasks_blocked()
                free.set()
            assert len(await journal.tasks()) == 2


async def test_what_is_told_while_the_listener_reads_is_heard_by_those_who_wait(tmp_path, monkeypatch):
    """It may be itself, and woken for another: no second word comes."""
    async with opened(tmp_path / "tasks.db") as journal:
        abandoned, reading, told = threading.Event(), threading.Event(), threading.Semaphore(0)
        read, tell = os.read, journal._thread._tell

        def read_late(pipe, most):
            reading.set()
            assert told.acquire(timeout=5)
            assert told.acquire(timeout=5)
            monkeypatch.undo()
            return read(pipe, most)

        def tell_and_say_so(group, results):
            tell(group, results)
            told.release()

        monkeypatch.setattr(journal._thread, "_tell", tell_and_say_so)
        monkeypatch.setattr("runtime.journal.sqlite.thread.os.read", read_late)
        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(journal._write, lambda _writer: abandoned.wait(5))
                await trio.testing.wait_all_tasks_blocked()
                nursery.cancel_scope.cancel()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(journal._write, lambda _writer: reading.wait(5))
                await trio.testing.wait_all_tasks_blocked()
                abandoned.set()


async def test_a_store_that_was_closed_keeps_no_file_open(tmp_path):
    def lowest_free():
        number = os.dup(0)
        os.close(number)
        return number

    async def use():
        async with opened(tmp_path / "tasks.db") as journal:
            await journal.last_position()
            return journal._thread._thread

    (await use()).join()
    before = lowest_free()
    (await use()).join()
    assert lowest_free() == before


class ChangedAllTheTime(deque[object]):
    """What another thread may add to at any moment."""

    def __iter__(self):
        raise RuntimeError("deque mutated during iteration")


async def test_the_thread_may_be_done_with_something_while_more_is_passed_on(tmp_path):
    """An instrument that raises is heard no more by trio: everybody would wait for ever."""
    with trio.fail_after(20):
        async with opened(tmp_path / "tasks.db") as journal:
            journal._thread._done = ChangedAllTheTime()
            async with trio.open_nursery() as nursery:
                for number in range(60):
                    nursery.start_soon(in_turn, journal, f"t{number}")
            assert len(await journal.tasks(limit=100)) == 60


async def in_turn(journal, task_id):
    await journal.append([first(task_id)])
    for at in range(5):
        await journal.append([Entry(task_id, [started(float(at))])])


async def test_what_cannot_be_laid_out_ahead_is_for_the_thread_to_store_or_refuse(tmp_path, monkeypatch):
    def fails(*_arguments):
        raise ValueError("no")

    with trio.fail_after(20):
        async with opened(tmp_path / "tasks.db") as journal:
            monkeypatch.setattr("runtime.journal.sqlite.thread.lay_out", fails)
            await journal.append([first("stored")])
            monkeypatch.setattr("runtime.journal.sqlite.writer.lay_out", fails)
            with pytest.raises(ValueError, match="no"):
                await journal.append([first("refused")])
            monkeypatch.undo()
            await journal.append([first("later")])
            assert [one.task_id for one in await journal.tasks()] == ["stored", "later"]
