"""Every error of this package, as one tree split by what the catcher does next.

    ActorError
    |- Refused              nothing happened: try later, elsewhere, or give up
    |  |- MailboxFull       the receiver is behind; the sender chooses what to drop
    |  |- ActorStopped      this incarnation is gone; get a new address
    |  `- Draining          a supervisor that stops takes no new children
    |- AskExpired           the deadline passed; the answer, if any, is dropped
    |- SpecInvalid          fix the declaration: every fault is named at once
    |- HandlersInvalid      fix the actor class: every fault is named at once
    |- ChildUnknown         no child of that id (also a LookupError)
    |- ChildExists          that id is taken
    |- ForeignMessage       a message outside the declared union reached an actor (a bug)
    `- SupervisorFailed     too many restarts: the group has given up

Errors take facts and write their own message; the facts stay readable as fields.
"""

from actors.reason import StopReason

__all__ = (
    "ActorError",
    "ActorStopped",
    "AskExpired",
    "ChildExists",
    "ChildUnknown",
    "Draining",
    "ForeignMessage",
    "HandlersInvalid",
    "MailboxFull",
    "Refused",
    "SpecInvalid",
    "SupervisorFailed",
)


class ActorError(Exception):
    """Root of every error this package raises."""


class Refused(ActorError):
    """The request was not taken and left no trace."""


class MailboxFull(Refused):
    """The receiver has as many waiting messages as it may hold."""

    def __init__(self, owner: str, capacity: int) -> None:
        self.owner = owner
        self.capacity = capacity
        super().__init__(f"mailbox of {owner!r} is full ({capacity} waiting): send later, or drop the message")


class ActorStopped(Refused):
    """The actor behind this address has stopped, or no longer takes messages because it is stopping."""

    def __init__(self, name: str, reason: StopReason) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"actor {name!r} has stopped ({reason}): ask its supervisor for the current address")


class Draining(Refused):
    """The supervisor is stopping and starts nothing new."""

    def __init__(self, name: str, reason: StopReason) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"supervisor {name!r} is stopping ({reason}): nothing new is started")


class AskExpired(ActorError):
    """No answer came before the deadline. Whatever comes later is dropped and counted."""

    def __init__(self, name: str, question: str) -> None:
        self.name = name
        self.question = question
        super().__init__(f"actor {name!r} did not answer {question} in time: ask again with a later deadline")


class SpecInvalid(ActorError, ValueError):
    """A child spec or a set of them cannot be used."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


class HandlersInvalid(ActorError, TypeError):
    """The handlers of an actor class do not fit its declared message union."""

    def __init__(self, actor: str, faults: tuple[str, ...]) -> None:
        self.actor = actor
        self.faults = faults
        super().__init__(f"{actor}: " + "; ".join(faults))


class ChildUnknown(ActorError, LookupError):
    """No child of that id is in the table."""

    def __init__(self, supervisor: str, child: str) -> None:
        self.supervisor = supervisor
        self.child = child
        super().__init__(f"supervisor {supervisor!r} has no child {child!r}: start it first")


class ChildExists(ActorError, ValueError):
    """A child of that name is already there."""

    def __init__(self, owner: str, child: str) -> None:
        self.owner = owner
        self.child = child
        super().__init__(f"{owner!r} already has a child {child!r}: stop it first or choose another name")


class ForeignMessage(ActorError, TypeError):
    """A message outside the declared union was posted. A type checker would have said so at the sender."""

    def __init__(self, name: str, message: object) -> None:
        self.name = name
        self.kind = type(message).__name__
        super().__init__(f"actor {name!r} has no handler for {self.kind}: add one and list it in the message union")


class SupervisorFailed(ActorError):
    """More restarts than the group's window allows; everything below has been stopped."""

    def __init__(self, supervisor: str, child: str, reason: StopReason) -> None:
        self.supervisor = supervisor
        self.child = child
        self.reason = reason
        super().__init__(f"supervisor {supervisor!r} gave up restarting; last to fail was {child!r} ({reason})")
