"""A group of appends as one statement: one round trip, one commit, however many tasks have a part in it.

Turns travel as arrays, a column each; what else is stored, of which there is little, as JSON; and all that is bytes as
one blob in which those have places: all of them are made quickly here, and taken apart quickly there (`store_group` in
`runtime.journal.postgres.schema`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

import attrs
import msgspec
from psycopg.pq import Format

from runtime.engine.states import ResolutionState
from runtime.journal.listing import Listing
from runtime.journal.postgres.database import renew_key
from runtime.journal.postgres.driver import TrioConnection
from runtime.journal.protocol import AlreadyStored, NotHeld, Standing
from runtime.journal.turns import Turn, encode_listing
from runtime.journal.vault import Vault, template_context, turn_context

_encode: Final = msgspec.json.Encoder().encode

FENCE: Final = "WITH me AS MATERIALIZED (SELECT number FROM instances WHERE number = %(me)s FOR KEY SHARE)"
"""An instance that is held for dead takes hold of nothing; one that is not cannot become so meanwhile."""


@attrs.define
class Holding:
    """A task that this instance holds: its number, and how many records it has, once it was read or stored.

    `ended`: it is nobody's any more as far as the server goes, and is taken hold of again if there is more to store of it.
    """

    number: int
    records: int | None = None
    ended: bool = False


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
    """What one statement stores. `total`: so many records. `over`: tasks that had ended before, and are to be held again.

    The turns are columns: each is of a task of this number (or of one that begins here: minus the place of its first
    record), of which there were so many records before (`ordinals`); `lengths` says how many there are then.
    """

    turns: Sequence[Turn]
    tasks: list[int] = attrs.field(factory=list)
    ordinals: list[int] = attrs.field(factory=list)
    lengths: dict[str, int] = attrs.field(factory=dict)
    keys: Sequence[int | None] = ()
    bodies: Sequence[bytes] = ()
    blob: bytearray = attrs.field(factory=bytearray)
    total: int = 0
    born: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    moved: dict[int, Mapping[str, Any]] = attrs.field(factory=dict)
    templates: list[Mapping[str, Any]] = attrs.field(factory=list)
    digests: set[bytes] = attrs.field(factory=set)
    involved: list[Mapping[str, Any]] = attrs.field(factory=list)
    tags: list[Mapping[str, Any]] = attrs.field(factory=list)
    relisted: list[tuple[int, Listing]] = attrs.field(factory=list)
    ended: set[str] = attrs.field(factory=set)
    over: set[str] = attrs.field(factory=set)

    def arguments(self, freed: Freed) -> Sequence[bytes | None]:
        """Give what `store_group` is to store, from the blob on. The bodies of the turns are what the blob ends with."""
        others = (self.templates, list(self.born.values()), list(self.moved.values()), self.involved, self.tags)
        return (
            b"".join((self.blob, *self.bodies)),
            *(self._columns() if self.turns else _NO_TURNS),
            *[_encode(rows) if rows else None for rows in others],
            *[_array(numbers) if numbers else None for numbers in (freed.tasks, freed.tickets)],
        )

    def _columns(self) -> Sequence[bytes]:
        records = [turn.records for turn in self.turns]
        lengths = [len(body) for body in self.bodies]
        return (
            _array(accumulate(records[:-1], initial=1)),
            _array(self.tasks),
            _array(self.ordinals),
            _array(records),
            _array(self.keys),
            _array(accumulate(lengths[:-1], initial=len(self.blob) + 1)),
            _array(lengths),
        )

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
        self._as_whom = (b"%d" % me, channel.encode(), b"%d" % records_format)
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
            NotHeld: a turn is of a task that this instance does not hold.
            psycopg.Error: nothing was stored.
        """
        await renew_key(connection, self._vault, self._numbers)
        rows = self.rows(turns)
        if rows.over:
            await self._take_back(connection, rows.over)
            rows = self.rows(turns)
        return rows

    async def _take_back(self, connection: TrioConnection, ended: Collection[str]) -> None:
        """Hold tasks again that had ended, but for those that somebody else has taken hold of meanwhile."""
        numbers = {self._held[task_id].number: task_id for task_id in ended}
        cursor = await connection.execute(_TAKE_BACK, {"me": self._me, "numbers": list(numbers)})
        ours = {numbers[number] for (number,) in await cursor.fetchall()}
        for task_id in ended:
            if task_id in ours:
                self._held[task_id].ended = False
            else:
                del self._held[task_id]

    async def store(self, connection: TrioConnection, serial: int, rows: Rows, freed: Freed = NOTHING) -> "Stored":
        """Store all rows in one commit, the `serial`-th of this instance, and let go of what is `freed`.

        Raises:
            psycopg.Error: nothing was stored, or nobody knows.
        """
        arguments = (*self._as_whom, b"%d" % serial, *rows.arguments(freed))
        if not rows.relisted:
            base = await connection.call(_STORE, arguments, _FORMATS)
        else:
            async with connection.transaction():
                base = await connection.call(_STORE, arguments, _FORMATS)
                for number, listing in rows.relisted:
                    await _relist(connection, number, listing)
        assert base is not None  # noqa: S101 - it is one row, or an error
        return Stored(int(base), rows)

    def grow(self, stored: "Stored") -> None:
        """Know what was stored. Sync."""
        rows = stored.rows
        self._templates_stored |= rows.digests
        held = self._held
        for task_id, birth in rows.born.items():
            held[task_id] = Holding(stored.base + birth["at"])
        for task_id, records in rows.lengths.items():
            holding = held.get(task_id)
            if holding is not None:  # it may have been let go of meanwhile
                holding.records = records
        for task_id in rows.ended & held.keys():
            held[task_id].ended = True

    def disown(self, turns: Sequence[Turn]) -> Sequence[int]:
        """Hold what these turns have begun no longer: nobody knows of it. Gives its numbers. Sync."""
        born = (self._held.pop(turn.task_id, None) for turn in turns if turn.template is not None)
        return [holding.number for holding in born if holding is not None]

    def rows(self, turns: Sequence[Turn]) -> Rows:
        """Give what turns come to.

        Raises:
            AlreadyStored: two of them begin the same task.
            NotHeld: one of them is of a task that is not held.
        """
        rows = Rows(turns)
        held, lengths, tasks, ordinals = self._held, rows.lengths, rows.tasks, rows.ordinals
        for turn in turns:
            task_id = turn.task_id
            holding = held.get(task_id)
            if holding is not None and turn.template is None:
                number, ordinal = holding.number, lengths.get(task_id, holding.records)
                if holding.ended:
                    rows.over.add(task_id)
            else:
                number, ordinal = self._begun(rows, turn), lengths.get(task_id, 0)
            if ordinal is None:
                raise NotHeld(_NOT_OURS.format(task_id))
            if turn.standing is not None:
                self._move(rows, turn, number, turn.standing)
            tasks.append(number)
            ordinals.append(ordinal)
            lengths[task_id] = ordinal + turn.records
            rows.total += turn.records
        if self._vault.seals:
            sealed = [
                self._vault.seal(turn.body, turn_context(turn.task_id, at))
                for turn, at in zip(turns, ordinals, strict=True)
            ]
            rows.keys, rows.bodies = [key for key, _ in sealed], [body for _, body in sealed]
        else:
            rows.bodies = [turn.body for turn in turns]
        return rows

    def _begun(self, rows: Rows, turn: Turn) -> int:
        """Give what stands for the number of a task that begins with this turn, or with one before it."""
        birth = rows.born.get(turn.task_id)
        if turn.template is not None:
            if birth is not None:
                raise AlreadyStored([turn.task_id])
            birth = rows.born[turn.task_id] = self._birth(rows, turn)
        if birth is None:
            raise NotHeld(_NOT_OURS.format(turn.task_id))
        return -int(birth["at"])

    def _move(self, rows: Rows, turn: Turn, number: int, standing: Standing) -> None:
        """Have a task stand where a turn leaves it. One that has ended leaves memory, too, nearly always: it is let go of."""
        ended = standing.state in _ENDED and not standing.awake
        row = {**_standing(standing, turn.changed), "free": ended}
        (rows.ended.add if ended else rows.ended.discard)(turn.task_id)
        if number < 0:
            rows.born[turn.task_id].update(row)
            return
        rows.moved[number] = {"number": number, **row}
        if turn.listing is not None:
            rows.relisted.append((number, turn.listing))

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


def _array(values: Iterable[int | None]) -> bytes:
    """Give an array of integers as the server reads one: as JSON, but for the brackets."""
    return b"{%b}" % _encode(list(values))[1:-1]


_STORE: Final = """
SELECT store_group(
    me => $1::bigint, channel => $2::text, its_format => $3::smallint, serial => $4::bigint,
    blob => $5::bytea,
    turn_at => $6::integer[], turn_task => $7::bigint[], turn_ordinal => $8::integer[], turn_records => $9::integer[],
    turn_key => $10::integer[], turn_from => $11::integer[], turn_bytes => $12::integer[],
    new_templates => $13::json, new_tasks => $14::json, moved => $15::json, new_involved => $16::json, new_tags => $17::json,
    released => $18::bigint[], unheld => $19::bigint[]
)
"""
_FORMATS: Final = [*[Format.TEXT] * 4, Format.BINARY, *[Format.TEXT] * 14]
_NO_TURNS: Final = (None,) * 7
_NOT_OURS: Final = "task {} is not held by this instance: another one goes on with it"
_ENDED: Final = (ResolutionState.DONE, ResolutionState.CANCELLED)
_TAKE_BACK: Final = f"""{FENCE}
UPDATE tasks SET owner = me.number FROM me WHERE tasks.number = ANY(%(numbers)s) AND owner IS NULL RETURNING tasks.number
"""  # noqa: S608 - what is put in is a constant
_RELISTED: Final = "UPDATE tasks SET kind = %s, batch = %s, resolution = %s, flow = %s, listing = %s WHERE number = %s"
