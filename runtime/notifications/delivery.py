"""One HTTP exchange: a letter out, as much of the reply in as says whether it arrived. Needs ``understudy[http]``."""

import ssl
from functools import cache

import trio

from runtime.notifications.shapes import Answer, Letter
from runtime.threads import BRIEF

_READ_BYTES = 4096


class Undelivered(Exception):
    """There was no reply. The text holds neither address nor credentials."""


@cache
def _trust() -> ssl.SSLContext:
    """Load the library and the system's roots, once: it takes tens of milliseconds, so call it in a thread."""
    # Imported when there is something to tell: most runtimes have no notifications.
    import httpx2  # noqa: PLC0415 - as said

    return httpx2.create_ssl_context()


async def deliver(letter: Letter) -> Answer:
    """Send a letter.

    Raises:
        Undelivered: nobody answered, in time or at all.
    """
    trust = await BRIEF.run(_trust)
    import httpx2  # noqa: PLC0415 - as said of `_trust`

    status, body = 0, bytearray()
    client = httpx2.AsyncClient(verify=trust, timeout=None, headers={"User-Agent": "understudy"})
    try:
        with trio.fail_after(letter.timeout), trio.CancelScope() as enough:
            async with (
                client,
                client.stream(
                    letter.method, letter.url, headers=list(letter.headers), content=letter.body.encode()
                ) as reply,
            ):
                status = reply.status_code
                async for chunk in reply.aiter_bytes():
                    body += chunk
                    if len(body) >= _READ_BYTES:
                        enough.cancel()  # and go on: a cancel is how a reader is left without anything open
    except trio.TooSlowError:
        raise Undelivered(f"no reply within {letter.timeout:g}s") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as fault:
        raise Undelivered(type(fault).__name__) from None
    return Answer(status, bytes(body[:_READ_BYTES]).decode(errors="replace"))
