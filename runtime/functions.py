"""Plain Python callables as actions: the names under which a runtime finds them again.

A task's records hold a name, never a callable. The name is ``module:qualname``, so that another process that imports
the same module means the same function; a function that cannot be told by it (a closure, a lambda) gets a number.
"""

import inspect
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import attrs

AsyncFunction: TypeAlias = Callable[..., Awaitable[Any]]


@attrs.frozen(eq=False)
class Registered:
    """A callable as a runtime knows it. `wants_request`: it has a parameter of that name."""

    name: str
    function: AsyncFunction
    signature: inspect.Signature
    wants_request: bool


class Functions:
    """The callables one runtime knows."""

    def __init__(self) -> None:
        self._known: dict[str, Registered] = {}
        self._names: dict[AsyncFunction, str] = {}

    def register(self, function: AsyncFunction) -> str:
        """Give the name of a callable, registering it the first time.

        Raises:
            TypeError: it is not an ``async def``.
        """
        name = self._names.get(function)
        if name is not None:
            return name
        if not inspect.iscoroutinefunction(function):
            raise TypeError(f"an action has to be an async def, not {function!r}")
        base = name = f"{function.__module__}:{function.__qualname__}"
        number = 1
        while name in self._known:
            number += 1
            name = f"{base}#{number}"
        signature = inspect.signature(function)
        self._known[name] = Registered(name, function, signature, "request" in signature.parameters)
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
        if name not in self._known and inspect.iscoroutinefunction(found):
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
