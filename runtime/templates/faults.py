"""What is wrong with a document, collected: every fault once, in document order, with the line where there is one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import attrs

from runtime.errors import Fault, Invalid, TemplateInvalid, did_you_mean
from runtime.templates.paths import parts, prefixes, printable
from runtime.values.json import Json

_MOST_FAULTS = 1000
_MOST_HINTS = 10  # finding the nearest of many words takes a hundredth of a second

Marks = Mapping[int, Mapping[str, int] | Sequence[int]]


class Places:
    """Where the parts of a document stand: their order and, for a document read from text, their lines.

    `marks` holds, by the identity of each container of `root`, the lines of its members.
    """

    def __init__(self, root: Json = None, marks: Marks | None = None) -> None:
        self._root = root
        self._marks = marks or {}
        self._order: dict[int, Mapping[str, int]] = {}

    def find(self, path: str) -> tuple[tuple[int, ...], int | None]:
        """Give the rank of a part in document order, and its line; for a part that is not there, its nearest owner's."""
        rank: list[int] = []
        line: int | None = None
        value = self._root
        for part in parts(path):
            marks = self._marks.get(id(value))
            if isinstance(value, Mapping) and isinstance(part, str) and part in value:
                rank.append(self._position(value, part))
                line = marks[part] if isinstance(marks, Mapping) else line
                value = value[part]
            elif isinstance(value, (list, tuple)) and isinstance(part, int) and part < len(value):
                rank.append(part)
                line = marks[part] if isinstance(marks, list) else line
                value = value[part]
            else:
                break
        return tuple(rank), line

    def _position(self, value: Mapping[str, Json], key: str) -> int:
        order = self._order.get(id(value))
        if order is None:
            order = self._order[id(value)] = {name: position for position, name in enumerate(value)}
        return order[key]


NOWHERE: Final = Places()


class Faults:
    """The faults found so far. The first thousand are kept: nobody reads more, and a hostile document may hold millions."""

    def __init__(self) -> None:
        self._found: list[Fault] = []
        self._dropped = 0
        self._hints = 0

    def add(self, path: str, message: str, hint: str = "") -> None:
        """Add a fault."""
        if len(self._found) < _MOST_FAULTS:
            self._found.append(Fault(path, printable(message), printable(hint)))
        else:
            self._dropped += 1

    def add_unknown(self, path: str, message: str, word: str, known: Iterable[str]) -> None:
        """Add a fault about a word that is not among the known ones, with the nearest of them as its hint."""
        hint = ""
        if self._hints < _MOST_HINTS:
            self._hints += 1
            hint = did_you_mean(word, list(known))
        self.add(path, message, hint)

    def extend(self, faults: Iterable[Fault]) -> None:
        """Add faults found elsewhere."""
        for fault in faults:
            self.add(fault.path, fault.message, fault.hint)

    def __bool__(self) -> bool:
        return bool(self._found)

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._found)

    def placed(self, places: Places = NOWHERE) -> tuple[Fault, ...]:
        """Give the faults in document order, each with its line; those without a place keep the order they came in."""
        found = [(*places.find(fault.path), fault) for fault in self._found]
        found.sort(key=lambda entry: entry[0])
        placed = [_with_line(fault, line) for _, line, fault in found]
        if self._dropped:
            placed.append(Fault("", f"and {self._dropped} more"))
        return tuple(placed)


@attrs.define
class Report:
    """Where everybody who works on one document writes down what they meet."""

    faults: Faults = attrs.field(factory=Faults)
    warnings: Faults = attrs.field(factory=Faults)

    def verdict(
        self, places: Places, source: str, *, strict: bool, refusal: type[Invalid] = TemplateInvalid
    ) -> tuple[Fault, ...]:
        """Give the warnings, in document order.

        Raises:
            TemplateInvalid, or what `refusal` says: there are faults; with `strict`, or warnings.
        """
        warnings = self.warnings.placed(places)
        if strict:
            self.faults.extend(self.warnings)
        if self.faults:
            raise refusal(self.faults.placed(places), source, () if strict else warnings)
        return warnings


class Doubts:
    """The parts of a document that are known to be at fault: what else they seem to break may be a consequence."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._at = {fault.path for fault in faults}
        self._at_or_above = {prefix for path in self._at for prefix in prefixes(path)}

    def spoil(self, path: str) -> bool:
        """Say whether this part, or something that holds it, is at fault."""
        return bool(self._at) and any(prefix in self._at for prefix in prefixes(path))

    def touch(self, path: str) -> bool:
        """Say whether this part, something that holds it or something in it is at fault."""
        return path in self._at_or_above or self.spoil(path)


def _with_line(fault: Fault, line: int | None) -> Fault:
    if line is None:
        return fault
    return attrs.evolve(fault, hint=f"line {line}; {fault.hint}" if fault.hint else f"line {line}")
