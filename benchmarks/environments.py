"""Peers in environments of their own, so that what they need never touches what we need.

An environment is made once, under the user's cache folder, from requirements that are pinned beside the peer. A peer
that cannot be installed here is named on standard error and left out; it is not an error.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

import attrs

from benchmarks.harness import OPTIONS, Measures, Peer

_SCRIPTS = Path(__file__).parent / "peers"


@attrs.frozen(kw_only=True)
class Foreign:
    """A peer: the script in `benchmarks/peers` that does the workloads, and what it needs from the package index.

    `size` is the share of the tasks that a slow one is given.
    """

    name: str
    script: str
    requirements: tuple[str, ...]
    size: float = 1.0

    def doing(self, workload: str) -> Mapping[str, Peer]:
        """Give the peer that does a workload, by its name; none if it is missing here, or not asked for."""
        python = _python(self) if OPTIONS.get().wants(self.name) else None
        if python is None:
            return {}
        script = [str(python), str(_SCRIPTS / self.script), workload]

        def measure(arguments: Mapping[str, float]) -> Measures:
            sizes = {**arguments, "tasks": max(1, int(arguments["tasks"] * self.size))}
            done = subprocess.run([*script, json.dumps(sizes)], check=True, stdout=subprocess.PIPE, text=True)
            measures: Measures = json.loads(done.stdout)
            return measures

        return {self.name: measure}


def _python(peer: Foreign) -> Path | None:
    """Give the interpreter of the peer's environment, which is made if need be."""
    key = hashlib.sha256(json.dumps([sys.version, *peer.requirements]).encode()).hexdigest()[:12]
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "understudy-benchmarks"
    home = folder / f"{peer.name}-{key}"
    python = home / "bin" / "python"
    if (home / "complete").exists():
        return python
    try:
        venv.create(home, with_pip=True, clear=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.requirements],
            check=True,
            capture_output=True,
            text=True,
        )
        (home / "complete").touch()
    except (OSError, subprocess.CalledProcessError) as failure:
        shutil.rmtree(home, ignore_errors=True)
        reason = (getattr(failure, "stderr", "") or str(failure)).strip().splitlines()[-1]
        print(f"peer {peer.name} is missing: {reason}", file=sys.stderr)
        return None
    return python
