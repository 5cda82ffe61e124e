"""A program that outlives whoever started a PostgreSQL server, and then ends the server and takes its folder away.

However its owner ends: a test run that is killed cannot do so itself. ``deathwatch.py PIDFD FOLDER``
"""

import os
import select
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path


def main() -> None:
    owner, folder = int(sys.argv[1]), Path(sys.argv[2])
    select.select([owner], [], [])
    for _ in range(100):  # again, if something was still being written into it
        if not folder.exists():
            return
        with suppress(OSError, ValueError):
            server = os.pidfd_open(int((folder / "data/postmaster.pid").read_text().split("\n", 1)[0]))
            signal.pidfd_send_signal(server, signal.SIGQUIT)
            select.select([server], [], [])
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
