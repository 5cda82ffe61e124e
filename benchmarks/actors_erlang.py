"""Erlang/OTP as a peer of group `actors`: `actors_otp.erl`, compiled once and run in an emulator of its own each time.

It is measured where `erl` and `erlc` are installed (Debian: `apt-get install erlang-base`); where they are not, that is
said once on standard error and the figures have no such peer.
"""

import atexit
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path

from benchmarks.environments import measures_of
from benchmarks.figures import Peer, Peers
from benchmarks.harness import OPTIONS, Measures, tell

SOURCE = Path(__file__).with_name("actors_otp.erl")


def peers(function: str) -> Peers:
    """Give the peer that does this workload, or none."""
    if not OPTIONS.get().wants("erlang") or _emulator() is None:
        return {}
    return {"erlang": Peer(measure=partial(_measure, function))}


def _measure(function: str, arguments: Mapping[str, float], seconds: float) -> Measures:
    """Run one workload in a fresh emulator. Numbers are passed in the order of the Python sides' arguments."""
    numbers = [f"{float(value):.6f}" for value in arguments.values()]
    return measures_of([*(_emulator() or ()), "-noshell", "-run", SOURCE.stem, "main", function, *numbers], seconds)


@cache
def _emulator() -> tuple[str, ...] | None:
    """Compile the module and give the command that finds it; None where there is no Erlang."""
    if not (shutil.which("erl") and shutil.which("erlc")):
        tell("peer erlang is missing: there is no `erl` and `erlc` on the path")
        return None
    folder = tempfile.mkdtemp(prefix="understudy-erlang-")
    atexit.register(shutil.rmtree, folder)
    subprocess.run(["erlc", "-o", folder, str(SOURCE)], check=True)
    return ("erl", "-pa", folder)
