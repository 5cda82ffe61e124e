"""The reader of each type: scalars are called on the value, containers hand their members on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from inspect import isclass
from types import NoneType, UnionType
from typing import Any, Literal, NewType, Union, get_args, get_origin, get_type_hints

import attrs

from runtime.duration import Duration
from runtime.errors import did_you_mean
from runtime.structuring.place import Place, Reader, Report, Templated, kind, words
from runtime.structuring.scalars import SCALARS, choice, scalar, text
from runtime.values.json import Json

_MOST_WARNINGS = 20  # for one mapping: finding the nearest known key takes time


_BLANK: Mapping[Any, Json] = dict.fromkeys((bool, int, float, Duration), "")
"""What stands for nothing at all in a field of these types; in all others, nothing does."""

_ANYTHING = Templated("{{}}")
"""Stands where nobody knows what will."""


@cache
def reader(type_: Any) -> Reader:
    """Give the reader of a type.

    Raises:
        TypeError: nothing here can make such a type: the class that has the field is at fault, not the document.
    """
    origin, args = get_origin(type_) or type_, get_args(type_)
    if type_ in SCALARS:
        return scalar(SCALARS[type_])
    if isinstance(type_, NewType):
        return reader(type_.__supertype__)
    if origin in (Union, UnionType):
        return _union([reader(arg) for arg in args if arg is not NoneType], optional=NoneType in args)
    if origin is Literal:
        return scalar(choice(args, args))
    if isclass(origin):
        return _class(origin, args)
    raise TypeError(f"a configuration cannot hold a field of type {type_}")


def _class(type_: type[Any], args: Sequence[Any]) -> Reader:
    if issubclass(type_, Enum):
        return scalar(choice([member.value for member in type_], list(type_)))
    if attrs.has(type_):
        return _attrs(type_)
    if issubclass(type_, Mapping):
        return _mapping(reader(args[1] if args else object))
    if issubclass(type_, tuple) and args and Ellipsis not in args:
        return _row([reader(arg) for arg in args])
    if issubclass(type_, Sequence):
        return _sequence(list if type_ is list else tuple, reader(args[0] if args else object))
    return scalar(lambda value: type_(text(value)))


def _union(inner: Sequence[Reader], *, optional: bool) -> Reader:
    def read(place: Place) -> Any:
        if optional and place.value is None:
            return None
        if len(inner) == 1:
            return inner[0](place)
        for attempt in inner:
            tried = Report(checking=place.report.checking)
            value = attempt(Place(place.value, place.path, tried))
            if not tried.faults:
                place.report.warnings.extend(tried.warnings)
                return value
        return place.fault(f"{kind(place.value)} of this form cannot stand here")

    return read


def _items(place: Place) -> Sequence[Json] | None:
    if isinstance(place.value, list):
        return place.value
    place.fault(f"must be a list, not {kind(place.value)}")
    return None


def _members(place: Place) -> Mapping[str, Json] | None:
    if isinstance(place.value, Mapping):
        return place.value
    place.fault(f"must be a mapping, not {kind(place.value)}")
    return None


def _sequence(build: Callable[[Iterator[Any]], Any], inner: Reader) -> Reader:
    def read(place: Place) -> Any:
        items = _items(place)
        if items is None:
            return None
        return build(inner(place.item(index, value)) for index, value in enumerate(items))

    return read


def _row(inner: Sequence[Reader]) -> Reader:
    def read(place: Place) -> Any:
        items = _items(place)
        if items is None:
            return None
        if len(items) != len(inner):
            return place.fault(f"must have exactly {len(inner)} items, not {len(items)}")
        pairs = zip(inner, items, strict=True)
        return tuple(one(place.item(index, value)) for index, (one, value) in enumerate(pairs))

    return read


def _mapping(inner: Reader) -> Reader:
    def read(place: Place) -> Any:
        members = _members(place)
        if members is None:
            return None
        return {key: inner(place.member(key, value)) for key, value in members.items()}

    return read


@cache
def _fields(type_: Any) -> Mapping[str, tuple["attrs.Attribute[Any]", Reader, Json]]:
    """Give the fields of a class, their readers and what is nothing to them, by the key that a document calls them.

    It is asked for when the class is first read: until then, a class may hold itself.
    """
    hints = get_type_hints(type_)
    types = {field: hints.get(field.name, object) for field in attrs.fields(type_) if field.init}
    return {_key(field): (field, reader(hint), _BLANK.get(hint)) for field, hint in types.items()}


def _key(field: "attrs.Attribute[Any]") -> str:
    return field.alias or field.name


def _attrs(type_: Any) -> Reader:
    def read(place: Place) -> Any:
        members = _members(place)
        if members is None:
            return None
        _warn_of_unread_keys(place, members, list(_fields(type_)))
        before = len(place.report.faults)
        given = dict(_given(place, members, type_))
        return _built(place, type_, given, sound=len(place.report.faults) == before)

    return read


def _warn_of_unread_keys(place: Place, members: Mapping[str, Json], known: list[str]) -> None:
    unread = [key for key in members if key not in known]
    for key in unread[:_MOST_WARNINGS]:
        place.member(key).warn("nothing reads this key", did_you_mean(key, known))
    if len(unread) > _MOST_WARNINGS:
        place.warn(f"{len(unread) - _MOST_WARNINGS} more keys that nothing reads")


def _given(place: Place, members: Mapping[str, Json], type_: Any) -> Iterator[tuple[str, Any]]:
    """Read the fields that the document gives. Those at fault are left out; while it is checked, they may be anything."""
    faults = place.report.faults
    for key, (field, read, blank) in _fields(type_).items():
        required = field.default is attrs.NOTHING
        value = members.get(key)
        if not required and value in (None, blank):
            continue
        before = len(faults)
        if key in members:
            built = read(place.member(key, value))
            if len(faults) == before:
                yield key, built
            elif place.report.checking:
                yield key, _ANYTHING if built is None else built
        else:
            place.member(key).fault("is missing")
            if place.report.checking:
                yield key, _ANYTHING


def _built(place: Place, type_: Any, given: Mapping[str, Any], *, sound: bool) -> Any:
    if not sound or any(isinstance(value, Templated) for value in given.values()):
        return _built_by_field(place, type_, given)
    try:
        return type_(**given)
    except (ValueError, TypeError) as problem:
        before = len(place.report.faults)
        _built_by_field(place, type_, given)  # the constructor stops at the first fault, and does not say where
        if len(place.report.faults) == before:
            place.fault(words(problem))
        return None


def _built_by_field(place: Place, type_: Any, given: Mapping[str, Any]) -> Any:
    """Do what the constructor does, but name each fault by its field, and ask nothing of templated texts."""
    built = type_.__new__(type_)
    asked = []
    for field in attrs.fields(type_):
        value = given[_key(field)] if _key(field) in given else _default(field.default, built)
        if value is attrs.NOTHING:
            continue  # reported already
        if field.converter and not isinstance(value, Templated):
            value = _tried(place, field, getattr(field.converter, "converter", field.converter), value)
        object.__setattr__(built, field.name, value)
        if field.validator and not isinstance(value, Templated):
            asked.append(field)
    for field in asked:
        _tried(place, field, field.validator, built, field, getattr(built, field.name))
    return built


def _default(default: Any, built: Any) -> Any:
    factory = getattr(default, "factory", None)
    if factory is None:
        return default
    return factory(built) if default.takes_self else factory()


def _tried(place: Place, field: "attrs.Attribute[Any]", call: Callable[..., Any], *args: Any) -> Any:
    try:
        return call(*args)
    except (ValueError, TypeError) as problem:
        return place.member(_key(field)).fault(words(problem))
    except AttributeError:
        return None  # a rule about several fields, one of which is at fault itself
