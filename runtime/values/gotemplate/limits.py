"""What one rendering may use: steps, text, memory, depth."""

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


class Budget:
    """What is left of the limits of one rendering."""

    __slots__ = ("limits", "memory", "steps")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.steps = limits.steps
        self.memory = limits.memory

    def spend(self, steps: int) -> None:
        """Take steps.

        Raises:
            Exhausted: there are not as many left.
        """
        self.steps -= steps
        if self.steps < 0:
            raise Exhausted(f"exceeded maximum of {self.limits.steps} steps", "steps")

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
            raise Exhausted(f"exceeded maximum of {self.limits.steps} steps", "steps")
