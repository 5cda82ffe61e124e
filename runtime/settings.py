"""What `open_runtime` is told is looked at before anything is opened: what is of another kind is named, and all of it at once."""

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from runtime.destinations import Destinations
from runtime.engine.rights import Administrators
from runtime.errors import Fault, InputInvalid
from runtime.flows import Flows
from runtime.runner import Runner
from runtime.work.limits import Limits


def _path(value: object) -> bool:
    return isinstance(value, str | os.PathLike)


def _several(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes)


def _texts(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(one, str) for pair in value.items() for one in pair)


def _seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _runner(value: object) -> bool:
    return issubclass(value, Runner) if isinstance(value, type) else isinstance(value, Runner)


def _with(*methods: str) -> Callable[[object], bool]:
    return lambda value: all(callable(getattr(value, name, None)) for name in methods)


_PATHS: Final = (lambda value: _path(value) or _several(value), "a path, or several in a list")
_TEXTS: Final = (_texts, "a mapping of texts to texts")
_SECONDS: Final = (_seconds, "a number of seconds, 0 or more")
_MAYBE: Final = frozenset(
    {
        "store",
        "keys",
        "administrators",
        "config",
        "limits",
        "environment",
        "journal",
        "clock",
        "faults",
        "stand_in",
        "flows",
        "keep_ended_seconds",
    }
)
"""Where None says that nothing is said."""

_WANTED: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "store": (_path, "the address or the path of a store"),
    "keys": (_path, "the path of a key ring"),
    "runners": (_several, "a list of runners"),
    "scripts": (_path, "a path"),
    "functions": _PATHS,
    "templates": _PATHS,
    "administrators": (lambda value: isinstance(value, Administrators), "an Administrators"),
    "callables": (_several, "a list of functions"),
    "config": _TEXTS,
    "region": (lambda value: isinstance(value, str), "a text"),
    "limits": (lambda value: isinstance(value, Limits), "a Limits"),
    "destinations": (lambda value: isinstance(value, Destinations), "a Destinations"),
    "environment": _TEXTS,
    "grace_seconds": _SECONDS,
    "answer_within_seconds": _SECONDS,
    "keep_ended_seconds": _SECONDS,
    "journal": (_with("append", "close"), "a journal"),
    "clock": (_with("wall", "monotonic"), "a clock"),
    "faults": (_with("reach"), "a Faults"),
    "stand_in": (callable, "a function of a runner"),
    "flows": (lambda value: isinstance(value, Flows), "a Flows"),
    "maintenance": (lambda value: isinstance(value, bool), "True or False"),
}


_EACH: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "runners": (_runner, "a Runner, or a class of such"),
    "functions": (_path, "a path"),
    "templates": (_path, "a path"),
    "callables": (lambda value: callable(value) and not isinstance(value, type), "a function"),
}
"""What lists are of. What can be gone through only once is left for whoever does."""


class SettingInvalid(InputInvalid, TypeError):
    """An argument is not of the kind that is wanted; nothing was opened."""

    subject = "argument"


def check_settings(**given: object) -> None:
    """See that the arguments of `open_runtime` are of the kinds that are wanted.

    Raises:
        SettingInvalid: with the name of every one that is not.
        TypeError: two of them exclude each other.
    """
    faults = []
    for name, value in given.items():
        fits, wanted = _WANTED[name]
        if not (fits(value) or (value is None and name in _MAYBE)):
            faults.append(_fault(name, wanted, value))
        elif name in _EACH and isinstance(value, Collection) and not isinstance(value, str):
            fits, wanted = _EACH[name]
            faults += [_fault(f"{name}[{at}]", wanted, one) for at, one in enumerate(value) if not fits(one)]
    if faults:
        raise SettingInvalid(faults)
    if given.get("store") is not None and given.get("journal") is not None:
        raise TypeError("tasks are kept in a store or in a journal, not in both")
    if given.get("keys") is not None and given.get("store") is None:
        raise SettingInvalid([Fault("keys", "there is no store to seal with them", "name one")])


def _fault(path: str, wanted: str, value: object) -> Fault:
    told = repr(value) if value is None or isinstance(value, int | float) else type(value).__name__
    return Fault(path, f"must be {wanted}, not {told}")
