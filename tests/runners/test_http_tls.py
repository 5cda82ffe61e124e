"""TLS: whom the client trusts, and how it says who it is."""

import ssl

import pytest
import trio
import trustme

from runners.http import Http
from runtime.runner import StepFailed
from runtime.testing import laws
from tests.support.http_server import respond, serving

http = Http()
AUTHORITY = trustme.CA()
CLIENT = AUTHORITY.issue_cert("client@example.org")
ROOT = AUTHORITY.cert_pem.bytes().decode()
CERTIFICATE = b"".join(blob.bytes() for blob in CLIENT.cert_chain_pems).decode()
KEY = CLIENT.private_key_pem.bytes().decode()


def server_tls(*names, client_required=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(*(names or ("127.0.0.1",))).configure_cert(context)
    if client_required:
        AUTHORITY.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def asking(tls, **configuration):
    with trio.fail_after(30):
        async with serving(respond(200, b"safe"), tls) as server:
            return (await laws.gives_json(http, {"url": server.url(), "method": "GET", **configuration})).output


async def refused(tls, **configuration):
    with trio.fail_after(30):
        async with serving(respond(200, b"safe"), tls) as server:
            failed = await laws.fails_as_declared(http, {"url": server.url(), "method": "GET", **configuration})
    assert type(failed) is StepFailed
    assert server.requests == []
    return failed.message


async def test_an_unknown_authority_is_refused():
    assert "certificate verify failed" in await refused(server_tls())


async def test_an_authority_that_is_given_is_trusted():
    assert await asking(server_tls(), root_ca=ROOT) == "safe"


async def test_the_name_of_the_server_counts():
    assert "certificate verify failed" in await refused(server_tls("other.example.org"), root_ca=ROOT)


async def test_verification_can_be_skipped():
    assert await asking(server_tls("other.example.org"), insecure_skip_verify="true") == "safe"


async def test_a_client_shows_its_certificate():
    mutual = {"client_cert": CERTIFICATE, "client_key": KEY}
    tls = server_tls(client_required=True)
    assert await asking(tls, root_ca=ROOT, auth={"mutual_tls": mutual, "bearer": "t"}) == "safe"


async def test_a_client_without_one_is_sent_away():
    assert await refused(server_tls(client_required=True), root_ca=ROOT)


@pytest.mark.parametrize("pem", ["words", "", "é", ROOT.replace("M", "-"), KEY])
async def test_roots_that_are_no_certificates_are_a_failure(pem):
    if pem:
        assert await refused(server_tls(), root_ca=pem) == "root_ca holds no certificate in PEM form"


@pytest.mark.parametrize(
    ("certificate", "key"),
    [("words", "words"), (CERTIFICATE, "words"), ("words", KEY), (CERTIFICATE, CERTIFICATE), ("é", KEY)],
)
async def test_a_client_certificate_that_is_none_is_a_failure(certificate, key):
    mutual = {"client_cert": certificate, "client_key": key}
    message = await refused(server_tls(), auth={"mutual_tls": mutual})
    assert message == "auth.mutual_tls is not a certificate and its key in PEM form"


async def test_an_encrypted_key_is_a_failure_and_not_a_question_on_the_terminal():
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(KEY.encode(), password=None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    ).decode()
    message = await refused(server_tls(), auth={"mutual_tls": {"client_cert": CERTIFICATE, "client_key": encrypted}})
    assert message == "auth.mutual_tls is not a certificate and its key in PEM form"


async def test_a_server_that_speaks_no_tls_is_a_failure():
    with trio.fail_after(30):
        async with serving(respond()) as server:
            url = server.url().replace("http", "https")
            failed = await laws.fails_as_declared(http, {"url": url, "method": "GET"})
    assert failed.message.startswith("cannot connect to ")
