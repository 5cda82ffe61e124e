"""One HTTP exchange: a letter out, as much of the reply in as says whether it arrived. Needs ``understudy[http]``."""

import trio

from runtime.notifications.shapes import Answer, Letter

_READ_BYTES = 4096


class Undelivered(Exception):
    """There was no reply. The text holds neither address nor credentials."""


async def deliver(letter: Letter) -> Answer:
    """Send a letter.

    Raises:
        Undelivered: nobody answered, in time or at all.
    """
    # Imported when there is something to tell: most runtimes have no notifications.
    import httpx2  # noqa: PLC0415 - as said

    status, body = 0, bytearray()
    client = httpx2.AsyncClient(timeout=None, headers={"User-Agent": "understudy"})
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
