"""The tables of a store, and how those of an older version become those of this one.

::

    head        a view of one row: the last position that was given. Whoever commits holds a lock until the commit is done, so
                that positions are given in the order of commits, and a reader never passes one that appears later
    floor       one row: no position is given that is not behind this one, whatever was deleted
    instances   who lives: a row per running instance, until when it is believed to; `number` is its fencing token.
                `follows`: it wants to hear of what others commit; `committed`, `base`: what `commits` is, before version 5
    commits     the last commits of each instance, counted by `serial`, and the position before each, so that one whose answer
                was lost is known
    gone        those who are not there any more, until all is free that they held
    turns       what each task stored in each commit: `records` of them from `position` on, in one encoded `body`;
                `ordinal` counts the records of its task before it, and is what a sealed body is bound to. That
                (task, ordinal) is unique keeps a writer out who does not know what was stored last
    tasks       where each task, or flow, stands, as in a file (`runtime.journal.sqlite.schema`); `owner` is the instance
                that has it in memory, `format` what an instance has to know to go on with it
    involved, tags, templates, keys
                as in a file
    mail        messages between instances, until they are fetched; may be lost, and then whoever waits asks again
    memos, memos_total
                as in a file
    holdings    what steps hold of resources that all instances together have so many of

`store_group` is a commit (`runtime.journal.postgres.writer`). The first thing that any does is `begin_turns` (`begin_commit`,
before version 5): it gives the position before its own, and refuses an instance that is not there any more, and a commit
that is. `begin_lease` makes an instance, and `keep_lease` (`renew_lease`, before it told of the time; `beat`, before it told
of whom) puts its lease off; both take those for dead who let theirs run out, and free some of what the dead held. `leave`
ends one.

A commit changes no row that every other changes, too. For as long as somebody looks at the database as it once was (a
backup, for hours), the server keeps each version of a row since then, and whoever changes it goes through all of them.

What several statements have to do together is a function, so that no program stops between them with a lock in hand.

`MIGRATIONS` only ever grows. Each says since which version of the tables programs can work with what it leaves: so that
instances of the version before go on while others are being replaced.
"""

from collections.abc import Sequence
from typing import Final

import attrs

LEASE_LOST: Final = "UN001"
"""What the database says (SQLSTATE) to an instance that others have declared dead."""

COMMITTED_BEFORE: Final = "UN002"
"""What it says to a commit that is repeated."""


@attrs.frozen
class Migration:
    """One step. `usable_since`: programs that know this version of the tables, or a later one, can use the outcome.

    `indexes` are built before any script is executed, beside whoever uses the tables: so they are of what the first makes.
    """

    script: str
    usable_since: int
    indexes: Sequence[str] = ()


_FIRST: Final = """
CREATE TABLE versions (version integer PRIMARY KEY, usable_since integer NOT NULL);
CREATE TABLE head (one boolean PRIMARY KEY DEFAULT true CHECK (one), position bigint NOT NULL);
INSERT INTO head (position) VALUES (0);
CREATE TABLE instances (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    expires timestamptz NOT NULL,
    committed bigint NOT NULL DEFAULT 0,
    base bigint NOT NULL DEFAULT 0,
    follows boolean NOT NULL DEFAULT false,
    keys_from_file boolean NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE keys (number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, fingerprint bytea NOT NULL UNIQUE);
CREATE TABLE templates (hash bytea PRIMARY KEY, key integer REFERENCES keys, body bytea NOT NULL);
CREATE TABLE tasks (
    number bigint PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    template bytea NOT NULL REFERENCES templates,
    owner bigint,
    format smallint NOT NULL,
    state text COLLATE "C" NOT NULL,
    awake boolean NOT NULL,
    due double precision,
    run integer NOT NULL,
    changed double precision NOT NULL,
    shown text COLLATE "C" NOT NULL,
    steps_done integer NOT NULL,
    kind text COLLATE "C" NOT NULL,
    batch text COLLATE "C" NOT NULL,
    resolution text COLLATE "C" NOT NULL,
    flow boolean NOT NULL,
    listing bytea NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX tasks_of_template ON tasks (template);
CREATE INDEX tasks_awake ON tasks (number) WHERE awake;
CREATE INDEX tasks_orphaned ON tasks (number) WHERE awake AND owner IS NULL;
CREATE INDEX tasks_owned ON tasks (owner) WHERE owner IS NOT NULL;
CREATE INDEX tasks_due ON tasks (due, number) WHERE due IS NOT NULL;
CREATE INDEX tasks_ended ON tasks (changed) WHERE state IN ('DONE', 'CANCELLED') AND NOT awake;
CREATE INDEX tasks_changed ON tasks (changed, number) WHERE NOT flow;
CREATE INDEX tasks_unfinished ON tasks (shown, changed, number) WHERE shown NOT IN ('DONE', 'CANCELLED', 'WONTFIX');
CREATE INDEX tasks_of_batch ON tasks (batch) WHERE batch <> '';
CREATE INDEX tasks_of_resolution ON tasks (resolution) WHERE resolution <> '';
CREATE INDEX flows_changed ON tasks (changed, number) WHERE flow;
CREATE TABLE turns (
    position bigint PRIMARY KEY,
    task bigint NOT NULL,
    ordinal integer NOT NULL,
    records integer NOT NULL,
    writer bigint NOT NULL,
    key integer REFERENCES keys,
    body bytea NOT NULL,
    UNIQUE (task, ordinal)
);
CREATE TABLE involved (
    role text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    task bigint NOT NULL,
    PRIMARY KEY (role, name, task)
);
CREATE INDEX involved_of_task ON involved (task);
CREATE TABLE tags (
    name text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    task bigint NOT NULL,
    PRIMARY KEY (name, value, task)
);
CREATE INDEX tags_of_task ON tags (task);
CREATE TABLE mail (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    receiver bigint NOT NULL REFERENCES instances ON DELETE CASCADE,
    sender bigint NOT NULL,
    conversation bigint NOT NULL,
    answer boolean NOT NULL,
    key integer REFERENCES keys,
    body bytea NOT NULL
);
CREATE INDEX mail_of_receiver ON mail (receiver);
CREATE FUNCTION begin_commit(me bigint, serial bigint, total bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE before bigint;
BEGIN
    UPDATE head SET position = position + total RETURNING position - total INTO before;
    UPDATE instances SET committed = serial, base = before WHERE number = me;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'UN001', MESSAGE = 'the lease of this instance has ended';
    END IF;
    RETURN before;
END $$;
CREATE FUNCTION free_tasks_of(dead bigint[], channel text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tasks SET owner = NULL WHERE owner = ANY(dead);
    PERFORM pg_notify(channel, 'work');
END $$;
CREATE FUNCTION beat(me bigint, lease double precision, channel text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE dead bigint[];
BEGIN
    UPDATE instances SET expires = clock_timestamp() + make_interval(secs => lease) WHERE number = me;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    WITH late AS (
        SELECT number FROM instances WHERE expires < clock_timestamp() AND number <> me FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM instances USING late WHERE instances.number = late.number RETURNING late.number
    )
    SELECT array_agg(number) INTO dead FROM gone;
    IF dead IS NOT NULL THEN  -- a statement of its own, so that it sees what they committed last
        PERFORM free_tasks_of(dead, channel);
    END IF;
    RETURN true;
END $$;
CREATE FUNCTION leave(me bigint, channel text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM instances WHERE number = me;
    PERFORM free_tasks_of(ARRAY[me], channel);
END $$;
"""

_SECOND: Final = """
ALTER TABLE mail DROP CONSTRAINT mail_receiver_fkey;  -- what nobody has fetched is taken back by its sender
CREATE TABLE holdings (instance bigint, ticket bigint, label text COLLATE "C", PRIMARY KEY (instance, ticket, label));
CREATE INDEX holdings_of_label ON holdings (label);
CREATE FUNCTION hold(me bigint, wanted text, most integer, number bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM instances WHERE instances.number = me FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'UN001', MESSAGE = 'the lease of this instance has ended';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('understudy holdings'), hashtext(wanted));
    IF (SELECT count(*) FROM holdings WHERE label = wanted) >= most THEN
        RETURN false;
    END IF;
    INSERT INTO holdings VALUES (me, number, wanted) ON CONFLICT DO NOTHING;
    RETURN true;
END $$;
CREATE OR REPLACE FUNCTION free_tasks_of(dead bigint[], channel text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tasks SET owner = NULL WHERE owner = ANY(dead);
    DELETE FROM holdings WHERE instance = ANY(dead);
    DELETE FROM mail WHERE sender = ANY(dead) OR (answer AND receiver = ANY(dead));
    PERFORM pg_notify(channel, 'work');
END $$;
"""

_THIRD: Final = """
CREATE TABLE memos (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    identity bytea NOT NULL UNIQUE,
    until double precision,
    size integer NOT NULL,
    key integer REFERENCES keys,
    body bytea NOT NULL
);
CREATE INDEX memos_until ON memos (until) WHERE until IS NOT NULL;
CREATE TABLE memos_total (
    one boolean PRIMARY KEY DEFAULT true CHECK (one), memos bigint NOT NULL, bytes bigint NOT NULL
) WITH (fillfactor = 50);
INSERT INTO memos_total (memos, bytes) VALUES (0, 0);
CREATE FUNCTION count_memos() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE sign integer := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    UPDATE memos_total SET memos = memos_total.memos + sign * n, bytes = bytes + sign * sum
    FROM (SELECT count(*) AS n, coalesce(sum(size), 0) AS sum FROM changed) AS c WHERE n > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER memos_more AFTER INSERT ON memos REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_memos();
CREATE TRIGGER memos_less AFTER DELETE ON memos REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_memos();
-- Whoever changes memos locks their total first: one at a time, so that nobody waits for anybody in a circle.
CREATE FUNCTION forget_memo(unwanted bytea) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM memos_total FOR UPDATE;
    DELETE FROM memos WHERE identity = unwanted;
END $$;
CREATE FUNCTION sweep_memos(at double precision, most integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE gone integer;
BEGIN
    PERFORM FROM memos_total FOR UPDATE;
    DELETE FROM memos WHERE number IN (SELECT number FROM memos WHERE until <= at ORDER BY until LIMIT most);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;
CREATE FUNCTION remember(
    wanted bytea, ends double precision, length integer, sealed_with integer, sealed bytea,
    most_memos bigint, most_bytes bigint, at double precision
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM forget_memo(wanted);
    PERFORM sweep_memos(at, 32);
    INSERT INTO memos (identity, until, size, key, body) VALUES (wanted, ends, length, sealed_with, sealed);
    WHILE (SELECT memos > most_memos OR bytes > most_bytes FROM memos_total) LOOP
        DELETE FROM memos WHERE number = (SELECT min(number) FROM memos);
    END LOOP;
END $$;
"""

_FOURTH: Final = """
-- What is repeated because its answer was lost has no effect, even where the first one comes later.
CREATE OR REPLACE FUNCTION begin_commit(me bigint, serial bigint, total bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE before bigint;
BEGIN
    UPDATE head SET position = position + total RETURNING position - total INTO before;
    UPDATE instances SET committed = serial, base = before WHERE number = me AND committed < serial;
    IF NOT FOUND THEN
        PERFORM FROM instances WHERE number = me;
        IF FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'UN002', MESSAGE = 'this commit of the instance, or a later one, is there';
        END IF;
        RAISE EXCEPTION USING ERRCODE = 'UN001', MESSAGE = 'the lease of this instance has ended';
    END IF;
    RETURN before;
END $$;
CREATE OR REPLACE FUNCTION hold(me bigint, wanted text, most integer, number bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM instances WHERE instances.number = me FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'UN001', MESSAGE = 'the lease of this instance has ended';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('understudy holdings'), hashtext(wanted));
    IF (SELECT count(*) FROM holdings WHERE label = wanted AND NOT (instance = me AND ticket = number)) >= most THEN
        RETURN false;
    END IF;
    INSERT INTO holdings VALUES (me, number, wanted) ON CONFLICT DO NOTHING;
    RETURN true;
END $$;
CREATE FUNCTION renew_lease(
    me bigint, lease double precision, channel text, OUT alive boolean, OUT dead bigint[], OUT freed bigint
) LANGUAGE plpgsql AS $$
BEGIN
    UPDATE instances SET expires = clock_timestamp() + make_interval(secs => lease) WHERE number = me;
    alive := FOUND;
    IF alive THEN
        WITH late AS (
            SELECT number FROM instances WHERE expires < clock_timestamp() AND number <> me FOR UPDATE SKIP LOCKED
        ), gone AS (
            DELETE FROM instances USING late WHERE instances.number = late.number RETURNING late.number
        )
        SELECT array_agg(number) INTO dead FROM gone;
    END IF;
    IF dead IS NOT NULL THEN  -- statements of their own, so that they see what was committed last
        SELECT count(*) INTO freed FROM tasks WHERE owner = ANY(dead);
        PERFORM free_tasks_of(dead, channel);
    END IF;
END $$;
"""

_STORE_GROUP: Final = """
-- A group of appends: what there is nothing of is NULL. Turns are columns, of which `turn_from` and `turn_bytes` say where in
-- the blob their bodies are; other rows are JSON, with places in the blob (f, n) for what is bytes. A number of a task below
-- 0 is that of one that begins here: its first record has that place.
CREATE OR REPLACE FUNCTION store_group(
    me bigint, serial bigint, channel text, its_format smallint, blob bytea,
    turn_at integer[], turn_task bigint[], turn_ordinal integer[], turn_records integer[], turn_key integer[],
    turn_from integer[], turn_bytes integer[],
    new_templates json, new_tasks json, moved json, new_involved json, new_tags json, released bigint[], unheld bigint[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE before bigint := begin_turns(me, serial);
BEGIN
    IF new_templates IS NOT NULL THEN
        INSERT INTO templates (hash, key, body)
        SELECT substring(blob FROM t.hash_at FOR 32), t.key, substring(blob FROM t.f FOR t.n)
        FROM json_to_recordset(new_templates) AS t(hash_at integer, key integer, f integer, n integer)
        ON CONFLICT DO NOTHING;
    END IF;
    IF new_tasks IS NOT NULL THEN
        INSERT INTO tasks (number, id, template, owner, format, state, awake, due, run, changed, shown, steps_done,
                           kind, batch, resolution, flow, listing)
        SELECT before + t.at, t.id, substring(blob FROM t.hash_at FOR 32), {owner_of_new}, its_format,
               t.state, t.awake, t.due, t.run, t.changed, t.shown, t.steps_done, t.kind, t.batch, t.resolution, t.flow,
               substring(blob FROM t.f FOR t.n)
        FROM json_to_recordset(new_tasks) AS t(
            at integer, id text, hash_at integer, kind text, batch text, resolution text, flow boolean, f integer, n integer,
            state text, awake boolean, due float8, run integer, changed float8, shown text, steps_done integer{free});
    END IF;
    IF turn_at IS NOT NULL THEN
        INSERT INTO turns (position, task, ordinal, records, writer, key, body)
        SELECT before + t.at, CASE WHEN t.task < 0 THEN before - t.task ELSE t.task END, t.ordinal, t.records, me, t.key,
               substring(blob FROM t.f FOR t.n)
        FROM unnest(turn_at, turn_task, turn_ordinal, turn_records, turn_key, turn_from, turn_bytes)
            AS t(at, task, ordinal, records, key, f, n);
    END IF;
    IF moved IS NOT NULL THEN
        UPDATE tasks
        SET state = t.state, awake = t.awake, due = t.due, run = t.run, changed = t.changed, shown = t.shown,
            steps_done = t.steps_done{owner_of_moved}
        FROM json_to_recordset(moved) AS t(
            number bigint, state text, awake boolean, due float8, run integer, changed float8, shown text, steps_done integer{free})
        WHERE tasks.number = t.number;
    END IF;
    IF new_involved IS NOT NULL THEN
        INSERT INTO involved (role, name, task)
        SELECT t.role, t.name, before + t.born FROM json_to_recordset(new_involved) AS t(born integer, role text, name text);
    END IF;
    IF new_tags IS NOT NULL THEN
        INSERT INTO tags (name, value, task)
        SELECT t.name, t.value, before + t.born FROM json_to_recordset(new_tags) AS t(born integer, name text, value text);
    END IF;
    IF released IS NOT NULL THEN
        UPDATE tasks SET owner = NULL WHERE number = ANY(released) AND owner = me;
    END IF;
    IF unheld IS NOT NULL THEN
        DELETE FROM holdings WHERE ticket = ANY(unheld) AND instance = me;
    END IF;
    IF EXISTS (SELECT FROM instances WHERE follows AND number <> me) THEN
        PERFORM pg_notify(channel, 'news');
    END IF;
    RETURN before;
END $$;
"""

_FIFTH: Final = """
ALTER TABLE head RENAME TO floor;
CREATE VIEW head AS SELECT greatest(floor.position, (
    SELECT turns.position + records - 1 FROM turns ORDER BY turns.position DESC LIMIT 1
)) AS position FROM floor;
CREATE FUNCTION raise_floor() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE last bigint := (SELECT max(position + records - 1) FROM gone);
BEGIN
    IF NOT EXISTS (SELECT FROM turns WHERE position > last) THEN
        UPDATE floor SET position = last WHERE position < last;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER turns_gone AFTER DELETE ON turns REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION raise_floor();
CREATE FUNCTION take_turn() RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtext('understudy commits'), hashtext(current_schema()))
$$;
CREATE OR REPLACE FUNCTION begin_commit(me bigint, serial bigint, total bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE before bigint;
BEGIN
    PERFORM take_turn();
    UPDATE instances SET committed = serial, base = position FROM head WHERE number = me AND committed < serial
    RETURNING base INTO before;
    IF before IS NULL THEN
        PERFORM refuse_commit(me);
    END IF;
    RETURN before;
END $$;
CREATE TABLE commits (
    instance bigint NOT NULL, serial bigint NOT NULL, base bigint NOT NULL, PRIMARY KEY (instance, serial)
);
CREATE FUNCTION begin_turns(me bigint, this bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE before bigint;
BEGIN
    PERFORM take_turn();
    INSERT INTO commits SELECT me, this, position FROM head, instances
    WHERE number = me AND NOT EXISTS (SELECT FROM commits WHERE instance = me AND serial >= this)
    FOR KEY SHARE OF instances
    RETURNING base INTO before;
    IF before IS NULL THEN
        PERFORM refuse_commit(me);
    ELSIF this % 1000 = 0 THEN
        DELETE FROM commits WHERE instance = me AND serial BETWEEN this - 2000 AND this - 1000;
    END IF;
    RETURN before;
END $$;
CREATE FUNCTION refuse_commit(me bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM instances WHERE number = me;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'UN002', MESSAGE = 'this commit of the instance, or a later one, is there';
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'UN001', MESSAGE = 'the lease of this instance has ended';
END $$;
CREATE OR REPLACE FUNCTION free_tasks_of(dead bigint[], channel text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tasks SET owner = NULL WHERE owner = ANY(dead);
    DELETE FROM commits WHERE instance = ANY(dead);
    DELETE FROM holdings WHERE instance = ANY(dead);
    DELETE FROM mail WHERE sender = ANY(dead) OR (answer AND receiver = ANY(dead));
    PERFORM pg_notify(channel, 'work');
END $$;
"""

_SIXTH_INDEXES: Final = (
    "tasks_not_done ON tasks (shown, changed, number) WHERE shown <> 'DONE'",
    "tasks_of_kind ON tasks (kind, changed, number)",
)
_SIXTH: Final = """
DROP INDEX tasks_unfinished;
CREATE TABLE gone (number bigint PRIMARY KEY);
DO $$  -- whoever uses the other tables as a user who did not make them goes on while this is done
DECLARE given record;
BEGIN
    FOR given IN
        SELECT grantee::regrole AS who, privilege_type AS what FROM pg_class, aclexplode(relacl)
        WHERE pg_class.oid = 'instances'::regclass AND grantee <> 0
    LOOP
        EXECUTE format('GRANT %s ON gone TO %s', given.what, given.who);
    END LOOP;
END $$;
-- Some of what the dead held; whether there is more that nobody else is freeing.
CREATE FUNCTION free_some(channel text, most integer) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    whose bigint := (SELECT number FROM gone LIMIT 1 FOR UPDATE SKIP LOCKED);
    places tid[] := ARRAY(SELECT ctid FROM tasks WHERE owner = whose LIMIT most);
BEGIN
    IF whose IS NULL THEN
        RETURN false;
    END IF;
    UPDATE tasks SET owner = NULL WHERE ctid = ANY(places) AND owner = whose;  -- unless somebody has just claimed it
    IF cardinality(places) < most THEN  -- whoever is dead takes hold of nothing any more
        DELETE FROM gone WHERE number = whose;
    END IF;
    PERFORM pg_notify(channel, 'work');
    RETURN EXISTS (SELECT FROM gone FOR UPDATE SKIP LOCKED);
END $$;
CREATE FUNCTION bury(dead bigint[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO gone SELECT unnest(dead);
    DELETE FROM commits WHERE instance = ANY(dead);
    DELETE FROM holdings WHERE instance = ANY(dead);
    DELETE FROM mail WHERE sender = ANY(dead) OR (answer AND receiver = ANY(dead));
$$;
CREATE OR REPLACE FUNCTION free_tasks_of(dead bigint[], channel text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM bury(dead);
    PERFORM free_some(channel, 1000);
END $$;
-- Whether whoever fell silent then is gone, and not just cut off: this server was there (and not another in its place), or has been
-- for long enough since then for anybody to come back, and nobody is connected since before that.
CREATE FUNCTION nobody_since(silent timestamptz) RETURNS boolean LANGUAGE sql AS $$
    SELECT pg_last_wal_replay_lsn() IS NULL
    AND pg_postmaster_start_time() < greatest(silent, clock_timestamp() - interval '20 s')
    AND NOT EXISTS (
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND coalesce(backend_type, 'client backend') = 'client backend'
        AND coalesce(backend_start, '-infinity') < silent
    )
$$;
-- Those whose leases ran out so many seconds ago; `unheard`: of them, those of whom it is known that they are gone.
CREATE FUNCTION take_for_dead(late_by double precision, unheard boolean, OUT dead bigint[], OUT theirs bigint)
LANGUAGE plpgsql AS $$
BEGIN
    WITH late AS (
        SELECT number FROM instances
        WHERE expires < clock_timestamp() - make_interval(secs => late_by) AND (NOT unheard OR nobody_since(expires))
        FOR UPDATE SKIP LOCKED
    ), ended AS (
        DELETE FROM instances USING late WHERE instances.number = late.number RETURNING late.number
    )
    SELECT array_agg(number) INTO dead FROM ended;
    IF dead IS NOT NULL THEN  -- statements of their own, so that they see what was committed last
        SELECT count(*) INTO theirs FROM tasks WHERE owner = ANY(dead);
        PERFORM bury(dead);
    END IF;
END $$;
CREATE FUNCTION begin_lease(
    its_name text, lease double precision, its_keys_from_file boolean, channel text, beginner boolean,
    OUT me bigint, OUT dead bigint[], OUT theirs bigint, OUT more boolean, OUT at double precision
) LANGUAGE plpgsql AS $$
BEGIN
    IF beginner THEN
        SELECT t.dead, t.theirs INTO dead, theirs FROM take_for_dead(10 * lease, true) AS t;
    END IF;
    INSERT INTO instances (name, expires, keys_from_file)
    VALUES (its_name, clock_timestamp() + make_interval(secs => lease), its_keys_from_file) RETURNING number INTO me;
    more := free_some(channel, batch_of(lease));
    at := extract(epoch FROM clock_timestamp());
END $$;
-- `latest`: what the clock says at most, if it has gone as usual: if it says more, nobody is late by it, nor if that is NULL.
CREATE FUNCTION keep_lease(
    me bigint, lease double precision, channel text, latest double precision,
    OUT alive boolean, OUT dead bigint[], OUT theirs bigint, OUT more boolean, OUT at double precision
) LANGUAGE plpgsql AS $$
BEGIN
    UPDATE instances SET expires = clock_timestamp() + make_interval(secs => lease) WHERE number = me;
    alive := FOUND;
    at := extract(epoch FROM clock_timestamp());
    IF alive AND at <= latest THEN
        SELECT t.dead, t.theirs INTO dead, theirs FROM take_for_dead(0, false) AS t;
    END IF;
    more := alive AND free_some(channel, batch_of(lease));
END $$;
-- How many tasks are freed with one beat of a heart: a hundredth of a lease passes meanwhile, where that is slow.
CREATE FUNCTION batch_of(lease double precision) RETURNS integer LANGUAGE sql AS $$
    SELECT least(1000, ceil(lease * 50))::integer
$$;
CREATE OR REPLACE FUNCTION renew_lease(
    me bigint, lease double precision, channel text, OUT alive boolean, OUT dead bigint[], OUT freed bigint
) LANGUAGE sql AS $$
    SELECT alive, dead, theirs FROM keep_lease(me, lease, channel, 'infinity')
$$;
"""

_AS_IT_WAS: Final = {"owner_of_new": "me", "owner_of_moved": "", "free": ""}
_FREEING: Final = {
    "owner_of_new": "CASE WHEN t.free THEN NULL ELSE me END",
    "owner_of_moved": ", owner = CASE WHEN t.free THEN NULL ELSE owner END",
    "free": ", free boolean",
}

MIGRATIONS: Final = (
    Migration(_FIRST, usable_since=1),
    Migration(_SECOND, usable_since=1),
    Migration(_THIRD, usable_since=1),
    Migration(_FOURTH, usable_since=1),
    Migration(_FIFTH + _STORE_GROUP.format(**_AS_IT_WAS), usable_since=1),
    Migration(_SIXTH + _STORE_GROUP.format(**_FREEING), usable_since=1, indexes=_SIXTH_INDEXES),
)
NEWEST: Final = len(MIGRATIONS)
