from pathlib import Path

import pytest

from runners.script import Script
from runtime.runner import RunnerSettings
from tests.support.processes import Signpost


class Scripts:
    """A scripts folder that a test fills, and the runner that runs what is in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runner = Script(RunnerSettings(scripts=folder))

    def add(self, name: str, text: str, mode: int = 0o755) -> str:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        return name

    def shell(self, body: str) -> str:
        return self.add("script.sh", f"#!/bin/sh\n{body}\n")


@pytest.fixture
def scripts(tmp_path):
    folder = tmp_path / "scripts"
    folder.mkdir()
    return Scripts(folder)


@pytest.fixture
def signpost(tmp_path):
    post = Signpost(tmp_path)
    yield post
    post.close()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
