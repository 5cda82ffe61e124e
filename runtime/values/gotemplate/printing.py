"""Go's package fmt: values printed alone, after each other, and as a format says."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from runtime.values.gotemplate.floats import plain_text
from runtime.values.gotemplate.limits import Budget
from runtime.values.gotemplate.printer import Flags, Printer
from runtime.values.gotemplate.text import is_lone
from runtime.values.gotemplate.values import (
    INTS,
    MISSING,
    UINTS,
    Float,
    Int,
    Int64,
    Kind,
    Value,
    go_type,
)

_LARGEST: Final = 1_000_000  # of a width, a precision or an argument's number, as in Go
_DIGITS: Final = frozenset("0123456789")
_COMMON: Final = re.compile(r"%(0?)([1-9][0-9]{0,2})?([vsd])")
_SHORT_FORMAT: Final = 200  # characters of a format that is worth remembering


class _Format:
    """One printf: walks the format, feeding the printer."""

    def __init__(self, printer: Printer, form: str, args: Sequence[Value]) -> None:
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
        printer.flags = Flags()
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
        printer.flags = flags = Flags()
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

    def verb(self, verb: str, flags: Flags) -> None:
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

    def read_flags(self, flags: Flags) -> None:
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

    def width(self, flags: Flags) -> None:
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

    def precision(self, flags: Flags) -> None:
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
    printer = Printer(budget)
    _Format(printer, form, args).run()
    return printer.text()


def _is_string(value: Value) -> bool:
    return value is not None and value is not MISSING and go_type(value).kind is Kind.STRING


def sprint(budget: Budget, args: Sequence[Value]) -> str:
    """Give fmt.Sprint: a space between two arguments of which neither is a string."""
    printer = Printer(budget)
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
    printer = Printer(budget)
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
    printer = Printer(budget)
    printer.print(value, "v")
    return printer.text()
