"""Frames: what one call of a template works with, and the shape of what a template is compiled to."""

from collections.abc import Callable
from typing import Final, TypeAlias

from runtime.values.gotemplate.places import Place
from runtime.values.gotemplate.rendering import Rendering
from runtime.values.gotemplate.values import MISSING, Value

Frame: TypeAlias = list[Value]
Eval: TypeAlias = Callable[[Value, Frame], Value]
Exec: TypeAlias = Callable[[Value, Frame], None]
Last: TypeAlias = Place | None  # what Go would name in an error after this; None if it is only known when rendering

# Places in a frame; the variables follow.
STATE: Final = 0
WRITE: Final = 1
DOT_IS_INTERFACE: Final = 2  # whether the cursor came out of a container of interfaces: Go's errors tell
ROOT: Final = 3  # the variable $


class Break(Exception):
    """Leaves a loop."""


class Continue(Exception):
    """Leaves a round of a loop."""


class Undefined:
    """What a variable holds before its declaration was evaluated."""


def nothing(_dot: Value, _frame: Frame) -> None:
    """Write nothing."""


def no_value(_dot: Value, _frame: Frame) -> Value:
    """Give no value."""
    return MISSING


class Tree:
    """A compiled template: run it with the cursor and a frame that `frame` makes."""

    __slots__ = ("blank", "cost", "run")

    def __init__(self) -> None:
        self.run: Exec = nothing
        self.blank: tuple[type[Undefined], ...] = ()
        self.cost = 0

    def frame(self, state: Rendering, write: Callable[[str], object], dot: Value) -> Frame:
        """Make the frame for one call."""
        return [state, write, False, dot, *self.blank]  # in the order of the places above
