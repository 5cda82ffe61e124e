"""The statement that stores a group of appends: of the parts that this group has, for the server takes up time with each.

First it gets its positions (`begin_commit`), which is also what refuses an instance that was declared dead. Each part
takes its rows from JSON, and what is bytes from a place in the blob.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final

# ruff: noqa: S608 - what is put into the statements are constants of this module
_STANDING: Final = "state text, awake boolean, due float8, run integer, changed float8, shown text, steps_done integer"
_PARTS: Final[Mapping[str, str]] = {
    "templates": """
known AS (
    INSERT INTO templates (hash, key, body)
    SELECT substring(%(blob)b::bytea FROM t.hash_at FOR 32), t.key, substring(%(blob)b::bytea FROM t.f FOR t.n)
    FROM begun, json_to_recordset(%(templates)s::json) AS t(hash_at integer, key integer, f integer, n integer)
    ON CONFLICT DO NOTHING
)""",
    "born": f"""
born AS (
    INSERT INTO tasks (number, id, template, owner, format, state, awake, due, run, changed, shown, steps_done,
                       kind, batch, resolution, flow, listing)
    SELECT base + t.at, t.id, substring(%(blob)b::bytea FROM t.hash_at FOR 32), %(me)s::bigint, %(format)s::smallint,
           t.state, t.awake, t.due, t.run, t.changed, t.shown, t.steps_done, t.kind, t.batch, t.resolution, t.flow,
           substring(%(blob)b::bytea FROM t.f FOR t.n)
    FROM begun, json_to_recordset(%(born)s::json) AS t(at integer, id text, hash_at integer, kind text, batch text,
        resolution text, flow boolean, f integer, n integer, {_STANDING})
)""",
    "turns": """
arrived AS (
    INSERT INTO turns (position, task, ordinal, records, writer, key, body)
    SELECT base + t.at, coalesce(t.task, base + t.born), t.ordinal, t.records, %(me)s::bigint, t.key,
           substring(%(blob)b::bytea FROM t.f FOR t.n)
    FROM begun, json_to_recordset(%(turns)s::json) AS t(at integer, task bigint, born integer, ordinal integer,
        records integer, key integer, f integer, n integer)
)""",
    "moved": f"""
moved AS (
    UPDATE tasks
    SET state = t.state, awake = t.awake, due = t.due, run = t.run, changed = t.changed, shown = t.shown,
        steps_done = t.steps_done
    FROM begun, json_to_recordset(%(moved)s::json) AS t(number bigint, {_STANDING})
    WHERE tasks.number = t.number
)""",
    "involved": """
parts AS (
    INSERT INTO involved (role, name, task)
    SELECT t.role, t.name, base + t.born
    FROM begun, json_to_recordset(%(involved)s::json) AS t(born integer, role text, name text)
)""",
    "tags": """
marks AS (
    INSERT INTO tags (name, value, task)
    SELECT t.name, t.value, base + t.born
    FROM begun, json_to_recordset(%(tags)s::json) AS t(born integer, name text, value text)
)""",
    "released": """
freed AS (
    UPDATE tasks SET owner = NULL
    FROM begun, json_array_elements_text(%(released)s::json) AS t(number)
    WHERE tasks.number = t.number::bigint AND owner = %(me)s::bigint
)""",
    "unheld": """
unheld AS (
    DELETE FROM holdings USING begun, json_array_elements_text(%(unheld)s::json) AS t(ticket)
    WHERE holdings.ticket = t.ticket::bigint AND instance = %(me)s::bigint
)""",
}
_BEGUN: Final = """
begun AS MATERIALIZED (SELECT begin_commit(%(me)s::bigint, %(serial)s::bigint, %(total)s::bigint) AS base)"""
_TOLD: Final = """
SELECT base, (
    SELECT pg_notify(%(channel)s::text, 'news')
    WHERE EXISTS (SELECT FROM instances WHERE follows AND number <> %(me)s::bigint)
)
FROM begun
"""


@cache
def storing(parts: tuple[str, ...]) -> str:
    """Give the statement that stores these parts."""
    return f"WITH {','.join([_BEGUN, *(_PARTS[part] for part in parts)])}{_TOLD}"
