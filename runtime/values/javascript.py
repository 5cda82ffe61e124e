"""JavaScript expressions (section 3.3), each in a context of its own, in a process of its own.

The engine (QuickJS) keeps limits on memory, stack and processor time, but only looks at the clock between its own
steps: ``new Array(4294967295).join()`` is one step of several minutes, and so is turning a thrown object into text
when its ``toString`` never returns. A thread could not be ended then. So the engine is loaded in a small process,
started when the first expression is met and kept for the next ones. Whatever a script does, the time limit ends it,
and cancelling whoever waits for it ends it at once; a process that had to be ended is replaced. It has no environment,
no open files, and nothing of ours in it.

The original engine (otto) knows ES5; this one knows that and later JavaScript. A ``console`` is there, as in the
original, and says nothing. What differs, and what a script that has to give the same in both leaves alone: integers
beyond 2^53 are rounded, as JavaScript has it, where the original keeps 64 bits; ``JSON.stringify`` keeps the order of
keys, where some versions of the original sort them; dates turned into text without a method that names a format; the
length of texts with characters beyond 16 bits; the words of error messages. A script is parsed each time it is run: the
binding has neither a compiled form nor a way to share one between contexts, and parsing costs less than the context
itself, up to some two thousand characters.
"""

import contextlib
import json
import socket
import subprocess
import sys
import weakref
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from runtime.duration import parse_duration

DEFAULT_SECONDS: Final = 10.0
_GRACE_SECONDS: Final = 1.0  # for the engine to notice by itself that time is up
_LONGEST_SECONDS: Final = 86_400.0  # what the system's own limits can hold
_START_SECONDS: Final = 30.0
_LONGEST_SOURCE: Final = 1_000_000
_LONGEST_RESULT: Final = 8_000_000
_WORKER: Final = Path(__file__).with_name("javascript_worker.py")

# Everything, the conversion of the result and of what is thrown included, happens inside the time limit. The result is
# handed over as JSON because the binding cuts texts at a NUL and fails on lone surrogates; it is put together with join
# because the binding does not know the ropes that + makes of long texts.
_PROGRAM: Final = """
(function (names) {
  var silent = {};
  names.forEach(function (name) { silent[name] = function () {}; });
  Object.defineProperty(globalThis, "console", {value: silent, writable: true, configurable: true});
})(["assert", "debug", "dir", "error", "info", "log", "time", "timeEnd", "trace", "warn"]);
(function (run, text, quote, apply, join, source) {
  function answer(kind, value) { return apply(join, [kind, quote(text(value))], [""]); }
  try { return answer("v", run(source)); }
  catch (thrown) { try { return answer("e", thrown); } catch (_) { return 'e"an error without a text"'; } }
})(eval, String, JSON.stringify, Reflect.apply, Array.prototype.join, %s)
"""


class ExpressionError(Exception):
    """The JavaScript of a variable gave no result."""

    def __init__(self, variable: str, problem: str) -> None:
        self.variable = variable
        self.problem = problem
        super().__init__(f'variable "{variable}": {problem}')


class ExpressionTimeout(ExpressionError):
    """It took longer than it may."""

    def __init__(self, variable: str, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(variable, f"timed out after {seconds:g}s (expression_timeout sets another limit)")


class ExpressionCancelled(ExpressionError):
    """Whoever waited for it does not any more."""

    def __init__(self, variable: str) -> None:
        super().__init__(variable, "cancelled")


class JavaScript:
    """Runs scripts, one at a time, in one worker process.

    `run` blocks and is for one thread at a time; `interrupt` and `close` may be called from another meanwhile. Without
    `close` the process ends when this object does.
    """

    def __init__(self) -> None:
        self._worker: _Worker | None = None

    def run(
        self, variable: str, source: str, timeout: str | None = None, *, stopped: Callable[[], bool] = lambda: False
    ) -> str:
        """Give the value of the script's last statement as JavaScript converts it to text.

        `timeout` is a Go duration. Blocks until the script has ended or has been ended. Whoever calls `interrupt`
        first makes `stopped` true, for the case that the script has not quite begun.

        Raises:
            ExpressionTimeout: it took too long.
            ExpressionCancelled: `interrupt` was called.
            ExpressionError: it threw, used too much memory, gave too long a text, or the timeout is no duration.
        """
        seconds = _seconds(variable, timeout)
        if len(source) > _LONGEST_SOURCE:
            raise ExpressionError(variable, f"more than {_LONGEST_SOURCE} characters of JavaScript")
        kind, content = self._exchange(variable, _PROGRAM % json.dumps(source), seconds, stopped)
        if kind == "i":
            if "interrupted" in content:
                raise ExpressionTimeout(variable, seconds)
            raise ExpressionError(variable, content.partition("\n")[0][:1000] or "ended by the engine")
        text: str = json.loads(content)
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if kind == "e":
            raise ExpressionError(variable, text[:1000])
        return text

    def interrupt(self) -> None:
        """End the script that is running. Sync and immediate; does nothing where none is."""
        if self._worker is not None:
            self._worker.kill()

    def close(self) -> None:
        """End the process. Idempotent; a later `run` starts another."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()

    def _exchange(self, variable: str, program: str, seconds: float, stopped: Callable[[], bool]) -> tuple[str, str]:
        if self._worker is not None and not self._worker.usable:
            self.close()
        try:
            worker = self._worker = self._worker or _Worker()
            if stopped():  # asked after the worker can be killed: one of the two is in time
                raise ExpressionCancelled(variable)
            reply = worker.ask(program, seconds)
        except OSError as fault:
            killed = self._worker is not None and self._worker.killed
            self.close()
            if killed:
                raise ExpressionCancelled(variable) from fault
            if isinstance(fault, TimeoutError):
                raise ExpressionTimeout(variable, seconds) from fault
            raise ExpressionError(variable, f"the JavaScript process had to be ended: {fault}") from fault
        return reply[:1], reply[1:]


def _seconds(variable: str, timeout: str | None) -> float:
    if not timeout:
        return DEFAULT_SECONDS
    try:
        seconds = parse_duration(timeout)
    except ValueError as fault:
        raise ExpressionError(variable, str(fault)) from fault
    if seconds <= 0:
        raise ExpressionTimeout(variable, seconds)
    return min(seconds, _LONGEST_SECONDS)


class _Worker:
    """One process, and the socket that is its standard input and output."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        spec = find_spec("_quickjs")
        folder = str(Path(spec.origin).parent) if spec is not None and spec.origin else ""
        with theirs, contextlib.ExitStack() as failing:
            failing.callback(ours.close)
            process = subprocess.Popen(  # noqa: S603 - this interpreter, our script
                [sys.executable, "-I", "-S", str(_WORKER), folder],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,
            )
            failing.pop_all()
        self.killed = False
        self._process = process
        self._socket = ours
        self._finalizer = weakref.finalize(self, _end, process, ours)
        self._reply(_START_SECONDS)

    def ask(self, program: str, seconds: float) -> str:
        """Send a program and wait for its answer.

        Raises:
            OSError: there is none: TimeoutError when it took too long, ConnectionError when the process has ended.
        """
        content = program.encode()
        self._socket.settimeout(seconds + _GRACE_SECONDS)
        self._socket.sendall(b"%r %d\n%b" % (seconds, len(content), content))
        return self._reply(seconds + _GRACE_SECONDS)

    def _reply(self, seconds: float) -> str:
        self._socket.settimeout(seconds)
        header = b""
        while not header.endswith(b"\n"):
            header += self._read(1)
        length = int(header)
        if length > _LONGEST_RESULT:
            raise ConnectionError(f"a result of more than {_LONGEST_RESULT} bytes")
        content = bytearray()
        while len(content) < length:
            content += self._read(length - len(content))
        return content.decode(errors="replace")

    def _read(self, most: int) -> bytes:
        received = self._socket.recv(min(most, 1 << 20))
        if not received:
            raise ConnectionError("out of memory, or killed from outside")
        return received

    @property
    def usable(self) -> bool:
        """Whether the process is there to be asked."""
        return not self.killed and self._process.poll() is None

    def kill(self) -> None:
        """End the process; whoever waits for its answer gets a ConnectionError."""
        self.killed = True
        with contextlib.suppress(OSError):
            self._process.kill()

    def close(self) -> None:
        """End the process and wait until it is gone."""
        self._finalizer()


def _end(process: "subprocess.Popen[bytes]", connection: socket.socket) -> None:
    process.kill()
    process.wait()
    connection.close()
