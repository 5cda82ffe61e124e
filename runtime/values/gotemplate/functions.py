"""What a template can call: a Python callable with the Go types of its parameters, and what it sees of the rendering."""

import random
from collections.abc import Callable
from enum import Enum
from typing import Final, Protocol

import attrs

from runtime.values.gotemplate.limits import Budget
from runtime.values.gotemplate.values import Value


class Param(Enum):
    """The Go type of a parameter, named as Go's errors name it."""

    ANY = "interface {}"
    VALUE = "reflect.Value"  # as ANY, but it can tell a missing value from a null
    STRING = "string"
    INT = "int"
    UINT32 = "uint32"
    FLOAT64 = "float64"
    BOOL = "bool"
    MAP = "map[string]interface {}"
    LIST = "[]interface {}"
    TIME = "time.Time"
    CERTIFICATE = "sprig.certificate"
    VERSION = "*semver.Version"
    DURATION = "time.Duration"
    LOCATION = "*time.Location"


class Host(Protocol):
    """What a function sees of the rendering that calls it."""

    @property
    def root(self) -> Value:
        """The data the template was rendered with."""

    @property
    def budget(self) -> Budget:
        """What the rendering may still use; a function that makes or walks much charges it first."""

    @property
    def random(self) -> random.Random:
        """Where randomness comes from."""

    @property
    def now(self) -> int:
        """The time in nanoseconds since 1970."""


@attrs.frozen
class Function:
    """A function for templates.

    `call` gets its arguments as the declared parameters; with `variadic`, the last may come any number of times. With
    `host`, a `Host` comes first. It refuses by raising `FunctionError`, whose text the execution error then holds.
    """

    call: Callable[..., Value]
    params: tuple[Param, ...] = ()
    variadic: bool = False
    host: bool = False
    mutates: bool = False  # it changes a list or map it is given: the data is then copied before rendering
    passes: bool = False  # it makes nothing, its result is something it was given: not charged
    interface: bool = False  # to Go its result is an interface, not of a type of its own
    results: int = 1  # how many results a method gives in Go; templates refuse more than one


class Table:
    """A growing table of functions; modules of functions each make one."""

    def __init__(self) -> None:
        self.functions: dict[str, Function] = {}

    def add(
        self, *names: str, params: tuple[Param, ...] = (), variadic: bool = False, host: bool = False, **more: bool
    ) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
        """Add the decorated function under some names."""

        def decorate(call: Callable[..., Value]) -> Callable[..., Value]:
            function = Function(call, params, variadic, host, **more)
            self.functions.update(dict.fromkeys(names, function))
            return call

        return decorate


ANY: Final = Param.ANY
VALUE: Final = Param.VALUE
STRING: Final = Param.STRING
INT: Final = Param.INT
UINT32: Final = Param.UINT32
FLOAT64: Final = Param.FLOAT64
BOOL: Final = Param.BOOL
MAP: Final = Param.MAP
LIST: Final = Param.LIST
TIME: Final = Param.TIME
CERTIFICATE: Final = Param.CERTIFICATE
VERSION: Final = Param.VERSION
DURATION: Final = Param.DURATION
LOCATION: Final = Param.LOCATION

POINTERS: Final = (VERSION, LOCATION)
"""The parameters that can be nil pointers."""

METHOD_PARAMS: Final = (STRING, INT, TIME, VERSION, DURATION, LOCATION)
"""The types of the parameters that methods have."""
