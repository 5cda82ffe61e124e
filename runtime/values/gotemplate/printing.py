"""Go's package fmt: how values print, alone and under every verb and flag of printf."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from runtime.values.gotemplate.errors import Exhausted
from runtime.values.gotemplate.floats import SHORTEST, format_float, plain_text
from runtime.values.gotemplate.limits import DEEPEST, Budget
from runtime.values.gotemplate.sorting import sorted_keys
from runtime.values.gotemplate.text import can_backquote, char_of, is_lone, quote, quote_char
from runtime.values.gotemplate.values import (
    INTS,
    JSON_NUMBER,
    MISSING,
    NIL_TYPES,
    UINTS,
    Enumerated,
    Float,
    GoType,
    Int,
    Int64,
    Kind,
    NilPointer,
    Struct,
    Value,
    encode,
    go_type,
    string_of,
)

_PIECE: Final = 20  # steps to print one piece of text
_LARGEST: Final = 1_000_000  # of a width, a precision or an argument's number, as in Go
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
_DIGITS: Final = frozenset("0123456789")
_COMMON: Final = re.compile(r"%(0?)([1-9][0-9]{0,2})?([vsd])")
_SHORT_FORMAT: Final = 200  # characters of a format that is worth remembering


class _Flags:
    """The flags of one directive."""

    __slots__ = ("minus", "plus", "plus_v", "precision", "sharp", "sharp_v", "space", "width", "zero")

    def __init__(self) -> None:
        self.width: int | None = None
        self.precision: int | None = None
        self.minus = self.plus = self.sharp = self.space = self.zero = self.plus_v = self.sharp_v = False


class _Printer:
    """Collects what is printed. What it collects is charged to a budget before it is made."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.out: list[str] = []
        self.flags = _Flags()
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

    def pad(self, text: str, *, zero: bool | None = None) -> None:
        flags = self.flags
        short = (flags.width or 0) - len(text)
        if short <= 0:
            self.write(text)
            return
        self.budget.hold(short)
        if flags.minus:
            self.write(text + self.filler(zero=zero) * short)
        else:
            self.write(self.filler(zero=zero) * short + text)

    def filler(self, *, zero: bool | None) -> str:
        return "0" if (self.flags.zero if zero is None else zero) else " "

    # Values.

    def print(self, value: Value, verb: str) -> None:
        """Print an argument under a verb."""
        if value is None or value is MISSING:
            if verb in {"T", "v"}:
                self.pad("<nil>")
            else:
                self.write(f"%!{verb}(<nil>)")
        elif verb == "T":
            self.string(go_type(value).name, "s")
        elif verb == "p":
            self.pointer(value)
        elif verb == "w" and go_type(value).kind in _COMPOSED:  # it wraps errors, which there are none of
            self.bad(value, verb)
        else:
            self.value(value, verb, 0)

    def value(self, value: Value, verb: str, depth: int) -> None:
        if value is None or value is MISSING:
            self.write("interface {}(nil)" if self.flags.sharp_v else "<nil>")
            return
        kind = go_type(value)
        if kind is JSON_NUMBER or kind.kind is Kind.STRING:
            self.string_value(value, verb)
        elif isinstance(value, Struct):
            self.struct(value, verb, depth)
        elif isinstance(value, Enumerated) and self.prints_itself(verb):
            self.string(value.go_string(), verb)
        elif kind.kind is Kind.MAP:
            self.mapping(value, verb, depth)
        elif kind.kind is Kind.SLICE:
            self.sequence(value, verb, depth)
        else:
            self.scalar(value, verb, kind)

    def prints_itself(self, verb: str) -> bool:
        return verb in _STRING_VERBS and not self.erroring and not self.flags.sharp_v

    def scalar(self, value: Value, verb: str, kind: GoType) -> None:
        match kind.kind:
            case Kind.BOOL:
                if verb in {"t", "v"}:
                    self.pad("true" if value else "false")
                else:
                    self.bad(value, verb)
            case Kind.FLOAT64:
                self.float_number(value, verb)
            case Kind.COMPLEX128:
                self.complex_number(value, verb)
            case _:
                self.integer(value, verb, kind.kind in UINTS)

    def bad(self, value: Value, verb: str) -> None:
        before, self.erroring = self.erroring, True
        self.write(f"%!{verb}({go_type(value).name}=")
        self.value(value, "v", 0)
        self.write(")")
        self.erroring = before

    def string_value(self, value: Value, verb: str) -> None:
        if verb in _STRING_VERBS:
            self.string(string_of(value), verb)
        else:
            self.bad(value, verb)

    def deeper(self, depth: int) -> None:
        if depth > DEEPEST:
            raise Exhausted(f"printing a value nested more than {DEEPEST} deep", "depth")

    def mapping(self, value: Mapping[str, Value], verb: str, depth: int) -> None:
        self.deeper(depth)
        sharp = self.flags.sharp_v
        if sharp and isinstance(value, NIL_TYPES):
            self.write(f"{go_type(value).name}(nil)")
            return
        self.write(f"{go_type(value).name}{{" if sharp else "map[")
        for index, key in enumerate(sorted_keys(self.budget, value)):
            if index:
                self.write(", " if sharp else " ")
            self.value(key, verb, depth + 1)
            self.write(":")
            self.value(value[key], verb, depth + 1)
        self.write("}" if sharp else "]")

    def sequence(self, value: Sequence[Value], verb: str, depth: int) -> None:
        self.deeper(depth)
        sharp = self.flags.sharp_v
        if sharp and isinstance(value, NIL_TYPES):
            self.write(f"{go_type(value).name}(nil)")
            return
        self.write(f"{go_type(value).name}{{" if sharp else "[")
        for index, item in enumerate(value):
            if index:
                self.write(", " if sharp else " ")
            self.value(item, verb, depth + 1)
        self.write("}" if sharp else "]")

    def struct(self, value: Struct, verb: str, depth: int) -> None:
        if isinstance(value, NilPointer):
            self.nil_pointer(value, verb)
            return
        text = None
        if not self.erroring:
            text = value.go_source() if self.flags.sharp_v else value.go_string()
        if text is not None and verb in _STRING_VERBS:
            self.string(text, "s" if self.flags.sharp_v else verb)
            return
        if value.go_type.kind is Kind.PTR and depth:
            self.inner_pointer(value, verb)
            return
        named = self.flags.plus_v or self.flags.sharp_v
        self.write("&" if value.go_type.kind is Kind.PTR else "")
        self.write((value.go_type.name.removeprefix("*") if self.flags.sharp_v else "") + "{")
        for index, (name, item) in enumerate(value.go_values()):
            if index:
                self.write(", " if self.flags.sharp_v else " ")
            if named:
                self.write(f"{name}:")
            self.value(item, verb, depth + 1)
        self.write("}")

    def nil_pointer(self, value: NilPointer, verb: str) -> None:
        name = value.go_type.name
        if verb == "v":
            self.pad(f"({name})(nil)" if self.flags.sharp_v else "<nil>")
        elif verb in _POINTER_VERBS:
            self.integer(0, verb, unsigned=True)
        else:
            self.write(f"%!{verb}({name}=")
            self.pad("<nil>")
            self.write(")")

    def inner_pointer(self, value: Struct, verb: str) -> None:
        if verb == "v":
            address = f"0x{_ADDRESS:x}"
            self.write(f"({value.go_type.name})({address})" if self.flags.sharp_v else address)
        elif verb in _POINTER_VERBS:
            self.integer(_ADDRESS, verb, unsigned=True)
        else:
            self.bad(value, verb)

    def pointer(self, value: Value) -> None:
        if go_type(value).kind in {Kind.MAP, Kind.SLICE, Kind.PTR}:
            self.pad("0x0" if isinstance(value, NIL_TYPES) else f"0x{_ADDRESS:x}")
        else:
            self.bad(value, "p")

    # Scalars.

    def string(self, text: str, verb: str) -> None:
        """Print a string under one of its verbs."""
        flags = self.flags
        if verb in {"x", "X"}:
            self.hex(encode(text), verb)
            return
        if flags.precision is not None:
            text = text[: flags.precision]
        if verb == "q" or (verb == "v" and flags.sharp_v):
            self.budget.hold(len(text) * 2)
            self.budget.spend(len(text) * 3)
            raw = flags.sharp and can_backquote(text)
            text = f"`{text}`" if raw else quote(text, ascii_only=flags.plus)
        self.pad(text)

    def hex(self, data: bytes, verb: str) -> None:
        flags = self.flags
        if flags.precision is not None:
            data = data[: flags.precision]
        self.budget.hold(len(data) * 5)
        if not data:
            self.pad("")
            return
        prefix = f"0{verb}" if flags.sharp else ""
        form = "02x" if verb == "x" else "02X"
        if flags.space:
            text = " ".join(f"{prefix}{byte:{form}}" for byte in data)
        else:
            text = prefix + (data.hex() if verb == "x" else data.hex().upper())
        self.pad(text)

    def integer(self, value: int, verb: str, unsigned: bool) -> None:
        if verb == "v" and self.flags.sharp_v and unsigned:
            before, self.flags.sharp = self.flags.sharp, True
            self.number(value, "x", "v")
            self.flags.sharp = before
        elif verb in _BASES:
            self.number(value, _BASES[verb], verb)
        elif verb == "c":
            self.pad(char_of(value & _UINT64))
        elif verb == "q":
            self.pad(quote_char(value & _UINT64, ascii_only=self.flags.plus))
        elif verb == "U":
            self.unicode(value & _UINT64)
        else:
            self.bad(value, verb)

    def number(self, value: int, base: str, verb: str) -> None:
        flags = self.flags
        sign = "-" if value < 0 else "+" if flags.plus else " " if flags.space else ""
        if flags.precision == 0 and value == 0:
            self.pad("", zero=False)
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
        self.pad(sign + prefix + digits, zero=False)

    def unicode(self, code: int) -> None:
        precision = max(self.flags.precision or 0, 4)
        self.budget.hold(precision)
        text = f"U+{code:0{precision}X}"
        if self.flags.sharp and code <= _MAX_RUNE:
            char = char_of(code)
            if char.isprintable() and ord(char) == code:
                text += f" '{char}'"
        self.pad(text, zero=False)

    def float_number(self, value: float, verb: str) -> None:
        form = _FLOAT_VERBS.get(verb)
        if form is None:
            self.bad(value, verb)
        else:
            self.real(value, *form)

    def real(self, value: float, form: str, precision: int) -> None:
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
            self.pad(text, zero=False)
            return
        if flags.sharp and form != "b":
            text = _sharp(text, form, precision)
        if not flags.plus and text[0] == "+":
            self.pad(text[1:])
        elif flags.zero and flags.width is not None and flags.width > len(text):
            self.budget.hold(flags.width)
            self.write(text[0] + text[1:].rjust(flags.width - 1, "0"))
        else:
            self.pad(text)

    def complex_number(self, value: complex, verb: str) -> None:
        if verb not in _FLOAT_VERBS:
            self.bad(value, verb)
            return
        flags = self.flags
        before = flags.plus
        self.write("(")
        self.float_number(value.real, verb)
        flags.plus = True
        self.float_number(value.imag, verb)
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


class _Format:
    """One printf: walks the format, feeding the printer."""

    def __init__(self, printer: _Printer, form: str, args: Sequence[Value]) -> None:
        self.printer = printer
        self.form = form
        self.args = args
        self.at = 0
        self.arg = 0
        self.reordered = False
        self.good = True
        self.after_index = False

    def run(self) -> None:
        form = self.form
        end = len(form)
        while self.at < end:
            percent = form.find("%", self.at)
            if percent < 0:
                self.printer.write(form[self.at :])
                break
            if percent > self.at:
                self.printer.write(form[self.at : percent])
            self.at = percent + 1
            self.directive()
        if not self.reordered and self.arg < len(self.args):
            self.extra()

    def extra(self) -> None:
        printer = self.printer
        printer.flags = _Flags()
        printer.write("%!(EXTRA ")
        for index, arg in enumerate(self.args[self.arg :]):
            if index:
                printer.write(", ")
            if arg is None or arg is MISSING:
                printer.write("<nil>")
            else:
                printer.write(f"{go_type(arg).name}=")
                printer.print(arg, "v")
        printer.write(")")

    def directive(self) -> None:
        printer = self.printer
        printer.flags = flags = _Flags()
        self.good = True
        self.after_index = False
        self.read_flags(flags)
        self.index()
        self.width(flags)
        self.precision(flags)
        if not self.after_index:
            self.index()
        if self.at >= len(self.form):
            printer.write("%!(NOVERB)")
            return
        verb = self.form[self.at]
        self.at += 1
        self.verb("\ufffd" if is_lone(verb) else verb, flags)

    def verb(self, verb: str, flags: _Flags) -> None:
        printer = self.printer
        if verb == "%":
            printer.write("%")
        elif not self.good:
            printer.write(f"%!{verb}(BADINDEX)")
        elif self.arg >= len(self.args):
            printer.write(f"%!{verb}(MISSING)")
        else:
            if verb == "v":
                flags.sharp_v, flags.sharp = flags.sharp, False
                flags.plus_v, flags.plus = flags.plus, False
            printer.print(self.args[self.arg], verb)
            self.arg += 1

    def read_flags(self, flags: _Flags) -> None:
        while self.at < len(self.form):
            match self.form[self.at]:
                case "#":
                    flags.sharp = True
                case "0":
                    flags.zero = not flags.minus
                case "+":
                    flags.plus = True
                case "-":
                    flags.minus = True
                    flags.zero = False
                case " ":
                    flags.space = True
                case _:
                    return
            self.at += 1

    def index(self) -> None:
        """Read an explicit argument number, if there is one."""
        form = self.form
        if not form.startswith("[", self.at):
            self.after_index = False
            return
        self.reordered = True
        close = form.find("]", self.at)
        if close < 0 or len(form) - self.at < 3:
            self.good = False
            self.after_index = False
            self.at += 1
            return
        number, end = _read_number(form, self.at + 1, close)
        self.at = close + 1
        known = number is not None and end == close
        if known and number is not None and 0 < number <= len(self.args):
            self.arg = number - 1
            self.after_index = True
            return
        self.good = False
        self.after_index = known

    def star(self) -> int | None:
        self.at += 1
        self.after_index = False
        if self.arg >= len(self.args):
            return None
        value = self.args[self.arg]
        self.arg += 1
        if value is None or value is MISSING or go_type(value).kind not in INTS | UINTS:
            return None
        return int(value) if abs(value) <= _LARGEST else None

    def width(self, flags: _Flags) -> None:
        if self.form.startswith("*", self.at):
            flags.width = self.star()
            if flags.width is None:
                self.printer.write("%!(BADWIDTH)")
            elif flags.width < 0:
                flags.width = -flags.width
                flags.minus = True
                flags.zero = False
            return
        flags.width, self.at = _read_number(self.form, self.at, len(self.form))
        if self.after_index and flags.width is not None:
            self.good = False

    def precision(self, flags: _Flags) -> None:
        if not self.form.startswith(".", self.at) or self.at + 1 >= len(self.form):
            return
        self.at += 1
        if self.after_index:
            self.good = False
        self.index()
        if self.form.startswith("*", self.at):
            flags.precision = self.star()
            if flags.precision is not None and flags.precision < 0:
                flags.precision = None
            if flags.precision is None:
                self.printer.write("%!(BADPREC)")
            return
        flags.precision, self.at = _read_number(self.form, self.at, len(self.form))
        if flags.precision is None:
            flags.precision = 0


def _read_number(form: str, at: int, end: int) -> tuple[int | None, int]:
    """Read digits; a number too large ends the format, as in Go."""
    number: int | None = None
    while at < end and form[at] in _DIGITS:
        if number is not None and number > _LARGEST:
            return None, end
        number = (number or 0) * 10 + int(form[at])
        at += 1
    return number, at


_TEXTS: Final = frozenset({str})
_INTEGERS: Final = frozenset({Int, Int64})
_COMMON_TYPES: Final = {"s": _TEXTS, "d": _INTEGERS, "v": _TEXTS | _INTEGERS}


@lru_cache(maxsize=256)
def _common(form: str) -> tuple[str, tuple[frozenset[type], ...]] | None:
    """Give the Python format that does the same, for arguments of certain types; None if there is none."""
    layout: list[str] = []
    types: list[frozenset[type]] = []
    at = 0
    while (percent := form.find("%", at)) >= 0:
        match = _COMMON.match(form, percent)
        if match is None or (match[1] and match[3] != "d"):
            return None
        layout += (form[at:percent], f"%{match[1]}{match[2] or ''}{'d' if match[3] == 'd' else 's'}")
        types.append(_COMMON_TYPES[match[3]])
        at = match.end()
    layout.append(form[at:])
    return "".join(layout), tuple(types)


def _quick(budget: Budget, form: str, args: Sequence[Value]) -> str | None:
    """Print strings and integers in the commonest ways; None if something else is wanted."""
    common = _common(form)
    if common is None or len(common[1]) != len(args):
        return None
    layout, types = common
    size = len(form)
    for accepted, arg in zip(types, args, strict=True):
        kind = type(arg)
        if kind not in accepted:
            return None
        if kind is str:
            size += len(arg)
    budget.hold(size)
    return layout % tuple(args)


def sprintf(budget: Budget, form: str, args: Sequence[Value]) -> str:
    """Give fmt.Sprintf of a format and its arguments."""
    if len(form) <= _SHORT_FORMAT:
        text = _quick(budget, form, args)
        if text is not None:
            return text
    printer = _Printer(budget)
    _Format(printer, form, args).run()
    return printer.text()


def _is_string(value: Value) -> bool:
    return value is not None and value is not MISSING and go_type(value).kind is Kind.STRING


def sprint(budget: Budget, args: Sequence[Value]) -> str:
    """Give fmt.Sprint: a space between two arguments of which neither is a string."""
    printer = _Printer(budget)
    before = True
    for index, arg in enumerate(args):
        string = _is_string(arg)
        if index and not string and not before:
            printer.write(" ")
        printer.print(arg, "v")
        before = string
    return printer.text()


def sprintln(budget: Budget, args: Sequence[Value]) -> str:
    """Give fmt.Sprintln: spaces between the arguments and a line feed."""
    printer = _Printer(budget)
    for index, arg in enumerate(args):
        if index:
            printer.write(" ")
        printer.print(arg, "v")
    printer.write("\n")
    return printer.text()


_PLAIN: Final[dict[type, Callable[[Value], str]]] = {
    str: lambda value: value,
    bool: lambda value: "true" if value else "false",
    Int: int.__repr__,
    Int64: int.__repr__,
    Float: plain_text,
}


def text_of(budget: Budget, value: Value) -> str:
    """Give the text %v prints."""
    plain = _PLAIN.get(type(value))
    if plain is not None:
        return plain(value)
    printer = _Printer(budget)
    printer.print(value, "v")
    return printer.text()
