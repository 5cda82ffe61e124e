"""Go's values in Python: which Python type stands for which Go type.

Data comes as plain Python: None, bool, int, float, str, mappings and sequences. A plain `int` or `float` (or a subclass
that prints its own literal) is a JSON number: to Go that is a `json.Number`, a string kind that prints its literal.
Numbers that a template writes or computes have types of their own here, because Go treats them quite differently.

A Go string is bytes. Here it is a `str` in which a byte that is not part of valid UTF-8 is a lone surrogate (Python's
"surrogateescape"), so that text can be cut anywhere and put together again.

There are two kinds of nothing. `MISSING` is Go's zero reflect.Value: a map without the key, an empty pipeline result.
`None` is a nil interface: a null in the data. They print alike, but reaching into the second is an error.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from functools import lru_cache
from typing import Any, Final, TypeAlias

import attrs

Value: TypeAlias = Any  # a Go value as described above


class Kind(Enum):
    """Go's reflect.Kind, as far as templates meet it."""

    INVALID = "invalid"
    BOOL = "bool"
    INT = "int"
    INT64 = "int64"
    UINT8 = "uint8"
    UINT32 = "uint32"
    UINT64 = "uint64"
    FLOAT64 = "float64"
    COMPLEX128 = "complex128"
    STRING = "string"
    SLICE = "slice"
    MAP = "map"
    STRUCT = "struct"
    PTR = "ptr"


class NoGoType(TypeError):
    """A value in the data stands for no Go value."""


class Missing:
    """No value at all; there is one, `MISSING`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<no value>"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing()


class Int(int):
    """Go's int."""

    __slots__ = ()


class Int64(int):
    """Go's int64."""

    __slots__ = ()


class Uint8(int):
    """Go's uint8, a byte of a string."""

    __slots__ = ()


class Uint32(int):
    """Go's uint32."""

    __slots__ = ()


class Uint64(int):
    """Go's uint64."""

    __slots__ = ()


class Float(float):
    """Go's float64."""

    __slots__ = ()


class Strings(list[str]):
    """Go's []string."""

    __slots__ = ()


class NilStrings(Strings):
    """A nil []string."""

    __slots__ = ()


class Ints(list[Int]):
    """Go's []int."""

    __slots__ = ()


class Lists(list[list[Value]]):
    """Go's [][]interface{}."""

    __slots__ = ()


class NilList(list[Value]):
    """A nil []interface{}."""

    __slots__ = ()


class NilMap(dict[str, Value]):
    """A nil map[string]interface{}."""

    __slots__ = ()


class StringMap(dict[str, str]):
    """Go's map[string]string."""

    __slots__ = ()


class Enumerated(int):
    """A Go integer of a named type that prints as a word; a subclass sets `go_type` and overrides `go_string`."""

    __slots__ = ()
    go_type: "GoType"
    go_methods: Mapping[str, Any] = {}

    def go_string(self) -> str:
        """Print as fmt.Stringer does."""
        return int.__repr__(self)


class Struct:
    """A Go struct, or a pointer to one: what it may be asked in a template is in its two tables.

    A subclass sets `go_type`, `go_fields` (name in the template to attribute) and `go_methods` (name to a function
    that takes the object and the arguments).
    """

    __slots__ = ()
    go_type: "GoType"
    go_fields: Mapping[str, str] = {}
    go_methods: Mapping[str, Any] = {}

    def go_values(self) -> Sequence[tuple[str, Value]]:
        """Give the fields in order, as fmt prints them, the unexported ones too."""
        return [(name, getattr(self, attribute)) for name, attribute in self.go_fields.items()]

    def go_string(self) -> str | None:
        """Print as fmt.Stringer does, or None if the type is none."""
        return None

    def go_source(self) -> str | None:
        """Print as fmt.GoStringer does, or None if the type is none."""
        return None


class NilPointer(Struct):
    """A nil pointer to a struct; a subclass sets `go_type`."""

    __slots__ = ()


@attrs.frozen
class GoType:
    """A Go type: its name as %T prints it, its kind, and whether its elements are interfaces."""

    name: str
    kind: Kind
    holds_interfaces: bool = False


ANY_LIST: Final = GoType("[]interface {}", Kind.SLICE, holds_interfaces=True)
ANY_MAP: Final = GoType("map[string]interface {}", Kind.MAP, holds_interfaces=True)
JSON_NUMBER: Final = GoType("json.Number", Kind.STRING)
NIL_TYPE: Final = GoType("<nil>", Kind.INVALID)
STRING_TYPE: Final = GoType("string", Kind.STRING)

_TYPES: Final[dict[type, GoType]] = {
    type(None): NIL_TYPE,
    Missing: NIL_TYPE,
    bool: GoType("bool", Kind.BOOL),
    str: STRING_TYPE,
    int: JSON_NUMBER,
    float: JSON_NUMBER,
    dict: ANY_MAP,
    list: ANY_LIST,
    tuple: ANY_LIST,
    NilMap: ANY_MAP,
    NilList: ANY_LIST,
    Int: GoType("int", Kind.INT),
    Int64: GoType("int64", Kind.INT64),
    Uint8: GoType("uint8", Kind.UINT8),
    Uint32: GoType("uint32", Kind.UINT32),
    Uint64: GoType("uint64", Kind.UINT64),
    Float: GoType("float64", Kind.FLOAT64),
    complex: GoType("complex128", Kind.COMPLEX128),
    Strings: GoType("[]string", Kind.SLICE),
    NilStrings: GoType("[]string", Kind.SLICE),
    Ints: GoType("[]int", Kind.SLICE),
    Lists: GoType("[][]interface {}", Kind.SLICE),
    StringMap: GoType("map[string]string", Kind.MAP),
}

_OTHERS: Final[tuple[tuple[type, GoType], ...]] = (
    (str, STRING_TYPE),
    (int, JSON_NUMBER),
    (float, JSON_NUMBER),
    (Mapping, ANY_MAP),
    (Sequence, ANY_LIST),
)

INTS: Final = frozenset({Kind.INT, Kind.INT64})
UINTS: Final = frozenset({Kind.UINT8, Kind.UINT32, Kind.UINT64})
NIL_TYPES: Final = (NilList, NilMap, NilStrings)


@lru_cache(maxsize=256)
def type_for(python_type: Any) -> GoType:
    """Give the Go type that values of a Python type stand for.

    Raises:
        NoGoType: they stand for none; such a value has no place in a template's data.
    """
    known = _TYPES.get(python_type)
    if known is not None:
        return known
    if issubclass(python_type, Struct | Enumerated):
        own: GoType = python_type.go_type
        return own
    if not issubclass(python_type, bytes | bytearray | memoryview):
        for base, go_type in _OTHERS:
            if issubclass(python_type, base):
                return go_type
    raise NoGoType(f"a template cannot hold a value of type {python_type.__name__}")


def go_type(value: Value) -> GoType:
    """Give the Go type of a value; see `type_for`."""
    return _TYPES.get(type(value)) or type_for(value.__class__)


def kind(value: Value) -> Kind:
    """Give the Go kind of a value; see `type_for`."""
    return (_TYPES.get(type(value)) or type_for(value.__class__)).kind


def is_nil(value: Value) -> bool:
    """Tell whether Go would call this a nil: no value, a nil interface, a nil slice or map."""
    return value is None or value is MISSING or isinstance(value, NIL_TYPES)


def string_of(value: Value) -> str:
    """Give the text of a value of a string kind: a string, or a JSON number's literal."""
    return value if isinstance(value, str) else str(value)


def encode(text: str) -> bytes:
    """Give a string's bytes, as Go sees them."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a surrogate pair, which data can hold; Go's JSON decoder makes it U+FFFD
        return "".join("\ufffd" if _is_half(char) else char for char in text).encode("utf-8", "surrogateescape")


def _is_half(char: str) -> bool:
    return "\ud800" <= char <= "\udc7f" or "\udd00" <= char <= "\udfff"


def decode(data: bytes) -> str:
    """Make a string of bytes, valid UTF-8 or not."""
    return data.decode("utf-8", "surrogateescape")


def size(text: str) -> int:
    """Give the length of a string in bytes."""
    return len(text) if text.isascii() else len(encode(text))


def truth(value: Value) -> bool:
    """Tell whether a value is true to `if`: not nothing, false, zero or empty. A JSON number is never empty."""
    if value is None or value is MISSING:
        return False
    if isinstance(value, int | float) and go_type(value) is JSON_NUMBER:
        return True
    return True if isinstance(value, Struct) else bool(value)


class Certificate(Struct):
    """A certificate and its key, both PEM; Sprig's type of that name."""

    __slots__ = ("cert", "key")
    go_type = GoType("sprig.certificate", Kind.STRUCT)
    go_fields: Mapping[str, str] = {"Cert": "cert", "Key": "key"}

    def __init__(self, cert: str, key: str) -> None:
        self.cert = cert
        self.key = key
