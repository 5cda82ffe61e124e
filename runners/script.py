"""script: runs an executable file of the scripts folder (spec section 9.3)."""

import os
import signal
import stat
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import attrs
import trio

from runners._bounds import positive, within
from runners._delimiters import Delimiter
from runners._output import KEPT_BYTES, MOST_KEPT_BYTES, Codes, OutputMode, delimiter_faults, result_of
from runners._process import Ended, run_group
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
    Templated,
)

_METADATA_SCHEMA: Mapping[str, Json] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "additionalProperties": False,
    "required": ["exit_code", "process_state", "output", "execution_time", "error"],
    "properties": {
        "exit_code": {"type": "string"},
        "process_state": {"type": "string"},
        "output": {"type": "string"},
        "execution_time": {"type": "string"},
        "error": {"type": "string"},
    },
}
_NOT_STARTED = 1  # the exit code of a script that could not be started


@attrs.frozen(kw_only=True)
class ScriptConfig:
    """What to run, and where its result is.

    Attributes:
        file_path: the executable, from the scripts folder, which it may not leave; it is the working directory too.
        argv: its arguments.
        environment: variables beside those that processes of steps inherit and ``UTASK_TASK_ID``, ``UTASK_RESOLUTION_ID`` and
            ``UTASK_STEP_NAME``.
        stdin: what it reads from standard input.
        timeout: how long it may run; then it, and everything it started, is killed.
        max_output_bytes: how much of what it prints is kept: a quarter from the start, the rest from the end.
        output_mode: where the step's output stands in what it prints: a JSON object; who prints none has none, and
            templates see an empty one.
        output_manual_delimiters: for ``manual-delimiters``, the regular expressions before and after the output.
        exit_codes_unrecoverable: exit codes that make the step CLIENT_ERROR: ``"3"``, ``"64-78"``.
    """

    file_path: str
    argv: tuple[str, ...] = attrs.field(default=(), repr=False)
    environment: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    stdin: str = attrs.field(default="", repr=False)
    timeout: Duration = attrs.field(default=Duration(120.0), validator=positive)
    max_output_bytes: int = attrs.field(default=KEPT_BYTES, validator=within(1, MOST_KEPT_BYTES))
    output_mode: OutputMode = OutputMode.LAST_LINE
    output_manual_delimiters: tuple[Delimiter, Delimiter] | None = None
    exit_codes_unrecoverable: tuple[Codes, ...] = ()


class Script(Runner[ScriptConfig]):
    """Runs an executable file of the scripts folder."""

    name = "script"
    config = ScriptConfig
    metadata_schema = _METADATA_SCHEMA

    def __init__(self, settings: RunnerSettings | None = None) -> None:
        super().__init__(settings)
        self._door = trio.Lock()

    def validate(self, config: ScriptConfig) -> Iterator[Fault]:
        """Refuse a file that is not there to be run, and delimiters that do not go with the mode."""
        if isinstance(config.file_path, Templated):
            yield Fault("file_path", "cannot be a template", "the file is looked for before anything is rendered")
        elif problem := self._problem(config.file_path):
            yield Fault("file_path", problem)
        if not isinstance(config.output_mode, Templated):
            yield from delimiter_faults(config.output_mode, config.output_manual_delimiters)

    def resources(self, config: ScriptConfig) -> Sequence[str]:
        """Take a ``fork``, and the script itself."""
        return ("fork", f"script:{config.file_path}")

    async def run(self, request: StepRequest[ScriptConfig]) -> Outcome:
        """Run the script, and find its result in what it printed.

        Raises:
            ClientError: it exited with one of `exit_codes_unrecoverable`.
            StepFailed: it cannot be started, took too long, exited with another code than 0, or gave no result.
        """
        config = request.config
        ended = await self._ended(request)
        metadata = _metadata(ended)
        output, problem = await decoded(
            partial(
                result_of,
                mode=config.output_mode,
                delimiters=config.output_manual_delimiters,
                left_out=ended.left_out,
            ),
            ended.output,
        )
        if ended.timed_out:
            raise StepFailed(metadata["error"], output=output, metadata=metadata)
        if ended.code:
            raise _failure(config, ended.code)(metadata["error"], output=output, metadata=metadata)
        if problem and ended.left_out:
            problem += f"; {ended.left_out:,} bytes in the middle of the output were left out, see max_output_bytes"
        if problem:
            raise StepFailed(problem, metadata=metadata)
        return Outcome(output=output, metadata=metadata)

    async def _ended(self, request: StepRequest[ScriptConfig]) -> Ended:
        config = request.config
        try:
            if problem := self._problem(config.file_path):
                raise FileNotFoundError(problem)  # since it was checked
            return await run_group(
                [f"./{config.file_path}", *config.argv],
                folder=self.settings.scripts,
                environment={**self.settings.environment, **_environment(request)},
                stdin=config.stdin.encode(errors="replace"),
                limit_seconds=config.timeout,
                kept_bytes=config.max_output_bytes,
                door=self._door,
            )
        except (OSError, ValueError) as fault:
            reason: object = fault
            if isinstance(fault, FileNotFoundError) and not self._problem(config.file_path):
                reason = "there is no such program as its first line (#!) names"
            message = f"the script cannot be started: {reason}"
            metadata = _described(exit_code=_NOT_STARTED, error=message)
            raise _failure(config, _NOT_STARTED)(message, metadata=metadata) from fault

    def _problem(self, file_path: str) -> str:
        """Say why the file cannot be run; nothing when it can."""
        try:
            folder = os.path.realpath(self.settings.scripts)  # paths as texts: this is asked for every attempt
            file = os.path.realpath(f"{folder}/./{file_path}")  # an absolute path is one below the folder, too
            if file != folder and not file.startswith(f"{folder.rstrip('/')}/"):
                return "leads out of the scripts folder"
            if not stat.S_ISREG(os.stat(file).st_mode):  # noqa: PTH116 - as said
                return "no such file in the scripts folder"
            return "" if os.access(file, os.X_OK) else "is not executable"
        except FileNotFoundError:
            return "no such file in the scripts folder"
        except (OSError, ValueError) as fault:  # a name too long, a NUL in it, a circle of links
            return f"cannot be looked at: {getattr(fault, 'strerror', None) or fault}"


def _environment(request: StepRequest[ScriptConfig]) -> Mapping[str, str]:
    return {
        "UTASK_TASK_ID": request.task_id,
        "UTASK_RESOLUTION_ID": request.resolution_id,
        "UTASK_STEP_NAME": request.step,
        **request.config.environment,
    }


def _failure(config: ScriptConfig, code: int) -> type[StepFailed]:
    return ClientError if any(code in codes for codes in config.exit_codes_unrecoverable) else StepFailed


def _metadata(ended: Ended) -> dict[str, str]:
    """Describe a script that ran, in the words of µTask."""
    killed = ended.code < 0
    state = f"signal: {signal.strsignal(-ended.code)}".lower() if killed else f"exit status {ended.code}"
    error = ""
    if ended.timed_out:
        error = "timed out: the script and everything it started were killed"
    elif killed:
        error = f"exit code: -1 ({state})"
    elif ended.code:
        error = f"exit code: {ended.code}"
    return _described(
        exit_code=-1 if killed else ended.code,
        process_state=state,
        output=ended.output,
        execution_time=f"{ended.seconds:.6f}s",
        error=error,
    )


def _described(
    *, exit_code: int, process_state: str = "", output: str = "", execution_time: str = "0s", error: str
) -> dict[str, str]:
    return {
        "exit_code": str(exit_code),
        "process_state": process_state,
        "output": output,
        "execution_time": execution_time,
        "error": error,
    }
