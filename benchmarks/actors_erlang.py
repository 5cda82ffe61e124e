"""Erlang/OTP as a peer of group `actors`: `actors_otp.erl`, compiled once and run in an emulator of its own each time.

It is measured where `erl` and `erlc` are installed (Debian: `apt-get install erlang-base`); where they are not, that is
said once on standard error and the figures have no such peer.
"""

import atexit
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from benchmarks.harness import Measures, Peer

SOURCE = Path(__file__).with_name("actors_otp.erl")


def peers(function: str) -> Mapping[str, Peer]:
    """Give the peer that does this workload, or none."""
    if _emulator() is None:
        return {}
    return {"erlang": lambda arguments: measure(function, arguments)}


def measure(function: str, arguments: Mapping[str, float]) -> Measures:
    """Run one workload in a fresh emulator. Numbers are passed in the order of the Python sides' arguments."""
    numbers = [f"{float(value):.6f}" for value in arguments.values()]
    done = subprocess.run(
        [*(_emulator() or ()), "-noshell", "-run", SOURCE.stem, "main", function, *numbers],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    measures: Measures = json.loads(done.stdout)
    return measures


@cache
def _emulator() -> tuple[str, ...] | None:
    """Compile the module and give the command that finds it; None where there is no Erlang."""
    if not (shutil.which("erl") and shutil.which("erlc")):
        print("erlang is not measured: there is no `erl` and `erlc` on the path", file=sys.stderr)
        return None
    folder = tempfile.mkdtemp(prefix="understudy-erlang-")
    atexit.register(shutil.rmtree, folder)
    subprocess.run(["erlc", "-o", folder, str(SOURCE)], check=True)
    return ("erl", "-pa", folder)
