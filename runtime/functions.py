"""Plain Python callables as actions: the names under which a runtime finds them again.

A task's records hold a name, never a callable. The name is ``module:qualname``, so that another process that imports
the same module means the same function; a function that cannot be told by it (a closure, a lambda) gets a number.
"""

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

import attrs

from runtime.parameters import Read, declared, readers_of
from runtime.values.json import Json

AnyFunction: TypeAlias = Callable[..., Any]

_MANY: Final = 1000
"""How many closures of one name are a program that makes one for every task, and will run out of memory in time."""


@attrs.frozen(eq=False)
class Registered:
    """A callable as a runtime knows it.

    Attributes:
        name: ``module:qualname``, with a number where that is not enough.
        function: the callable.
        signature: its parameters.
        wants_request: it has a parameter called ``request``.
        blocking: it is no ``async def``, and has to be called in a thread.
        importable: another process finds it by its name.
        readers: what reads a text for those parameters that are no texts (`runtime.parameters`).
    """

    name: str
    function: AnyFunction
    signature: inspect.Signature
    wants_request: bool
    blocking: bool
    importable: bool
    readers: Mapping[str, Read]

    def arguments(self, rendered: Mapping[str, Json]) -> Mapping[str, Json]:
        """Give what it is called with: texts are read as its parameters are declared.

        Raises:
            ValueError: a text cannot be read as that; it names the argument.
        """
        return declared(self.readers, rendered) if self.readers else rendered


class Functions:
    """The callables one runtime knows; `given` are the first of them.

    Each is kept for as long as the runtime is: a task that sleeps may call it once it is brought back.
    """

    def __init__(self, given: Iterable[AnyFunction] = ()) -> None:
        self._known: dict[str, Registered] = {}
        self._names: dict[AnyFunction, str] = {}
        self._numbers: dict[str, int] = {}  # how many there are of a name
        for function in given:
            self.register(function)

    def register(self, function: AnyFunction) -> str:
        """Give the name of a callable, registering it the first time.

        Raises:
            TypeError: it is not a function, or an object that is called like one.
        """
        name = self._names.get(function)
        if name is not None:
            return name
        if isinstance(function, type) or not callable(function):
            raise TypeError(f"an action has to be a function, not {function!r}")
        named = function if hasattr(function, "__qualname__") else type(function)
        base = f"{named.__module__}:{named.__qualname__}"
        signature = inspect.signature(function)
        number = self._numbers[base] = self._numbers.get(base, 0) + 1
        name = base if number == 1 else f"{base}#{number}"
        if number == _MANY:
            from runtime.logs.lines import log  # noqa: PLC0415 - hardly ever needed

            why = "each is kept for as long as the runtime is: hand over one, with arguments that differ"
            log("understudy.functions").warning("functions_pile_up", function=base, count=number, why=why)
        self._known[name] = Registered(
            name=name,
            function=function,
            signature=signature,
            wants_request="request" in signature.parameters,
            blocking=not _is_async(function),
            importable=named is function and name == base and "<" not in base,
            readers=readers_of(function),
        )
        self._names[function] = name
        return name

    def recall(self, name: str) -> None:
        """Register the function that a stored task means by `name`, if this program has it loaded. Sync.

        Nothing is imported for it, and names that a template computes are never looked up.
        """
        module, _, path = name.partition(":")
        found: object = sys.modules.get(module)
        for part in path.split("."):
            found = getattr(found, part, None)
        if name not in self._known and inspect.isroutine(found):
            self.register(found)

    def get(self, name: str) -> Registered:
        """Give the callable of that name.

        Raises:
            LookupError: none was registered here.
        """
        try:
            return self._known[name]
        except KeyError:
            raise LookupError(
                f'no function "{name}" is registered in this runtime: import its module first, or hand it over as one '
                "of the callables"
            ) from None


def _is_async(function: AnyFunction) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)
