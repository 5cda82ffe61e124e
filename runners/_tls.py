"""TLS contexts: the system's roots, more of them, fewer checks, a client's certificate."""

import os
import ssl

import httpx2
import trio

from runtime.runner import BRIEF


def tls_context(*, verify: bool = True, root_ca: str = "", client_pem: str = "") -> ssl.SSLContext:
    """Build a context; it takes tens of milliseconds to load the system's roots, so call it in a thread.

    Args:
        verify: whether the server has to prove who it is.
        root_ca: PEM certificates to trust beside the system's.
        client_pem: PEM certificate and key to present.

    Raises:
        ValueError: a PEM text cannot be used. The text of it is not in the error.
    """
    context = httpx2.create_ssl_context(verify=verify)
    if root_ca:
        try:
            context.load_verify_locations(cadata=root_ca)
        except (ssl.SSLError, ValueError, TypeError):  # the last for what is not ASCII
            raise ValueError("root_ca holds no certificate in PEM form") from None
    if client_pem:
        try:
            _load_client(context, client_pem)
        except (ssl.SSLError, ValueError):
            raise ValueError("auth.mutual_tls is not a certificate and its key in PEM form") from None
    return context


class SystemTls:
    """The context that trusts the system's roots, built once, when it is first wanted; the others wait for it."""

    def __init__(self) -> None:
        self._context: ssl.SSLContext | None = None
        self._built: trio.Event | None = None

    async def context(self) -> ssl.SSLContext:
        """Give the context. Cancelling whoever builds it has the next one build it."""
        while self._context is None:
            if self._built is not None:
                await self._built.wait()
                continue
            self._built = trio.Event()
            try:
                self._context = await BRIEF.run(tls_context)
            finally:
                self._built.set()
                self._built = None
        return self._context


def _load_client(context: ssl.SSLContext, pem: str) -> None:
    """Hand over a certificate and its key. OpenSSL takes them from files only: this one never touches a disk."""
    descriptor = os.memfd_create("client")
    with os.fdopen(descriptor, "w") as file:
        file.write(pem)
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password="")
