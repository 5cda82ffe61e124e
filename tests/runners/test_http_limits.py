"""What bounds an http step: destinations, proxies, redirects, sizes."""

import pytest
import trio

from runners.http import Http
from runtime.destinations import CAUTIOUS, Destinations
from runtime.runner import ClientError, RunnerSettings
from runtime.testing import laws
from tests.support.http_server import message, respond, send, serving


def http(*deny, allow=()):
    return Http(RunnerSettings(destinations=Destinations(allow=allow, deny=deny)))


async def fails(runner, **configuration):
    with trio.fail_after(30):
        return await laws.fails_as_declared(runner, {"method": "GET", **configuration})


async def succeeds(runner, **configuration):
    with trio.fail_after(30):
        return await laws.gives_json(runner, {"method": "GET", **configuration})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "127.1", "2130706433", "0x7f.1"])
async def test_a_denied_address_is_not_reached_under_any_name(host):
    async with serving(respond(200, b"secret")) as server:
        failed = await fails(http("127.0.0.0/8", "::1"), url=server.url(host=host))
    assert isinstance(failed, ClientError)
    assert "is not allowed here" in failed.message
    assert server.connections == 0


async def test_a_redirect_to_a_denied_address_is_not_followed():
    async with serving(respond(302, b"", ("Location", "http://169.254.169.254/latest/meta-data"))) as server:
        failed = await fails(Http(RunnerSettings(destinations=CAUTIOUS)), url=server.url(), follow_redirect=True)
    assert isinstance(failed, ClientError)
    assert failed.message == "the destination 169.254.169.254 is not allowed here"


async def test_what_is_allowed_is_reached_when_everything_else_is_denied():
    async with serving(respond(200, b"ok")) as server:
        assert (await succeeds(http("*", allow=["127.0.0.1"]), url=server.url())).output == "ok"
        assert (await succeeds(http("10.0.0.0/8"), url=server.url())).output == "ok"
        assert (await succeeds(http("10.0.0.0/8"), url=server.url(host="localhost"))).output == "ok"
        await fails(http("*", allow=["example.org"]), url=server.url())


async def test_a_proxy_is_asked_in_the_host_s_place_and_its_credentials_stay_secret():
    async with serving(respond(200, b"from the proxy")) as proxy:
        address = proxy.url("").replace("http://", "http://ada:hunter2@")
        outcome = await succeeds(Http(), url="http://nowhere.invalid/path", proxy=address)
        assert outcome.output == "from the proxy"
        assert proxy.requests[0].target == "http://nowhere.invalid/path"
        assert proxy.requests[0].header("proxy-authorization") == "Basic YWRhOmh1bnRlcjI="
    with trio.fail_after(30):
        dead = {"method": "GET", "url": "http://nowhere.invalid/", "proxy": "http://ada:hunter2@127.0.0.1:1"}
        await laws.keeps_secret(Http(), dead, "hunter2")


async def test_the_proxy_of_the_environment_is_used_but_not_where_it_is_told_off(monkeypatch):
    async with serving(respond(200, b"from the proxy")) as proxy, serving(respond(200, b"direct")) as server:
        monkeypatch.setenv("http_proxy", proxy.url(""))
        assert (await succeeds(Http(), url="http://nowhere.invalid/")).output == "from the proxy"
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert (await succeeds(Http(), url=server.url())).output == "direct"


async def test_a_proxy_is_a_destination_too_and_what_is_behind_it_is_known_by_name_only():
    async with serving(respond(200, b"from the proxy")) as proxy:
        failed = await fails(http("127.0.0.0/8"), url="http://nowhere.invalid/", proxy=proxy.url(""))
        assert isinstance(failed, ClientError)
        failed = await fails(http("*.invalid"), url="http://nowhere.invalid/", proxy=proxy.url(""))
        assert failed.message == "the destination nowhere.invalid is not allowed here"
    assert proxy.connections == 0


async def test_a_proxy_that_refuses_a_tunnel_fails_the_step():
    async with serving(respond(403, b"no")) as proxy:
        failed = await fails(Http(), url="https://nowhere.invalid/", proxy=proxy.url(""))
    assert failed.message.startswith("the proxy does not let us through: 403")


@pytest.mark.parametrize("proxy", ["nonsense", "ftp://h", "socks5://h:1", "http://", "http://h:x"])
async def test_a_proxy_that_is_none_is_refused(proxy):
    faults = Http().check({"url": "http://h/", "method": "GET", "proxy": proxy}).faults
    assert [fault.path for fault in faults] == ["proxy"]
    assert "proxy must be an address" in (await fails(Http(), url="http://h/", proxy=proxy)).message


async def test_redirects_are_followed_as_often_as_the_step_says():
    async with serving(respond(302, b"", ("Location", "/again"))) as server:
        failed = await fails(Http(), url=server.url(), follow_redirect=True, max_redirects="2")
    assert failed.message == "more than 2 redirects"
    assert len(server.requests) == 3


async def test_credentials_do_not_follow_a_redirect_to_another_host():
    async with serving(respond(200, b"there")) as other:
        async with serving(respond(302, b"", ("Location", other.url("/", host="localhost")))) as server:
            await succeeds(Http(), url=server.url(), follow_redirect=True, auth={"bearer": "hunter2"})
        assert server.requests[0].header("authorization") == "Bearer hunter2"
        assert other.requests[0].header("authorization") is None


@pytest.mark.parametrize("lie", [None, 10])
async def test_a_reply_may_be_as_large_as_the_step_says(lie):
    async with serving(send(message(200, b"x" * 1000, length=lie))) as server:
        if lie is None:
            assert (await succeeds(Http(), url=server.url(), max_reply_bytes=1000)).output == "x" * 1000
        failed = await fails(Http(), url=server.url(), max_reply_bytes=9)
    assert failed.message == "the reply is larger than 9 bytes, and no more than that is read"


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"max_redirects": -1}, "max_redirects"),
        ({"max_reply_bytes": "1e12"}, "max_reply_bytes"),
        ({"max_redirects": "x"}, "max_redirects"),
    ],
)
def test_limits_without_sense_are_refused(wrong, path):
    faults = Http().check({"url": "http://h/", "method": "GET", **wrong}).faults
    assert [fault.path for fault in faults] == [path]
