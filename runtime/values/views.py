"""JSON data as the template engine wants to meet it, converted only where a template looks.

In Go, µTask's data are ``map[string]interface{}``, ``[]interface{}`` and scalars, with every number a ``json.Number``,
which is a kind of *text*. Here the data stay what they are, and a template meets views: `MapView` and `ListView` are a
`dict` and a `list` to those who ask (Go's functions are written for these), but hold nothing until somebody looks
inside, then convert one level. A change that a template makes (``set``) is seen by the rest of that rendering and
never reaches the data.

Every walk over a view is charged to the rendering's `Meter`, the texts it would yield included: ``list $x $x`` thirty
times over is small in memory and endless to print.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, SupportsIndex, TypeVar, cast

from runtime.values.json import Json, Number
from runtime.values.meter import Meter

View = Callable[[object, Meter], object]
V = TypeVar("V", bound=type)

_A_WALK = 512  # units of work
_AN_ELEMENT = 32


class JsonNumber(str):
    """A number in the data: prints and compares as the text of its literal, as Go's ``json.Number`` does."""

    __slots__ = ()

    def __go_format_value__(self, kind: str, mode: str, *, nested: bool) -> str:
        """Tell ``printf`` how this is shown (a protocol of the template engine)."""
        return {"type": "json.Number", "syntax": f'"{self}"'}.get(kind, str(self))


class LiteralFloat(Number):
    """A number that came out of ``fromJson``: a float to arithmetic and comparison, printed as it was written."""

    __slots__ = ()

    def __int__(self) -> int:
        """Give a whole number exactly, however large."""
        return int(self.literal) if self.literal.lstrip("-").isdecimal() else super().__int__()

    def __go_format_value__(self, kind: str, mode: str, *, nested: bool) -> str:
        """Tell ``printf`` how this is shown (a protocol of the template engine)."""
        return "float64" if kind == "type" else self.literal


class _Missing(float):
    """What a key that is not there gives: false, empty, nothing to range over, and so are all fields of it.

    It is a float (zero) for the engine's sake: the one kind of value that it takes for false, and lets print itself.
    """

    __slots__ = ()

    def __go_format_value__(self, kind: str, mode: str, *, nested: bool) -> str:
        return "<nil>" if kind == "type" else "<no value>"

    def __gotemplate_lookup__(self, field: str) -> "_Missing":
        return self

    def __iter__(self) -> "Iterable[object]":
        return iter(())


MISSING: Final = _Missing(0)


class TimeView(datetime):
    """A moment that prints as Go's ``time.Time`` does."""

    __slots__ = ()

    @classmethod
    def of(cls, moment: datetime) -> "TimeView":
        """View a moment."""
        return cls(
            moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, moment.microsecond,
            moment.tzinfo, fold=moment.fold,
        )  # fmt: skip

    def __str__(self) -> str:
        """Print as ``2006-01-02 15:04:05.999999999 -0700 MST``."""
        fraction = f".{self.microsecond:06}".rstrip("0") if self.microsecond else ""
        zone = self.tzname() or "UTC"
        if zone.startswith("UTC") and zone != "UTC":  # a fixed offset has no name in Go
            zone = f"{self:%z}"
        return f"{self:%Y-%m-%d %H:%M:%S}{fraction} {self:%z} {zone}"

    def rfc3339(self) -> str:
        """Give the text that Go's JSON has for a moment."""
        fraction = f".{self.microsecond:06}".rstrip("0") if self.microsecond else ""
        offset = self.utcoffset() or timedelta()
        zone = f"{self:%z}"
        return f"{self:%Y-%m-%dT%H:%M:%S}{fraction}{f'{zone[:3]}:{zone[3:5]}' if offset else 'Z'}"

    def __go_format_value__(self, kind: str, mode: str, *, nested: bool) -> str:
        """Tell ``printf`` how this is shown (a protocol of the template engine)."""
        return "time.Time" if kind == "type" else str(self)


def data_view(value: object, meter: Meter) -> object:
    """View a value of the data tree."""
    match value:
        case None | bool() | str():
            return value
        case int() | float():
            return JsonNumber(value)
        case Mapping():
            return MapView(value, meter, data_view)
        case Sequence():
            return ListView(value, meter, data_view)
        case _:
            raise TypeError(f"a value of type {type(value).__name__} is not JSON")


def decoded_view(value: object, meter: Meter) -> object:
    """View a value that ``fromJson`` decoded: as `data_view`, but numbers compute."""
    match value:
        case None | bool() | str():
            return value
        case int() | float():
            return LiteralFloat(str(value))
        case Mapping():
            return MapView(value, meter, decoded_view)
        case Sequence():
            return ListView(value, meter, decoded_view)
        case _:
            raise TypeError(f"a value of type {type(value).__name__} is not JSON")


def made_view(value: object, meter: Meter) -> object:
    """View what a function made: containers are metered, moments print as Go's; the rest is what it is."""
    kind = type(value)
    if kind is dict:
        return MapView(cast("dict[str, object]", value), meter, made_view)
    if kind is list or kind is tuple:
        return ListView(cast("Sequence[object]", value), meter, made_view)
    if isinstance(value, datetime) and kind is not TimeView:
        return TimeView.of(value)
    return value


def _looks_inside(*names: str) -> Callable[[V], V]:
    """Make these methods of a view read everything, and pay for it, before the container's own method runs."""

    def prepared(name: str, inherited: Callable[..., object]) -> Callable[..., object]:
        def method(self: "MapView | ListView", *arguments: object) -> object:
            self.read()
            return inherited(self, *arguments)

        method.__name__ = name
        return method

    def decorate(view: V) -> V:
        for name in names:
            setattr(view, name, prepared(name, getattr(view.__base__, name)))
        return view

    return decorate


@_looks_inside("__iter__", "__reversed__", "__eq__", "__ne__", "__repr__", "keys", "values", "items", "copy")
class MapView(dict[str, object]):
    """A mapping, converted as far as somebody has looked. Walks are in the order of the keys, as Go's are."""

    __slots__ = ("_meter", "_source", "_view")
    __hash__ = None  # as any dict

    def __init__(self, source: Mapping[str, Any], meter: Meter, view: View) -> None:
        super().__init__()
        self._source: Mapping[str, Any] | None = source
        self._meter = meter
        self._view = view

    @property
    def untouched(self) -> Mapping[str, Json] | None:
        """The JSON behind this view, where there is one and no template can have changed what is seen of it."""
        return self._source if self._view is not made_view and not super().__len__() else None

    def read(self) -> None:
        """Convert everything, and charge for a walk over it."""
        self.fill()
        self._meter.charge(_A_WALK + sum(len(key) + _weight(value) for key, value in super().items()))

    def fill(self) -> None:
        """Convert everything that is not converted yet."""
        source = self._source
        if source is not None:
            self._meter.charge(_AN_ELEMENT * len(source))
            kept = {key: super(MapView, self).__getitem__(key) for key in super().__iter__()}
            super().clear()
            for key in sorted(source):
                super().__setitem__(key, kept[key] if key in kept else self._view(source[key], self._meter))
            self._source = None

    def __gotemplate_lookup__(self, field: str) -> object:
        """Give a field (a protocol of the template engine)."""
        return self.get(field, MISSING)

    def __getitem__(self, key: str) -> object:
        """Convert one member, and keep it: a template may change it."""
        source = self._source
        if source is None or super().__contains__(key):
            return super().__getitem__(key)
        value = self._view(source[key], self._meter)
        super().__setitem__(key, value)
        return value

    def get(self, key: str, default: object = None) -> object:
        """Give a member, or the default."""
        return self[key] if key in self else default  # noqa: SIM401 - this is `get`

    def __contains__(self, key: object) -> bool:
        """Look without converting."""
        return super().__contains__(key) if self._source is None else key in self._source

    def __len__(self) -> int:
        """Count without converting."""
        return super().__len__() if self._source is None else len(self._source)

    def __setitem__(self, key: str, value: object) -> None:
        """Change what the rest of this rendering sees."""
        self.fill()
        super().__setitem__(key, value)

    def pop(self, key: str, default: object = None) -> object:
        """Take a member away from what the rest of this rendering sees."""
        self.fill()
        return super().pop(key, default)

    def __deepcopy__(self, memo: object) -> "MapView":
        """Copy for a template that means to change the copy."""
        copied = {key: _copied(value, memo) for key, value in self.items()}
        return MapView(copied, self._meter, made_view)


@_looks_inside("__iter__", "__reversed__", "__contains__", "__eq__", "__ne__", "__repr__", "copy")
class ListView(list[object]):
    """A list, converted when somebody walks over it."""

    __slots__ = ("_meter", "_source", "_view")
    __hash__ = None  # as any list

    def __init__(self, source: Sequence[Any], meter: Meter, view: View) -> None:
        super().__init__()
        self._source: Sequence[Any] | None = source
        self._meter = meter
        self._view = view

    @property
    def untouched(self) -> Sequence[Json] | None:
        """The JSON behind this view, where there is one and no template can have changed what is seen of it."""
        return self._source if self._view is not made_view else None

    def read(self) -> None:
        """Convert everything, and charge for a walk over it."""
        self.fill()
        self._meter.charge(_A_WALK + sum(map(_weight, super().__iter__())))

    def fill(self) -> None:
        """Convert everything that is not converted yet."""
        source = self._source
        if source is not None:
            self._meter.charge(_AN_ELEMENT * len(source))
            self._source = None
            super().extend(self._view(item, self._meter) for item in source)

    def elements(self) -> list[object]:
        """Give the elements in a plain list; the texts among them are not paid for, since nobody reads them."""
        self.fill()
        self._meter.charge(len(self))
        return super().copy()

    def __len__(self) -> int:
        """Count without converting."""
        return super().__len__() if self._source is None else len(self._source)

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        """Give one element, or a plain list of some."""
        source = self._source
        if source is None or isinstance(index, slice):
            self.fill()
            return super().__getitem__(index)
        return self._view(source[int(index)], self._meter)

    def __deepcopy__(self, memo: object) -> "ListView":
        """Copy for a template that means to change the copy."""
        return ListView([_copied(value, memo) for value in self], self._meter, made_view)


def _copied(value: object, memo: object) -> object:
    return value.__deepcopy__(memo) if isinstance(value, MapView | ListView) else value


def _weight(value: object) -> int:
    return _AN_ELEMENT + (len(value) if isinstance(value, str) else 0)


def plain(value: object) -> Json:
    """Give the JSON behind what a template holds; what it did not touch is not copied.

    Raises:
        TypeError: there is something in it that is not JSON.
        ValueError: a number in it is not finite.
    """
    match value:
        case _Missing():
            return None
        case None | bool() | int() | Number():
            return value
        case JsonNumber():
            return Number(value)
        case str():
            return value
        case float():
            return Number(go_json_float(value))
        case TimeView():
            return value.rfc3339()
        case MapView() | ListView() if value.untouched is not None:
            return value.untouched
        case MapView():
            return {key: plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case _:
            raise TypeError(f"json: unsupported type: {type(value).__name__}")


def go_json_float(value: float) -> str:
    """Write a float that a template computed as Go's JSON does: shortest, an exponent only below 1e-6 and from 1e21.

    Raises:
        ValueError: it is not finite.
    """
    text = repr(float(value))
    if text in {"nan", "inf", "-inf"}:
        raise ValueError(f"json: unsupported value: {text}")
    mantissa, _, exponent = text.partition("e")
    if exponent and (value == 0 or 1e-6 <= abs(value) < 1e21):
        return f"{value:.{max(0, -int(exponent) + len(mantissa.partition('.')[2]))}f}"
    mantissa = mantissa.removesuffix(".0")
    return f"{mantissa}e{int(exponent):+d}" if exponent else mantissa
