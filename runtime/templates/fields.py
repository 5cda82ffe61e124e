"""Taking a JSON object apart into typed fields: every fault with its path, every member that nobody asked for a warning.

Null is the same as absent, as it is to Go. A number or boolean where text is wanted becomes its text: YAML authors
write ``expected: 404``. Nothing else is converted.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

from runtime.duration import parse_duration
from runtime.templates.faults import Report
from runtime.templates.paths import item, member, shown
from runtime.values.json import Json, dumps

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")

_LARGEST = 1 << 63


class Fields:
    """The members of one object. Ask for each by its key and type, then call `done`.

    A member of the wrong type is a fault, and gives what an absent one would give. `key` is the one that the object
    itself stands under, where it is the member of another.
    """

    def __init__(self, value: Json, path: str, report: Report, key: str = "") -> None:
        self.path = path
        self.key = key
        self._report = report
        self._asked: dict[str, None] = {}
        self._members: Mapping[str, Json] = {}
        if isinstance(value, Mapping):
            self._members = value
        self._is_object = value is None or isinstance(value, Mapping)
        if not self._is_object:
            report.faults.add(path, f"must be an object, not {shown(value)}")

    def fault(self, key: str, message: str, hint: str = "") -> None:
        """Add a fault about a member; what is no object has no others."""
        if self._is_object:
            self._report.faults.add(self.at(key), message, hint)

    def warn(self, key: str, message: str, hint: str = "") -> None:
        """Add a warning about a member."""
        self._report.warnings.add(self.at(key), message, hint)

    def at(self, key: str) -> str:
        """Give the path of a member."""
        return member(self.path, key) if key else self.path

    def json(self, key: str) -> Json:
        """Give a member of any type."""
        self._asked[key] = None
        return self._members.get(key)

    def optional_text(self, key: str) -> str | None:
        """Give a text, or None."""
        return self._text(self.json(key), self.at(key))

    def text(self, key: str, default: str = "") -> str:
        """Give a text."""
        text = self.optional_text(key)
        return default if text is None else text

    def name(self, key: str) -> str | None:
        """Give a text, or None where it is absent or empty."""
        return self.optional_text(key) or None

    def required(self, key: str) -> str:
        """Give a text that has to be there."""
        text = self.optional_text(key)
        if self._members.get(key) is None:
            self.fault(key, "required, and missing")
        return text or ""

    def flag(self, key: str) -> bool:
        """Give true or false; false where it is absent."""
        value = self.json(key)
        if value is None or isinstance(value, bool):
            return value or False
        self.fault(key, f"must be true or false, not {shown(value)}")
        return False

    def whole(self, key: str) -> int | None:
        """Give a whole number, or None. ``5.0`` is one."""
        value = self.json(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value // 1:
            self.fault(key, f"must be a whole number, not {shown(value)}")
            return None
        if not -_LARGEST <= value < _LARGEST:
            self.fault(key, f"{shown(value)} is too large a number")
            return None
        return int(value)

    def seconds(self, key: str) -> float:
        """Give a duration in seconds from its text, or from the whole nanoseconds that Go writes."""
        value = self.json(key)
        if not isinstance(value, str):
            return (self.whole(key) or 0) / 1e9
        try:
            return parse_duration(value) if value else 0
        except ValueError as cause:
            self.fault(key, str(cause), "write it like 1.5s or 300ms")
            return 0

    def choice(self, key: str, kind: type[E], problem: str) -> E | None:
        """Give a value of an enumeration, or None where it is absent or empty. A fault says `problem` and the text."""
        text = self.optional_text(key)
        return self._chosen(key, text, kind, problem) if text else None

    def needed_choice(self, key: str, kind: type[E], problem: str) -> E:
        """Give a value of an enumeration that has to be there."""
        return self._chosen(key, self.text(key), kind, problem) or next(iter(kind))

    def texts(self, key: str) -> tuple[str, ...]:
        """Give a list of texts."""
        read = (self._text(value, item(self.at(key), index)) for index, value in enumerate(self._list(key)))
        return tuple(text or "" for text in read)

    def text_map(self, key: str) -> dict[str, str]:
        """Give an object whose values are texts."""
        values = self.object(key) or {}
        return {name: self._text(value, member(self.at(key), name)) or "" for name, value in values.items()}

    def object(self, key: str) -> Mapping[str, Json] | None:
        """Give an object as it is, or None."""
        value = self.json(key)
        if value is None or isinstance(value, Mapping):
            return value
        self.fault(key, f"must be an object, not {shown(value)}")
        return None

    def values(self, key: str) -> tuple[Json, ...]:
        """Give a list of anything."""
        return tuple(self._list(key))

    def objects(self, key: str) -> dict[str, Mapping[str, Json]]:
        """Give an object whose values are objects, each as it is."""
        named: dict[str, Mapping[str, Json]] = {}
        for name, value in (self.object(key) or {}).items():
            if value is None or isinstance(value, Mapping):
                named[name] = value or {}
            else:
                path = member(self.at(key), name)
                self._report.faults.add(path, f"must be an object, not {shown(value)}")
        return named

    def one(self, key: str, read: "Callable[[Fields], T]") -> T | None:
        """Give what `read` makes of an object, or None."""
        value = self.json(key)
        return None if value is None else self._read(value, self.at(key), read)

    def many(self, key: str, read: "Callable[[Fields], T]") -> tuple[T, ...]:
        """Give what `read` makes of each object of a list."""
        return tuple(self._read(value, item(self.at(key), index), read) for index, value in enumerate(self._list(key)))

    def by_name(self, key: str, read: "Callable[[Fields], T]") -> dict[str, T]:
        """Give what `read` makes of each member of an object."""
        values = self.object(key) or {}
        return {name: self._read(value, member(self.at(key), name), read, name) for name, value in values.items()}

    def done(self) -> None:
        """Warn of every member that nobody has asked for."""
        for key in self._members:
            if key not in self._asked:
                self._report.warnings.add_unknown(self.at(key), f"unknown key {shown(key)}, ignored", key, self._asked)

    def _read(self, value: Json, path: str, read: "Callable[[Fields], T]", key: str = "") -> T:
        fields = Fields(value, path, self._report, key)
        result = read(fields)
        fields.done()
        return result

    def _chosen(self, key: str, text: str, kind: type[E], problem: str) -> E | None:
        try:
            return kind(text)
        except ValueError:
            self.fault(key, f"{problem}: {shown(text)}", f"one of {', '.join(kind)}")
            return None

    def _list(self, key: str) -> Sequence[Json]:
        value = self.json(key)
        if value is None:
            return ()
        if isinstance(value, (list, tuple)):
            return value
        self.fault(key, f"must be a list, not {shown(value)}")
        return ()

    def _text(self, value: Json, path: str) -> str | None:
        match value:
            case None | str():
                return value
            case bool() | int() | float():
                return dumps(value)
            case _:
                self._report.faults.add(path, f"must be text, not {shown(value)}")
                return None
