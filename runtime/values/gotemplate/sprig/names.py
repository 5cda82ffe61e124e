"""Sprig's functions on the spelling of names: camelcase, snakecase, kebabcase."""

from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from runtime.values.gotemplate.functions import STRING, Host, Table
from runtime.values.gotemplate.text import is_number, is_punctuation, is_space, is_upper, lower_char, upper_char, whole

_TABLE: Final = Table()
FUNCTIONS: Final = _TABLE.functions


class _Word(Enum):
    NONE = auto()
    NUMBER = auto()
    UPPER = auto()
    ALPHABET = auto()
    CONNECTOR = auto()
    PUNCTUATION = auto()
    OTHER = auto()


_BREAKS: Final = frozenset({_Word.CONNECTOR, _Word.PUNCTUATION})
_ENDS: Final = _BREAKS | {_Word.NONE}
_LETTERS: Final = frozenset({_Word.ALPHABET, _Word.NUMBER})


_CJK: Final = (("\u4e00", "\u9fcc"), ("\u3400", "\u4d85"), ("\U00020000", "\U0002b81d"))


def _is_connector(char: str) -> bool:
    return char in "-_" or is_space(char)


def _is_alphabet(char: str) -> bool:
    return char.isalpha() and not _is_cjk(char)


def _is_cjk(char: str) -> bool:
    return any(low <= char <= high for low, high in _CJK)


def _walk(host: Host, text: str) -> None:
    """Charge for handling a text character by character, at length."""
    host.budget.spend(25 * len(text))


@_TABLE.add("camelcase", params=(STRING,), host=True)
def _camelcase(host: Host, text: str) -> str:
    _walk(host, text)
    text = whole(text)
    bare = text.lstrip("".join(char for char in set(text) if _is_connector(char)))
    head = text[: len(text) - len(bare)]
    if len(bare) <= 1:
        return head + upper_char(bare) if bare else text + text[-1:]
    out = [head]
    current = upper_char(bare[0])
    for char in bare[1:]:
        before, current = current, char
        if _is_connector(current) and _is_connector(before):
            out.append(before)
        elif _is_connector(before):
            current = upper_char(current)
        else:
            current = lower_char(current)
            out.append(before)
    return "".join(out) + current


def _run(text: str, at: int, belongs: Callable[[str], bool]) -> int:
    while at < len(text) and belongs(text[at]):
        at += 1
    return at


def _upper_run(text: str, at: int) -> int:
    end = at + 1
    if end >= len(text):
        return end
    if is_upper(text[end]):
        end = _run(text, end, is_upper)
        return end - 1 if end < len(text) and _is_alphabet(text[end]) else end
    return _run(text, end, lambda char: _is_alphabet(char) and not is_upper(char))


def _next_word(text: str, at: int) -> tuple[_Word, int]:
    """Tell what the next word is, and where it ends."""
    if at >= len(text):
        return _Word.NONE, at
    char = text[at]
    if _is_connector(char):
        return _Word.CONNECTOR, _run(text, at, _is_connector)
    if is_punctuation(char):
        return _Word.PUNCTUATION, _run(text, at, is_punctuation)
    if is_upper(char):
        return _Word.UPPER, _upper_run(text, at)
    if _is_alphabet(char):
        return _Word.ALPHABET, _run(text, at, lambda char: _is_alphabet(char) and not is_upper(char))
    if is_number(char):
        return _Word.NUMBER, _run(text, at, is_number)
    return _Word.OTHER, _run(
        text,
        at,
        lambda char: not (_is_connector(char) or _is_alphabet(char) or is_number(char) or is_punctuation(char)),
    )


class _Speller:
    """Spells a name in lower case, its words joined by a connector."""

    def __init__(self, text: str, connector: str) -> None:
        self.text = text
        self.connector = connector
        self.out: list[str] = []
        self.end = 0
        self.kind = _Word.NONE
        self.word = ""
        self.advance()

    def advance(self) -> _Word:
        start = self.end
        self.kind, self.end = _next_word(self.text, start)
        self.word = self.text[start : self.end]
        return self.kind

    def put(self, kind: _Word, word: str) -> None:
        if kind not in {_Word.UPPER, _Word.CONNECTOR}:
            self.out.append(word)
            return
        for char in word:
            self.out.append(self.connector if _is_connector(char) else lower_char(char) if is_upper(char) else char)

    def put_letters(self) -> None:
        while self.kind in _LETTERS:
            self.put(self.kind, self.word)
            self.advance()

    def connect(self, unless: frozenset[_Word]) -> None:
        if self.kind not in unless:
            self.out.append(self.connector)

    def spell(self) -> str:
        while self.end < len(self.text):
            if self.kind is not _Word.CONNECTOR:
                self.put(self.kind, self.word)
            before, word = self.kind, self.word
            self.advance()
            if before is _Word.NUMBER:
                self.put_letters()
                self.connect(_ENDS)
            elif before is _Word.CONNECTOR:
                self.put(before, word)
            elif before is not _Word.PUNCTUATION:
                self.after_word()
        self.put(self.kind, self.word)
        return "".join(self.out)

    def after_word(self) -> None:
        if self.kind is not _Word.NUMBER:
            self.connect(_BREAKS)
            return
        if self.end >= len(self.text):
            return
        number = self.word
        kind = self.advance()
        if kind is not _Word.ALPHABET:
            self.put(_Word.NUMBER, number)
            self.connect(_BREAKS)
            return
        self.out.append(self.connector)
        self.put(_Word.NUMBER, number)
        self.put_letters()
        self.connect(_ENDS)


@_TABLE.add("snakecase", params=(STRING,), host=True)
def _snakecase(host: Host, text: str) -> str:
    _walk(host, text)
    return _Speller(text, "_").spell()


@_TABLE.add("kebabcase", params=(STRING,), host=True)
def _kebabcase(host: Host, text: str) -> str:
    _walk(host, text)
    return _Speller(text, "-").spell()
