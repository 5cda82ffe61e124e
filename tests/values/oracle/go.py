"""Builds the recording program and talks to it."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

SOURCE = Path(__file__).with_name("oracle.go")
GOCODE = "/usr/share/gocode"  # where Debian puts the sources of Go libraries


class Oracle:
    """The running program: ask it what Go makes of a template."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="oracle-")
        binary = Path(self._folder.name, "oracle")
        environment = os.environ | {
            "GO111MODULE": "off",
            "GOPATH": GOCODE,
            "GOCACHE": str(Path(self._folder.name, "cache")),
            "TZ": "UTC",
        }
        subprocess.run(["go", "build", "-o", binary, SOURCE], check=True, env=environment)
        self._process = subprocess.Popen(
            [binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._folder.cleanup()

    def ask(self, template: str, data: str) -> dict[str, str]:
        """Give what Go makes of a template and JSON text: {"o": text}, {"p": parse error} or {"e": execution error}."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f'{{"t":{json.dumps(template)},"d":{data}}}\n')
        self._process.stdin.flush()
        answer: dict[str, str] = json.loads(self._process.stdout.readline())
        return answer

    def ask_all(self, cases: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
        """Ask for many."""
        return [self.ask(template, data) for template, data in cases]


def canonical(value: Any) -> str:
    """Write data as one line of JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
