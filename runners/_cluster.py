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
_FORGET_SECONDS = 10.0
"""How long the scheduler knows that a job was begun after it has let go of it, and so cannot begin it again."""


class ClusterGone(Exception):
    """There is no cluster, or it does not answer."""


class JobLost(Exception):
    """The cluster gave up a job that may have been begun, and that is not to be begun again."""


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
            JobLost: it gave one up that is to be done ``once``.
        """
        if self._portal is None:
            self._thread = start_blocking_portal("asyncio")
            self._portal = self._thread.__enter__()  # waits for a thread to begin, and for nothing else
        answer = self._portal.start_task_soon(partial(self._session.call, job, **how))
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
        self._connecting: asyncio.Task[Any] | None = None
        self._forgetting: set[asyncio.Task[None]] = set()

    async def call(self, job: Mapping[str, Json], *, resources: Mapping[str, float], **how: Any) -> bytes:
        client = await self._connected()
        once = job["once"]
        future = client.submit(work, dumps(job), pure=False, resources=dict(resources) or None, **how)
        try:
            answer: bytes = await future
        except Exception as gone:  # noqa: BLE001 - of the cluster, of the network, or of a worker that cannot read the job
            why = f"{type(gone).__name__}: {' '.join(str(gone).split())}"
            if once:
                raise JobLost(f"the cluster gave the function up, and nobody knows what it did: {why}") from None
            raise ClusterGone(f"the cluster gave the function up: {why}") from None
        finally:
            future.release()  # which takes a job that nobody else wants off the cluster
            if once:
                self._forget_later(client, _mark(str(once)))
        return answer

    def _forget_later(self, client: Any, mark: str) -> None:
        """Have the scheduler forget that a job was begun, once it has forgotten the job: it would keep that for ever."""

        async def forget() -> None:
            from distributed import Event  # noqa: PLC0415 - as below

            await asyncio.sleep(_FORGET_SECONDS)
            with suppress(Exception):  # with the scheduler, what it knows is gone
                await Event(mark, client=client).clear()

        forgetting = asyncio.create_task(forget())
        self._forgetting.add(forgetting)
        forgetting.add_done_callback(self._forgetting.discard)

    async def _connected(self) -> Any:
        """Give a client that is connected. All who want one while there is none hear of the same attempt."""
        if self._client is not None and self._client.status == "running":
            return self._client
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._connected_anew())
            self._connecting.add_done_callback(_heed)
        return await asyncio.shield(self._connecting)

    async def _connected_anew(self) -> Any:
        await self._leave()
        self._client = await self._connect()
        return self._client

    async def _connect(self) -> Any:
        from distributed import Client  # noqa: PLC0415 - it takes a second to load, and only here it holds nobody up
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
        tasks = [*self._forgetting, *([self._connecting] if self._connecting is not None else ())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._leave()

    async def _leave(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close(timeout=_CLOSE_SECONDS)


def _heed(connecting: "asyncio.Task[Any]") -> None:
    """Take note of how it ended, which nobody may have waited for."""
    if not connecting.cancelled():
        connecting.exception()


def _mark(once: str) -> str:
    """Name what says, at the scheduler, that a job was begun."""
    return f"understudy-{once}"


def work(text: str) -> bytes:
    """Do a job; called on a worker. With ``once``, it is done by the first worker that gets it, or by nobody.

    What is larger than ``largest`` stays here: the runtime is told so, and does not have to hold it.
    """
    from distributed import Event, get_worker  # noqa: PLC0415 - not loaded where the runtime is unless it is needed

    from runtime.worker import answer  # noqa: PLC0415 - not needed where the runtime is

    job: Any = loads(text)
    told: dict[str, Any] = {"worker": get_worker().address}
    if job["once"]:
        begun = Event(_mark(job["once"]))
        if begun.is_set():
            return dumps({**told, "lost": True}).encode()
        begun.set()
    try:
        came_to = answer(job)
    except BaseException as ended:  # noqa: BLE001 - a function that exits would take its worker along
        came_to = {"failed": "", "message": f"{type(ended).__name__}: {ended}", "output": None, "metadata": None}
    answered = dumps({**told, **came_to}).encode(errors="replace")
    return answered if len(answered) <= job["largest"] else dumps({**told, "large": True}).encode()
