"""A real server on loopback, over a runtime of its own, and clients of it who are somebody."""

import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import attrs
import httpx2
import trio

from runtime import open_runtime
from runtime.api.client import Runtime
from runtime.api.desk import Desk
from runtime.engine.rights import Administrators, Identity
from runtime.server.app import Office, build_app
from runtime.server.auth import Authenticator, Everybody, Groups, TrustedHeader, networks
from runtime.server.limits import ServerLimits
from runtime.server.serving import serving
from runtime.templates.model import Template

ADMINISTRATORS = Administrators(usernames=["admin"], groups=["admins"])
GROUPS = Groups({"admins": frozenset({"root"}), "ops": frozenset({"olga"}), "audit": frozenset({"anton"})})
ROOMY = ServerLimits(requests_per_second=1e6, burst=1_000_000, wait_seconds=0.2)


@attrs.frozen
class Server:
    """A server that runs. `client` gives one who is the user of that name; None is nobody."""

    url: str
    runtime: Runtime
    office: Office
    client: Callable[..., httpx2.AsyncClient]


def trusting() -> TrustedHeader:
    return TrustedHeader(networks(["127.0.0.1"]), GROUPS)


@asynccontextmanager
async def running_server(
    templates: Iterable[Template] = (),
    *,
    authenticator: Authenticator | None = None,
    administrators: Administrators | None = ADMINISTRATORS,
    limits: ServerLimits = ROOMY,
    origins: Iterable[str] = (),
    hostnames: tuple[str, ...] | None = None,
    audit: Callable[[str], None] | None = None,
    listen: str = "127.0.0.1:0",
    **options: Any,
) -> AsyncIterator[Server]:
    """Run a server for as long as the block lasts."""
    clients: list[httpx2.AsyncClient] = []

    def client(username: str | None, **more: Any) -> httpx2.AsyncClient:
        headers = {} if username is None else {"x-remote-user": username}
        made = httpx2.AsyncClient(base_url=url, headers=headers, timeout=30, **more)
        clients.append(made)
        return made

    async with open_runtime(administrators=administrators, **options) as runtime:
        for template in templates:
            await runtime.register(template)
        office = Office(
            Desk(runtime),
            authenticator or trusting(),
            limits,
            origins=tuple(origins),
            hostnames=hostnames,
            audit=audit,
        )
        async with serving(build_app(office), listen, grace_seconds=0.5, limits=limits) as address:
            url = f"http://{address}"
            try:
                yield Server(url, runtime, office, client)
            finally:
                with trio.CancelScope(shield=True):
                    for one in clients:
                        await one.aclose()


@contextmanager
def server_in_a_thread(templates: Iterable[Template], user: str = "", **options: Any) -> Iterator[str]:
    """Run a server beside a program that is not on trio; give its address. With a `user`, everybody is that one."""
    told: queue.Queue[tuple[str, trio.lowlevel.TrioToken, trio.Event]] = queue.Queue()

    async def serve() -> None:
        done = trio.Event()
        believed = Everybody(Identity(user)) if user else None
        async with running_server(templates, authenticator=believed, **options) as server:
            told.put((server.url, trio.lowlevel.current_trio_token(), done))
            await done.wait()

    thread = threading.Thread(target=trio.run, args=(serve,))
    thread.start()
    url, token, done = told.get(timeout=30)
    try:
        yield url
    finally:
        token.run_sync_soon(done.set)
        thread.join(timeout=30)
