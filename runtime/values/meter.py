"""What one rendering may cost.

A template is text from somebody else: it may ask for a gigabyte, a billion turns or itself. Every rendering has one
`Meter`, shared by what it renders in turn (a variable's text), and ends when a limit is passed. The limits are counts,
not seconds, so that the same template on the same data always ends the same way.
"""

from collections.abc import Callable

import attrs

_A_TURN = 512  # units of work that a turn of a loop is worth, whatever it does
_A_CALL = 512


class LimitExceeded(Exception):
    """The template asks for more than one rendering may cost."""

    def __init__(self, what: str, limit: int) -> None:
        self.what = what
        self.limit = limit
        super().__init__(f"the template exceeds its limit of {limit} {what}")


class Stopped(Exception):
    """Whoever asked for this rendering is not waiting any more."""

    def __init__(self) -> None:
        super().__init__("cancelled")


@attrs.frozen(kw_only=True)
class Limits:
    """The most of each thing in one rendering.

    `work` counts the characters that functions read and make, and counts what takes longer as so many of them; it
    bounds memory as well as time. All of it is spent in a second or two.
    """

    work: int = 64_000_000
    output: int = 16_000_000
    iterations: int = 50_000
    calls: int = 100_000
    depth: int = 64


def _never() -> bool:
    return False


class Meter:
    """Counts what one rendering has used. Each method raises `LimitExceeded` when that is too much.

    `stopped` is asked at every function call and turn of a loop; once it says yes, `Stopped` ends the rendering. It is
    how a rendering in another thread is cancelled.
    """

    __slots__ = ("_calls", "_depth", "_iterations", "_output", "_stopped", "_work", "limits")

    def __init__(self, limits: Limits | None = None, stopped: Callable[[], bool] = _never) -> None:
        self.limits = limits or Limits()
        self._stopped = stopped
        self._work = self._output = self._iterations = self._calls = self._depth = 0

    def charge(self, units: int) -> None:
        """Count work, best before it is done."""
        self._work += units
        if self._work > self.limits.work:
            raise LimitExceeded("units of work", self.limits.work)

    def consume_output(self, amount: int) -> None:
        """Count characters written."""
        self._output += amount
        if self._output > self.limits.output:
            raise LimitExceeded("characters", self.limits.output)

    def consume_iteration(self) -> None:
        """Count a turn of a loop."""
        self._iterations += 1
        self.charge(_A_TURN)
        if self._iterations > self.limits.iterations:
            raise LimitExceeded("iterations", self.limits.iterations)
        self._check_stopped()

    def consume_function_call(self) -> None:
        """Count a call."""
        self._calls += 1
        self.charge(_A_CALL)
        if self._calls > self.limits.calls:
            raise LimitExceeded("function calls", self.limits.calls)
        self._check_stopped()

    def check_template_depth(self, depth: int) -> None:
        """Check how deeply templates invoke each other."""
        if depth > self.limits.depth:
            raise LimitExceeded("templates inside each other", self.limits.depth)

    def enter(self) -> None:
        """Begin a rendering inside this one. Paired with `leave`."""
        self._depth += 1
        self.check_template_depth(self._depth * 4)  # each is many Python frames deep

    def leave(self) -> None:
        """End a rendering inside this one."""
        self._depth -= 1

    def stopped(self) -> bool:
        """Say whether nobody waits for this rendering any more."""
        return self._stopped()

    def _check_stopped(self) -> None:
        if self._stopped():
            raise Stopped
