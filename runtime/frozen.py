"""`frozen` and `value`: attrs classes whose instances do not change, for modules that define many of them.

For a type checker both are `attrs.frozen` (and `changing` is `attrs.define`). At run time a class takes half as long to
define (0.3 ms less each, and hundreds are defined before a program's first task): attrs compiles how a class is compared,
hashed and written out, most often for nothing. Here that is read from its fields when it is wanted, with what their `eq`
and `repr` say.

A `value` is cheap to make, too, for the engine makes two dozen for each step: its class is one of msgspec's, as far as
that goes (`_is_plain`), and its instances are made without a line of Python, in half the time or less, and are looked at
by the collector only if they hold what it has to look at; a step of a chain takes a fifth fewer instructions by that.
attrs knows it all the same: its fields, `attrs.evolve`, and whoever asks for them. Where one is made for every
step, that is done by position: by name, twelve fields cost more than twice as much.

A `changing` is a `value` that may be changed; to do that takes longer than with any other object, so it is for what
hardly ever is.

`value` is for what stays inside the project and is made for each step or each task, or handed to one attempt alone;
messages, models and everything else a user holds are `frozen`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attrs import define as changing
    from attrs import evolve as replaced
    from attrs import frozen
    from attrs import frozen as value
else:
    from collections.abc import Callable, Sequence
    from functools import partial
    from operator import attrgetter
    from reprlib import recursive_repr
    from types import resolve_bases
    from typing import Any, Generic

    import attrs
    import msgspec

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
    _loose = _defining(partial(attrs.define, on_setattr=attrs.setters.NO_OP))

    def value(cls: type | None = None, /, *, fixed: bool = True, **options: Any) -> Any:
        """See the module's docstring."""
        if cls is None:
            return partial(value, fixed=fixed, **options)
        if issubclass(cls, msgspec.Struct):
            raise TypeError(f"{cls.__qualname__}: no value inherits from another")
        made = _loose(cls, **options)
        return _in_c(made, fixed) if _is_plain(made) else made

    changing = partial(value, fixed=False)

    def _is_plain(made: type) -> bool:
        """Say whether instances are no more than what they are given: nothing is inherited, checked or converted."""
        fields = attrs.fields(made)
        return (
            all(base in {Generic, object} or _is_bare(base) for base in made.__mro__[1:])
            and not hasattr(made, "__attrs_post_init__")
            and len({one.kw_only for one in fields}) == 1
            and all(one.init and one.alias == one.name and not (one.converter or one.validator) for one in fields)
            and not any(getattr(one.default, "takes_self", False) for one in fields)
        )

    def _is_bare(base: type) -> bool:
        """Say whether a base gives its methods, and nothing else."""
        return type(base) is type and vars(base).get("__slots__", ("?",)) == ()

    def _in_c(made: type, fixed: bool) -> type:
        """Give the same class, made by msgspec."""
        given = attrs.fields(made)
        bases = resolve_bases(getattr(made, "__orig_bases__", made.__bases__))
        fields = [(one.name, made.__annotations__[one.name], _default(one)) for one in given]
        left = {*_OF_ATTRS, *(one.name for one in given)}
        own = {name: what for name, what in vars(made).items() if name not in left}
        return msgspec.defstruct(
            made.__name__,
            fields,
            bases=(msgspec.Struct, *(base for base in bases if base is not object)),
            namespace=own,
            module=made.__module__,
            eq=False,
            frozen=fixed,
            weakref=made.__weakrefoffset__ != 0,
            kw_only=given[0].kw_only,
        )

    _OF_ATTRS = frozenset(
        ("__init__", "__setattr__", "__getstate__", "__setstate__", "__slots__", "__weakref__", "__annotations__")
    )
    """What attrs puts into a class for instances of its own."""

    def _default(one: Any) -> Any:
        if one.default is attrs.NOTHING:
            return msgspec.field()
        if isinstance(one.default, attrs.Factory):
            return msgspec.field(default_factory=one.default.factory)
        return msgspec.field(default=one.default)

    replaced = msgspec.structs.replace
    """`attrs.evolve` for values that are plain, without a line of Python: a tenth of the time, with fields by the dozen."""

__all__ = ("changing", "frozen", "replaced", "value")
