"""Takes hold of tasks, and lets go of them: what this instance holds, as it knows, and as the store does.

The two may differ where the answer to a claim was lost: then the store says that we hold a task of which we know
nothing, and nobody goes on with it. So after such a failure whatever the store says is ours is looked through, and taken
on: nothing is let go of that way, for it may be what somebody here is about to hear that he holds. That is done once
nothing that was asked on a link that was given up can still arrive (`Links.sure`), for it would be a claim after the look.

A resource is the other way round: whoever wanted it has gone, so what was given back while something might still arrive
is given back again when nothing can.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final

import trio

from runtime.journal import queries
from runtime.journal.postgres.committer import Committer
from runtime.journal.postgres.instance import LOST, Instance
from runtime.journal.postgres.links import Links
from runtime.journal.postgres.writer import FENCE, Holding
from runtime.journal.protocol import LeaseLost, Stored
from runtime.journal.shared import Claim, Claimed

_LOOK_AGAIN_SECONDS: Final = 0.01

Look = Callable[[str, Mapping[str, Any]], Awaitable[Sequence[Sequence[Any]]]]


class Claimer:
    """Claims for one incarnation of an instance. `look` executes a statement; `records_format` is what it can read."""

    def __init__(
        self,
        instance: Instance,
        committer: Committer,
        links: Links,
        held: dict[str, Holding],
        *,
        look: Look,
        records_format: int,
    ) -> None:
        self._instance = instance
        self._committer = committer
        self._links = links
        self._held = held
        self._look = look
        self._format = records_format
        self._unsure = False
        """Whether the store may say that we hold what we do not know of."""
        self._given_back: list[int] = []
        """The tickets that may be held again by what arrives late."""
        self._let_go: set[str] | None = None
        """What was let go of while what the store says is looked through."""

    async def claim(self, task_id: str) -> Claimed:
        """Take hold of a task; see `SharedJournal.claim`."""
        holding = self._held.get(task_id)
        if holding is not None and not holding.ended:
            await trio.lowlevel.checkpoint()
            return Claim.OURS
        await self._settled()
        while True:
            rows = await self._look(_WHOSE, {"id": task_id})  # of what another one holds, no more than that is asked
            if not rows:
                return Claim.UNKNOWN
            owner, alive, its_format = rows[0]
            if alive and owner != self._instance.number:
                return int(owner)
            if its_format > self._format:
                return Claim.NOBODYS
            rows = await self._claimed(_CLAIM, {"id": task_id})
            if rows:
                self._hold(task_id, rows[0][0])
                return Claim.OURS
            if not self._instance.held:
                raise LeaseLost(LOST)
            await trio.sleep(_LOOK_AGAIN_SECONDS)  # somebody else was quicker

    async def claim_awake(self, limit: int) -> Sequence[Stored]:
        """Take hold of what was left awake; see `SharedJournal.claim_awake`."""
        lost: Sequence[Stored] = ()
        if self._links.sure:
            while self._given_back:
                self._committer.unhold(self._given_back.pop())
            lost = await self._lost() if self._unsure else ()
        return lost or await self._claim_some(_CLAIM_AWAKE, {"limit": limit})

    async def claim_due(self, until: float, limit: int) -> Sequence[Stored]:
        """Take hold of what is due; see `SharedJournal.claim_due`."""
        return await self._claim_some(_CLAIM_DUE, {"limit": limit, "until": until})

    async def _claim_some(self, statement: str, values: Mapping[str, Any]) -> Sequence[Stored]:
        await self._settled()
        claimed = [queries.stored(row) for row in await self._claimed(statement, values)]
        for stored in claimed:
            self._hold(stored.task_id, stored.number)
        return sorted(claimed, key=lambda stored: (stored.standing.due or 0.0, stored.number))

    def _hold(self, task_id: str, number: int) -> None:
        """Hold a task that was claimed; of one that had ended others may have stored something meanwhile."""
        if self._held.setdefault(task_id, Holding(number)).ended:
            self._held[task_id] = Holding(number)

    async def _claimed(self, statement: str, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        try:
            return await self._look(statement, {"me": self._instance.number, "format": self._format, **values})
        except BaseException:
            self._unsure = True
            raise

    async def _lost(self) -> Sequence[Stored]:
        """Take on what the store says that we hold, and we do not know of."""
        let_go = self._let_go = set()
        await self._committer.settled()
        self._unsure = False
        try:
            ours = [queries.stored(row) for row in await self._claimed(_OUR_OWN, {})]
        finally:
            self._let_go = None
        lost = [one for one in ours if one.task_id not in self._held and one.task_id not in let_go]
        self._held.update((one.task_id, Holding(one.number)) for one in lost)
        return lost

    def release(self, task_ids: Collection[str]) -> None:
        """Let go of tasks; see `SharedJournal.release`."""
        let_go = {task_id: self._held.pop(task_id) for task_id in task_ids if task_id in self._held}
        if let_go:
            if self._let_go is not None:
                self._let_go |= let_go.keys()
            self._committer.release([holding.number for holding in let_go.values() if not holding.ended])

    def unhold(self, ticket: int) -> None:
        """Give a resource back; see `SharedJournal.unhold`."""
        self._committer.unhold(ticket)
        if not self._links.sure:
            self._given_back.append(ticket)

    async def _settled(self) -> None:
        if not self._committer.sure:
            await self._committer.settled()


_OURS: Final = "owner = me.number, format = greatest(tasks.format, %(format)s)"
# ruff: noqa: S608 - what is put into the statements below are constants of this module
_WHOSE: Final = """
SELECT owner, EXISTS (SELECT FROM instances WHERE instances.number = owner), format FROM tasks WHERE id = %(id)s
"""
_CLAIM: Final = f"""{FENCE}
UPDATE tasks SET {_OURS} FROM me
WHERE id = %(id)s AND format <= %(format)s
  AND (owner IS NULL OR owner = me.number OR NOT EXISTS (SELECT FROM instances WHERE instances.number = owner))
RETURNING tasks.number
"""
_STANDING: Final = "number, id, state, awake, due, run"
_CLAIM_SOME: Final = f"""{FENCE},
picked AS (
    SELECT tasks.number FROM tasks, me WHERE owner IS NULL AND format <= %(format)s AND {{which}}
    LIMIT %(limit)s FOR UPDATE OF tasks SKIP LOCKED
)
UPDATE tasks SET {_OURS} FROM me, picked WHERE tasks.number = picked.number
RETURNING tasks.{_STANDING}
"""
_CLAIM_AWAKE: Final = _CLAIM_SOME.format(which="awake ORDER BY tasks.number")
_CLAIM_DUE: Final = _CLAIM_SOME.format(which="due IS NOT NULL AND due <= %(until)s ORDER BY due, tasks.number")
_OUR_OWN: Final = f"SELECT {_STANDING} FROM tasks WHERE owner = %(me)s"
