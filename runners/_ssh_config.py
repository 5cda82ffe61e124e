"""The configuration of `ssh`: its fields, the rules between them, the script that is sent (spec section 9.4)."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum

import attrs

from runners._bounds import not_negative
from runners._delimiters import Delimiter
from runners._output import Codes, OutputMode, delimiter_faults
from runtime.runner import Duration, Fault, Templated

MOST_HOPS = 10
_PORT = 22
_RESULT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)


class SshOutputMode(StrEnum):
    """Where the step's output comes from."""

    AUTO = "auto-result"
    LAST_LINE = OutputMode.LAST_LINE.value
    DELIMITERS = OutputMode.DELIMITERS.value
    DISABLED = OutputMode.DISABLED.value


@attrs.frozen(kw_only=True)
class SshConfig:
    """Where to run what, as whom, and where its result is.

    Attributes:
        user: the account to log in to.
        target: the host, with its port after a colon where that is not 22.
        hops: bastions on the way, at most ten: the first is connected to, and told the names of the others and of the
            target.
        ssh_key: the private key, in PEM or OpenSSH form.
        ssh_key_passphrase: what it is encrypted with, if it is.
        host_keys: the public keys that the host may have, as a known_hosts file writes them (``ssh-ed25519 AAAA...``,
            with or without a name before). Without any, as in µTask, the host is taken for the one that was meant.
        script: the commands to run.
        result: for ``auto-result``, a shell expression (``$NAME``, ``$(command)``) for each member of the output.
        output_mode: where the step's output comes from: a JSON object; who prints none there has none.
        output_manual_delimiters: for ``manual-delimiters``, the regular expressions before and after the output.
        exit_codes_unrecoverable: exit codes that make the step CLIENT_ERROR: ``"3"``, ``"64-78"``.
        timeout: how long it may take, connecting included; 0 is without limit. Then the session is killed.
    """

    user: str
    target: str
    hops: tuple[str, ...] = ()
    ssh_key: str = attrs.field(repr=False)
    ssh_key_passphrase: str = attrs.field(default="", repr=False)
    host_keys: tuple[str, ...] = ()
    script: str = attrs.field(default="", repr=False)
    result: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    output_mode: SshOutputMode = SshOutputMode.AUTO
    output_manual_delimiters: tuple[Delimiter, Delimiter] | None = None
    exit_codes_unrecoverable: tuple[Codes, ...] = ()
    timeout: Duration = attrs.field(default=Duration(300.0), validator=not_negative)


def config_faults(config: SshConfig) -> Iterator[Fault]:
    """Name what can never be run; what is still a template may become anything."""
    for name in ("user", "target", "ssh_key"):
        if not getattr(config, name):
            yield Fault(name, "is empty")
    if len(config.hops) > MOST_HOPS:
        yield Fault("hops", f"at most {MOST_HOPS} are possible, not {len(config.hops)}")
    for path, text in (("target", config.target), *((f"hops[{n}]", hop) for n, hop in enumerate(config.hops))):
        if text and not isinstance(text, Templated):
            try:
                host_and_port(text)
            except ValueError as fault:
                yield Fault(path, str(fault))
    yield from _mode_faults(config)


def _mode_faults(config: SshConfig) -> Iterator[Fault]:
    if isinstance(config.output_mode, Templated):
        return
    yield from delimiter_faults(config.output_mode, config.output_manual_delimiters)
    if config.result and config.output_mode is not SshOutputMode.AUTO:
        yield Fault("result", f"goes with output_mode {SshOutputMode.AUTO} only")
    for name in config.result:
        if not _RESULT_NAME.fullmatch(name):
            yield Fault(f"result.{name}", "is not a name of letters, digits, underscores, dots and dashes")


def host_and_port(text: str) -> tuple[str, int]:
    """Split ``host``, ``host:port``, ``[address]:port`` or a bare IPv6 address.

    Raises:
        ValueError: it is none of them.
    """
    bracketed = re.fullmatch(r"\[([^\[\]]+)\](?::(\d{1,5}))?", text, re.ASCII)
    plain = re.fullmatch(r"([^\s:\[\]/@]+)(?::(\d{1,5}))?", text, re.ASCII)
    found = bracketed or plain
    if found is None:
        if text.count(":") > 1 and re.fullmatch(r"[0-9A-Fa-f:.%]+", text, re.ASCII):
            return text, _PORT
        raise ValueError('must be a host such as "example.org" or "example.org:2222"')
    port = int(found[2] or _PORT)
    if not 0 < port < 1 << 16:
        raise ValueError(f"{port} is not a port")
    return found[1], port


def script_of(config: SshConfig) -> str:
    """Give the script, with what prints the results of ``auto-result`` when the shell exits."""
    if config.output_mode is not SshOutputMode.AUTO:
        return config.script
    members = ",".join(_MEMBER.format(name=name, shell=shell) for name, shell in config.result.items())
    return _TRAP.replace("@MEMBERS@", members) + config.script


# An expression may be in quotation marks of its own, which end ours: only an assignment does not split it into words then.
_MEMBER = '\\"{name}\\":\\"$(__understudy_value="{shell}"; __understudy_json "$__understudy_value")\\"'

# Any POSIX shell runs it: what JSON cannot hold as it is gets escaped or, where it has no business there, dropped.
_TRAP = (
    "__understudy_json() { printf '%s' \"$1\" | tr -d '\\000-\\010\\013-\\037\\177'"
    " | sed -e 's/[\\\\\"]/\\\\&/g' -e 's/\t/\\\\t/g'"
    ' | awk \'NR > 1 {printf "\\\\n"} {printf "%s", $0}\'; }\n'
    "__understudy_result() { printf '\\n%s\\n' \"{@MEMBERS@}\"; }\n"
    "trap __understudy_result EXIT\n"
)
