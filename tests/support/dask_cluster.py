"""A real Dask cluster for tests: ``python -m tests.support.dask_cluster`` runs one until its input ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PATIENCE_SECONDS = 120
"""How long its processes wait for each other, on a machine that has others to serve."""


@contextmanager
def running(workers: int = 2) -> Iterator[tuple[str, Callable[[], object]]]:
    """Run a scheduler and workers, one thread each; give the scheduler's address, and what waits until all are there."""
    command = [sys.executable, "-m", "tests.support.dask_cluster", str(workers)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        asks, hears = process.stdin, process.stdout

        def whole() -> None:
            asks.write("whole?\n")
            asks.flush()
            assert hears.readline() == "whole\n"

        try:
            yield hears.readline().strip(), whole
        finally:
            try:
                asks.close()
                process.wait(_PATIENCE_SECONDS)
            finally:  # nothing of it is left behind, whatever became of it
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def running_apart() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run a scheduler and a worker, each by itself; give the scheduler's address and its process, which may be killed."""
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    command += ["--no-dashboard"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True) as scheduler:
        assert scheduler.stderr is not None
        address = next(line.split()[-1] for line in scheduler.stderr if "Scheduler at:" in line)
        command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny"]
        command += ["--no-dashboard"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        nowhere = subprocess.DEVNULL
        with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=nowhere, start_new_session=True) as worker:
            try:
                yield address, scheduler
            finally:
                worker.kill()
                scheduler.kill()


def main(workers: int) -> None:
    import dask
    from distributed import LocalCluster

    waits = ("comm.timeouts.connect", "comm.timeouts.tcp", "deploy.lost-worker-timeout")  # then it gets no other, ever
    patience = {f"distributed.{what}": f"{_PATIENCE_SECONDS}s" for what in waits}
    dask.config.set({"distributed.worker.daemon": True, "distributed.nanny.pre-spawn-environ": {}, **patience})
    with LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
    ) as cluster:
        print(cluster.scheduler_address, flush=True)  # noqa: T201 - for whoever started it
        for _ in sys.stdin:
            while len(cluster.scheduler.workers) < workers:
                time.sleep(0.02)
            print("whole", flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    main(int(sys.argv[1]))
