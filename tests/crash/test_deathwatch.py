"""A PostgreSQL server of a test run ends with it, however that ends, and leaves no folder behind."""

import os
import signal
import subprocess
import sys

import pytest

from tests.support import deathwatch


@pytest.fixture
def quitting():
    """What is started ends on SIGQUIT, also where it was ignored before us, as in the background of a shell."""
    before = signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGQUIT, before)


@pytest.mark.usefixtures("quitting")
def test_what_an_owner_that_was_killed_left_running_is_ended_and_its_folder_taken_away(tmp_path):
    folder = tmp_path / "server"
    (folder / "data").mkdir(parents=True)
    asleep = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(1000)"]
    with subprocess.Popen(asleep) as owner, subprocess.Popen(asleep) as server:
        (folder / "data/postmaster.pid").write_text(f"{server.pid}\n{folder}\n")
        descriptor = os.pidfd_open(owner.pid)
        command = [sys.executable, "-I", "-S", deathwatch.__file__, str(descriptor), str(folder)]
        with subprocess.Popen(command, pass_fds=[descriptor]) as watcher:
            os.close(descriptor)
            assert watcher.poll() is None
            owner.kill()
            assert server.wait(timeout=60) == -signal.SIGQUIT
            assert watcher.wait(timeout=60) == 0
    assert not folder.exists()
