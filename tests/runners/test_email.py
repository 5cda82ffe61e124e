"""email against a real server, in a process of its own on the loopback interface."""

from contextlib import suppress
from functools import partial

import pytest
import trio
import trustme

from runners import email as email_module
from runners._message import is_html
from runners.email import Email
from runtime.destinations import Destinations
from runtime.runner import RunnerSettings
from runtime.testing import laws
from tests.support.http_server import send, serving, stall
from tests.support.smtp_server import smtp_server

EMAIL = Email()


def config(port, **others):
    return {
        "smtp_hostname": "127.0.0.1",
        "smtp_port": str(port),
        "from_address": "ada@example.org",
        "to": ["bob@example.org"],
        "subject": "Hello",
        "body": "How are you?",
        **others,
    }


async def test_a_message_arrives_as_it_was_written_and_is_the_output():
    with trio.fail_after(60):
        async with smtp_server() as server:
            outcome = await laws.gives_json(
                EMAIL,
                config(
                    server.port, to=["bob@example.org", "eve@example.org"], from_name="Ada Lovelace", subject="Grüße"
                ),
            )
            taken = await server.taken()
    assert outcome.metadata is None
    assert outcome.output == {
        "from_address": "ada@example.org",
        "from_name": "Ada Lovelace",
        "to": ["bob@example.org", "eve@example.org"],
        "subject": "Grüße",
        "body": "How are you?",
    }
    assert (taken["from"], taken["to"]) == ("ada@example.org", ["bob@example.org", "eve@example.org"])
    assert taken["headers"] == {
        "From": "Ada Lovelace <ada@example.org>",
        "To": "bob@example.org, eve@example.org",
        "Subject": "Grüße",
    }
    assert (taken["type"], taken["body"].strip(), taken["user"]) == ("text/plain", "How are you?", None)


async def test_an_address_may_come_with_a_name():
    to = ['"Bob, the \\"Builder\\"" <bob@example.org>', "Eve Doe <eve@example.org>", "<joe@example.org>"]
    with trio.fail_after(60):
        async with smtp_server() as server:
            outcome = await laws.gives_json(EMAIL, config(server.port, from_address="Ada <ada@example.org>", to=to))
            taken = await server.taken()
            await laws.gives_json(
                EMAIL, config(server.port, from_address="Ada <ada@example.org>", from_name="Countess")
            )
            named = await server.taken()
    assert outcome.output["to"] == to
    assert (taken["from"], taken["to"]) == (
        "ada@example.org",
        ["bob@example.org", "eve@example.org", "joe@example.org"],
    )
    assert taken["headers"]["From"] == "Ada <ada@example.org>"
    assert (
        taken["headers"]["To"]
        == '"Bob, the \\"Builder\\"" <bob@example.org>, Eve Doe <eve@example.org>, joe@example.org'
    )
    assert named["headers"]["From"] == "Countess <ada@example.org>"


async def test_a_body_that_starts_as_html_is_sent_as_such_whatever_is_in_it():
    body = "<html><body>" + "ä" * 3000 + "\n.\n</body></html>"
    with trio.fail_after(60):
        async with smtp_server() as server:
            await laws.gives_json(EMAIL, config(server.port, body=body))
            taken = await server.taken()
    assert (taken["type"], taken["body"].splitlines()) == ("text/html", body.splitlines())


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("<p>hi", True),
        (" \n<!DOCTYPE html>", True),
        ("<b >", True),
        ("a <p> b", False),
        ("<program>", False),
        ("", False),
    ],
)
def test_html_is_told_by_how_it_starts(body, html):
    assert is_html(body) is html


async def test_a_password_leaves_the_machine_with_tls_only():
    """Whoever stands in between could leave the offer of TLS out, and read it."""
    elsewhere = {"smtp_hostname": "127.1", "smtp_username": "ada", "smtp_password": "open sesame"}  # the name counts
    with trio.fail_after(60):
        async with smtp_server() as server:
            failed = await laws.fails_as_declared(EMAIL, config(server.port, **elsewhere))
    assert failed.message == (
        f"the message could not be sent through 127.1:{server.port}: "
        "the server offers no TLS, and a password is not sent without it"
    )


async def test_a_password_is_checked_and_never_said():
    with trio.fail_after(60):
        async with smtp_server() as server:
            await laws.gives_json(EMAIL, config(server.port, smtp_username="ada", smtp_password="open sesame"))
            assert (await server.taken())["user"] == "ada"
            wrong = config(server.port, smtp_username="ada", smtp_password="hunter2")
            failed = await laws.keeps_secret(EMAIL, wrong, "hunter2")
    assert failed.message.startswith("the server refused: 535")


async def test_nobody_logs_in_with_a_password_that_is_not_there():
    failed = await laws.fails_as_declared(EMAIL, config(9, smtp_username="ada", smtp_password="<no value>"))
    assert failed.message.startswith("smtp_password: what its template looks for is not there")


async def test_a_recipient_that_is_refused_is_named_even_when_others_are_not():
    with trio.fail_after(60):
        async with smtp_server() as server:
            failed = await laws.fails_as_declared(
                EMAIL, config(server.port, to=["bob@example.org", "no-one@example.org"])
            )
    assert failed.message == ("recipients were refused: no-one@example.org: 550 5.1.1 nobody here is called so")


@pytest.mark.parametrize("tls_at_once", [False, True])
async def test_tls_is_spoken_when_offered_and_only_to_whom_it_was_meant(tmp_path, monkeypatch, tls_at_once):
    authority = trustme.CA()
    trusted, file = tmp_path / "ca.pem", tmp_path / "server.pem"
    authority.cert_pem.write_to_path(trusted)
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(file)
    with trio.fail_after(60):
        async with smtp_server(file, tls_at_once=tls_at_once) as server:
            if tls_at_once:
                monkeypatch.setattr(email_module, "_TLS_PORT", server.port)
            failed = await laws.fails_as_declared(EMAIL, config(server.port))
            assert "certificate" in failed.message
            await laws.gives_json(EMAIL, config(server.port, smtp_skip_tls_verify="true"))
            assert (await server.taken())["tls"]
            monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
            await laws.gives_json(EMAIL, config(server.port))
            assert (await server.taken())["tls"]


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (stall(), "the server did not take the message within 0.5s"),
        (send(b""), "the message could not be sent through 127.0.0.1:{port}: Connection unexpectedly closed"),
        (send(b"200 OK\r\n\r\n"), "the server refused: 200 OK"),
        (send(b"550 go away\r\n"), "the server refused: 550 go away"),
    ],
)
async def test_a_server_that_is_none_of_smtp_fails_the_step(handler, said):
    async def greet(stream):
        with suppress(trio.BrokenResourceError):
            async with stream:
                await handler(None, stream)

    async with trio.open_nursery() as nursery:
        [listener] = await nursery.start(partial(trio.serve_tcp, greet, 0, host="127.0.0.1"))
        with trio.fail_after(30):
            port = listener.socket.getsockname()[1]
            timeout = "0.5s" if "0.5s" in said else "20s"
            failed = await laws.fails_as_declared(EMAIL, config(port, timeout=timeout))
        nursery.cancel_scope.cancel()
    assert failed.message.startswith(said.format(port=port))


async def test_nobody_there_is_said_so():
    failed = await laws.fails_as_declared(EMAIL, config(1))
    assert failed.message == "the message could not be sent through 127.0.0.1:1: Connection refused"


async def test_a_cancel_ends_it_at_once_whatever_the_server_does():
    async with serving(stall()) as silent:

        async def connected() -> None:
            while not silent.connections:
                await trio.lowlevel.checkpoint()

        with trio.fail_after(30):
            await laws.is_cancelled_promptly(EMAIL, config(silent.port), connected)


@pytest.mark.parametrize("tls_at_once", [False, True])
async def test_a_cancel_ends_it_at_once_also_where_tls_is_spoken(monkeypatch, tls_at_once):
    """TLS takes the socket over: what ends the wait has to reach the one that it has made of it."""
    hello, offer = trio.Event(), (b"220 here\r\n", b"250-here\r\n250 STARTTLS\r\n", b"220 go on\r\n")

    async def offer_tls_and_stall(stream: trio.SocketStream) -> None:
        with trio.move_on_after(20), suppress(trio.BrokenResourceError):  # by then the test has failed
            async with stream:
                for lines in () if tls_at_once else offer:
                    await stream.send_all(lines)
                    if lines != offer[-1]:
                        await stream.receive_some()
                assert (await stream.receive_some())[0] == 22  # the first byte of TLS
                hello.set()
                await stream.receive_some()

    async with trio.open_nursery() as nursery:
        [listener] = await nursery.start(partial(trio.serve_tcp, offer_tls_and_stall, 0, host="127.0.0.1"))
        port = listener.socket.getsockname()[1]
        if tls_at_once:
            monkeypatch.setattr(email_module, "_TLS_PORT", port)
        with trio.fail_after(10):
            await laws.is_cancelled_promptly(EMAIL, config(port), hello.wait)
        nursery.cancel_scope.cancel()


async def test_a_destination_that_is_not_allowed_is_not_connected_to():
    email = Email(RunnerSettings(destinations=Destinations(deny=["127.0.0.1"])))
    failed = await laws.fails_as_declared(email, config(1))
    assert failed.message == "the destination 127.0.0.1 is not allowed here"


async def test_a_line_break_adds_no_header():
    failed = await laws.fails_as_declared(EMAIL, config(1, subject="a\nBcc: eve@example.org"))
    assert "could not be sent" in failed.message


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"smtp_port": "0"}, "smtp_port"),
        ({"smtp_port": "65536"}, "smtp_port"),
        ({"smtp_port": "smtp"}, "smtp_port"),
        ({"to": []}, "to"),
        ({"to": "bob, eve"}, "to"),
        ({"to": ["bob"]}, "to[0]"),
        ({"to": ["Bob <bob>"]}, "to[0]"),
        ({"to": ["Bob <bob@example.org>, eve@example.org"]}, "to[0]"),
        ({"to": ["Bob\nBcc: eve@example.org <bob@example.org>"]}, "to[0]"),
        ({"to": ["a@b.c", "x y@z"]}, "to[1]"),
        ({"from_address": "a@b@c"}, "from_address"),
        ({"subject": ""}, "subject"),
        ({"timeout": "0s"}, "timeout"),
    ],
)
def test_what_can_never_be_sent_is_refused_with_its_path(wrong, path):
    assert [fault.path for fault in EMAIL.check(config(25, **wrong)).faults] == [path]


def test_templates_pass_and_the_resource_is_the_server():
    assert not EMAIL.check(config("{{.port}}", to=["{{.to}}"], from_address="{{.from}}")).faults
    assert EMAIL.resources(EMAIL.structure(config(25))) == ("socket", "url:127.0.0.1")
