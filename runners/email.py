"""email: sends one e-mail (spec section 9.5)."""

import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from email.message import EmailMessage
from functools import partial

import attrs
import trio

from runners import _message
from runners._bounds import positive, within
from runners._connect import connect, said
from runners._secrets import missing
from runners._thread import conversing
from runtime.runner import Duration, Fault, Forbidden, Outcome, Runner, StepFailed, StepRequest, Templated

_TLS_PORT = 465  # where a server speaks TLS from the first byte on
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
"""Servers that a password is sent to without TLS: it does not leave the machine."""

_LONGEST_REPLY = 300


@attrs.frozen(kw_only=True)
class EmailConfig:
    """What to send to whom, and who delivers it.

    Attributes:
        smtp_hostname: the server that takes it.
        smtp_port: its port; with 465 TLS is spoken from the start, with any other when the server offers it.
        smtp_username: who logs in; nobody without it. It takes TLS, but for a server on this machine.
        smtp_password: the proof of it.
        smtp_skip_tls_verify: take any server for the one that was meant.
        from_address: the sender's address.
        from_name: the sender's name.
        to: the addresses it is sent to, each alone or as ``"Ada Lovelace" <ada@example.org>``.
        subject: what it is about.
        body: the text; HTML when it starts as HTML does.
        timeout: for all of it.
    """

    smtp_hostname: str
    smtp_port: int = attrs.field(validator=within(1, 65535))
    smtp_username: str = ""
    smtp_password: str = attrs.field(default="", repr=False)
    smtp_skip_tls_verify: bool = False
    from_address: str
    from_name: str = ""
    to: tuple[str, ...]
    subject: str
    body: str = attrs.field(repr=False)
    timeout: Duration = attrs.field(default=Duration(60.0), validator=positive)


class Email(Runner[EmailConfig]):
    """Sends one e-mail. It is sent once: an attempt that failed at the very end may have sent it all the same."""

    name = "email"
    config = EmailConfig

    def validate(self, config: EmailConfig) -> Iterator[Fault]:
        """Refuse what can never be sent."""
        for name in ("smtp_hostname", "from_address", "subject", "body"):
            if not getattr(config, name):
                yield Fault(name, "is empty")
        if not config.to:
            yield Fault("to", "is empty")
        for path, text in (
            ("from_address", config.from_address),
            *((f"to[{n}]", to) for n, to in enumerate(config.to)),
        ):
            if text and not isinstance(text, Templated):
                try:
                    _message.address(text)
                except ValueError as fault:
                    yield Fault(path, str(fault))

    def resources(self, config: EmailConfig) -> Sequence[str]:
        """Take a ``socket``, and the server."""
        return ("socket", f"url:{config.smtp_hostname}")

    async def run(self, request: StepRequest[EmailConfig]) -> Outcome:
        """Send it.

        Raises:
            StepFailed: it could not be handed over to the server, to all who should get it, in time.
        """
        config = request.config
        for fault in self.validate(config):
            raise StepFailed(str(fault))
        if config.smtp_username and (problem := missing(_secrets(config))):
            raise StepFailed(problem)
        with trio.move_on_after(config.timeout):
            await self._send(config)
            return Outcome(
                output={
                    "from_address": config.from_address,
                    "from_name": config.from_name,
                    "to": list(config.to),
                    "subject": config.subject,
                    "body": config.body,
                }
            )
        raise StepFailed(f"the server did not take the message within {config.timeout:g}s")

    async def _send(self, config: EmailConfig) -> None:
        try:
            mail = _message.message(
                sender=_message.address(config.from_address, config.from_name),
                to=[_message.address(to) for to in config.to],
                subject=config.subject,
                body=config.body,
            )
            stream = await connect(config.smtp_hostname, config.smtp_port, self.settings.destinations)
            await conversing(stream, partial(_deliver, config=config, mail=mail))
        except Forbidden as fault:
            raise StepFailed(str(fault)) from None
        except smtplib.SMTPRecipientsRefused as fault:
            refused = ", ".join(f"{who}: {_reply(code, text)}" for who, (code, text) in fault.recipients.items())
            raise StepFailed(f"recipients were refused: {refused}"[:1000]) from None
        except smtplib.SMTPResponseException as fault:
            raise StepFailed(f"the server refused: {_reply(fault.smtp_code, fault.smtp_error)}") from None
        except (smtplib.SMTPException, OSError, EOFError, ValueError, UnicodeError) as fault:
            server = f"{config.smtp_hostname}:{config.smtp_port}"
            raise StepFailed(f"the message could not be sent through {server}: {said(fault)}"[:500]) from None


def _secrets(config: EmailConfig) -> Iterator[tuple[str, str]]:
    yield "smtp_username", config.smtp_username
    yield "smtp_password", config.smtp_password


class _Client(smtplib.SMTP):
    """A client that is given its connection."""

    def __init__(self, plain: socket.socket, host: str) -> None:
        self._plain = plain
        super().__init__(host, 1, local_hostname="localhost")

    def _get_socket(self, _host: str, _port: int, _timeout: float | None) -> socket.socket:
        return self._plain


def _deliver(plain: socket.socket, *, config: EmailConfig, mail: EmailMessage) -> None:
    """Hand the message over; blocking."""
    if config.smtp_port == _TLS_PORT:
        plain = _tls(config).wrap_socket(plain, server_hostname=config.smtp_hostname)
    with _Client(plain, config.smtp_hostname) as client:
        client.ehlo()
        secured = config.smtp_port == _TLS_PORT
        if not secured and client.has_extn("starttls"):
            client.starttls(context=_tls(config))
            client.ehlo()
            secured = True
        if config.smtp_username:
            if not secured and config.smtp_hostname not in _HERE:
                raise smtplib.SMTPException("the server offers no TLS, and a password is not sent without it")
            client.login(config.smtp_username, config.smtp_password)
        refused = client.send_message(mail)
        if refused:
            raise smtplib.SMTPRecipientsRefused(refused)


def _tls(config: EmailConfig) -> ssl.SSLContext:
    """Build a context, once it is needed: it takes tens of milliseconds, in which no cancel is heard."""
    context = ssl.create_default_context()
    if config.smtp_skip_tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _reply(code: int, text: bytes | str) -> str:
    said = text.decode(errors="replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(said.split())}"[:_LONGEST_REPLY]
