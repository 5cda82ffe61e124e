"""ping against the loopback interface, and against addresses from which nothing comes back."""

import socket

import pytest
import trio

from runners import ping as ping_module
from runners.ping import Ping
from runtime.destinations import Destinations
from runtime.runner import RunnerSettings
from runtime.testing import laws

PING = Ping()


def allowed() -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP).close()
        except PermissionError:
            continue
        return True
    return False


needs_icmp = pytest.mark.skipif(not allowed(), reason="this process may not send ICMP")


@needs_icmp
@pytest.mark.parametrize("hostname", ["127.0.0.1", "localhost"])
async def test_the_loopback_interface_answers(hostname):
    with trio.fail_after(30):
        outcome = await laws.gives_json(PING, {"hostname": hostname, "count": "3", "interval_second": ""})
    output = outcome.output
    assert (output["packets_sent"], output["packets_received"], output["packet_loss"]) == (3, 3, 0)
    assert output["ip_addr"] in {"127.0.0.1", "::1"}
    assert len(output["rtts"]) == 3
    assert 0 < output["min_rtt"] <= output["avg_rtt"] <= output["max_rtt"] < 1e9
    assert outcome.metadata == {"hostname": hostname, "count": "3", "interval_second": "1"}


@needs_icmp
async def test_many_at_once_are_told_apart():
    async def ask():
        outcome = await PING.run(laws.request_for(PING, {"hostname": "127.0.0.1"}))
        assert outcome.output["packets_received"] == 1

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(ask)


class Silent:
    """A socket from which nothing comes back."""

    def __init__(self, *_args):
        self.sent = 0

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        return None

    async def connect(self, _address):
        await trio.lowlevel.checkpoint()

    async def send(self, _data):
        await trio.lowlevel.checkpoint()
        self.sent += 1

    async def recv(self, _size):
        await trio.sleep_forever()


async def test_losing_every_packet_is_a_result_unless_it_is_to_fail(monkeypatch, autojump_clock):
    monkeypatch.setattr(ping_module, "_open", Silent)
    lost = {"hostname": "127.0.0.1", "count": 4, "interval_second": 10}
    outcome = await PING.run(laws.request_for(PING, lost))
    assert trio.current_time() == pytest.approx(32)
    assert outcome.output == {
        "packets_received": 0,
        "packets_sent": 4,
        "packet_loss": 100,
        "ip_addr": "127.0.0.1",
        "rtts": [],
        "min_rtt": 0,
        "max_rtt": 0,
        "avg_rtt": 0,
        "std_dev_rtt": 0,
    }
    failed = await laws.fails_as_declared(PING, {**lost, "fail_on_loss": "true"})
    assert failed.message == "4 of 4 replies are missing"
    assert failed.output["packet_loss"] == 100


async def test_a_cancel_ends_it_at_once(monkeypatch):
    monkeypatch.setattr(ping_module, "_open", Silent)
    with trio.fail_after(30):
        await laws.is_cancelled_promptly(
            PING, {"hostname": "127.0.0.1", "count": 5}, trio.testing.wait_all_tasks_blocked
        )


async def test_a_process_that_may_not_is_told_what_it_lacks(monkeypatch):
    def refuse(_family):
        raise PermissionError

    monkeypatch.setattr(ping_module, "_open", refuse)
    failed = await laws.fails_as_declared(PING, {"hostname": "127.0.0.1"})
    assert "net.ipv4.ping_group_range" in failed.message


async def test_a_name_without_an_address_fails_the_step():
    with trio.fail_after(60):
        failed = await laws.fails_as_declared(PING, {"hostname": "nowhere.invalid"})
    assert failed.message.startswith("nowhere.invalid: ")


async def test_a_destination_that_is_not_allowed_is_not_asked():
    ping = Ping(RunnerSettings(destinations=Destinations(deny=["127.0.0.0/8"])))
    failed = await laws.fails_as_declared(ping, {"hostname": "127.0.0.1"})
    assert failed.message == "the destination 127.0.0.1 is not allowed here"


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"hostname": ""}, "hostname"),
        ({"count": "-1"}, "count"),
        ({"count": "x"}, "count"),
        ({"interval_second": "1.5"}, "interval_second"),
    ],
)
def test_what_can_never_be_asked_is_refused(wrong, path):
    assert [fault.path for fault in PING.check({"hostname": "h", **wrong}).faults] == [path]


def test_an_empty_number_is_its_default_and_the_resource_is_the_host():
    config = PING.structure({"hostname": "h", "count": "", "interval_second": "0"})
    assert (config.count, config.interval_second) == (1, 0)
    assert PING.resources(config) == ("socket", "url:h")
