"""The post office: questions about tasks that other instances hold, and theirs about ours.

A question is sent to whoever holds its task, is asked at the intake there, and its answer comes back the same way. Where
the holder has just let go of the task, cannot take the question now, or died before it looked, nothing was done, and the
question goes back to our own intake, which looks anew who holds the task. Where it died with the question in hand nobody
knows, and the asker is told so.

Whoever asks may do so without a deadline, so every letter ends in an answer, or in the asker's hearing that there will
be none. An answer that could not be sent for sure is sent again: one that comes twice is heard once. A question that
could not is not, for it might be done twice: the asker is told so. What nobody waits for is said again until it is heard,
and changes nothing the second time.

If this instance dies, or loses its lease, what it had not been answered is said by nobody any more, and nothing is lost
by that. A question that somebody waits for is theirs to ask again: a child that came to rest asks until its parent has
recorded that, and is not idle until then, so whoever takes it over asks anew. What nobody waits for (`GiveTurn`,
`NewerFlow`) follows from what the journal lists: a flow that waits for its turn counts as left awake, so every instance
that looks for such works out anew who is to be told (`runtime.work.flows.turns`).
"""

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeAlias

import attrs
import trio

from actors import (
    Actor,
    ActorStopped,
    Address,
    AskExpired,
    ChildUnknown,
    Exit,
    Failed,
    MailboxFull,
    Question,
    Returned,
    Timers,
)
from runtime.errors import Refused, Unavailable
from runtime.journal.protocol import JournalUnavailable
from runtime.journal.shared import Letter, SharedJournal
from runtime.work.letters import (
    LetterUnreadable,
    Uncertain,
    decode_answer,
    decode_question,
    encode_answer,
    encode_question,
)
from runtime.work.messages import Forward, LookAtMail

_ANSWER_WITHIN_SECONDS: Final = 30.0
_LOOK_AGAIN_SECONDS: Final = 0.5
"""How often to look by ourselves while an answer is awaited: the word that there is one may be lost."""

_LOOK_ANYWAY_SECONDS: Final = 1.0
_AGAIN_SECONDS: Final = 0.05
"""How long whoever holds a task gets to let go of it before it is asked again."""

_LAST_WORD_SECONDS: Final = 1.0
"""How long an office that ends may take to say so to whoever waits."""

_BITS: Final = 31
_TIMER: Final = "mail"


@attrs.frozen
class Handled:
    """A letter has been dealt with."""


@attrs.frozen
class _AskAgain:
    """A question was not taken: it goes back to the intake."""

    forward: Forward


@attrs.define
class _Sent:
    """A question on its way. `doubted`: whoever was asked was not there when we looked last."""

    forward: Forward
    doubted: bool = False


Message: TypeAlias = Forward | LookAtMail | Handled | _AskAgain


class PostOffice(Actor[Message]):
    """See the module's docstring. `intake` gives the intake of now."""

    def __init__(self, journal: SharedJournal, timers: Timers, intake: Callable[[], Address[Any]]) -> None:
        self._journal = journal
        self._timers = timers
        self._intake = intake
        self._sent: dict[int, _Sent] = {}
        self._last = secrets.randbits(_BITS) << _BITS  # what answers a question of the office before is not ours

    async def started(self) -> None:
        """Look for what came before."""
        await self._look()

    async def turn(self, batch: Sequence[Message | Question[Message]]) -> None:
        """Send what is to be sent; then look at what came."""
        looks = False
        for item in batch:
            match item:
                case Forward():
                    await self._send(item)
                case _AskAgain(forward=forward):
                    self._ask_again(forward)
                case LookAtMail():
                    looks = True
                case _:
                    pass
        if looks:
            await self._look()

    async def _send(self, forward: Forward) -> None:
        if not forward.wanted:
            return
        self._last += 1
        try:
            body = encode_question(forward.message)
            there = await self._journal.send(forward.instance, self._last, body, answer=False)
        except JournalUnavailable as away:
            self._give_up(forward, f"{away}: it may still be done")
            return
        except LetterUnreadable as refusal:
            forward.refuse(Unavailable(str(refusal)))
            return
        if there:
            self._sent[self._last] = _Sent(forward)
            self._timers.arm_in(_TIMER, _LOOK_AGAIN_SECONDS, self.address, LookAtMail())
        else:
            self._later(forward)

    async def _look(self) -> None:
        self._timers.arm_in(
            _TIMER, _LOOK_AGAIN_SECONDS if self._sent else _LOOK_ANYWAY_SECONDS, self.address, LookAtMail()
        )
        with suppress(JournalUnavailable):  # what is there is there the next time
            for letter in await self._journal.fetch():
                if letter.answer:
                    self._hear(letter)
                else:
                    self._take(letter)
            there = {receiver: await self._journal.lives(receiver) for receiver in self._receivers()}
            for conversation, sent in list(self._sent.items()):
                if not sent.forward.wanted:
                    del self._sent[conversation]
                elif not there.get(sent.forward.instance, True):
                    await self._doubt(conversation, sent)

    def _hear(self, letter: Letter) -> None:
        sent = self._sent.pop(letter.conversation, None)
        if sent is None:
            return
        try:
            error = decode_answer(letter.body)
        except LetterUnreadable as fault:
            error = Uncertain(f"{fault}: it may have been done")
        if isinstance(error, Uncertain):
            self._give_up(sent.forward, str(error))
        elif isinstance(error, Unavailable):  # nothing was done there
            self._later(sent.forward)
        elif error is not None:
            sent.forward.refuse(error)
        elif sent.forward.question is not None:
            sent.forward.question.answer(None)

    def _take(self, letter: Letter) -> None:
        """Have a question of another instance asked here, and answer it."""
        name = f"{letter.sender}.{letter.conversation}"
        if not any(child.name == name for child in self.children):
            self.children.start(name, self._answer, letter, report=lambda _ended: Handled())

    async def _answer(self, letter: Letter) -> None:
        answer: Exception | None = _UNKNOWN
        try:
            answer = await self._asked(letter.body)
            while not await self._sent_answer(letter, answer):  # noqa: ASYNC110 - it is the store that is waited for
                await trio.sleep(_LOOK_AGAIN_SECONDS)
        except trio.Cancelled:  # this office ends; the instance may go on, and the asker waits for it
            with trio.CancelScope(shield=True, deadline=trio.current_time() + _LAST_WORD_SECONDS):
                await self._sent_answer(letter, answer)
            raise

    async def _sent_answer(self, letter: Letter, answer: Exception | None) -> bool:
        try:
            await self._journal.send(letter.sender, letter.conversation, encode_answer(answer), answer=True)
        except JournalUnavailable:
            return False
        return True

    async def _asked(self, body: bytes) -> Exception | None:
        try:
            question = decode_question(body)
            await self._intake().ask(question, deadline=self.clock.monotonic() + _ANSWER_WITHIN_SECONDS)
        except (ChildUnknown, MailboxFull) as gone:
            return Unavailable(str(gone))
        except LetterUnreadable as fault:
            text = f"nothing was done: the instance that has the task is of another version ({fault}): ask again later"
            return Uncertain(text)  # so that it is not asked again at once
        except (ActorStopped, AskExpired):
            return _UNKNOWN
        except Refused as refusal:
            return refusal
        return None

    def _receivers(self) -> set[int]:
        return {sent.forward.instance for sent in self._sent.values()}

    async def _doubt(self, conversation: int, sent: _Sent) -> None:
        """See what became of a question to an instance that is gone: its answer may have come at the last moment."""
        if not sent.doubted:
            sent.doubted = True
            return
        unread = await self._journal.unread(sent.forward.instance, conversation)
        del self._sent[conversation]
        if unread:
            self._later(sent.forward)
        else:
            self._give_up(sent.forward, "the instance that had the task is gone: it may still be done")

    def _give_up(self, forward: Forward, why: str) -> None:
        """End a question of which nobody knows whether it was heard."""
        if forward.question is None:
            self._later(forward)
        else:
            forward.refuse(Unavailable(why))

    def _later(self, forward: Forward) -> None:
        self._last += 1
        self.children.start(f"again {self._last}", trio.sleep, _AGAIN_SECONDS, report=partial(_again, forward))

    def _ask_again(self, forward: Forward) -> None:
        if not forward.wanted:
            return
        try:
            self._intake().post(forward.question or forward.message)
        except (ActorStopped, ChildUnknown, MailboxFull) as gone:
            forward.refuse(Unavailable(f"nothing was done: {gone}"))


def _again(forward: Forward, ended: Exit[None]) -> _AskAgain | Handled:
    if isinstance(ended, Returned | Failed):
        return _AskAgain(forward)
    forward.refuse(Unavailable("the runtime is shutting down"))
    return Handled()


_UNKNOWN: Final = Uncertain("the instance that has the task does not answer in time: it may still be done")
