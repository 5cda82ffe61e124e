"""What a chain of exceptions says (spec sections 14.2 and 16.4)."""

from collections.abc import Iterator
from typing import Final

import trio

from runtime.flow.outcomes import FlowCancelledError
from runtime.runner import ClientError

STEP_FAILED: Final = "Step failed"
"""All that is shown of an error that is not the user's own."""

_MOST_TEXT: Final = 512


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Give an error and all that led to it, depth first, each once."""
    seen: set[int] = set()
    stack = [error]
    while stack:
        one = stack.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        before = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
        if before is not None:
            stack.append(before)
        if isinstance(one, BaseExceptionGroup):
            stack.extend(reversed(one.exceptions))


def is_cancellation_err(error: BaseException) -> bool:
    """Say whether an error is a cancellation, or was led to by one."""
    return any(isinstance(one, trio.Cancelled | FlowCancelledError) for one in _chain(error))


def step_human_description(error: BaseException) -> str:
    """Say what may be shown of why a step failed.

    Where the chain holds a mistake of the user's (`ClientError`: no retry mends it), this is the text of its innermost
    cause, cut to 512 characters; otherwise a constant, so that nothing internal is ever shown.
    """
    for one in _chain(error):
        if isinstance(one, ClientError):
            *_, innermost = _line(one)
            return str(innermost)[:_MOST_TEXT]
    return STEP_FAILED


def _line(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
