"""A group of appends as one statement: one round trip, one commit, however many tasks have a part in it.

What is stored travels as JSON, and all that is bytes as one blob that the JSON has places in: both are made quickly
here, and taken apart quickly there (`statement`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs
import msgspec
from psycopg.pq import Format

from runtime.journal.listing import Listing
from runtime.journal.postgres.database import renew_key
from runtime.journal.postgres.driver import TrioConnection
from runtime.journal.postgres.statement import storing
from runtime.journal.protocol import AlreadyStored, LeaseLost, Standing
from runtime.journal.turns import Turn, encode_listing
from runtime.journal.vault import Vault, template_context, turn_context

_encode: Final = msgspec.json.Encoder().encode


@attrs.define
class Holding:
    """A task that this instance holds: its number, and how many records it has, once it was read or stored."""

    number: int
    records: int | None = None


@attrs.frozen
class Freed:
    """What is let go of with a commit: tasks by their numbers, and what is held under tickets."""

    tasks: Sequence[int] = ()
    tickets: Sequence[int] = ()

    def __bool__(self) -> bool:
        """Whether it is anything."""
        return bool(self.tasks or self.tickets)


NOTHING: Final = Freed()


@attrs.define
class Rows:
    """What one statement stores. `total`: so many records; `grown`: what is held once they are stored."""

    blob: bytearray = attrs.field(factory=bytearray)
    total: int = 0
    turns: list[Mapping[str, Any]] = attrs.field(factory=list)
    born: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    moved: dict[int, Mapping[str, Any]] = attrs.field(factory=dict)
    templates: list[Mapping[str, Any]] = attrs.field(factory=list)
    digests: set[bytes] = attrs.field(factory=set)
    involved: list[Mapping[str, Any]] = attrs.field(factory=list)
    tags: list[Mapping[str, Any]] = attrs.field(factory=list)
    relisted: list[tuple[int, Listing]] = attrs.field(factory=list)
    records: dict[str, int] = attrs.field(factory=dict)

    def parts(self, freed: Freed) -> Mapping[str, Sequence[object]]:
        """Give what each part of the statement stores."""
        return {
            "templates": self.templates,
            "born": list(self.born.values()),
            "turns": self.turns,
            "moved": list(self.moved.values()),
            "involved": self.involved,
            "tags": self.tags,
            "released": freed.tasks,
            "unheld": freed.tickets,
        }

    def place(self, data: bytes) -> tuple[int, int]:
        """Put bytes into the blob; give where they begin, counted from 1, and how many there are."""
        begin = len(self.blob) + 1
        self.blob += data
        return begin, len(data)


class Writer:
    """Stores groups of turns for one incarnation of an instance; `held` are the tasks it may write of."""

    def __init__(
        self,
        me: int,
        *,
        channel: str,
        vault: Vault,
        numbers: dict[bytes, int],
        held: dict[str, Holding],
        records_format: int,
    ) -> None:
        self._me = me
        self._channel = channel
        self._format = records_format
        self._vault = vault
        self._numbers = numbers
        self._held = held
        self._templates_stored: set[bytes] = set()

    def doubt(self) -> None:
        """Take no template for stored, and no key for the one to seal with: either may have been deleted. Sync."""
        self._templates_stored.clear()
        self._vault.doubt()

    async def prepare(self, connection: TrioConnection, turns: Sequence[Turn]) -> Rows:
        """Give what turns come to: once for a group, however often it has to be sent.

        What is held may be let go of while a group is on its way, and what it was made of is not to be doubted then.

        Raises:
            AlreadyStored: two turns begin the same task.
            LeaseLost: a turn is of a task that this instance does not hold.
            psycopg.Error: nothing was stored.
        """
        await renew_key(connection, self._vault, self._numbers)
        return self.rows(turns)

    async def store(self, connection: TrioConnection, serial: int, rows: Rows, freed: Freed = NOTHING) -> "Stored":
        """Store all rows in one commit, the `serial`-th of this instance, and let go of what is `freed`.

        Raises:
            psycopg.Error: nothing was stored, or nobody knows.
        """
        parts = {name: _encode(part) for name, part in rows.parts(freed).items() if part}
        statement = storing(tuple(parts))
        values: dict[str, bytes | bytearray] = {
            "me": b"%d" % self._me,
            "serial": b"%d" % serial,
            "total": b"%d" % rows.total,
            "channel": self._channel.encode(),
            "format": b"%d" % self._format,
            "blob": rows.blob,
            **parts,
        }
        arguments = [values[place] for place in statement.places]
        formats = [Format.BINARY if place == "blob" else Format.TEXT for place in statement.places]
        if not rows.relisted:
            base = await connection.call(statement.text, arguments, formats)
        else:
            async with connection.transaction():
                base = await connection.call(statement.text, arguments, formats)
                for number, listing in rows.relisted:
                    await _relist(connection, number, listing)
        assert base is not None  # noqa: S101 - it is one row, or an error
        return Stored(int(base), rows)

    def grow(self, stored: "Stored") -> None:
        """Know what was stored. Sync."""
        rows = stored.rows
        self._templates_stored |= rows.digests
        for task_id, records in rows.records.items():
            born, holding = rows.born.get(task_id), self._held.get(task_id)
            if born is not None:
                self._held[task_id] = Holding(stored.base + born["at"], records)
            elif holding is not None:  # it may have been let go of meanwhile
                holding.records = records

    def disown(self, turns: Sequence[Turn]) -> Sequence[int]:
        """Hold what these turns have begun no longer: nobody knows of it. Gives its numbers. Sync."""
        born = (self._held.pop(turn.task_id, None) for turn in turns if turn.template is not None)
        return [holding.number for holding in born if holding is not None]

    def rows(self, turns: Sequence[Turn]) -> Rows:
        """Give what turns come to.

        Raises:
            AlreadyStored: two of them begin the same task.
            LeaseLost: one of them is of a task that is not held.
        """
        rows = Rows()
        held, born, lengths, blob = self._held, rows.born, rows.records, rows.blob
        seal = self._vault.seal if self._vault.seals else None
        for turn in turns:
            task_id, body, at = turn.task_id, turn.body, rows.total + 1
            ordinal, holding, birth = lengths.get(task_id), held.get(task_id), born.get(task_id)
            if turn.template is not None:
                if birth is not None:
                    raise AlreadyStored([task_id])
                birth = born[task_id] = self._birth(rows, turn)
            if ordinal is None and birth is not None:
                ordinal = 0
            elif ordinal is None and holding is not None:
                ordinal = holding.records
            if ordinal is None:
                raise LeaseLost(f"task {task_id} is not held by this instance: another one goes on with it")
            row: dict[str, int] = {"at": at, "ordinal": ordinal, "records": turn.records}
            if seal is not None:
                key, body = seal(body, turn_context(task_id, ordinal))
                if key is not None:
                    row["key"] = key
            row["f"], row["n"] = len(blob) + 1, len(body)
            blob += body
            if birth is not None:
                row["born"] = birth["at"]
                if turn.standing is not None:
                    birth.update(_standing(turn.standing, turn.changed))
            elif holding is not None:
                row["task"] = holding.number
                if turn.standing is not None:
                    rows.moved[holding.number] = {"number": holding.number, **_standing(turn.standing, turn.changed)}
                if turn.listing is not None:
                    rows.relisted.append((holding.number, turn.listing))
            rows.turns.append(row)
            lengths[task_id] = ordinal + turn.records
            rows.total += turn.records
        return rows

    def _birth(self, rows: Rows, turn: Turn) -> dict[str, Any]:
        digest, body = turn.template or (b"", b"")
        listing = turn.listing
        assert listing is not None  # noqa: S101 - what is new is listed
        hash_at, _ = rows.place(digest)
        if digest not in self._templates_stored and digest not in rows.digests:
            rows.digests.add(digest)
            key, sealed = self._vault.seal(body, template_context(digest))
            begin, length = rows.place(sealed)
            rows.templates.append({"hash_at": hash_at, "key": key, "f": begin, "n": length})
        at = rows.total + 1
        begin, length = rows.place(encode_listing(listing))
        rows.involved += [
            {"born": at, "role": str(role), "name": name} for role, name in dict.fromkeys(listing.involved())
        ]
        rows.tags += [{"born": at, "name": name, "value": value} for name, value in listing.tags.items()]
        return {
            "at": at,
            "id": turn.task_id,
            "hash_at": hash_at,
            "kind": listing.template,
            "batch": listing.batch,
            "resolution": listing.resolution,
            "flow": listing.flow,
            "f": begin,
            "n": length,
        }


@attrs.frozen
class Stored:
    """A group that was stored behind the position `base`."""

    base: int
    rows: Rows


def _standing(standing: Standing, changed: float) -> Mapping[str, Any]:
    return {
        "state": str(standing.state),
        "awake": standing.awake,
        "due": standing.due,
        "run": standing.run,
        "changed": changed,
        "shown": str(standing.task),
        "steps_done": standing.steps_done,
    }


async def _relist(connection: TrioConnection, number: int, listing: Listing) -> None:
    columns = (listing.template, listing.batch, listing.resolution, listing.flow, encode_listing(listing), number)
    await connection.execute(_RELISTED, columns)
    for forget in ("DELETE FROM involved WHERE task = %s", "DELETE FROM tags WHERE task = %s"):
        await connection.execute(forget, [number])
    cursor = connection.cursor()
    involved = [(str(role), name, number) for role, name in dict.fromkeys(listing.involved())]
    await cursor.executemany("INSERT INTO involved VALUES (%s, %s, %s)", involved)
    await cursor.executemany("INSERT INTO tags VALUES (%s, %s, %s)", [(*tag, number) for tag in listing.tags.items()])


_RELISTED: Final = "UPDATE tasks SET kind = %s, batch = %s, resolution = %s, flow = %s, listing = %s WHERE number = %s"
