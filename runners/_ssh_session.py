"""One command on a remote host, over a socket that is connected already: blocking, for a thread of its own."""

import shlex
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress

import attrs
import paramiko

from runners._output import KeptText
from runners._ssh_key import KeyUnusable

_CONNECT_SECONDS = 10.0
"""How long the host may take for each of its banner and its answer to the key."""

_CHUNK = 64 * 1024


class SessionFailed(Exception):
    """There was no session, or it broke."""


@attrs.frozen(kw_only=True)
class Ran:
    """How a remote command ended: `code` is -1, and `signal` says why, when a signal ended it.

    `left_out` is how many bytes are missing from the output.
    """

    code: int
    signal: str
    output: str
    left_out: int


def public_keys(lines: Sequence[str]) -> frozenset[tuple[str, bytes]]:
    """Read the host keys that are allowed, by type and bytes.

    Raises:
        KeyUnusable: a line holds no key.
    """
    keys = set()
    for line in lines:
        words = line.split()
        if len(words) > 2 and not words[0].startswith(("ssh-", "ecdsa-", "sk-")):
            words = words[1:]  # the host's name, as known_hosts has it
        try:
            entry = paramiko.hostkeys.HostKeyEntry.from_line(f"host {words[0]} {words[1]}")
        except (paramiko.SSHException, paramiko.hostkeys.InvalidHostKey, IndexError):
            entry = None
        if entry is None or entry.key is None:
            raise KeyUnusable("host_keys holds a line that is not a public key")
        keys.add((entry.key.get_name(), entry.key.asbytes()))
    return frozenset(keys)


def run_command(
    sock: socket.socket,
    *,
    user: str,
    key: paramiko.PKey,
    host_keys: frozenset[tuple[str, bytes]],
    command: str,
    stdin: bytes,
) -> Ran:
    """Log in, run a command with `stdin`, and read what it prints to its end.

    Shutting the socket down from elsewhere ends it at once.

    Raises:
        SessionFailed: with what went wrong.
    """
    sock.settimeout(None)
    transport = paramiko.Transport(sock)
    transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = _CONNECT_SECONDS
    try:
        transport.start_client(timeout=_CONNECT_SECONDS)
        _check_host(transport.get_remote_server_key(), host_keys)
        transport.auth_publickey(user, key)
        channel = transport.open_session(timeout=_CONNECT_SECONDS)
        return _exchange(channel, command, stdin)
    except paramiko.AuthenticationException:
        raise SessionFailed("the host does not let this user in with this key") from None
    except (paramiko.SSHException, OSError, EOFError) as fault:
        raise SessionFailed(f"the session failed: {str(fault) or type(fault).__name__}") from None
    finally:
        transport.close()


def _check_host(key: paramiko.PKey, allowed: frozenset[tuple[str, bytes]]) -> None:
    if allowed and (key.get_name(), key.asbytes()) not in allowed:
        raise SessionFailed(f"the host is not the one it should be: its {key.get_name()} key is not among host_keys")


def _exchange(channel: paramiko.Channel, command: str, stdin: bytes) -> Ran:
    kept = KeptText()
    with channel:
        channel.set_combine_stderr(True)
        channel.exec_command(command)
        # A command need not read all that it is given before it prints, so the two go on side by side.
        feeder = threading.Thread(target=_feed, args=(channel, stdin), daemon=True, name="ssh stdin")
        feeder.start()
        while chunk := channel.recv(_CHUNK):
            kept.write(chunk)
        if not channel.exit_status_ready() and not channel.get_transport().is_active():
            raise SessionFailed("the session ended before the command did")
        code = channel.recv_exit_status()
    feeder.join(_CONNECT_SECONDS)
    signal = "" if code >= 0 else "the host did not say how it ended, as it does when a signal ends it"
    return Ran(code=code, signal=signal, output=kept.text(), left_out=kept.left_out)


def _feed(channel: paramiko.Channel, stdin: bytes) -> None:
    with suppress(OSError, EOFError, paramiko.SSHException):  # it need not read it
        channel.sendall(stdin)
        channel.shutdown_write()


def bastion_command(names: Sequence[str]) -> str:
    """Write the command that a bastion takes: where to go from there."""
    return " -- ".join(shlex.quote(name) for name in names)
