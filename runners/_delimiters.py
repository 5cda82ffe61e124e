"""The part of a text between two delimiters, which a configuration gives as regular expressions in RE2 syntax.

RE2 never backtracks: no pattern and no text can make a search take for ever. What is left to bound is the product of
their sizes.
"""

from typing import Any

import re2  # type: ignore[import-untyped]  # the binding ships no types; nothing untyped leaves this module

LONGEST = 1000  # characters of one delimiter
_MEMORY = 1 << 19
_COSTLIEST = 150_000_000  # program steps x characters: about a second at worst, a thousandth of that as a rule


class Delimiter:
    """A regular expression that can be part of a larger one.

    Raises:
        ValueError: it is not one, or is too large.
    """

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise ValueError(f"is longer than {LONGEST} characters")
        self.pattern = f"(?:{text})"
        _compiled(self.pattern)


def between(start: Delimiter, end: Delimiter, text: str) -> str:
    """Give what stands between the last `start` that an `end` follows and the last such `end`; nothing without them.

    Raises:
        ValueError: looking for it would take too long.
    """
    pattern = _compiled(f"^.*{start.pattern}(?P<result>.*){end.pattern}")
    if pattern.programsize * len(text) > _COSTLIEST:
        raise ValueError(f"the delimiters are too large to be searched in an output of {len(text)} characters")
    found = pattern.search(text)
    result: str = found["result"] if found else ""
    return result


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    options.dot_nl = True
    try:
        return re2.compile(pattern, options)
    except re2.error as fault:
        cause = fault.args[0] if fault.args else ""
        problem = cause.decode(errors="replace") if isinstance(cause, bytes) else str(cause)
        raise ValueError(f"is not a regular expression: {problem}") from None
