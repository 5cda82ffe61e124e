"""The tables of a store, and how those of an older version become those of this one.

::

    turns       what each task stored in each commit: `records` of them from `position` on, in one encoded `body`
    tasks       where each task, or `flow`, stands, so that nothing has to be replayed to find those that are due or awake; and what
                lists show of it (`listing`, encoded, and in the clear: titles, tags and names are not sealed)
    involved    who has to do with which task, and how; for lists
    tags        which task has which tag; for lists
    templates   each template once, by its hash
    keys        which keys sealed bodies, by fingerprint; `key` NULL: in the clear
    arrivals    what is written to: a view whose trigger adds a turn and moves its task, so that a commit is one statement
    memos       what steps remember for each other: `identity` is a hash, `until` when it is worth nothing any more, `size`
                what it counts in `memos_total`, which triggers keep
    facts       `floor`: the position behind the last one ever given, where the turn that had it was collected

`MIGRATIONS` only ever grows: entry n brings a store from version n to n + 1 (``PRAGMA user_version``).
"""

from typing import Final

import apsw

APPLICATION_ID: Final = 0x756E6473
"""Marks the files of ours (``PRAGMA application_id``): "unds"."""

_FIRST: Final = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE keys (number INTEGER PRIMARY KEY, fingerprint BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE templates (
    number INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    key INTEGER REFERENCES keys,
    body BLOB NOT NULL
) STRICT;
CREATE TABLE tasks (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    template INTEGER NOT NULL REFERENCES templates,
    state TEXT NOT NULL,
    awake INTEGER NOT NULL,
    due REAL,
    run INTEGER NOT NULL,
    changed REAL NOT NULL
) STRICT;
CREATE INDEX tasks_of_template ON tasks (template);
CREATE INDEX tasks_awake ON tasks (number) WHERE awake;
CREATE INDEX tasks_due ON tasks (due, number) WHERE due IS NOT NULL;
CREATE INDEX tasks_ended ON tasks (changed) WHERE state IN ('DONE', 'CANCELLED') AND NOT awake;
CREATE TABLE turns (
    position INTEGER PRIMARY KEY,
    task INTEGER NOT NULL REFERENCES tasks,
    records INTEGER NOT NULL,
    key INTEGER REFERENCES keys,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX turns_of_task ON turns (task);
"""

_SECOND: Final = """
ALTER TABLE tasks ADD COLUMN shown TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN steps_done INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN batch TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN resolution TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN listing BLOB;
CREATE INDEX tasks_changed ON tasks (changed, number);
CREATE INDEX tasks_unfinished ON tasks (shown, changed, number) WHERE shown NOT IN ('DONE', 'CANCELLED', 'WONTFIX');
CREATE INDEX tasks_of_batch ON tasks (batch) WHERE batch <> '';
CREATE INDEX tasks_of_resolution ON tasks (resolution) WHERE resolution <> '';
CREATE INDEX tasks_unlisted ON tasks (number) WHERE listing IS NULL;
CREATE TABLE involved (
    role TEXT NOT NULL,
    name TEXT NOT NULL,
    task INTEGER NOT NULL REFERENCES tasks,
    PRIMARY KEY (role, name, task)
) STRICT, WITHOUT ROWID;
CREATE INDEX involved_of_task ON involved (task);
CREATE TABLE tags (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    task INTEGER NOT NULL REFERENCES tasks,
    PRIMARY KEY (name, value, task)
) STRICT, WITHOUT ROWID;
CREATE INDEX tags_of_task ON tags (task);
"""

_THIRD: Final = """
CREATE VIEW arrivals (position, id, records, key, body, state, awake, due, run, changed, shown, steps_done)
AS SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL WHERE false;
CREATE TRIGGER arrive INSTEAD OF INSERT ON arrivals BEGIN
    INSERT INTO turns (position, task, records, key, body)
    VALUES (NEW.position, (SELECT number FROM tasks WHERE id = NEW.id), NEW.records, NEW.key, NEW.body);
    UPDATE tasks
    SET state = NEW.state, awake = NEW.awake, due = NEW.due, run = NEW.run, changed = NEW.changed,
        shown = NEW.shown, steps_done = NEW.steps_done
    WHERE id = NEW.id AND NEW.state IS NOT NULL;
END;
"""

_FOURTH: Final = """
ALTER TABLE tasks ADD COLUMN flow INTEGER NOT NULL DEFAULT 0;
UPDATE tasks SET flow = 1, listing = NULL WHERE listing = x'';
CREATE INDEX flows_changed ON tasks (changed, number) WHERE flow;
"""

_FIFTH: Final = """
CREATE TABLE memos (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    identity BLOB NOT NULL UNIQUE,
    until REAL,
    size INTEGER NOT NULL,
    key INTEGER REFERENCES keys,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX memos_until ON memos (until) WHERE until IS NOT NULL;
CREATE TABLE memos_total (memos INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;
INSERT INTO memos_total VALUES (0, 0);
CREATE TRIGGER memos_more AFTER INSERT ON memos BEGIN
    UPDATE memos_total SET memos = memos + 1, bytes = bytes + NEW.size;
END;
CREATE TRIGGER memos_less AFTER DELETE ON memos BEGIN
    UPDATE memos_total SET memos = memos - 1, bytes = bytes - OLD.size;
END;
"""

# NOT IN, of three, is asked of a table that is made for it: for every task that begins, and twice where one moves.
_SIXTH: Final = """
DROP INDEX tasks_unfinished;
CREATE INDEX tasks_unfinished ON tasks (shown, changed, number)
    WHERE shown <> 'DONE' AND shown <> 'CANCELLED' AND shown <> 'WONTFIX';
"""

_SEVENTH: Final = """
DROP INDEX tasks_unfinished;
CREATE INDEX tasks_not_done ON tasks (shown, changed, number) WHERE shown <> 'DONE';
"""

MIGRATIONS: Final = (_FIRST, _SECOND, _THIRD, _FOURTH, _FIFTH, _SIXTH, _SEVENTH)
NEWEST: Final = len(MIGRATIONS)


def migrate(connection: apsw.Connection, version: int) -> None:
    """Bring a store from `version` to the newest, or leave it as it was. 0: an empty file."""
    if version == NEWEST:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for script in MIGRATIONS[version:]:
            connection.execute(script)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {NEWEST}; COMMIT")
    except BaseException:
        if connection.in_transaction:  # some errors have rolled back already
            connection.execute("ROLLBACK")
        raise


def next_position(connection: apsw.Connection) -> int:
    """Give the position of the next record, whatever was collected."""
    floor = connection.execute("SELECT value FROM facts WHERE name = 'floor'").get or 1
    last = connection.execute("SELECT position + records FROM turns ORDER BY position DESC LIMIT 1").get or 1
    return max(int(floor), int(last))
