"""A small OTP for trio: supervised actors.

    class Counter(Actor[Add | Total]):
        total = 0

        @handles(Add)
        def add(self, message: Add) -> Effects:
            self.total += message.amount

        @answers(Total)
        def tell(self, question: Question[Total]) -> Effects:
            question.answer(self.total)

    async with open_supervisor("app", [ChildSpec(id="counter", start=lambda _: Counter())]) as supervisor:
        counter = supervisor.address_of("counter")
        counter.post(Add(amount=1))
        print(await counter.ask(Total(), deadline=trio.current_time() + 1))

The ideas, each in the module of its name:

* `actor`       private state, one turn at a time over everything that waits; sync handlers, effects
* `mailbox`     bounded, refused at the sender, taken in batches; reports always fit
* `address`     name and incarnation; post, ask, watch; the actor never escapes
* `ask`         one slot, one deadline; the first answer wins
* `children`    short-lived tasks of an actor, one report each; `child`, a handle to one; `gate`, how many go at once
* `carriers`    the trio tasks that incarnations and children run in; `contexts`, whether one may take its owner's turn
* `spec`        what a supervisor needs to know, as data, checked once
* `supervisor`  what may be asked of one, and what it decides when a child ends; `alarm`, what it sleeps on
* `procession`  stop in waves, then start in order
* `incarnation` how children begin, hibernate, are absent, are woken and end, each under its guard; `cell`, what one is
* `guard`       what to run, and a name for how it ended
* `table`       a row per child, and what can be read off it
* `opening`     the root of a tree and the block it lives in
* `window`      restart windows and backoff
* `infrastructure` loops that are no actors, under supervision
* `timer`       one table of what is due (`schedule`), one sleeping task (`parking`)
* `shutdown`    a phase for all to see, and one deadline; `reason`, why something stopped
* `observer`    what happened, for whoever wants to know; `log.StructlogObserver` writes it down
* `tree`        the live tree as text
* `clock`       time as an argument
* `errors`      one tree

Rules: what is sync never waits and takes effect at once; what is async is a
checkpoint. Everything belongs to one trio run and one thread. Messages are
frozen values. A message that was accepted is handled, unless its actor crashes
or is cut at its stop deadline, and then it is counted. Nothing outlives the
`open_supervisor` block.
"""

from actors.actor import Actor
from actors.address import Address, Stopped
from actors.ask import Question, Slot
from actors.child import Child, Cut, Exit, Failed, Returned
from actors.children import Children
from actors.clock import Clock, SystemClock, VirtualClock
from actors.effects import Answer, Begin, Effect, End, Post
from actors.errors import (
    ActorError,
    ActorStopped,
    AskExpired,
    ChildExists,
    ChildUnknown,
    Draining,
    ForeignMessage,
    HandlersInvalid,
    MailboxFull,
    Refused,
    SpecInvalid,
    SupervisorFailed,
)
from actors.handlers import Effects, answers, handles
from actors.infrastructure import Inbox, infrastructure
from actors.mailbox import Mailbox, MailboxStatistics
from actors.observer import Observer
from actors.opening import open_supervisor
from actors.parking import Parking
from actors.reason import StopKind, StopReason
from actors.schedule import Schedule
from actors.shutdown import Phase, ShutdownContext
from actors.spec import AutoShutdown, ChildKind, ChildSpec, Restart, Strategy, nested
from actors.supervisor import Supervisor
from actors.table import ChildCount, ChildInfo, ChildState, SupervisorStatistics
from actors.timer import Timers, TimerStatistics
from actors.window import Backoff, RestartWindow

__all__ = (
    "Actor",
    "ActorError",
    "ActorStopped",
    "Address",
    "Answer",
    "AskExpired",
    "AutoShutdown",
    "Backoff",
    "Begin",
    "Child",
    "ChildCount",
    "ChildExists",
    "ChildInfo",
    "ChildKind",
    "ChildSpec",
    "ChildState",
    "ChildUnknown",
    "Children",
    "Clock",
    "Cut",
    "Draining",
    "Effect",
    "Effects",
    "End",
    "Exit",
    "Failed",
    "ForeignMessage",
    "HandlersInvalid",
    "Inbox",
    "Mailbox",
    "MailboxFull",
    "MailboxStatistics",
    "Observer",
    "Parking",
    "Phase",
    "Post",
    "Question",
    "Refused",
    "Restart",
    "RestartWindow",
    "Returned",
    "Schedule",
    "ShutdownContext",
    "Slot",
    "SpecInvalid",
    "StopKind",
    "StopReason",
    "Stopped",
    "Strategy",
    "Supervisor",
    "SupervisorFailed",
    "SupervisorStatistics",
    "SystemClock",
    "TimerStatistics",
    "Timers",
    "VirtualClock",
    "answers",
    "handles",
    "infrastructure",
    "nested",
    "open_supervisor",
)
