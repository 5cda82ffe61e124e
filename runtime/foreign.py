"""What code that is not ours raises: whether it is its own to answer for, and what is told of it."""

from typing import Final

import trio

from runtime.values.json import unicode_of

LONGEST_TOLD: Final = 10_000
"""How many characters are told of one error: it is stored with every attempt that it ended."""

_MOST_MEMBERS: Final = 10
_DEEPEST: Final = 4


def passes(error: BaseException) -> bool:
    """Say whether an error is for whoever is outside: a cancel from there, Ctrl-C, or a coroutine that is thrown away.

    Anything else is what foreign code came to: ``sys.exit()`` in a step ends the step, and nobody's runtime. So is a
    cancel that nobody asked for, as of a scope that the code has kept from another time.
    """
    if isinstance(error, BaseExceptionGroup):
        return any(map(passes, error.exceptions))
    if isinstance(error, trio.Cancelled):
        return trio.current_effective_deadline() == -float("inf")
    return isinstance(error, KeyboardInterrupt | GeneratorExit)


def told(error: BaseException) -> str:
    """Give the type and the text of an error, and of what is in a group: bounded, and whole characters."""
    return said(_told(error, _DEEPEST))


def said(text: object) -> str:
    """Give a text that foreign code says as one that can be stored, whatever it is: bounded, and whole characters."""
    plain = unicode_of(text[: LONGEST_TOLD + 1] if isinstance(text, str) else _text(text))
    return plain if len(plain) <= LONGEST_TOLD else f"{plain[:LONGEST_TOLD]}..."


def _told(error: BaseException, depth: int) -> str:
    kind = type(error).__name__
    if not isinstance(error, BaseExceptionGroup):
        return f"{kind}: {_text(error)}"
    shown = error.exceptions[:_MOST_MEMBERS] if depth else ()
    members = [_told(one, depth - 1) for one in shown]
    if len(error.exceptions) > len(shown):
        members.append(f"{len(error.exceptions) - len(shown)} more")
    return f"{kind}: {error.message} ({'; '.join(members)})"


def _text(thing: object) -> str:
    try:
        return str(thing)[: LONGEST_TOLD + 1]
    except (Exception, SystemExit) as fault:  # noqa: BLE001 - it is foreign code, too, and asked what it has to say
        return f"(its text cannot be had: {type(fault).__name__})"
