"""An actor: private state, a mailbox, and one turn at a time.

A subclass names its messages (`class Counter(Actor[Add | Total])`) and says
what each does, in one of two ways:

* **handlers** - `@handles(Add)` marks a sync method for posted messages,
  `@answers(Total)` one for questions. They are collected into a table when the
  class is made: a type that is handled twice, not at all, or not in the union
  fails there. A handler cannot wait, so an actor always gets to its next
  message; what waits is an effect it returns, and the effects of a whole batch
  are performed together when its last handler has run (`perform`).
* **turn** - override `turn(batch)` to decide on everything that waits at once:
  fold a pure function over the batch, await one commit, act. Questions come as
  `Question(message, slot)` among plain messages.

Life of an incarnation:

    started() -> turn() ... turn() -> stopping(reason) -> children stopped
              -> turn() on what was still waiting and on the children's reports -> stopped

* `started` runs in the new task before the first turn.
* An orderly stop - asked for by the supervisor, or by `self.stop` - closes the
  mailbox at that very moment: later posts raise `ActorStopped`, and everything
  accepted before is still handled, after `stopping`. So a message that was
  taken is lost only if the actor crashes or is cut at its deadline, and then it
  is counted in `Stopped.unhandled`.
* `stopping` runs once per orderly stop, before the children are stopped. It may
  stop or spare them as it likes, and may call `await self.receive()` to take
  the messages and reports that come meanwhile; after it returns the children
  that still run are stopped with the same reason and their reports go to `turn`
  as always. All of it happens within the child's stop deadline.
* An exception anywhere is a crash: children are cancelled and awaited, open
  questions are refused, watchers told, and the supervisor decides.

Hibernation, for very many actors that are mostly idle (`ChildSpec.hibernate`):
the incarnation has a task and a mailbox only while a message waits, a child
runs or an answer is owed. Until its first message it is nothing but its address:
`start` and `started` run then. At rest its object is kept, with its state; the
next message gives it another task and goes straight to `turn`. Everything else
is as for any actor: it is listed, counted, watched, asked, restarted (to rest
again) and stopped, and only one that overrides `stopping` or another hook is
woken to hear of a stop.

Any actor whose stop has no deadline is absent while its children run: it needs
no trio task then, for those of its children take its turns (`actors.children`).
"""

import enum
from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from actors.address import Address
from actors.ask import Question, unasked
from actors.cell import Cell
from actors.children import Children
from actors.clock import Clock
from actors.effects import Answer, Begin, End, Post
from actors.errors import ForeignMessage
from actors.handlers import Table, collect
from actors.reason import StopReason

__all__ = ("Actor",)

M = TypeVar("M")


class _Pause(enum.Enum):
    """Why an actor takes no further turn."""

    END = enum.auto()
    ABSENT = enum.auto()  # there is nothing to do but for its children, of which its task is to carry one
    UNGUARDED = enum.auto()  # a first child asks for a scope that the stop deadline can cancel
    REST = enum.auto()  # there is nothing to do, and it hibernates


# Looking a member up on its class costs as much as a call, and `ask` says so, too.
_END, _ABSENT, _UNGUARDED, _REST = _Pause


class Actor(Generic[M]):
    """Base of actors; see the module docstring. The object is seen by nobody but its own task.

    `self.address`, `self.clock` and `self.children` are there from `started`
    on, not yet in `__init__`.
    """

    __slots__ = ("_cell", "_children")  # a subclass that has none of its own has a __dict__, as always

    table: ClassVar[Table] = {}
    waits: ClassVar[bool] = False
    _plain: ClassVar[bool] = True

    _cell: Cell
    _children: Children[M] | None

    def __init_subclass__(cls) -> None:
        """Collect the handlers, or fail.

        Raises:
            HandlersInvalid: with every fault of the class.
        """
        super().__init_subclass__()
        cls.table = collect(cls, Actor, needs_handlers=cls.turn is Actor.turn)
        cls._plain = cls.turn is Actor.turn
        cls.waits = any(
            getattr(cls, hook) is not getattr(Actor, hook) for hook in ("started", "turn", "perform", "stopping")
        )

    # --- what a subclass may override --------------------------------------

    async def started(self) -> None:
        """Run before the first turn, in the actor's own task. Raising is a failed start."""

    async def turn(self, batch: Sequence[M | Question[M]]) -> None:
        """Deal with everything that waits. The default runs the handlers in order, then performs their effects."""
        done = self._handle(batch)
        if done is not None:
            await self._complete(*done)

    async def perform(self, effects: Sequence[object]) -> None:
        """Do what the handlers of one batch returned; override to commit once and then act.

        The default knows the effects of `actors.effects` and takes any other for a bug.
        """
        for effect in effects:
            match effect:
                case Post():
                    effect.address.post(effect.message)
                case Answer():
                    effect.question.answer(effect.value)
                case Begin():
                    self.children.start(effect.name, effect.function, *effect.args, report=effect.report)
                case End():
                    self.stop(effect.reason)
                case _:
                    raise TypeError(f"{type(self).__name__} returned {effect!r}: override perform() to do it")

    async def stopping(self, reason: StopReason) -> None:
        """Run once when an orderly stop begins, before children are stopped; see the module docstring."""

    # --- what a subclass may use -------------------------------------------

    @property
    def address(self) -> Address[M]:
        """Where this incarnation takes messages."""
        return self._cell.address

    @property
    def clock(self) -> Clock:
        """The clock of the supervisor."""
        return self._cell.clock

    @property
    def children(self) -> Children[M]:
        """The short-lived tasks this actor owns."""
        if self._children is None:
            turn = self._timed_turn if self._cell.timed else self.turn
            self._children = Children(self._cell, turn, self._tell_stopping)
        return self._children

    @property
    def stop_reason(self) -> StopReason | None:
        """Why this actor is stopping, or None."""
        return self._cell.mailbox.closed

    def stop(self, reason: StopReason) -> None:
        """End in order after this turn. Sync, idempotent.

        Posts are refused from this moment; what was accepted before is handled
        in one more turn. Use `stop_if_idle` to end only when nothing was.
        """
        self._cell.mailbox.close(reason)

    def stop_if_idle(self, reason: StopReason) -> bool:
        """End if no message waits and no child runs, with nothing in between the look and the closing. Sync.

        True if it ends: every post from now on is refused, so nothing is lost.
        """
        mailbox = self._cell.mailbox
        if mailbox.closed is None and mailbox.idle:
            mailbox.close(reason)
            return True
        return False

    async def receive(self) -> list[M | Question[M]]:
        """In `stopping` only: wait for and take the next batch; empty when nothing can come any more."""
        if self._children is None:
            return await self._cell.mailbox.take_all()  # type: ignore[return-value]
        self._children.flush()
        batch = await self._cell.mailbox.take_all()
        self._children.check()
        return batch  # type: ignore[return-value]

    # --- handlers -----------------------------------------------------------

    def _handle(self, batch: Sequence[M | Question[M]]) -> "tuple[list[object], list[Question[M]]] | None":
        """Run the handlers; give their effects and the questions to be answered after those, if there are any."""
        effects: list[object] = []
        acknowledge: list[Question[M]] = []
        table = self.table
        for message in batch:
            question = message if isinstance(message, Question) else None
            content = message if question is None else question.message
            handler = table.get(type(content))
            if handler is None:
                raise ForeignMessage(self._cell.address.name, content)
            if handler.asks:
                made = handler.function(self, question or unasked(content))
            else:
                made = handler.function(self, content)
                if question is not None:
                    acknowledge.append(question)
            if made is not None:
                effects.extend(made)
        return (effects, acknowledge) if effects or acknowledge else None

    async def _complete(self, effects: list[object], acknowledge: "list[Question[M]]") -> None:
        if effects:
            await self.perform(effects)
        for question in acknowledge:
            question.answer(None)

    # --- the loop -----------------------------------------------------------

    async def live(self, cell: Cell) -> bool:
        """Run one incarnation, or go on with it; True when it has gone to rest, or is absent. For the supervisor's guard."""
        self._cell = cell
        if not cell.resumed:
            self._children = None
            if self.waits:
                await self.started()
            if cell.ready is not None:
                cell.ready()
            children: Children[M] | None = self._children  # again: `started` is where most are made
            if children is not None and children.entrust():
                return True
        elif self._children is not None:
            self._children.rejoin()
        pause = await self._serve()
        if pause is _UNGUARDED:
            pause = _END  # unless it is cut at its stop deadline
            with cell.new_scope():
                pause = await self._serve()
        if pause is _ABSENT:
            return True
        self._children = None
        if pause is not _REST:
            return False
        del self._cell  # with its mailbox: the next message brings others
        return True

    async def _serve(self) -> "_Pause":
        """Take turns until there is a reason not to. However that ends, no child is left. Can be called again."""
        cell = self._cell
        mailbox = cell.mailbox
        run_turn = self._timed_turn if cell.timed else self.turn
        plain = self._plain and not cell.timed  # then a turn needs no coroutine of its own
        fresh = True  # what was posted before this task began needs no wait
        try:
            while True:
                children = self._children
                if children is not None:
                    children.check()
                    if children.pending:
                        if cell.unguarded:
                            return _UNGUARDED
                        if children.entrust():
                            return _ABSENT
                        children.flush()
                if mailbox.closed is not None:
                    if not cell.told:
                        await self._tell_stopping(mailbox.closed)
                        continue
                    if mailbox.idle:
                        break
                if fresh:
                    fresh = False
                elif cell.hibernates and mailbox.restful:
                    self._part()
                    return _REST
                else:
                    await mailbox.wait_ready()
                    if children is not None:
                        children.check()
                if mailbox.closed is None or cell.told:
                    batch = mailbox.take_nowait()
                    if batch and not plain:
                        await run_turn(batch)  # type: ignore[arg-type]
                    elif batch and (done := self._handle(batch)) is not None:  # type: ignore[arg-type]
                        await self._complete(*done)
        except BaseException as error:
            if isinstance(error, Exception):
                mailbox.close(StopReason.error(cell.address.name, error))
            if self._children is not None:
                await self._children.cut()
            self._part()
            raise
        self._part()
        return _END

    def _part(self) -> None:
        """Have no turn taken by a child's task any more."""
        if self._children is not None:
            self._children.close()

    async def _tell_stopping(self, reason: StopReason) -> None:
        self._cell.told = True
        await self.stopping(reason)
        if self._children is not None:
            self._children.stop_all(reason)

    async def _timed_turn(self, batch: Sequence[M | Question[M]]) -> None:
        clock, observer = self._cell.clock, self._cell.observer
        began = clock.monotonic()
        await self.turn(batch)
        took = clock.monotonic() - began
        if observer is not None and took > observer.slow_seconds:
            observer.slow_handler(self._cell.address.path, took)
