"""What a side of a benchmark uses, and how it is run.

A *side* is a function in a module, named `module:function`, that does one workload once and returns its measures by
name. It runs in a fresh process, whose heap is settled once the imports are done.
"""

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Final, TypeAlias

import attrs

perf_counter = time.perf_counter  # noqa: TID251 - a benchmark is about real time

Measures: TypeAlias = Mapping[str, float]

PROFILE_VARIABLE: Final = "UNDERSTUDY_BENCH_PROFILE"
"""Where processes of a side leave a profile of themselves; not set, they leave none."""

HANGS_SECONDS: Final = 900.0


@attrs.frozen(kw_only=True)
class Options:
    """What whoever runs the benchmarks asked for, beside the groups and the scale.

    `peers`: the names of those to measure, None for all there are. `make_peers`: make an environment for those that
    have none yet. `peer_seconds`: how long the runs of a peer may take for one workload, the first aside, and
    `run_seconds`: how long any one of them. `profiles`: the folder for a profile of our side of every workload, None
    for none.
    """

    peers: frozenset[str] | None = None
    make_peers: bool = False
    peer_seconds: float = 1.0
    run_seconds: float = 10.0
    profiles: Path | None = None

    def wants(self, peer: str) -> bool:
        """Say whether a peer is to be measured."""
        return self.peers is None or peer in self.peers


OPTIONS: ContextVar[Options] = ContextVar("options", default=Options())  # noqa: B039 - it is frozen

_BEGAN: Final = perf_counter()


def tell(what: str) -> None:
    """Tell whoever waits how far it is, with the time since the start; on standard error."""
    minutes, seconds = divmod(int(perf_counter() - _BEGAN), 60)
    print(f"[{minutes:02}:{seconds:02}] {what}", file=sys.stderr, flush=True)


def run_side(side: str, arguments: Mapping[str, float]) -> Measures:
    """Run one side in a fresh process and give what it measured."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.harness", side, json.dumps(dict(arguments))],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=HANGS_SECONDS,
        env=environment(),
    )
    measures: Measures = json.loads(done.stdout)
    return measures


def profile(side: str, arguments: Mapping[str, float]) -> None:
    """Write a profile of one more run of a side, if that is asked for: an HTML file, with a flame graph in it.

    A process that the side makes with `python` has a file of its own.
    """
    folder = OPTIONS.get().profiles
    if folder is None:
        return
    name = "-".join([side.rpartition(".")[2].replace(":", "-"), *(f"{value:g}" for value in arguments.values())])
    tell(f"a profile of {name}")
    run = ["-m", "benchmarks.harness", side, json.dumps(dict(arguments))]
    variables = {**environment(), PROFILE_VARIABLE: str(folder / name)}
    subprocess.run([*_profiling(folder / f"{name}.html"), *run], check=True, stdout=subprocess.DEVNULL, env=variables)


def environment() -> dict[str, str]:
    """Give the environment of every side and peer: their bytecode is kept, wherever this may be told not to keep its.

    A process that starts would compile its program each time, otherwise, and that would be measured.
    """
    variables = {**os.environ, "PYTHONPYCACHEPREFIX": str(cache_folder() / "bytecode")}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    return variables


def cache_folder() -> Path:
    """Give the folder for what is made once and used by every run."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "understudy-benchmarks"


def python(role: str) -> Sequence[str]:
    """Give the command of another Python process of a side, whose profile, if one is made, bears the name of its role.

    Such a process has to end by itself, or by `end`, for there to be a profile.
    """
    prefix = os.environ.get(PROFILE_VARIABLE)
    return [sys.executable] if prefix is None else _profiling(Path(f"{prefix}-{role}.html"))


def end(process: "subprocess.Popen[str]") -> None:
    """End a process that serves: at once, or so that it still writes its profile."""
    if PROFILE_VARIABLE in os.environ:
        process.send_signal(signal.SIGINT)
    else:
        process.kill()
    process.wait()


def serve(run: Callable[[], object]) -> None:
    """Run what a process serves with, until `end` ends it."""
    try:
        run()
    except* KeyboardInterrupt:
        pass


def _profiling(file: Path) -> Sequence[str]:
    return [sys.executable, "-m", "pyinstrument", "--renderer", "html", "--outfile", str(file)]


def resident_bytes() -> int:
    """How much memory this process holds now, after a collection."""
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - a kernel file, read once
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def distribution(metric: str, values: Iterable[float]) -> dict[str, float]:
    """Give what was measured at each whole percentile, as measures that `figures` knows to belong to a metric."""
    ordered = sorted(values)
    return {f"{metric}@{share}": ordered[min(len(ordered) - 1, share * len(ordered) // 100)] for share in range(101)}


def round_trips(seconds: Sequence[float]) -> dict[str, float]:
    """Give the measures of W2 for what each round trip took."""
    times = sorted(one * 1e6 for one in seconds)
    return {"p50_us": percentile(times, 0.5), "p99_us": percentile(times, 0.99), **distribution("p99_us", times)}


def warm_up(asks: int) -> int:
    """How many asks go before those that are counted: 2,000 at the full scale."""
    return min(2_000, asks // 10)


def lateness(seconds: Iterable[float]) -> dict[str, float]:
    """Give the measures of W10 for what was that late."""
    late = [one * 1e3 for one in seconds]
    return {
        "late_p50_ms": percentile(late, 0.5),
        "late_p99_ms": percentile(late, 0.99),
        "late_max_ms": max(late),
        **distribution("late_p99_ms", late),
    }


def percentile(values: Iterable[float], share: float) -> float:
    """Give the value below which this share of all values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _main() -> None:
    module, _, function = sys.argv[1].partition(":")
    side = getattr(importlib.import_module(module), function)
    _settle_heap()
    print(json.dumps(side(**json.loads(sys.argv[2]))))


def _settle_heap() -> None:
    """Do what `runtime.heap.settle_heap` does, in every side, also those that have no runtime; peers do the same.

    How much else a process has imported, and the collector looks at again and again, is no part of a workload.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, *gc.get_threshold()[1:])


if __name__ == "__main__":
    _main()
