"""Peers in environments of their own, so that what they need never touches what we need.

An environment is made once, under the user's cache folder, from requirements that are pinned in `products.py`. A peer
that has none, where none are to be made, or that cannot be installed here, is named on standard error and left out; it
is not an error.
"""

import hashlib
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from benchmarks.figures import Peer, PeerFailed, Peers
from benchmarks.harness import OPTIONS, Measures, cache_folder, environment, tell

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCRIPTS: Final = Path(__file__).parent / "peers"
_INSTALL_SECONDS: Final = 600.0
_PIP: Final = (sys.executable, "-m", "pip", "--disable-pip-version-check")
"""The pip of this environment: to give each one of its own takes longer than most of them need to be filled."""


@attrs.frozen(kw_only=True)
class Foreign:
    """A product in Python: the script in `benchmarks/peers` with a function a workload, and what it needs from PyPI."""

    name: str
    script: str
    requirements: tuple[str, ...]

    def doing(
        self, workload: str, *, up_to: float = math.inf, within: float = 0.0, every_round: bool = False, **most: float
    ) -> Peers:
        """Give the peer that does a workload, by its name; none if it is missing here, or not asked for."""
        if not OPTIONS.get().wants(self.name):
            return {}
        python = _python(self, make=OPTIONS.get().make_peers)
        if python is None:
            return {}
        measure = partial(_measure, [str(python), str(_SCRIPTS / self.script), workload])
        return {self.name: Peer(measure=measure, most=most, up_to=up_to, within=within, every_round=every_round)}


def _measure(command: Sequence[str], arguments: Mapping[str, float], seconds: float) -> Measures:
    return measures_of([*command, json.dumps(dict(arguments))], seconds)


def measures_of(command: Sequence[str], seconds: float) -> Measures:
    """Run another's program, and read the measures from the last line it prints.

    Raises:
        PeerFailed: it broke, or took longer than that; all its processes are killed.
    """
    with _in_a_session(command) as process:
        try:
            said, complaint = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise PeerFailed(f"no end within {seconds:.0f} s") from None
    try:
        measures: Measures = json.loads(said.splitlines()[-1])
    except (IndexError, ValueError):
        last = ["", *complaint.strip().splitlines()][-1]
        raise PeerFailed(f"broke, status {process.returncode}: {last[:120]}") from None
    return measures


@contextmanager
def _in_a_session(command: Sequence[str]) -> "Iterator[subprocess.Popen[str]]":
    """Run a program in a session of its own, and leave nothing of it."""
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=environment(),
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@cache
def _python(peer: Foreign, *, make: bool) -> Path | None:
    """Give the interpreter of the peer's environment, which is made if need be."""
    key = hashlib.sha256(json.dumps([sys.version, *peer.requirements]).encode()).hexdigest()[:12]
    home = cache_folder() / f"{Path(peer.script).stem}-{key}"  # a product in two ways has it once
    python = home / "bin" / "python"
    if (home / "complete").exists():
        return python
    if not make:
        tell(f"peer {peer.name} is missing: it has no environment yet; --peers all makes them")
        return None
    tell(f"peer {peer.name}: making its environment ({', '.join(peer.requirements)})")
    try:
        venv.create(home, clear=True)
        subprocess.run(
            [*_PIP, "--python", python, "install", "--quiet", *peer.requirements],
            check=True,
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
        )
        (home / "complete").touch()
    except (OSError, subprocess.SubprocessError) as failure:
        shutil.rmtree(home, ignore_errors=True)
        reason = (getattr(failure, "stderr", "") or str(failure)).strip().splitlines()[-1]
        tell(f"peer {peer.name} is missing: {reason}")
        return None
    return python
