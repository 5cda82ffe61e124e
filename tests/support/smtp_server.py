"""An SMTP server in a process of its own: ``python -m tests.support.smtp_server [certificate.pem [tls]]``.

It refuses recipients whose name starts with ``no-``, and takes the password ``open sesame`` of anybody. Its first line
of output is its port; each message it takes is one more line, of JSON.
"""

import asyncio
import json
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import attrs
import trio
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Handler:
    """Takes messages, and says so."""

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address.startswith("no-"):
            return "550 5.1.1 nobody here is called so"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        mail = message_from_bytes(envelope.content or b"", policy=policy.default)  # type: ignore[arg-type]
        taken = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "user": session.auth_data.login.decode() if session.auth_data else None,
            "tls": server.transport is not None and server.transport.get_extra_info("sslcontext") is not None,
            "headers": {name: str(mail[name]) for name in ("From", "To", "Subject")},
            "type": mail.get_content_type(),
            "body": mail.get_content(),
        }
        print(json.dumps(taken), flush=True)  # noqa: T201 - a command
        return "250 taken"


def _authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and data.password == b"open sesame"
    return AuthResult(success=right, handled=False, auth_data=data if right else None)


async def _serve(certificate: str, *, tls_at_once: bool) -> None:
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    starttls = None if tls_at_once else context
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(
            Handler(), hostname="localhost", tls_context=starttls, authenticator=_authenticate, auth_require_tls=False
        ),
        "127.0.0.1",
        0,
        ssl=context if tls_at_once else None,
    )
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await server.serve_forever()


@attrs.frozen
class SmtpServer:
    """A server that is listening on `port`."""

    port: int
    _lines: Any

    async def taken(self) -> dict[str, Any]:
        """Wait for the next message that was taken."""
        taken: dict[str, Any] = json.loads(await self._lines())
        return taken


@asynccontextmanager
async def smtp_server(certificate: Path | None = None, *, tls_at_once: bool = False) -> AsyncIterator[SmtpServer]:
    """Run a server until the block ends."""
    arguments = [str(certificate), *(["tls"] if tls_at_once else [])] if certificate else []
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "tests.support.smtp_server", *arguments], stdout=-1, cwd=Path(__file__).parents[2]
    )
    stream = process.stdout
    assert stream is not None
    kept = bytearray()

    async def line() -> bytes:
        while b"\n" not in kept:
            kept.extend(await stream.receive_some(65536) or b"the server is gone\n")
        first, _, rest = bytes(kept).partition(b"\n")
        kept[:] = rest
        return first

    try:
        yield SmtpServer(int(await line()), line)
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
            await stream.aclose()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1] if len(sys.argv) > 1 else "", tls_at_once=len(sys.argv) > 2))
