"""From a template's source to tokens, as Go's lexer cuts it, its errors included."""

import re
from enum import Enum, auto
from typing import Final, NamedTuple

from runtime.values.gotemplate.text import is_alphanumeric, quote


class Kind(Enum):
    """What a token is. Keywords come last; they print differently in errors."""

    ERROR = auto()
    BOOL = auto()
    CHAR = auto()
    CHAR_CONSTANT = auto()
    COMPLEX = auto()
    ASSIGN = auto()
    DECLARE = auto()
    EOF = auto()
    FIELD = auto()
    IDENTIFIER = auto()
    LEFT_DELIM = auto()
    LEFT_PAREN = auto()
    NUMBER = auto()
    PIPE = auto()
    RAW_STRING = auto()
    RIGHT_DELIM = auto()
    RIGHT_PAREN = auto()
    SPACE = auto()
    STRING = auto()
    TEXT = auto()
    VARIABLE = auto()
    BLOCK = auto()
    BREAK = auto()
    CONTINUE = auto()
    DOT = auto()
    DEFINE = auto()
    ELSE = auto()
    END = auto()
    IF = auto()
    NIL = auto()
    RANGE = auto()
    TEMPLATE = auto()
    WITH = auto()


_WORDS: Final = {
    "block": Kind.BLOCK,
    "break": Kind.BREAK,
    "continue": Kind.CONTINUE,
    "define": Kind.DEFINE,
    "else": Kind.ELSE,
    "end": Kind.END,
    "if": Kind.IF,
    "nil": Kind.NIL,
    "range": Kind.RANGE,
    "template": Kind.TEMPLATE,
    "with": Kind.WITH,
    "true": Kind.BOOL,
    "false": Kind.BOOL,
}
_KEYWORDS: Final = frozenset(set(_WORDS.values()) - {Kind.BOOL} | {Kind.DOT})
_SPACES: Final = " \t\r\n"
_TERMINATORS: Final = frozenset(_SPACES + ".,|:()")
_DIGITS: Final = tuple("0123456789")
_WORD: Final = re.compile(r"\w*")
_SPACE_RUN: Final = re.compile(r"[ \t\r\n]+")
_NUMBER: Final = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*(?:\.[0-7_]*)?"
    r"|0[bB][01_]*(?:\.[01_]*)?|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?"
)
_QUOTED: Final = re.compile(r'["\\\n]')
_CHAR_CONSTANT: Final = re.compile(r"['\\\n]")
_PUNCTUATION: Final = {"=": Kind.ASSIGN, "|": Kind.PIPE}


class Token(NamedTuple):
    """A piece of the source: what it is, where it starts, its text (or an error's message), its line."""

    kind: Kind
    pos: int
    text: str
    line: int

    def __str__(self) -> str:
        if self.kind is Kind.EOF:
            return "EOF"
        if self.kind is Kind.ERROR:
            return self.text
        if self.kind in _KEYWORDS:
            return f"<{self.text}>"
        return f"{quote(self.text[:10])}..." if len(self.text.encode("utf-8", "replace")) > 10 else quote(self.text)


class _Stop(Exception):
    """The source cannot be cut any further."""


def _show(char: str) -> str:
    return f"U+{ord(char):04X} '{char}'" if char.isprintable() else f"U+{ord(char):04X}"


MOST_TOKENS: Final = 20_000
"""What a parse may cost: about a third of a second, and some ten megabytes."""


class _Lexer:
    def __init__(self, source: str, words: dict[str, Kind]) -> None:
        self.source = source
        self.words = words
        self.tokens: list[Token] = []
        self.pos = 0
        self.line = 1
        self.counted = 0  # the lines up to here are in `line`
        self.depth = 0

    def line_at(self, pos: int) -> int:
        self.line += self.source.count("\n", self.counted, pos)
        self.counted = pos
        return self.line

    def emit(self, kind: Kind, end: int) -> None:
        if len(self.tokens) >= MOST_TOKENS:
            raise self.fail(f"more than {MOST_TOKENS} tokens")
        self.tokens.append(Token(kind, self.pos, self.source[self.pos : end], self.line_at(self.pos)))
        self.pos = end

    def fail(self, message: str) -> "_Stop":
        self.tokens.append(Token(Kind.ERROR, self.pos, message, self.line_at(self.pos)))
        return _Stop()

    def run(self) -> list[Token]:
        try:
            while self.text():
                self.left_delim()
        except _Stop:
            pass
        return self.tokens

    def text(self) -> bool:
        source = self.source
        start = self.pos
        found = source.find("{{", start)
        end = len(source) if found < 0 else found
        if found >= 0 and source.startswith("-", found + 2) and source[found + 3 : found + 4] in tuple(_SPACES):
            end = start + len(source[start:found].rstrip(_SPACES))
        if end > start:
            self.emit(Kind.TEXT, end)
        if found < 0:
            self.emit(Kind.EOF, end)
            return False
        self.pos = found
        return True

    def left_delim(self) -> None:
        source = self.source
        after = self.pos + 2
        trimmed = source.startswith("-", after) and source[after + 1 : after + 2] in tuple(_SPACES)
        body = after + 2 if trimmed else after
        if source.startswith("/*", body):
            self.pos = body
            self.comment()
            return
        self.emit(Kind.LEFT_DELIM, after)
        self.pos = body
        self.depth = 0
        while self.inside():
            pass

    def comment(self) -> None:
        source = self.source
        end = source.find("*/", self.pos + 2)
        if end < 0:
            raise self.fail("unclosed comment")
        end += 2
        width = self.right_delim_at(end)
        if not width:
            raise self.fail("comment ends before closing delimiter")
        self.after_delim(end + width, trimmed=width > 2)

    def right_delim_at(self, pos: int) -> int:
        """Give the width of the closing mark at a place: 2, 4 with a trim marker, 0 if there is none."""
        source = self.source
        if source.startswith("}}", pos):
            return 2
        return 4 if source.startswith("-}}", pos + 1) and source[pos] in _SPACES else 0

    def after_delim(self, pos: int, *, trimmed: bool) -> None:
        if trimmed:
            match = _SPACE_RUN.match(self.source, pos)
            pos = match.end() if match else pos
        self.pos = pos

    def inside(self) -> bool:
        source = self.source
        pos = self.pos
        width = self.right_delim_at(pos)
        if width:
            if self.depth:
                raise self.fail("unclosed left paren")
            self.pos = pos + width - 2
            self.emit(Kind.RIGHT_DELIM, pos + width)
            self.after_delim(self.pos, trimmed=width > 2)
            return False
        if pos >= len(source):
            raise self.fail("unclosed action")
        char = source[pos]
        if char in _SPACES:
            self.space()
        elif char in _PUNCTUATION:
            self.emit(_PUNCTUATION[char], pos + 1)
        elif char in "\"'`":
            self.quoted(char)
        elif char == "$" or (char == "." and source[pos + 1 : pos + 2] not in ("", *_DIGITS)):
            self.field_or_variable(char)
        elif char in "+-." or "0" <= char <= "9":
            self.number()
        elif is_alphanumeric(char):
            self.identifier()
        else:
            self.other(char)
        return True

    def space(self) -> None:
        match = _SPACE_RUN.match(self.source, self.pos)
        end = match.end() if match else self.pos
        self.emit(Kind.SPACE, end - 1 if self.source.startswith("-}}", end) else end)

    def quoted(self, mark: str) -> None:
        if mark == "`":
            end = self.source.find("`", self.pos + 1)
            if end < 0:
                raise self.fail("unterminated raw quoted string")
            self.emit(Kind.RAW_STRING, end + 1)
            return
        pattern, kind = (_QUOTED, Kind.STRING) if mark == '"' else (_CHAR_CONSTANT, Kind.CHAR_CONSTANT)
        end = self.quoted_end(pattern, mark)
        if not end:
            what = "quoted string" if mark == '"' else "character constant"
            raise self.fail(f"unterminated {what}")
        self.emit(kind, end)

    def quoted_end(self, pattern: re.Pattern[str], mark: str) -> int:
        """Give the place after the closing mark, 0 if there is none on the line."""
        source, at = self.source, self.pos + 1
        while match := pattern.search(source, at):
            at = match.end()
            if match[0] == mark:
                return at
            if match[0] == "\n" or source[at : at + 1] in {"", "\n"}:
                break
            at += 1
        return 0

    def word_end(self, pos: int) -> int:
        match = _WORD.match(self.source, pos)
        end = match.end() if match else pos
        if not self.source[pos:end].isascii():
            end = next((at for at in range(pos, end) if not is_alphanumeric(self.source[at])), end)
        return end

    def at_terminator(self, pos: int) -> bool:
        char = self.source[pos : pos + 1]
        return not char or char in _TERMINATORS or self.source.startswith("}}", pos)

    def field_or_variable(self, char: str) -> None:
        kind = Kind.VARIABLE if char == "$" else Kind.FIELD
        end = self.pos + 1
        if self.at_terminator(end):
            self.emit(Kind.VARIABLE if char == "$" else Kind.DOT, end)
            return
        end = self.word_end(end)
        if not self.at_terminator(end):
            raise self.fail(f"bad character {_show(self.source[end])}")
        self.emit(kind, end)

    def identifier(self) -> None:
        end = self.word_end(self.pos)
        if not self.at_terminator(end):
            raise self.fail(f"bad character {_show(self.source[end])}")
        self.emit(self.words.get(self.source[self.pos : end], Kind.IDENTIFIER), end)

    def number_end(self, pos: int) -> tuple[int, bool]:
        match = _NUMBER.match(self.source, pos)
        end = match.end() if match else pos
        if end < len(self.source) and is_alphanumeric(self.source[end]):
            return end + 1, False
        return end, True

    def number(self) -> None:
        end, good = self.number_end(self.pos)
        kind = Kind.NUMBER
        if good and self.source[end : end + 1] in {"+", "-"}:
            end, good = self.number_end(end)
            good = good and self.source[end - 1] == "i"
            kind = Kind.COMPLEX
        if not good:
            raise self.fail(f"bad number syntax: {quote(self.source[self.pos : end])}")
        self.emit(kind, end)

    def other(self, char: str) -> None:
        pos = self.pos
        if char == ":":
            if not self.source.startswith("=", pos + 1):
                raise self.fail("expected :=")
            self.emit(Kind.DECLARE, pos + 2)
        elif char == "(":
            self.depth += 1
            self.emit(Kind.LEFT_PAREN, pos + 1)
        elif char == ")":
            self.depth -= 1
            self.emit(Kind.RIGHT_PAREN, pos + 1)
            if self.depth < 0:
                raise self.fail(f"unexpected right paren {_show(char)}")
        elif " " <= char <= "~":
            self.emit(Kind.CHAR, pos + 1)
        else:
            raise self.fail(f"unrecognized character in action: {_show(char)}")


def lex(source: str, functions: frozenset[str] = frozenset()) -> list[Token]:
    """Cut a source into tokens; the last is the end, or the error that stopped it.

    `functions` matters for two names only: a function called break or continue makes the keyword a plain name.
    """
    hidden = functions & {"break", "continue"}
    words = {word: kind for word, kind in _WORDS.items() if word not in hidden} if hidden else _WORDS
    return _Lexer(source, words).run()
