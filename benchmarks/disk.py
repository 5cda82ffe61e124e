"""How long the disk takes to sync, which is what a durable figure is a ratio to; and a disk that is held at that.

Disks differ by more than what is measured on them: one machine syncs in 60 us, the next in 300, and a ratio to commits of
one row says three times as much there as here. `hold` has no sync of any side, limit or peer, nor of the server of
group `scale`, be quicker than so long, so that figures of several machines can be set beside each other.
"""

import atexit
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.harness import percentile, perf_counter

_SYNCS: Final = 200
_PAGE: Final = bytes(4096)
_SOURCE: Final = Path(__file__).with_suffix(".c")
_MICROSECONDS_VARIABLE: Final = "UNDERSTUDY_BENCH_SYNC_US"


def sync_us() -> float:
    """Measure one: a page written and synced, p50, in the folder where sides have their files."""
    times: list[float] = []
    with tempfile.TemporaryFile(prefix="understudy-bench-", buffering=0) as file:
        file.write(_PAGE)
        os.fsync(file.fileno())
        for _ in range(_SYNCS):
            os.pwrite(file.fileno(), _PAGE, 0)
            began = perf_counter()
            os.fdatasync(file.fileno())
            times.append((perf_counter() - began) * 1e6)
    return percentile(times, 0.5)


def hold(microseconds: int) -> None:
    """Have no sync be quicker than that in processes that are started from now on. It needs `cc`, and Linux.

    Raises:
        OSError, subprocess.CalledProcessError: it cannot be made.
    """
    folder = Path(tempfile.mkdtemp(prefix="understudy-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)  # a server may run as another user, and whoever cannot read it does without, and says nothing
    library = folder / "disk.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, _SOURCE, "-ldl"], check=True)
    os.environ |= {"LD_PRELOAD": str(library), _MICROSECONDS_VARIABLE: str(microseconds)}


def held() -> str:
    """Say what it is held at, if it is."""
    return os.environ.get(_MICROSECONDS_VARIABLE, "")
