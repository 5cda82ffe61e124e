"""Where figures were taken: what a reader has to know to make sense of them."""

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Final

from benchmarks import disk

_TOLD: Final = ("understudy", "trio", "attrs", "msgspec", "apsw", "rpds-py", "psycopg", "jinja2", "gotpl")


def describe() -> Mapping[str, str]:
    """Describe this machine and this Python: no name of a host, a user or a path."""
    versions = {each.name.lower(): each.version for each in distributions()}
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),  # noqa: TID251 - when it was measured
        "commit": _commit(),
        "python": f"{platform.python_implementation()} {sys.version.split()[0]}",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "processors": str(len(os.sched_getaffinity(0))),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "sync": f"{disk.sync_us():.0f} us" + (f", held at {disk.held()}" if disk.held() else ""),
        "load": " ".join(f"{value:.1f}" for value in os.getloadavg()),
        **{name: versions[name] for name in _TOLD if name in versions},
    }


def _commit() -> str:
    """Give the commit that is measured, where this is a checkout and there is git."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=7"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
