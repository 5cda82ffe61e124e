"""What a sync handler can ask for: values that the actor performs after the batch.

An actor with effects of its own (a journal append, say) overrides
`Actor.perform` and may still use these. They are plain values, so a handler can
be tested by looking at what it returns.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import attrs

from actors.address import Address
from actors.ask import Question
from actors.child import Exit
from actors.reason import StopReason

__all__ = ("Answer", "Begin", "Effect", "End", "Post")


@attrs.frozen(kw_only=True)
class Post:
    """Post a message; a refusal crashes the actor, so use it where a full mailbox is a fault."""

    address: Address[Any]
    message: object


@attrs.frozen(kw_only=True)
class Answer:
    """Answer a question."""

    question: Question[object]
    value: object


@attrs.frozen(kw_only=True)
class Begin:
    """Start a child; see `Children.start`."""

    name: str
    function: Callable[..., Awaitable[Any]]
    args: tuple[object, ...] = ()
    report: Callable[[Exit[Any]], Any]


@attrs.frozen(kw_only=True)
class End:
    """Stop in order after this turn."""

    reason: StopReason


Effect: TypeAlias = Post | Answer | Begin | End
