"""The handles of a text: which data its ``{{ }}`` actions reach for, by Go's own lexical rules.

Not a template parser: it follows comments, quoted texts, and which blocks rebind the dot, so that ``.step.x`` is taken
for a path from the root only where it is one.
"""

import re
from collections.abc import Iterator
from typing import Final

import attrs

_OPEN: Final = re.compile(r"\{\{(?:-(?=\s))?")
_COMMENT: Final = re.compile(r"\s*/\*")
_TOKEN: Final = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<close>-?\}\})
    | (?P<quoted>"(?:[^"\\\n]|\\.)*"|`[^`]*`|'(?:[^'\\\n]|\\.)*')
    | (?P<broken>["`'])
    | (?P<hyphen>(?:\$\w*)?(?:\.[^\W\d]\w*)+-(?!\}\}))
    | (?P<chain>(?:\$\w*)?(?:\.[^\W\d]\w*)+|\$\w*)
    | (?P<shut>\)(?:\.[^\W\d]\w*)*)
    | (?P<word>[^\W\d]\w*)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_LONGEST: Final = 1_000_000
_REBINDING: Final = frozenset({"range", "with"})
_DEFINING: Final = frozenset({"define", "block"})
_VARIABLES: Final = frozenset({"eval", "evalCache"})


@attrs.frozen
class Handles:
    """What a text reaches for.

    `paths` are the dotted paths from the root; `variables` the names that `eval` is called with; `problem` says why
    the text cannot be a template, where that can be seen without parsing it.
    """

    paths: tuple[tuple[str, ...], ...] = ()
    variables: tuple[str, ...] = ()
    problem: str = ""


_NONE: Final = Handles()


def handles_of(text: str) -> Handles:
    """Find the handles of a text. Takes time in proportion to its length."""
    if "{{" not in text or len(text) > _LONGEST:
        return _NONE
    scan = _Scan()
    for token in _tokens(text):
        scan.take(*token)
        if scan.problem:
            break
    return Handles(tuple(dict.fromkeys(scan.paths)), tuple(dict.fromkeys(scan.variables)), scan.problem)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """Give the tokens of all actions as (kind, text); ``close`` ends one, ``broken`` is the last."""
    at = 0
    while (opening := _OPEN.search(text, at)) is not None:
        comment = _COMMENT.match(text, opening.end())
        if comment is not None:
            end = text.find("*/", comment.end())
            if end < 0:
                yield "broken", "a comment is not closed"
                return
            at = end + 2
            continue
        at = opening.end()
        while True:
            token = _TOKEN.match(text, at)
            if token is None:
                yield "broken", "an action is not closed: }} is missing"
                return
            at = token.end()
            kind = token.lastgroup or "other"
            yield kind, "a quoted text is not closed" if kind == "broken" else token[0]
            if kind == "broken":
                return
            if kind == "close":
                break


class _Scan:
    """Follows blocks from token to token: is the dot the root here, and is ``$``?"""

    def __init__(self) -> None:
        self.paths: list[tuple[str, ...]] = []
        self.variables: list[str] = []
        self.problem = ""
        self._blocks: list[tuple[bool, bool]] = []
        self._dot = True
        self._dollar = True
        self._keywords: list[str] = []
        self._first = True
        self._previous = ""

    def take(self, kind: str, text: str) -> None:
        match kind:
            case "broken":
                self.problem = text
            case "close":
                self._finish()
                return
            case "hyphen":
                self.problem = "a name with - in it cannot be reached by dots: use field"
            case "chain":
                self._take_chain(text)
            case "word" if self._first or self._keywords[-1:] == ["else"]:
                self._take_keyword(text)
            case "quoted" if self._previous in _VARIABLES:
                self.variables.append(text[1:-1])
        if kind == "space":
            self._previous = self._previous if self._previous in _VARIABLES else kind
        else:
            self._first = False
            self._previous = text if text in _VARIABLES else kind

    def _take_keyword(self, word: str) -> None:
        self._keywords.append(word)
        if word == "else" and self._blocks:  # what follows it in the action sees the dot from outside the block
            self._dot, self._dollar = self._blocks[-1]

    def _take_chain(self, text: str) -> None:
        base, *names = text.split(".")
        rooted = self._dot if not base else base == "$" and self._dollar
        if rooted and names:
            self.paths.append(tuple(names))

    def _finish(self) -> None:
        match self._keywords:
            case ["end", *_]:
                if self._blocks:
                    self._dot, self._dollar = self._blocks.pop()
            case ["else", word]:
                self._enter(word)
            case [word, *_] if word == "if" or word in _REBINDING or word in _DEFINING:
                self._blocks.append((self._dot, self._dollar))
                self._enter(word)
        self._keywords = []
        self._first = True
        self._previous = ""

    def _enter(self, word: str) -> None:
        if word in _REBINDING:
            self._dot = False
        elif word in _DEFINING:
            self._dot = self._dollar = False
