"""ping: says whether, and how fast, a host answers ICMP echo requests (spec section 9.6)."""

import math
import os
import socket
import statistics
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress

import attrs
import trio

from runners._bounds import within
from runners._connect import addresses_of, said
from runtime.runner import Fault, Forbidden, Json, Outcome, Runner, StepFailed, StepRequest

_LAST_REPLY_SECONDS = 2.0
"""How long the last reply is waited for."""

_MOST = 1000
_LONGEST_INTERVAL = 3600
_HEADER = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence
_MARK = 16  # random bytes that say a reply is to us


@attrs.frozen
class _Family:
    """What differs between IPv4 and IPv6."""

    family: socket.AddressFamily
    protocol: int
    request: int
    reply: int


_V4 = _Family(socket.AF_INET, socket.IPPROTO_ICMP, 8, 0)
_V6 = _Family(socket.AF_INET6, socket.IPPROTO_ICMPV6, 128, 129)


@attrs.frozen(kw_only=True)
class PingConfig:
    """Whom to ask how often.

    Attributes:
        hostname: a name or an address.
        count: how many requests are sent; 0, or nothing, is one.
        interval_second: seconds between two of them; 0, or nothing, is one.
        fail_on_loss: fail when a reply is missing; without it, a host that never answers is a result like any other.
    """

    hostname: str
    count: int = attrs.field(default=1, validator=within(0, _MOST))
    interval_second: int = attrs.field(default=1, validator=within(0, _LONGEST_INTERVAL))
    fail_on_loss: bool = False


class Ping(Runner[PingConfig]):
    """Sends ICMP echo requests and measures the replies."""

    name = "ping"
    config = PingConfig

    def validate(self, config: PingConfig) -> Iterator[Fault]:
        """Refuse an empty name."""
        if not config.hostname:
            yield Fault("hostname", "is empty")

    def resources(self, config: PingConfig) -> Sequence[str]:
        """Take a ``socket``, and the host."""
        return ("socket", f"url:{config.hostname}")

    async def run(self, request: StepRequest[PingConfig]) -> Outcome:
        """Ask, and wait for the replies.

        Raises:
            StepFailed: the name has no address, this process may not send such requests, or, if asked for, a reply is
                missing.
        """
        config = request.config
        count, interval = config.count or 1, config.interval_second or 1
        try:
            [address, *_] = await addresses_of(config.hostname, self.settings.destinations)
            family = _V6 if ":" in address else _V4
            with _open(family) as sock:
                await sock.connect((address, 0))
                rtts = await _Asking(sock, family).ask(count, interval)
        except Forbidden as fault:
            raise StepFailed(str(fault)) from None
        except PermissionError:
            raise StepFailed(
                "this process may not send ICMP: allow its group in net.ipv4.ping_group_range, or give it CAP_NET_RAW"
            ) from None
        except (OSError, UnicodeError) as fault:
            raise StepFailed(f"{config.hostname}: {said(fault)}") from None
        output = _described(address, count, rtts)
        metadata = {"hostname": config.hostname, "count": str(count), "interval_second": str(interval)}
        if config.fail_on_loss and len(rtts) < count:
            raise StepFailed(f"{count - len(rtts)} of {count} replies are missing", output=output, metadata=metadata)
        return Outcome(output=output, metadata=metadata)


def _open(family: _Family) -> trio.socket.SocketType:
    """Open a socket for echo requests: the kind that needs no privilege where the kernel lets us, else a raw one."""
    try:
        return trio.socket.socket(family.family, socket.SOCK_DGRAM, family.protocol)
    except PermissionError:
        return trio.socket.socket(family.family, socket.SOCK_RAW, family.protocol)


@attrs.define
class _Asking:
    """One row of requests: when each was sent, and how long its reply took, in seconds, where one came."""

    sock: trio.socket.SocketType
    family: _Family
    mark: bytes = attrs.field(factory=lambda: os.urandom(_MARK))
    sent: dict[int, float] = attrs.field(factory=dict)
    took: dict[int, float] = attrs.field(factory=dict)

    async def ask(self, count: int, interval: float) -> Sequence[float]:
        """Send so many requests; give how long the replies took, in the order of their requests."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._collect, count, nursery.cancel_scope)
            for sequence in range(count):
                if sequence:
                    await trio.sleep(interval)
                self.sent[sequence] = trio.current_time()
                with suppress(OSError):  # no way there at the moment: that one is lost
                    await self.sock.send(_request(self.family, sequence, self.mark))
            nursery.cancel_scope.deadline = trio.current_time() + _LAST_REPLY_SECONDS
        return [self.took[sequence] for sequence in sorted(self.took)]

    async def _collect(self, count: int, scope: trio.CancelScope) -> None:
        """Take replies until all have come."""
        while len(self.took) < count:
            try:
                data = await self.sock.recv(4096)
            except OSError:
                await trio.lowlevel.checkpoint()  # "port unreachable" and the like: an answer, and not a reply
                continue
            sequence = _sequence_of(data, self.family, self.mark)
            if sequence is not None and sequence in self.sent and sequence not in self.took:
                self.took[sequence] = trio.current_time() - self.sent[sequence]
        scope.cancel()


def _request(family: _Family, sequence: int, mark: bytes) -> bytes:
    body = mark + struct.pack("!H", sequence)
    number = int.from_bytes(mark[:2])
    unsigned = _HEADER.pack(family.request, 0, 0, number, sequence) + body
    return _HEADER.pack(family.request, 0, _checksum(unsigned), number, sequence) + body


def _sequence_of(data: bytes, family: _Family, mark: bytes) -> int | None:
    """Give the number of the request that a packet answers, if it answers one of ours."""
    where = data.find(mark)
    if where < _HEADER.size or len(data) < where + _MARK + 2:
        return None
    kind = data[where - _HEADER.size]  # a raw IPv4 socket gives the IP header, too, so count from the mark
    if kind != family.reply:
        return None
    return int.from_bytes(data[where + _MARK : where + _MARK + 2])


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _described(address: str, count: int, rtts: Sequence[float]) -> dict[str, Json]:
    nanoseconds = [math.floor(seconds * 1e9) for seconds in rtts]
    return {
        "packets_received": len(rtts),
        "packets_sent": count,
        "packet_loss": 100.0 * (count - len(rtts)) / count,
        "ip_addr": address,
        "rtts": list(nanoseconds),
        "min_rtt": min(nanoseconds, default=0),
        "max_rtt": max(nanoseconds, default=0),
        "avg_rtt": math.floor(statistics.fmean(nanoseconds)) if nanoseconds else 0,
        "std_dev_rtt": math.floor(statistics.pstdev(nanoseconds)) if nanoseconds else 0,
    }
