"""The process in which JavaScript runs: a script of its own, which imports nothing of this project.

Started by `runtime.values.javascript` with the folder of the engine's module as its argument. It reads requests from
file descriptor 0 and answers there, one at a time, until that is closed:

    request:   a line ``seconds length``, then that many bytes: a program that gives ``v`` or ``e`` and a JSON text
    answer:    a line ``length``, then that many bytes: what the program gave, or ``i`` and why it was ended
"""

import importlib
import os
import resource
import signal
import sys
from typing import Any

MEMORY = 64 << 20
STACK = 256 << 10
PROCESS_MEMORY = 1 << 30  # where the engine's own limit should fail


def main() -> None:
    """Serve until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program that started this one
    sys.path.append(sys.argv[1])
    engine: Any = importlib.import_module("_quickjs")
    resource.setrlimit(resource.RLIMIT_AS, (PROCESS_MEMORY, PROCESS_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    requests = os.fdopen(0, "rb", closefd=False)
    answer(b"ready")
    for header in requests:
        seconds, length = header.split()
        program = requests.read(int(length)).decode()
        answer(evaluate(engine, program, float(seconds)))


def answer(content: bytes) -> None:
    """Write one answer."""
    rest = b"%d\n%b" % (len(content), content)
    while rest:
        rest = rest[os.write(0, rest) :]


def evaluate(engine: Any, program: str, seconds: float) -> bytes:
    """Run a program in a context of its own."""
    # Should the parent die meanwhile, nobody else would end a loop inside the engine's native code.
    spent = resource.getrusage(resource.RUSAGE_SELF)
    patience = int(spent.ru_utime + spent.ru_stime + seconds) + 5
    resource.setrlimit(resource.RLIMIT_CPU, (patience, resource.RLIM_INFINITY))
    context = engine.Context()
    context.set_memory_limit(MEMORY)
    context.set_max_stack_size(STACK)
    context.set_time_limit(seconds)
    try:
        result: str = context.eval(program)
        return result.encode()
    except Exception as ended:  # noqa: BLE001 - the guard: whatever the engine raises is about the program
        return f"i{ended}".encode(errors="replace")


if __name__ == "__main__":
    main()
