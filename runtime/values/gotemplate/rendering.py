"""One rendering: its bounds, its data, its clock and its randomness. Functions see it as a `Host`."""

import random
from collections.abc import Callable

from runtime.values.gotemplate.limits import Budget, Limits
from runtime.values.gotemplate.places import Place
from runtime.values.gotemplate.values import Value


class Rendering(Budget):
    """The state of one rendering, its budget included."""

    __slots__ = ("_clock", "_random", "at", "depth", "root")

    def __init__(
        self, root: Value, limits: Limits, clock: Callable[[], int], source: Callable[[], random.Random]
    ) -> None:
        self.limits = limits
        self.steps = limits.steps
        self.memory = limits.memory
        self.reserve = 0
        self.pause = None
        self.root = root
        self.depth = limits.depth
        self.at: Place | None = None  # what was evaluated last, where that is not known beforehand
        self._clock = clock
        self._random: Callable[[], random.Random] | random.Random = source

    @property
    def budget(self) -> Budget:
        """What the rendering may still use."""
        return self

    @property
    def now(self) -> int:
        """The time in nanoseconds since 1970."""
        return self._clock()

    @property
    def random(self) -> random.Random:
        """Where randomness comes from; made when first asked for."""
        if not isinstance(self._random, random.Random):
            self._random = self._random()
        return self._random
