"""`process`: a function of the embedding program, called in a process of its own, that can be killed.

For what a thread is not good for: code that may hang, crash the interpreter, use up memory, or hold the interpreter for
long. Arguments and result are JSON. The function is found by its name, ``module:qualname``, so it has to stand at the
top of a module. Processes are kept for a while and used again (`runners._workers`), so a module is imported once by each,
and what it keeps in its globals may be there at the next call; ``fresh`` asks for a process that is used once. Each runs
in a group of its own, which is killed when the step is cancelled or its time is over.
"""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from runners._bounds import not_negative, positive
from runners._remote_call import LARGEST_RESULT, job_of, misfits, outcome_of
from runners._thread import decoded
from runners._workers import Called, Workers
from runtime.runner import (
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
class ProcessConfig:
    """What to call, and what it may use.

    Attributes:
        name: the registered name of the function: ``module:qualname``.
        arguments: its keyword arguments.
        environment: variables beside those that steps' processes get.
        timeout: how long it may take, starting the process included; then it is killed.
        memory_bytes: how much address space it may use; 0 for no limit.
        fresh: whether it is called in a process that has called nothing before, and calls nothing after it.
    """

    name: str
    arguments: Mapping[str, Json] = attrs.field(factory=dict, repr=False)
    environment: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    timeout: Duration = attrs.field(default=Duration(600.0), validator=positive)
    memory_bytes: int = attrs.field(default=0, validator=not_negative)
    fresh: bool = False


class Process(Runner[ProcessConfig]):
    """Calls functions of the embedding program in processes of their own. Metadata is what they printed."""

    name = "process"
    config = ProcessConfig

    def __init__(self, settings: RunnerSettings | None = None) -> None:
        super().__init__(settings)
        self._workers = Workers()

    async def close(self) -> None:
        """End the processes that are kept."""
        await self._workers.close()

    def validate(self, config: ProcessConfig) -> Iterable[Fault]:
        """Check that the function is known, can be found by another process, and takes the arguments."""
        return misfits(self.settings, config.name, config.arguments)

    def resources(self, config: ProcessConfig) -> tuple[str, ...]:
        """Take a ``fork``, and the function itself."""
        return ("fork", f"function:{config.name}")

    async def run(self, request: StepRequest[ProcessConfig]) -> Outcome:
        """Call the function.

        Raises:
            StepFailed: the process cannot be started, took too long, or ended without an answer.
            StepFailed, ClientError, NotAssigned, NotProvisioned: as the function did.
        """
        config = request.config
        for fault in self.validate(config):  # it may have been registered under another name since
            raise StepFailed(str(fault))
        call = job_of(self.settings, config.name, config.arguments)
        job: dict[str, Json] = {**call, "path": list(sys.path), "memory": config.memory_bytes}
        try:
            ended = await self._workers.call(
                job,
                environment={**self.settings.environment, **config.environment},
                limit_seconds=config.timeout,
                answer_bytes=LARGEST_RESULT,
                fresh=config.fresh,
            )
        except (OSError, ValueError) as fault:
            raise StepFailed(f"the process cannot be started: {fault}") from fault
        metadata: dict[str, Json] = {"printed": ended.output, "seconds": round(ended.seconds, 6)}
        if ended.timed_out:
            raise StepFailed(f"timed out after {config.timeout:g}s: the process was killed", metadata=metadata)
        if ended.too_large:
            raise StepFailed(f"the result is larger than {LARGEST_RESULT // 1024 // 1024} MiB", metadata=metadata)
        return await decoded(lambda answer: _outcome(answer, ended, metadata), ended.answer)


def _outcome(answer: bytes, ended: Called, metadata: Mapping[str, Json]) -> Outcome:
    try:
        told: Any = loads(answer)
    except ValueError:
        state = f"signal {-ended.code}" if ended.code < 0 else f"exit status {ended.code}"
        raise StepFailed(f"the process ended without an answer: {state}", metadata=metadata) from None
    return outcome_of(told, metadata)
