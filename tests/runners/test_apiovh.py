"""apiovh against a server of our own, which checks signatures as OVHcloud does."""

import hashlib
import json

import pytest
import trio

from runners.apiovh import ApiOvh
from runtime.runner import ClientError, RunnerSettings
from runtime.testing import laws
from tests.support.http_server import message, respond, serving, stall

JSON = ("Content-Type", "application/json; charset=utf-8")
KEYS = {"appKey": "ak", "appSecret": "hunter2", "consumerKey": "hunter3"}
CLIENT = {"clientId": "ci", "clientSecret": "hunter2"}


class Api:
    """Enough of the API: its time, tokens, and one resource."""

    def __init__(self) -> None:
        self.base = ""

    async def __call__(self, request, stream):
        await stream.send_all(self.answer(request))

    def answer(self, request):
        if request.target == "/1.0/auth/time":
            return message(200, b"1700000000", JSON)
        if request.target == "/token":
            right = request.body == b"grant_type=client_credentials&client_id=ci&client_secret=hunter2&scope=all"
            return message(200, b'{"access_token": "t-1"}', JSON) if right else message(400, b"{}", JSON)
        if not self.known(request):
            return message(403, b'{"message": "invalid signature"}', JSON)
        if request.target == "/1.0/missing":
            return message(404, b'{"message": "none"}', JSON, ("X-Ovh-QueryID", "EU-1"))
        return message(
            200,
            json.dumps({"method": request.method, "sent": request.body.decode(), "at": request.target}).encode(),
            JSON,
        )

    def known(self, request):
        if request.header("authorization"):
            return request.header("authorization") == "Bearer t-1"
        text = "+".join(
            ["hunter2", "hunter3", request.method, self.base + request.target, request.body.decode(), "1700000000"]
        )
        signature = "$1$" + hashlib.sha1(text.encode()).hexdigest()
        return (request.header("x-ovh-signature"), request.header("x-ovh-application")) == (signature, "ak")


def runner(item):
    return ApiOvh(RunnerSettings(config={"ovh": item if isinstance(item, str) else json.dumps(item)}))


@pytest.fixture
async def api():
    api = Api()
    async with serving(api) as server:
        api.base = server.url("")
        yield server


def with_keys(api):
    return runner({"endpoint": api.url("/1.0"), **KEYS})


async def test_a_call_is_signed_with_an_application_s_keys(api):
    asked = {"credentials": "ovh", "method": "POST", "path": "/me/order?a=b", "body": '{"n": 1}'}
    with trio.fail_after(30):
        outcome = await laws.gives_json(with_keys(api), asked)
    assert outcome.output == {"method": "POST", "sent": '{"n": 1}', "at": "/1.0/me/order?a=b"}
    assert outcome.metadata["HTTPStatus"] == 200


@pytest.mark.parametrize("path", ["/v1/iam/policy", "/v2/iam/policy?a=b"])
async def test_a_later_version_of_the_api_stands_beside_the_first(api, path):
    with trio.fail_after(30):
        outcome = await laws.gives_json(with_keys(api), {"credentials": "ovh", "method": "GET", "path": path})
    assert outcome.output["at"] == path


async def test_a_call_is_made_with_a_client_s_token(api):
    client = runner({"endpoint": api.url("/1.0"), "tokenUrl": api.url("/token"), **CLIENT})
    wrong = runner({"endpoint": api.url("/1.0"), "tokenUrl": api.url("/token"), **CLIENT, "clientSecret": "no"})
    asked = {"credentials": "ovh", "method": "GET", "path": "/me"}
    with trio.fail_after(30):
        assert (await laws.gives_json(client, asked)).output == {"method": "GET", "sent": "", "at": "/1.0/me"}
        failed = await laws.fails_as_declared(wrong, asked)
    assert isinstance(failed, ClientError)
    assert failed.message == "no token for these credentials: HTTP status 400"


async def test_what_is_missing_there_is_the_authors_fault_and_can_be_looked_at(api):
    with trio.fail_after(30):
        failed = await laws.fails_as_declared(
            with_keys(api), {"credentials": "ovh", "method": "DELETE", "path": "/missing"}
        )
    assert isinstance(failed, ClientError)
    assert failed.output == {"message": "none"}
    assert failed.metadata["HTTPHeaders"]["X-Ovh-Queryid"] == "EU-1"


@pytest.mark.parametrize("handler", [respond(500), respond(200, b"soon")])
async def test_a_server_that_does_not_know_the_time_fails_the_step(handler):
    async with serving(handler) as server:
        with trio.fail_after(30):
            keyed = runner({"endpoint": server.url(""), **KEYS})
            failed = await laws.fails_as_declared(keyed, {"credentials": "ovh", "method": "GET", "path": "/me"})
    assert failed.message.startswith("the server does not tell its time")


async def test_a_server_that_says_nothing_is_given_up_and_a_cancel_ends_the_wait(api):
    async with serving(stall()) as server:
        keyed = runner({"endpoint": server.url(""), **KEYS})
        asked = {"credentials": "ovh", "method": "GET", "path": "/me"}
        with trio.fail_after(30):
            failed = await laws.fails_as_declared(keyed, {**asked, "timeout": "100ms"})
            assert failed.message == "no complete reply within 0.1s"
            server.asked = trio.Event()
            await laws.is_cancelled_promptly(keyed, asked, lambda: server.asked.wait())


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (None, 'no configuration item "ovh"'),
        ("hunter2", "is not a JSON object"),
        ({"endpoint": "ovh-moon", **KEYS}, "names an endpoint that is not one of"),
        ({"appKey": "hunter2"}, "needs appKey, appSecret and consumerKey, or clientId and clientSecret"),
        ({"endpoint": "kimsufi-eu", **CLIENT}, "names an endpoint that gives no tokens"),
    ],
)
async def test_credentials_that_cannot_be_used_are_the_authors_fault_and_stay_secret(item, said):
    keyed = ApiOvh() if item is None else runner(item)
    asked = {"credentials": "ovh", "method": "GET", "path": "/me"}
    failed = await laws.keeps_secret(keyed, asked, "hunter2")
    assert isinstance(failed, ClientError)
    assert said in failed.message
    assert keyed.resources(keyed.structure(asked)) == ("socket",)
    assert [fault.path for fault in keyed.check(asked).faults] == ([] if item is None else ["credentials"])


@pytest.mark.parametrize(
    ("wrong", "path"), [({"method": "PATCH"}, "method"), ({"path": "me"}, "path"), ({"body": "{"}, "body")]
)
def test_what_can_never_be_asked_is_refused(wrong, path):
    faults = ApiOvh().check({"credentials": "c", "method": "GET", "path": "/me", **wrong}).faults
    assert [fault.path for fault in faults] == [path]


def test_the_resource_is_the_host_of_the_endpoint():
    keyed = runner({"endpoint": "ovh-ca", **KEYS})
    asked = keyed.structure({"credentials": "ovh", "method": "GET", "path": "/me"})
    assert keyed.resources(asked) == ("socket", "url:ca.api.ovh.com")
