"""Regular expressions in RE2 syntax, searched in linear time: no pattern and no text can hang the program.

Patterns come from template authors (inputs, schemas, conditions) and, rendered, from whoever fills a template in. RE2
(the library behind Go's dialect) never backtracks; what is left to bound is the size of a pattern and the product of
its size with the length of the text, which is the worst case of a search.
"""

import attrs
import re2  # type: ignore[import-untyped]  # the binding ships no types; nothing untyped leaves this module

_LONGEST = 4096
_MEMORY = 1 << 19
_COSTLIEST = 150_000_000  # program steps x characters: about a second at worst, a thousandth of that as a rule


class RegexError(ValueError):
    """A regular expression cannot be used; the message says why."""


class PatternInvalid(RegexError):
    """The text is not a pattern in RE2 syntax, or too large a one."""


class SearchTooCostly(RegexError):
    """This pattern could take too long on a text of this length."""


@attrs.frozen
class Pattern:
    """A compiled pattern."""

    text: str
    _compiled: "re2._Regexp" = attrs.field(repr=False, eq=False)

    def search(self, text: str) -> bool:
        """Say whether the pattern matches anywhere in `text`.

        Raises:
            SearchTooCostly: the pattern is large and the text long.
        """
        if self._compiled.programsize * len(text) > _COSTLIEST:
            raise SearchTooCostly(f"the pattern is too large to be searched in a text of {len(text)} characters")
        return self._compiled.search(_well_formed(text)) is not None


def compile_pattern(text: str) -> Pattern:
    """Compile a pattern written in RE2 syntax.

    Raises:
        PatternInvalid: it is not one, or it is too large.
    """
    if len(text) > _LONGEST:
        raise PatternInvalid(f"a pattern of {len(text)} characters is too long: at most {_LONGEST} are read")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return Pattern(text, re2.compile(_well_formed(text), options))
    except re2.error as fault:
        raise PatternInvalid(_explanation(fault)) from None


def _explanation(fault: Exception) -> str:
    cause = fault.args[0] if fault.args else "it does not compile"
    return cause.decode(errors="replace") if isinstance(cause, bytes) else str(cause)


def _well_formed(text: str) -> str:
    """Replace lone surrogates, which UTF-8 cannot hold, as Go does when it reads them from JSON."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
