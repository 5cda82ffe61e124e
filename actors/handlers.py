"""The handler table of an actor class, built and checked when the class is made.

A long if/elif ladder over message types hides both the missing case and the
doubled one. Here a marker names the type a method is for, and the class cannot
be made unless the markers and the declared union agree exactly, and messages
are frozen: every fault is named together, at import.
"""

import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeAlias, TypeVar, overload

from actors.ask import Question
from actors.errors import HandlersInvalid

__all__ = ("Effects", "Handler", "Table", "answers", "collect", "handles")

Effects: TypeAlias = Iterable[object] | None
"""What a handler returns: what is to be done once the batch has been handled, or nothing."""

A = TypeVar("A")
T = TypeVar("T")
Function: TypeAlias = Callable[[A, T], Effects]


class Handler(Generic[A, T]):
    """A method with the message type it is for. Calling it through an instance is calling the method."""

    __slots__ = ("asks", "function", "kind")

    def __init__(self, kind: type[object], function: Function[A, T], *, asks: bool) -> None:
        self.kind = kind
        self.function = function
        self.asks = asks

    @overload
    def __get__(self, instance: None, owner: type[A]) -> "Handler[A, T]": ...
    @overload
    def __get__(self, instance: A, owner: type[A]) -> Callable[[T], Effects]: ...
    def __get__(self, instance: A | None, owner: type[A]) -> "Handler[A, T] | Callable[[T], Effects]":
        if instance is None:
            return self
        return types.MethodType(self.function, instance)


Table: TypeAlias = Mapping[type[object], Handler[typing.Any, typing.Any]]


def handles(kind: type[T]) -> Callable[[Function[A, T]], Handler[A, T]]:
    """Mark a sync method as the handler of messages of this type. One that is asked is answered None when done."""
    return lambda function: Handler(kind, function, asks=False)


def answers(kind: type[T]) -> Callable[[Function[A, Question[T]]], Handler[A, Question[T]]]:
    """Mark a sync method as the one that takes questions of this type.

    It gets the `Question` and answers it now, keeps it for later or forwards
    it. A message of this type that was posted, not asked, comes as a question
    that nobody waits for.
    """
    return lambda function: Handler(kind, function, asks=True)


def collect(cls: type, base: type, *, needs_handlers: bool) -> Table:
    """Build the table of `cls` from its own markers and those of the classes below it.

    Raises:
        HandlersInvalid: a type handled twice, foreign to the union, missing from the handlers, or not frozen.
    """
    faults: list[str] = []
    table: dict[type[object], Handler[typing.Any, typing.Any]] = {}
    for owner in reversed(cls.__mro__):
        own: dict[type[object], str] = {}
        for name, handler in vars(owner).items():
            if not isinstance(handler, Handler):
                continue
            if handler.kind in own:
                faults.append(f"{handler.kind.__name__} is handled twice, by {own[handler.kind]} and {name}")
            own[handler.kind] = name
            table[handler.kind] = handler
    union = _declared(cls, base)
    if union is not None:
        faults += [f"{kind.__name__} is handled but not in the message union" for kind in table if kind not in union]
        if needs_handlers or table:
            faults += [f"{kind.__name__} has no handler" for kind in union if kind not in table]
    faults += [
        f"{kind.__name__} can be changed once it is sent: make it a frozen class"
        for kind in dict.fromkeys((*(union or ()), *table))
        if getattr(kind, "__hash__", None) is None  # which is how Python says of a class that its values change
    ]
    if faults:
        raise HandlersInvalid(cls.__qualname__, tuple(faults))
    return table


def _declared(cls: type, base: type) -> tuple[type, ...] | None:
    """Give the classes of the message union `cls` declares, or None while it is still open (a type variable)."""
    for owner in cls.__mro__:
        for parent in _bases(owner):
            origin = typing.get_origin(parent)
            if isinstance(origin, type) and issubclass(origin, base):
                return _members(cls, typing.get_args(parent)[0])
    return None


def _bases(owner: type) -> tuple[object, ...]:
    bases = owner.__dict__.get("__orig_bases__", ())
    return bases if isinstance(bases, tuple) else ()


def _members(cls: type, declared: object) -> tuple[type, ...] | None:
    if isinstance(declared, TypeVar):
        return None
    members = typing.get_args(declared) if typing.get_origin(declared) in _UNIONS else (declared,)
    classes = tuple(typing.get_origin(member) or member for member in members)
    strange = [repr(member) for member in classes if not isinstance(member, type)]
    if strange:
        raise HandlersInvalid(
            cls.__qualname__, (f"the message union holds {', '.join(strange)}: name classes, not strings",)
        )
    return classes


_UNIONS = (typing.Union, types.UnionType)
