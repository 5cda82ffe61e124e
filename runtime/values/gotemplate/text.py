"""Go's view of characters and of quoted text: strconv.Quote and its kin, and the case rules of package unicode."""

import unicodedata
from collections.abc import Callable
from typing import Final

from runtime.values.gotemplate.values import encode

SPACES: Final = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"

_SPACES: Final = frozenset(SPACES)
_ESCAPES: Final = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
}
_FIRST_LONE: Final = "\udc80"  # lone surrogates from here to
_LAST_LONE: Final = "\udcff"  # here stand for bytes that are not UTF-8
_LAST_BMP: Final = 0xFFFF
_CHUNK: Final = 4096
_LARGE_CHUNK: Final = 3 << 14  # a multiple of three, for base64


def is_space(char: str) -> bool:
    """Tell what unicode.IsSpace does."""
    return char in _SPACES


def is_alphanumeric(char: str) -> bool:
    """Tell whether a character can be part of an identifier."""
    return char == "_" or char.isalpha() or char.isdecimal()


def is_lone(char: str) -> bool:
    """Tell whether a character stands for a byte that is not part of valid UTF-8."""
    return _FIRST_LONE <= char <= _LAST_LONE


def whole(text: str) -> str:
    """Put together what has become valid UTF-8 again, and replace each byte that has not by U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        joined = encode(text).decode("utf-8", "surrogateescape")
        return map_chars(lambda char: "\ufffd" if is_lone(char) else char, joined)
    return text


def rejoin(text: str) -> str:
    """Put together what has become valid UTF-8 again, keeping the bytes that have not."""
    return text if text.isascii() else encode(text).decode("utf-8", "surrogateescape")


def upper_char(char: str) -> str:
    """Map one character to upper case as Go does: always to one character."""
    big = char.upper()
    if len(big) == 1:
        return big
    big = char.title()
    return big if len(big) == 1 else char


def lower_char(char: str) -> str:
    """Map one character to lower case as Go does: always to one character."""
    small = char.lower()
    return small if len(small) == 1 else small[0]


def title_char(char: str) -> str:
    """Map one character to title case as Go does: always to one character."""
    big = char.title()
    return big if len(big) == 1 else char


def map_chars(change: Callable[[str], str], text: str) -> str:
    """Change a text character by character, holding only some of them at a time."""
    if len(text) <= _CHUNK:
        return "".join(map(change, text))
    chunks = (text[at : at + _CHUNK] for at in range(0, len(text), _CHUNK))
    return "".join("".join(map(change, chunk)) for chunk in chunks)


def in_chunks(change: Callable[[str], str], text: str) -> str:
    """Change a text piece by piece, where pieces do not matter to each other, so that no one call takes long."""
    if len(text) <= _LARGE_CHUNK:
        return change(text)
    return "".join([change(text[at : at + _LARGE_CHUNK]) for at in range(0, len(text), _LARGE_CHUNK)])


def upper(text: str) -> str:
    """Give strings.ToUpper of a text."""
    return text.upper() if text.isascii() else map_chars(upper_char, whole(text))


def lower(text: str) -> str:
    """Give strings.ToLower of a text."""
    return text.lower() if text.isascii() else map_chars(lower_char, whole(text))


def is_punctuation(char: str) -> bool:
    """Tell what unicode.IsPunct does."""
    return unicodedata.category(char)[0] == "P"


def is_number(char: str) -> bool:
    """Tell what unicode.IsNumber does."""
    return unicodedata.category(char)[0] == "N"


def is_upper(char: str) -> bool:
    """Tell what unicode.IsUpper does."""
    return unicodedata.category(char) == "Lu"


def is_lower(char: str) -> bool:
    """Tell what unicode.IsLower does."""
    return unicodedata.category(char) == "Ll"


def _escaped(char: str, mark: str, *, ascii_only: bool) -> str:
    if char == mark:
        return "\\" + char
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable() and (not ascii_only or char.isascii()):
        return char
    code = ord(char)
    if is_lone(char):
        return f"\\x{code - 0xDC00:02x}"
    if code < ord(" ") or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _LAST_BMP else f"\\U{code:08x}"


def quote(text: str, *, ascii_only: bool = False) -> str:
    """Give strconv.Quote of a text, or QuoteToASCII."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + map_chars(lambda char: _escaped(char, '"', ascii_only=ascii_only), text) + '"'


def quote_char(code: int, *, ascii_only: bool) -> str:
    """Give strconv.QuoteRune of a character's code, or QuoteRuneToASCII."""
    return "'" + _escaped(char_of(code), "'", ascii_only=ascii_only) + "'"


def char_of(code: int) -> str:
    """Give the character of a code, U+FFFD if there is none."""
    if 0 <= code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF:
        return chr(code)
    return "\ufffd"


def can_backquote(text: str) -> bool:
    """Tell whether a text can be written as a raw string on one line."""
    return not any(char in "`\x7f\ufeff" or (char < " " and char != "\t") or is_lone(char) for char in text)
