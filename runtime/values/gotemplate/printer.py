"""How one value prints: under every verb and flag of Go's package fmt."""

from collections.abc import Mapping, Sequence
from typing import Final

from runtime.values.gotemplate.errors import Exhausted
from runtime.values.gotemplate.floats import SHORTEST, format_float
from runtime.values.gotemplate.limits import DEEPEST, Budget
from runtime.values.gotemplate.sorting import sorted_keys
from runtime.values.gotemplate.text import can_backquote, char_of, quote, quote_char
from runtime.values.gotemplate.values import (
    JSON_NUMBER,
    MISSING,
    NIL_TYPES,
    UINTS,
    Enumerated,
    GoType,
    Kind,
    NilPointer,
    Struct,
    Value,
    encode,
    go_type,
    string_of,
)

_PIECE: Final = 20  # steps to print one piece of text
_UINT64: Final = (1 << 64) - 1
_MAX_RUNE: Final = 0x10FFFF
_BASES: Final = {"v": "d", "d": "d", "b": "b", "o": "o", "O": "o", "x": "x", "X": "X"}
_POINTER_VERBS: Final = frozenset("bodxX")
_STRING_VERBS: Final = frozenset("vsxXq")
_FLOAT_VERBS: Final = {"v": ("g", SHORTEST), "f": ("f", 6), "F": ("f", 6), "e": ("e", 6), "E": ("E", 6)} | {
    verb: (verb, SHORTEST) for verb in "bgGxX"
}
_COMPOSED: Final = frozenset({Kind.MAP, Kind.SLICE, Kind.STRUCT, Kind.PTR})
_ADDRESS: Final = 0xC000010000  # of everything


class Flags:
    """The flags of one directive."""

    __slots__ = ("minus", "plus", "plus_v", "precision", "sharp", "sharp_v", "space", "width", "zero")

    def __init__(self) -> None:
        self.width: int | None = None
        self.precision: int | None = None
        self.minus = self.plus = self.sharp = self.space = self.zero = self.plus_v = self.sharp_v = False


class Printer:
    """Collects what is printed. What it collects is charged to a budget before it is made."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.out: list[str] = []
        self.flags = Flags()
        self.erroring = False

    def write(self, text: str) -> None:
        """Add text as it is."""
        budget = self.budget
        budget.memory -= len(text) + 8
        budget.steps -= _PIECE + (len(text) >> 4)
        if budget.memory < 0 or budget.steps < 0:
            budget.hold(0)
        self.out.append(text)

    def text(self) -> str:
        """Give all that was printed."""
        return "".join(self.out)

    # Padding.

    def _pad(self, text: str, *, zero: bool | None = None) -> None:
        flags = self.flags
        short = (flags.width or 0) - len(text)
        if short <= 0:
            self.write(text)
            return
        self.budget.hold(short)
        if flags.minus:
            self.write(text + self._filler(zero=zero) * short)
        else:
            self.write(self._filler(zero=zero) * short + text)

    def _filler(self, *, zero: bool | None) -> str:
        return "0" if (self.flags.zero if zero is None else zero) else " "

    # Values.

    def print(self, value: Value, verb: str) -> None:
        """Print an argument under a verb."""
        if value is None or value is MISSING:
            if verb in {"T", "v"}:
                self._pad("<nil>")
            else:
                self.write(f"%!{verb}(<nil>)")
        elif verb == "T":
            self._string(go_type(value).name, "s")
        elif verb == "p":
            self._pointer(value)
        elif verb == "w" and go_type(value).kind in _COMPOSED:  # it wraps errors, which there are none of
            self._bad(value, verb)
        else:
            self._value(value, verb, 0)

    def _value(self, value: Value, verb: str, depth: int) -> None:
        if value is None or value is MISSING:
            self.write("interface {}(nil)" if self.flags.sharp_v else "<nil>")
            return
        kind = go_type(value)
        if kind is JSON_NUMBER or kind.kind is Kind.STRING:
            self._string_value(value, verb)
        elif isinstance(value, Struct):
            self._struct(value, verb, depth)
        elif isinstance(value, Enumerated) and self._prints_itself(verb):
            self._string(value.go_string(), verb)
        elif kind.kind is Kind.MAP:
            self._mapping(value, verb, depth)
        elif kind.kind is Kind.SLICE:
            self._sequence(value, verb, depth)
        else:
            self._scalar(value, verb, kind)

    def _prints_itself(self, verb: str) -> bool:
        return verb in _STRING_VERBS and not self.erroring and not self.flags.sharp_v

    def _scalar(self, value: Value, verb: str, kind: GoType) -> None:
        match kind.kind:
            case Kind.BOOL:
                if verb in {"t", "v"}:
                    self._pad("true" if value else "false")
                else:
                    self._bad(value, verb)
            case Kind.FLOAT64:
                self._float_number(value, verb)
            case Kind.COMPLEX128:
                self._complex_number(value, verb)
            case _:
                self._integer(value, verb, kind.kind in UINTS)

    def _bad(self, value: Value, verb: str) -> None:
        before, self.erroring = self.erroring, True
        self.write(f"%!{verb}({go_type(value).name}=")
        self._value(value, "v", 0)
        self.write(")")
        self.erroring = before

    def _string_value(self, value: Value, verb: str) -> None:
        if verb in _STRING_VERBS:
            self._string(string_of(value), verb)
        else:
            self._bad(value, verb)

    def _deeper(self, depth: int) -> None:
        if depth > DEEPEST:
            raise Exhausted(f"printing a value nested more than {DEEPEST} deep", "depth")

    def _mapping(self, value: Mapping[str, Value], verb: str, depth: int) -> None:
        self._deeper(depth)
        sharp = self.flags.sharp_v
        if sharp and isinstance(value, NIL_TYPES):
            self.write(f"{go_type(value).name}(nil)")
            return
        self.write(f"{go_type(value).name}{{" if sharp else "map[")
        for index, key in enumerate(sorted_keys(self.budget, value)):
            if index:
                self.write(", " if sharp else " ")
            self._value(key, verb, depth + 1)
            self.write(":")
            self._value(value[key], verb, depth + 1)
        self.write("}" if sharp else "]")

    def _sequence(self, value: Sequence[Value], verb: str, depth: int) -> None:
        self._deeper(depth)
        sharp = self.flags.sharp_v
        if sharp and isinstance(value, NIL_TYPES):
            self.write(f"{go_type(value).name}(nil)")
            return
        self.write(f"{go_type(value).name}{{" if sharp else "[")
        for index, item in enumerate(value):
            if index:
                self.write(", " if sharp else " ")
            self._value(item, verb, depth + 1)
        self.write("}" if sharp else "]")

    def _struct(self, value: Struct, verb: str, depth: int) -> None:
        if isinstance(value, NilPointer):
            self._nil_pointer(value, verb)
            return
        text = None
        if not self.erroring:
            text = value.go_source() if self.flags.sharp_v else value.go_string()
        if text is not None and verb in _STRING_VERBS:
            self._string(text, "s" if self.flags.sharp_v else verb)
            return
        if value.go_type.kind is Kind.PTR and depth:
            self._inner_pointer(value, verb)
            return
        named = self.flags.plus_v or self.flags.sharp_v
        self.write("&" if value.go_type.kind is Kind.PTR else "")
        self.write((value.go_type.name.removeprefix("*") if self.flags.sharp_v else "") + "{")
        for index, (name, item) in enumerate(value.go_values()):
            if index:
                self.write(", " if self.flags.sharp_v else " ")
            if named:
                self.write(f"{name}:")
            self._value(item, verb, depth + 1)
        self.write("}")

    def _nil_pointer(self, value: NilPointer, verb: str) -> None:
        name = value.go_type.name
        if verb == "v":
            self._pad(f"({name})(nil)" if self.flags.sharp_v else "<nil>")
        elif verb in _POINTER_VERBS:
            self._integer(0, verb, unsigned=True)
        else:
            self.write(f"%!{verb}({name}=")
            self._pad("<nil>")
            self.write(")")

    def _inner_pointer(self, value: Struct, verb: str) -> None:
        if verb == "v":
            address = f"0x{_ADDRESS:x}"
            self.write(f"({value.go_type.name})({address})" if self.flags.sharp_v else address)
        elif verb in _POINTER_VERBS:
            self._integer(_ADDRESS, verb, unsigned=True)
        else:
            self._bad(value, verb)

    def _pointer(self, value: Value) -> None:
        if go_type(value).kind in {Kind.MAP, Kind.SLICE, Kind.PTR}:
            self._pad("0x0" if isinstance(value, NIL_TYPES) else f"0x{_ADDRESS:x}")
        else:
            self._bad(value, "p")

    # Scalars.

    def _string(self, text: str, verb: str) -> None:
        """Print a string under one of its verbs."""
        flags = self.flags
        if verb in {"x", "X"}:
            self._hex(encode(text), verb)
            return
        if flags.precision is not None:
            text = text[: flags.precision]
        if verb == "q" or (verb == "v" and flags.sharp_v):
            self.budget.hold(len(text) * 2)
            self.budget.spend(len(text) * 3)
            raw = flags.sharp and can_backquote(text)
            text = f"`{text}`" if raw else quote(text, ascii_only=flags.plus)
        self._pad(text)

    def _hex(self, data: bytes, verb: str) -> None:
        flags = self.flags
        if flags.precision is not None:
            data = data[: flags.precision]
        self.budget.hold(len(data) * 5)
        if not data:
            self._pad("")
            return
        prefix = f"0{verb}" if flags.sharp else ""
        form = "02x" if verb == "x" else "02X"
        if flags.space:
            text = " ".join(f"{prefix}{byte:{form}}" for byte in data)
        else:
            text = prefix + (data.hex() if verb == "x" else data.hex().upper())
        self._pad(text)

    def _integer(self, value: int, verb: str, unsigned: bool) -> None:
        if verb == "v" and self.flags.sharp_v and unsigned:
            before, self.flags.sharp = self.flags.sharp, True
            self._number(value, "x", "v")
            self.flags.sharp = before
        elif verb in _BASES:
            self._number(value, _BASES[verb], verb)
        elif verb == "c":
            self._pad(char_of(value & _UINT64))
        elif verb == "q":
            self._pad(quote_char(value & _UINT64, ascii_only=self.flags.plus))
        elif verb == "U":
            self._unicode(value & _UINT64)
        else:
            self._bad(value, verb)

    def _number(self, value: int, base: str, verb: str) -> None:
        flags = self.flags
        sign = "-" if value < 0 else "+" if flags.plus else " " if flags.space else ""
        if flags.precision == 0 and value == 0:
            self._pad("", zero=False)
            return
        precision = 0
        if flags.precision is not None:
            precision = flags.precision
        elif flags.zero and flags.width is not None:
            precision = flags.width - (1 if sign else 0)
        self.budget.hold(precision)
        digits = format(abs(int(value)), base).rjust(precision, "0")
        prefix = ""
        if flags.sharp:
            prefix = {"b": "0b", "x": "0x", "X": "0X", "o": "" if digits[0] == "0" else "0"}.get(base, "")
        if verb == "O":
            prefix = "0o" + prefix
        self._pad(sign + prefix + digits, zero=False)

    def _unicode(self, code: int) -> None:
        precision = max(self.flags.precision or 0, 4)
        self.budget.hold(precision)
        text = f"U+{code:0{precision}X}"
        if self.flags.sharp and code <= _MAX_RUNE:
            char = char_of(code)
            if char.isprintable() and ord(char) == code:
                text += f" '{char}'"
        self._pad(text, zero=False)

    def _float_number(self, value: float, verb: str) -> None:
        form = _FLOAT_VERBS.get(verb)
        if form is None:
            self._bad(value, verb)
        else:
            self._real(value, *form)

    def _real(self, value: float, form: str, precision: int) -> None:
        flags = self.flags
        if flags.precision is not None:
            precision = flags.precision
        self.budget.hold(max(precision, 0) + 320)
        text = format_float(value, form, precision)
        if text[0] not in "+-":
            text = "+" + text
        if flags.space and text[0] == "+" and not flags.plus:
            text = " " + text[1:]
        if text[1] in "IN":
            if text[1] == "N" and not flags.space and not flags.plus:
                text = text[1:]
            self._pad(text, zero=False)
            return
        if flags.sharp and form != "b":
            text = _sharp(text, form, precision)
        if not flags.plus and text[0] == "+":
            self._pad(text[1:])
        elif flags.zero and flags.width is not None and flags.width > len(text):
            self.budget.hold(flags.width)
            self.write(text[0] + text[1:].rjust(flags.width - 1, "0"))
        else:
            self._pad(text)

    def _complex_number(self, value: complex, verb: str) -> None:
        if verb not in _FLOAT_VERBS:
            self._bad(value, verb)
            return
        flags = self.flags
        before = flags.plus
        self.write("(")
        self._float_number(value.real, verb)
        flags.plus = True
        self._float_number(value.imag, verb)
        self.write("i)")
        flags.plus = before


def _sharp(text: str, form: str, precision: int) -> str:
    """Keep the decimal point and the trailing zeros, as the sharp flag asks."""
    digits = (6 if precision == SHORTEST else precision) if form in {"g", "G", "x"} else 0
    marks = "pP" if form in {"x", "X"} else "eE"
    cut = next((at for at, char in enumerate(text) if at and char in marks), len(text))
    head, tail = text[:cut], text[cut:]
    seen = False
    for char in head[1:]:
        if char == ".":
            continue
        seen = seen or char != "0"
        digits -= seen
    if "." not in head:
        digits -= len(head) == 2 and head[1] == "0"
        head += "."
    return head + "0" * max(digits, 0) + tail
