"""`frozen` and `value`: attrs classes whose instances do not change, for modules that define many of them.

For a type checker both are `attrs.frozen`. At run time a class takes half as long to define (0.3 ms less each, and
hundreds are defined before a program's first task): attrs compiles how a class is compared, hashed and written out,
most often for nothing. Here that is read from its fields when it is wanted, with what their `eq` and `repr` say.

A `value` is cheap to make, too: nothing stops a change, because stopping it makes every instance four times as expensive
(1.1 against 0.24 us for eleven fields), and the engine makes a dozen for each step. For what stays inside the project
and is made for each step or each task, or handed to one attempt alone; messages, models and everything else a user
holds are `frozen`. Where one is made for every step, that is done by position: by name, twelve fields cost more than
twice as much.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attrs import frozen
    from attrs import frozen as value
else:
    from collections.abc import Callable, Sequence
    from functools import partial
    from operator import attrgetter
    from reprlib import recursive_repr
    from typing import Any

    import attrs

    def _defining(define: Callable[..., Any]) -> Callable[..., Any]:
        """Give a decorator that defines a class with `define`, and compares, hashes and writes out its instances."""

        def decorate(cls: type | None = None, /, *, eq: bool = True, **options: Any) -> Any:
            if cls is None:
                return partial(decorate, eq=eq, **options)
            own = vars(cls)
            made = define(cls, eq=False, repr=False, **options)
            fields = attrs.fields(made)
            if any(one.eq_key or one.hash is not None or callable(one.repr) for one in fields):
                raise TypeError(f"{made.__qualname__}: a field with its own way of eq, hash or repr needs attrs.frozen")
            if eq and "__eq__" not in own:
                made.__eq__, made.__hash__ = _comparing(made, [one.name for one in fields if one.eq])
            if "__repr__" not in own:
                made.__repr__ = _writing([one.name for one in fields if one.repr])
            return made

        return decorate

    def _comparing(
        cls: type, names: Sequence[str]
    ) -> tuple[Callable[[object, object], object], Callable[[object], int]]:
        key = attrgetter(*names) if names else type

        def eq(self: object, other: object) -> object:
            return key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented

        return eq, lambda self: hash((cls, key(self)))

    def _writing(names: Sequence[str]) -> Callable[[object], str]:
        @recursive_repr()
        def write(self: object) -> str:
            fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
            return f"{self.__class__.__qualname__.rpartition('>.')[2]}({fields})"

        return write

    frozen = _defining(attrs.frozen)
    # Without NO_OP, a class with a converter would have one run at each change, and pay for that when it is made.
    value = _defining(partial(attrs.define, on_setattr=attrs.setters.NO_OP))

__all__ = ("frozen", "value")
