"""`dask`: a function of the embedding program, called on a worker of a Dask cluster (extra ``understudy[dask]``).

The host says where the cluster is, in the configuration item ``dask``; a step cannot, for whoever names the scheduler
decides what code comes back. Workers need this package and the module of the function, which is found by its name,
``module:qualname``. Arguments and result are JSON; errors are those of the function, as with `process`.

A cancelled step is taken off the cluster if it has not begun there. One that has begun cannot be stopped from outside:
nobody waits for it any more, and its worker is free when it returns. When a worker is lost in the middle of a function,
a step that is `idempotent` is begun again by Dask, elsewhere; when the scheduler is, by its retries. Any other is not,
whatever Dask would do: it fails as a client error, so that a person looks before it runs again. A scheduler that is away
when a step begins is waited for ten seconds; then the step has failed, and is retried as its pattern says.
"""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import trio

from runners._bounds import positive
from runners._cluster import Cluster, ClusterGone, JobLost, cluster_settings
from runners._remote_call import LARGEST_RESULT, job_of, misfits, outcome_of
from runners._thread import decoded
from runtime.runner import (
    ClientError,
    Duration,
    Fault,
    Json,
    Outcome,
    Runner,
    RunnerSettings,
    StepFailed,
    StepRequest,
    loads,
)


@attrs.frozen(kw_only=True)
class DaskConfig:
    """What to call, and what of the cluster it needs.

    Attributes:
        name: the registered name of the function: ``module:qualname``.
        arguments: its keyword arguments.
        resources: how much of which of the workers' own resources it takes (``{"GPU": 1}``).
        priority: functions with a higher one are begun first.
        timeout: how long it may take, waiting for a worker included.
    """

    name: str
    arguments: Mapping[str, Json] = attrs.field(factory=dict, repr=False)
    resources: Mapping[str, float] = attrs.field(factory=dict)
    priority: int = 0
    timeout: Duration = attrs.field(default=Duration(3600.0), validator=positive)


class Dask(Runner[DaskConfig]):
    """Calls functions of the embedding program on a Dask cluster. Metadata says which worker gave the result."""

    name = "dask"
    config = DaskConfig

    def __init__(self, settings: RunnerSettings | None = None) -> None:
        super().__init__(settings)
        self._cluster: Cluster | None = None

    def validate(self, config: DaskConfig) -> Iterable[Fault]:
        """Check that the function is known, can be found elsewhere, and takes the arguments."""
        return misfits(self.settings, config.name, config.arguments)

    def resources(self, config: DaskConfig) -> tuple[str, ...]:
        """Take a ``dask``, and the function itself."""
        return ("dask", f"function:{config.name}")

    async def run(self, request: StepRequest[DaskConfig]) -> Outcome:
        """Call the function.

        Raises:
            StepFailed: there is no cluster, it took too long, or as the function did.
            ClientError: the worker or the scheduler was lost after it had, or may have, begun; or as the function did.
            NotAssigned, NotProvisioned: as the function did.
        """
        config = request.config
        for fault in self.validate(config):
            raise StepFailed(str(fault))
        job = {
            **job_of(self.settings, config.name, config.arguments),
            "once": "" if request.idempotent else uuid.uuid4().hex,
            "largest": LARGEST_RESULT,
        }
        try:
            with trio.fail_after(config.timeout):
                if self._cluster is None:
                    self._cluster = Cluster(cluster_settings(self.settings.config))
                answer = await self._cluster.call(
                    job, resources=config.resources, priority=config.priority, key=f"{request.step}-{uuid.uuid4().hex}"
                )
        except trio.TooSlowError:
            raise StepFailed(f"timed out after {config.timeout:g}s") from None
        except (ClusterGone, ValueError) as gone:
            raise StepFailed(str(gone)) from None
        except JobLost as lost:
            raise ClientError(str(lost)) from None
        return await decoded(_outcome, answer)

    async def close(self) -> None:
        """Leave the cluster."""
        cluster, self._cluster = self._cluster, None
        if cluster is not None:
            await cluster.close()


def _outcome(answer: bytes) -> Outcome:
    told: Any = loads(answer)
    metadata = {"worker": told["worker"]}
    if told.get("large"):
        raise StepFailed(f"the result is larger than {LARGEST_RESULT // 1024 // 1024} MiB", metadata=metadata)
    if told.get("lost"):
        problem = "the worker was lost after the function had begun: nobody knows what it did"
        raise ClientError(problem, metadata=metadata)
    return outcome_of(told, metadata)
