"""ssh: runs a script on another host (spec section 9.4). Needs ``understudy[ssh]``.

What µTask's runner does not do: `host_keys` says which host it has to be. What a library in a thread cannot tell: the
name of the signal that ended a command; `exit_signal` is then ``unknown``.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import ClassVar

import trio

from runtime.runner import (
    BRIEF,
    ClientError,
    Fault,
    Forbidden,
    Json,
    Outcome,
    Runner,
    StepFailed,
    StepRequest,
    needed_by,
)

with needed_by("the runner ssh"):
    import paramiko

    from runners._connect import connect, said
    from runners._output import result_of
    from runners._ssh_config import SshConfig, config_faults, host_and_port, script_of
    from runners._ssh_key import KeyUnusable, private_key
    from runners._ssh_session import Ran, SessionFailed, bastion_command, public_keys, run_command
    from runners._thread import conversing, decoded

_CONNECT_SECONDS = 10.0
_TEXT = {"type": "string"}


class Ssh(Runner[SshConfig]):
    """Runs a script on another host, over bastions where that is the way."""

    name = "ssh"
    config = SshConfig
    metadata_schema: ClassVar[Mapping[str, Json]] = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "additionalProperties": False,
        "required": ["output", "exit_code", "exit_signal", "exit_msg"],
        "properties": {"output": _TEXT, "exit_code": _TEXT, "exit_signal": _TEXT, "exit_msg": _TEXT},
    }

    def validate(self, config: SshConfig) -> Iterator[Fault]:
        """Refuse what can never be run."""
        return config_faults(config)

    def resources(self, config: SshConfig) -> Sequence[str]:
        """Take a ``socket``, the target, and every hop."""
        return ("socket", f"url:{config.target}", *(f"url:{hop}" for hop in config.hops))

    async def run(self, request: StepRequest[SshConfig]) -> Outcome:
        """Run the script, and find its result.

        Raises:
            ClientError: a key or an address cannot be used, or the script exited with one of
                `exit_codes_unrecoverable`.
            StepFailed: there was no session, it took too long, or the script exited with another code than 0, or gave
                no result.
        """
        config = request.config
        with trio.move_on_after(config.timeout or float("inf")):
            ran = await self._ran(config)
            return await decoded(partial(_outcome, config, ran), ran.output)
        raise StepFailed(f"timed out after {config.timeout:g}s: the session was killed")

    async def _ran(self, config: SshConfig) -> Ran:
        for fault in config_faults(config):  # texts may have been rendered since they were checked
            raise ClientError(str(fault))
        names = [*config.hops, config.target]
        host, port = host_and_port(names[0])
        script = script_of(config)
        try:
            key = await _key(config)
            converse = partial(
                run_command,
                user=config.user,
                key=key,
                host_keys=public_keys(config.host_keys),
                command=bastion_command(names[1:]) if config.hops else script,
                stdin=script.encode(errors="replace"),
            )
            with trio.fail_after(_CONNECT_SECONDS):
                stream = await connect(host, port, self.settings.destinations)
            return await conversing(stream, converse)
        except trio.TooSlowError:
            raise StepFailed(f"cannot connect to {names[0]}: no answer within {_CONNECT_SECONDS:g}s") from None
        except (KeyUnusable, Forbidden) as fault:
            raise ClientError(str(fault)) from None
        except SessionFailed as fault:
            raise StepFailed(f"{names[0]}: {fault}") from None
        except OSError as fault:
            raise StepFailed(f"cannot connect to {names[0]}: {said(fault)}") from None


async def _key(config: SshConfig) -> paramiko.PKey:
    """Read the key; one that is encrypted in a thread, which a cancel leaves to end by itself: it holds nothing."""
    read = partial(private_key, config.ssh_key, config.ssh_key_passphrase)
    if not config.ssh_key_passphrase:
        return read()
    return await BRIEF.run(read, leave=True)


def _outcome(config: SshConfig, ran: Ran, _output: str) -> Outcome:
    metadata = {
        "output": ran.output,
        "exit_code": str(ran.code),
        "exit_signal": "unknown" if ran.code < 0 else "",
        "exit_msg": ran.signal,
    }
    output, problem = result_of(ran.output, config.output_mode, config.output_manual_delimiters, left_out=ran.left_out)
    if ran.code:
        failure = ClientError if any(ran.code in codes for codes in config.exit_codes_unrecoverable) else StepFailed
        raise failure(f"exit code: {ran.code}", output=output, metadata=metadata)
    if problem:
        raise StepFailed(problem, metadata=metadata)
    return Outcome(output=output, metadata=metadata)
