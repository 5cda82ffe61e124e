"""A client of a Dask cluster for trio: Dask's own runs on asyncio in a thread, and nobody waits in another one."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from functools import partial
from importlib.util import find_spec
from typing import Any

import attrs
import trio
from anyio.from_thread import BlockingPortal, start_blocking_portal

from runtime.runner import BRIEF, Json, dumps, loads, loads_yaml, normalise

if find_spec("distributed") is None:  # it is loaded later; that it is missing is better said at once
    raise ModuleNotFoundError("No module named 'distributed'", name="distributed")

ITEM = "dask"
_CONNECT_SECONDS = 10.0
_CLOSE_SECONDS = 5.0


class ClusterGone(Exception):
    """There is no cluster, or it does not answer."""


@attrs.frozen(kw_only=True)
class ClusterSettings:
    """Where the scheduler is, and the files that say who we are, if it wants to know."""

    scheduler: str
    tls_ca_file: str | None = None
    tls_client_cert: str | None = None
    tls_client_key: str | None = attrs.field(default=None, repr=False)


def cluster_settings(config: Mapping[str, str]) -> ClusterSettings:
    """Read the configuration item ``dask``.

    Raises:
        ValueError: it is not there, or says something else.
    """
    if ITEM not in config:
        raise ValueError(f'there is no configuration item "{ITEM}": it says where the scheduler is')
    try:
        item: Any = normalise(loads_yaml(config[ITEM]))
        return ClusterSettings(**({"scheduler": item} if isinstance(item, str) else item))
    except (ValueError, TypeError):
        raise ValueError(f'the configuration item "{ITEM}" is not of the form {{"scheduler": ADDRESS}}') from None


class Cluster:
    """One connection, made when it is first needed, and again when it was lost. For one trio run."""

    def __init__(self, settings: ClusterSettings) -> None:
        self._session = _Session(settings)
        self._thread: AbstractContextManager[BlockingPortal] | None = None
        self._portal: BlockingPortal | None = None

    async def call(self, job: Mapping[str, Json], **how: Any) -> bytes:
        """Have a worker do a job; give its answer, as JSON. `how` is for Dask.

        A cancel takes the job off the cluster if it has not begun, and returns at once.

        Raises:
            ClusterGone: there is no cluster, or it gave the job up.
        """
        if self._portal is None:
            self._thread = start_blocking_portal("asyncio")
            self._portal = self._thread.__enter__()  # waits for a thread to begin, and for nothing else
        answer = self._portal.start_task_soon(partial(self._session.call, dumps(job), **how))
        done, token = trio.Event(), trio.lowlevel.current_trio_token()

        def tell(_answer: object) -> None:
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(done.set)

        answer.add_done_callback(tell)
        try:
            await done.wait()
        finally:
            answer.cancel()
        return answer.result()

    async def close(self) -> None:
        """Leave the cluster, and end the thread."""
        portal, thread, self._portal, self._thread = self._portal, self._thread, None, None
        if portal is not None and thread is not None:
            await BRIEF.run(portal.call, self._session.close)
            await BRIEF.run(thread.__exit__, None, None, None)


class _Session:
    """Dask's client, in the thread that runs asyncio."""

    def __init__(self, settings: ClusterSettings) -> None:
        self._settings = settings
        self._client: Any = None
        self._connecting: asyncio.Lock | None = None

    async def call(self, job: str, *, resources: Mapping[str, float], **how: Any) -> bytes:
        from distributed import CancelledError, KilledWorker  # noqa: PLC0415 - it takes a second to load, and only here it holds nobody up

        client = await self._connected()
        future = client.submit(work, job, pure=False, resources=dict(resources) or None, **how)
        try:
            answer: bytes = await future
        except (CancelledError, KilledWorker, OSError, TimeoutError) as gone:
            raise ClusterGone(f"the cluster gave the function up: {type(gone).__name__}: {gone}") from None
        finally:
            future.release()  # which takes a job that nobody else wants off the cluster
        return answer

    async def _connected(self) -> Any:
        self._connecting = self._connecting or asyncio.Lock()
        async with self._connecting:
            if self._client is not None and self._client.status != "running":
                await self.close()
            if self._client is None:
                self._client = await self._connect()
        return self._client

    async def _connect(self) -> Any:
        from distributed import Client  # noqa: PLC0415 - as above
        from distributed.security import Security  # noqa: PLC0415

        files = {name: file for name, file in attrs.asdict(self._settings).items() if name != "scheduler" and file}
        scheduler = self._settings.scheduler
        try:
            security = Security(require_encryption=True, **files) if files else None
            client = Client(
                scheduler, asynchronous=True, timeout=_CONNECT_SECONDS, set_as_default=False, security=security
            )
            try:
                await client
            except BaseException:
                await client.close(timeout=0)
                raise
        except (OSError, ValueError, TypeError) as fault:
            raise ClusterGone(f"there is no Dask scheduler at {scheduler}: {fault}") from None
        return client

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close(timeout=_CLOSE_SECONDS)


def work(text: str) -> bytes:
    """Do a job; called on a worker. With ``once``, it is done by the first worker that gets it, or by nobody."""
    from distributed import Event, get_worker  # noqa: PLC0415 - as above

    from runtime.worker import answer  # noqa: PLC0415 - not needed where the runtime is

    job: Any = loads(text)
    told: dict[str, Any] = {"worker": get_worker().address}
    if job["once"]:
        begun = Event(f"understudy-{job['once']}")
        if begun.is_set():
            return dumps({**told, "lost": True}).encode()
        begun.set()
    return dumps({**told, **answer(job)}).encode(errors="replace")
