"""The statement that stores a group of appends: of the parts that this group has, for the server takes up time with each.

First it gets its positions (`begin_commit`), which is also what refuses an instance that was declared dead. Turns take
their rows from arrays, every other part from JSON, and all take what is bytes from places in the blob. A number of a
task below 0 is that of one that begins here: its first record has that place.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from string import Template
from typing import Final

import attrs

# ruff: noqa: S608 - what is put into the statements are constants of this module
_STANDING: Final = "state text, awake boolean, due float8, run integer, changed float8, shown text, steps_done integer"
_TYPES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("me", "serial", "total"), "bigint"),
    "channel": "text",
    "format": "smallint",
    "blob": "bytea",
    "turn_task": "bigint[]",
    **dict.fromkeys([f"turn_{name}" for name in ("at", "ordinal", "records", "key", "f", "n")], "integer[]"),
    **dict.fromkeys(("templates", "born", "moved", "involved", "tags", "released", "unheld"), "json"),
}
_PARTS: Final[Mapping[str, str]] = {
    "templates": """
known AS (
    INSERT INTO templates (hash, key, body)
    SELECT substring($blob FROM t.hash_at FOR 32), t.key, substring($blob FROM t.f FOR t.n)
    FROM begun, json_to_recordset($templates) AS t(hash_at integer, key integer, f integer, n integer)
    ON CONFLICT DO NOTHING
)""",
    "born": f"""
born AS (
    INSERT INTO tasks (number, id, template, owner, format, state, awake, due, run, changed, shown, steps_done,
                       kind, batch, resolution, flow, listing)
    SELECT base + t.at, t.id, substring($blob FROM t.hash_at FOR 32), $me, $format,
           t.state, t.awake, t.due, t.run, t.changed, t.shown, t.steps_done, t.kind, t.batch, t.resolution, t.flow,
           substring($blob FROM t.f FOR t.n)
    FROM begun, json_to_recordset($born) AS t(at integer, id text, hash_at integer, kind text, batch text,
        resolution text, flow boolean, f integer, n integer, {_STANDING})
)""",
    "turns": """
arrived AS (
    INSERT INTO turns (position, task, ordinal, records, writer, key, body)
    SELECT base + t.at, CASE WHEN t.task < 0 THEN base - t.task ELSE t.task END, t.ordinal, t.records, $me, t.key,
           substring($blob FROM t.f FOR t.n)
    FROM begun, unnest($turn_at, $turn_task, $turn_ordinal, $turn_records, $turn_key, $turn_f, $turn_n)
        AS t(at, task, ordinal, records, key, f, n)
)""",
    "moved": f"""
moved AS (
    UPDATE tasks
    SET state = t.state, awake = t.awake, due = t.due, run = t.run, changed = t.changed, shown = t.shown,
        steps_done = t.steps_done
    FROM begun, json_to_recordset($moved) AS t(number bigint, {_STANDING})
    WHERE tasks.number = t.number
)""",
    "involved": """
parts AS (
    INSERT INTO involved (role, name, task)
    SELECT t.role, t.name, base + t.born
    FROM begun, json_to_recordset($involved) AS t(born integer, role text, name text)
)""",
    "tags": """
marks AS (
    INSERT INTO tags (name, value, task)
    SELECT t.name, t.value, base + t.born
    FROM begun, json_to_recordset($tags) AS t(born integer, name text, value text)
)""",
    "released": """
freed AS (
    UPDATE tasks SET owner = NULL
    FROM begun, json_array_elements_text($released) AS t(number)
    WHERE tasks.number = t.number::bigint AND owner = $me
)""",
    "unheld": """
unheld AS (
    DELETE FROM holdings USING begun, json_array_elements_text($unheld) AS t(ticket)
    WHERE holdings.ticket = t.ticket::bigint AND instance = $me
)""",
}
_BEGUN: Final = """
begun AS MATERIALIZED (SELECT begin_commit($me, $serial, $total) AS base)"""
_TOLD: Final = """
SELECT base, (
    SELECT pg_notify($channel, 'news')
    WHERE EXISTS (SELECT FROM instances WHERE follows AND number <> $me)
)
FROM begun
"""


@attrs.frozen
class Statement:
    """A statement as the server takes it. `places` names its values, in their order."""

    text: str
    places: Sequence[str]


@cache
def storing(parts: frozenset[str]) -> Statement:
    """Give the statement that stores these parts."""
    text = Template(f"WITH {','.join([_BEGUN, *(text for part, text in _PARTS.items() if part in parts)])}{_TOLD}")
    places = text.get_identifiers()
    return Statement(
        text.substitute({name: f"${number}::{_TYPES[name]}" for number, name in enumerate(places, 1)}), places
    )
