"""What a runtime has besides where other instances share its journal: the parts, and where they are in the tree.

The first part of the tree is the instance itself (``store``): its connections, and its lease. When the lease is lost
that part fails, and everything that follows it is stopped before it begins anew: what worked for the old lease is gone
before there is another. The intake's post office and the follower come after the intake.
"""

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import trio

from actors import (
    ActorStopped,
    Address,
    ChildSpec,
    ChildUnknown,
    Inbox,
    MailboxFull,
    Restart,
    RestartWindow,
    ShutdownContext,
    Timers,
    infrastructure,
)
from runtime.journal.protocol import CommitsLost, JournalUnavailable
from runtime.journal.shared import SharedJournal, Signal
from runtime.work.broadcast import Broadcast
from runtime.work.claims import Shared
from runtime.work.following import Ear, Follower
from runtime.work.messages import LookAtMail
from runtime.work.post import PostOffice
from runtime.work.wakeups import Agenda

if TYPE_CHECKING:
    from runtime.work.tree import Tree

_POST: Final = "post"
_FOLLOWER: Final = "follower"
_HAND_OVER_SECONDS: Final = 0.1
"""How often, while it shuts down, a runtime lets others have what has left its memory."""

_LEASES: Final = RestartWindow(limit=50)
"""How often a lease may be lost before an instance gives up: more often than any that is merely slow."""


class Sharing:
    """The parts."""

    def __init__(
        self,
        journal: SharedJournal,
        tree: "Tree",
        *,
        broadcast: Broadcast,
        timers: Timers,
        agenda: Agenda,
        shutdown: ShutdownContext,
    ) -> None:
        self._journal = journal
        self._broadcast = broadcast
        self._tree = tree
        self._shutdown = shutdown
        self._ear = ear = Ear(journal, lambda: tree.root().address_of(_FOLLOWER))
        self.claims = Shared(journal, partial(_let_go, broadcast, ear))
        self.specs_before = (
            ChildSpec(
                id="store",
                start=infrastructure(self._be_an_instance),
                restart=Restart.PERMANENT,
                window=_LEASES,
                stop_within=0,
                handshake=True,
            ),
            ChildSpec(id="hand-over", start=infrastructure(self._hand_over), restart=Restart.PERMANENT, stop_within=0),
        )
        self.specs_after = (
            ChildSpec(
                id=_POST,
                start=lambda _incarnation: PostOffice(journal, timers, tree.intake),
                restart=Restart.PERMANENT,
                stop_within=0,
                capacity=10_000,
            ),
            ChildSpec(
                id=_FOLLOWER,
                start=lambda _incarnation: Follower(journal, broadcast, timers, ear),
                restart=Restart.PERMANENT,
                stop_within=0,
                capacity=10_000,
            ),
        )
        broadcast.listened = ear.listened
        journal.listen(Signal.WORK, agenda.look_now)
        journal.listen(Signal.NEWS, ear.news)
        journal.listen(Signal.MAIL, self._mail_came)

    def post(self) -> Address[Any]:
        """Give the post office of now."""
        return self._tree.root().address_of(_POST)

    async def sure(self) -> None:
        """Wait until this instance holds its lease for sure."""
        if not self._journal.lease_held:  # asked before every attempt, and nearly always so
            await self._journal.lease_sure()

    def _mail_came(self) -> None:
        with suppress(ActorStopped, ChildUnknown, MailboxFull):  # it looks by itself, soon
            self.post().post(LookAtMail())

    async def _be_an_instance(self, inbox: Inbox[object]) -> None:
        try:
            await self._journal.run(inbox.started)
        except CommitsLost as lost:
            self._broadcast.dismiss(str(lost))
            raise

    async def _hand_over(self, _inbox: Inbox[object]) -> None:
        """While the runtime shuts down, let others have each task soon after it has left memory.

        Not at once: the intake may be about to record what was not begun of one that it has just taken on.
        """
        await self._shutdown.wait_draining()
        before: frozenset[str] = frozenset()
        while True:
            left = frozenset(task_id for task_id in self._journal.held if not self._in_memory(task_id))
            if left & before:
                self.claims.release(left & before)
                with suppress(JournalUnavailable):  # they look by themselves
                    await self._journal.wake_others()
            before = left
            await trio.sleep(_HAND_OVER_SECONDS)

    def _in_memory(self, task_id: str) -> bool:
        try:
            self._tree.tasks().address_of(task_id)
        except ChildUnknown:
            return False
        return True


def _let_go(broadcast: Broadcast, ear: Ear, task_id: str) -> None:
    if broadcast.awaits(task_id):
        ear.listened(task_id)
