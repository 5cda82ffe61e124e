"""An SSH server in a process of its own: ``python -m tests.support.ssh_server FOLDER``.

It lets in whoever has the key ``FOLDER/client.pub``, shows the host key ``FOLDER/host``, and runs commands in a shell
that dies with its session. The command ``bastion -- ...`` and others go to the shell as they are. Its first line of
output is its port.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncssh
import attrs


async def _run(process: "asyncssh.SSHServerProcess[bytes]") -> None:
    shell = await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-c",
        process.command or "exit 99",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    assert shell.stdin is not None
    assert shell.stdout is not None
    feeding = asyncio.create_task(_pump(process.stdin, shell.stdin))
    printing = asyncio.create_task(_pump(shell.stdout, process.stdout))
    leaving = asyncio.create_task(process.channel.wait_closed())
    try:
        await asyncio.wait([printing, leaving], return_when=asyncio.FIRST_COMPLETED)
        if printing.done():
            code = await shell.wait()
            if code < 0:
                process.exit_with_signal(signal.Signals(-code).name.removeprefix("SIG"))
            else:
                process.exit(code)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        for task in (feeding, printing, leaving):
            task.cancel()


async def _pump(source: Any, sink: Any) -> None:
    with suppress(OSError, asyncssh.Error):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
        sink.write_eof()


async def _serve(folder: Path) -> None:
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[str(folder / "host")],
        authorized_client_keys=str(folder / "client.pub"),
        process_factory=_run,
        encoding=None,
    )
    print(server.get_port(), flush=True)  # noqa: T201 - a command
    await server.wait_closed()


@attrs.frozen
class SshServer:
    """A server that is listening. `key` is what lets a client in, `host_key` is its own, as known_hosts has it."""

    port: int
    key: str
    host_key: str

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextmanager
def running(folder: Path) -> Iterator[SshServer]:
    """Run a server, with keys made for it, until the block ends."""
    client, host = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    client.write_public_key(folder / "client.pub")
    host.write_private_key(folder / "host")
    command = [sys.executable, "-m", "tests.support.ssh_server", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        try:
            port = int(process.stdout.readline())
            yield SshServer(port, client.export_private_key().decode(), host.export_public_key().decode().strip())
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
