"""What is looked up in a store: by any number of tasks at once, on connections that nobody writes on."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from runtime.journal.codec import RecordUnreadable, decode_template, decode_turn, later_records
from runtime.journal.postgres.database import key_numbers
from runtime.journal.postgres.pool import Lender
from runtime.journal.protocol import MOST_BYTES_TOGETHER, MOST_TURNS_TOGETHER, Committed, Record
from runtime.journal.queries import Query, short_histories
from runtime.journal.vault import SealBroken, Vault, memo_context, template_context, turn_context
from runtime.templates.model import Template

_TEMPLATES_KEPT: Final = 256
_PIECE: Final = 128
"""How many turns are read at a time."""


class _Missing(Exception):
    """A template is not at hand."""

    def __init__(self, digest: bytes) -> None:
        self.digest = digest


class Reader:
    """Reads through a pool. `numbers`, the store's numbers of keys, is kept up to date for `vault`."""

    def __init__(self, pool: Lender, vault: Vault, numbers: dict[bytes, int]) -> None:
        self._pool = pool
        self._vault = vault
        self._numbers = numbers
        self._templates: OrderedDict[bytes, Template] = OrderedDict()

    async def rows(self, query: Query) -> Sequence[Sequence[Any]]:
        """Give the rows of a statement that any database takes."""
        return await self.look(query.text.replace("?", "%s"), query.values)

    async def look(self, text: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> Sequence[Sequence[Any]]:
        """Give the rows of a statement."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(text, values or None, prepare=True)
            return await cursor.fetchall()

    async def turns(self, task_id: str) -> AsyncIterator[tuple[int, Sequence[Record]]]:
        """Give the records of one task, a turn at a time, and how many there are up to its end."""
        ordinal = -1
        while True:
            page = await self.look(_TURNS, [task_id, ordinal, _PIECE])
            for ordinal, key, body in page:
                records = await self._decode(task_id, ordinal, key, body)
                yield ordinal + len(records), records
            if len(page) < _PIECE:
                return

    async def histories(self, task_ids: Sequence[str]) -> Mapping[str, Sequence[Record]]:
        """Give the records of several tasks, but of those that have many turns, or a large one."""
        rows = await self.look(_HISTORIES, [MOST_BYTES_TOGETHER, MOST_TURNS_TOGETHER + 1, list(task_ids)])
        return {
            task_id: [record for turn in turns for record in await self._decode(task_id, *turn)]
            for task_id, turns in short_histories(rows).items()
        }

    async def since(self, position: int, task_id: str, limit: int) -> Sequence[Committed]:
        """See `Journal.since`."""
        if task_id:
            page = await self.look(_SINCE_OF, [task_id, position, limit])
        else:
            page = await self.look(_SINCE, [position, position, limit])
        return [await self._committed(*row) for row in page]

    async def _committed(self, first: int, task_id: str, ordinal: int, key: int | None, body: bytes) -> Committed:
        try:
            return Committed(first, task_id, await self._decode(task_id, ordinal, key, body))
        except RecordUnreadable:
            later = later_records(await self.open(key, body, turn_context(task_id, ordinal)))
            if not later:
                raise
            return Committed(first, task_id, (), later)

    async def _decode(self, task_id: str, ordinal: int, key: int | None, body: bytes) -> Sequence[Record]:
        opened = await self.open(key, body, turn_context(task_id, ordinal))
        while True:
            try:
                return decode_turn(opened, self._template)
            except _Missing as missing:
                await self._fetch(missing.digest)

    def _template(self, digest: bytes) -> Template:
        template = self._templates.get(digest)
        if template is None:
            raise _Missing(digest)
        return template

    async def _fetch(self, digest: bytes) -> None:
        """Read a template; tasks that follow each other share it, as those who submitted them did."""
        rows = await self.look("SELECT key, body FROM templates WHERE hash = %s", [digest])
        if not rows:
            raise RecordUnreadable("the template of a task is missing")
        [(key, body)] = rows
        self._templates[digest] = decode_template(await self.open(key, body, template_context(digest)))
        if len(self._templates) > _TEMPLATES_KEPT:
            self._templates.popitem(last=False)

    async def open(self, key: int | None, body: bytes, context: bytes) -> bytes:
        """Open what is sealed."""
        try:
            return self._vault.open(key, body, context)
        except SealBroken:  # another instance may have begun to use a new key
            self._numbers.update(await self.key_numbers())
            self._vault.settle()
            return self._vault.open(key, body, context)

    async def unreadable_memos(self) -> AsyncIterator[str]:
        """Name what steps remember that does not open."""
        number = 0
        while page := await self.look(_MEMOS, [number, _PIECE]):
            for number, identity, until, key, body in page:
                try:
                    await self.open(key, body, memo_context(identity, until))
                except SealBroken as fault:
                    yield f"memo {number}: {fault}"

    async def key_numbers(self) -> Mapping[bytes, int]:
        """Give the store's numbers of keys, by fingerprint."""
        async with self._pool.connection() as connection:
            return await key_numbers(connection)


_TURNS: Final = (
    "SELECT ordinal, key, body FROM turns WHERE task = (SELECT number FROM tasks WHERE id = %s) AND ordinal > %s"
    " ORDER BY ordinal LIMIT %s"
)
_HISTORIES: Final = (
    "SELECT id, ordinal, turns.key, body FROM tasks CROSS JOIN LATERAL"
    " (SELECT ordinal, key, CASE WHEN octet_length(body) <= %s THEN body END AS body FROM turns WHERE task = number ORDER BY ordinal LIMIT %s) AS turns"
    " WHERE id = ANY(%s) ORDER BY number, ordinal"
)
_MEMOS: Final = "SELECT number, identity, until, key, body FROM memos WHERE number > %s ORDER BY number LIMIT %s"
_SINCE: Final = (
    "SELECT position, id, ordinal, turns.key, body FROM turns JOIN tasks ON turns.task = tasks.number"
    " WHERE position >= coalesce((SELECT max(position) FROM turns WHERE position <= %s), 0)"
    " AND position + records - 1 > %s ORDER BY position LIMIT %s"
)
_SINCE_OF: Final = (
    "SELECT position, id, ordinal, turns.key, body FROM turns JOIN tasks ON turns.task = tasks.number"
    " WHERE task = (SELECT number FROM tasks WHERE id = %s) AND position + records - 1 > %s ORDER BY position LIMIT %s"
)
