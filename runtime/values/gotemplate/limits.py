"""What one rendering may use: steps, text, memory, depth."""

from collections.abc import Callable
from typing import Final

import attrs

from runtime.values.gotemplate.errors import Exhausted

DEEPEST: Final = 200
"""How deep containers within containers are walked, whatever the limits; the runtime's own stack bounds it."""


@attrs.frozen(kw_only=True)
class Limits:
    """Bounds of one rendering.

    A step is about a tenth of a microsecond's work, or the handling of a few bytes: a rendering with 50,000 steps takes
    less than ten milliseconds, whatever the template does.
    """

    steps: int = 3_000_000
    output: int = 4 << 20  # characters of the rendered text
    memory: int = 32 << 20  # characters and eight-byte slots made by functions and printing, all together
    depth: int = 60  # templates calling templates


SLICE: Final = 20_000
"""Steps between two pauses of a rendering that has to pause: two milliseconds."""


class Budget:
    """What is left of the limits of one rendering, or of several that share it.

    With a `pause`, which may raise what ends the rendering, this is called every few milliseconds: where others wait
    for their turn, a long rendering lets them have it. `steps` are then those until the next pause, and the rest of
    them is in `reserve`.
    """

    __slots__ = ("limits", "memory", "pause", "reserve", "steps")

    def __init__(self, limits: Limits, *, pause: Callable[[], None] | None = None, steps: int | None = None) -> None:
        most = limits.steps if steps is None else min(steps, limits.steps)
        self.limits = limits
        self.memory = limits.memory
        self.steps = most if pause is None else min(most, SLICE)
        self.reserve = most - self.steps
        self.pause = pause

    @property
    def left(self) -> int:
        """The steps that are left."""
        return self.steps + self.reserve

    def adopt(self, other: "Budget") -> None:
        """Have left what another has."""
        self.memory, self.steps, self.reserve, self.pause = other.memory, other.steps, other.reserve, other.pause

    def spend(self, steps: int) -> None:
        """Take steps.

        Raises:
            Exhausted: there are not as many left.
        """
        self.steps -= steps
        if self.steps < 0:
            self.refill()

    def hold(self, size: int) -> None:
        """Take memory, before it is made. Making it also costs steps.

        Raises:
            Exhausted: there is not as much left.
        """
        self.memory -= size
        self.steps -= size >> 4
        if self.memory < 0:
            raise Exhausted(f"exceeded maximum memory of {self.limits.memory} bytes", "memory")
        if self.steps < 0:
            self.refill()

    def refill(self) -> None:
        """Go on with the next steps, after a pause, as those until it are used up.

        Raises:
            Exhausted: there are none left.
        """
        if self.left < 0:
            raise Exhausted(f"exceeded maximum of {self.limits.steps} steps", "steps")
        if self.pause is not None:
            self.pause()
        more = min(self.reserve, SLICE - self.steps)
        self.reserve -= more
        self.steps += more
