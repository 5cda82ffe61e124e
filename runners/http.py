"""http: one HTTP exchange (spec section 9.2)."""

import ssl
from collections.abc import Iterator, Sequence
from urllib.request import getproxies

import trio

from runtime.runner import (
    BRIEF,
    ClientError,
    Fault,
    Outcome,
    Runner,
    RunnerSettings,
    StepFailed,
    StepRequest,
    loads,
    needed_by,
)

with needed_by("the runner http"):
    import httpx2

    from runners._exchange import Call, exchange
    from runners._http_config import Auth, HttpConfig, address_of, config_faults, secrets_of, with_query
    from runners._reply import Reply, decode_reply
    from runners._secrets import missing
    from runners._thread import decoded
    from runners._tls import SystemTls, tls_context
    from runners._wire import proxy_of

_OURS = frozenset({"content-length", "transfer-encoding"})  # said by what is sent, whatever a configuration says


class Http(Runner[HttpConfig]):
    """Makes one HTTP exchange.

    `transport` stands in for the network, in tests and in programs that reach their services another way; what the
    configuration says about TLS is then its affair.
    """

    name = "http"
    config = HttpConfig

    def __init__(
        self, settings: RunnerSettings | None = None, *, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        super().__init__(settings)
        self._transport = transport
        self._system_tls = SystemTls()  # building it takes longer than most exchanges
        self._proxies = getproxies()

    def validate(self, config: HttpConfig) -> Iterator[Fault]:
        """Refuse what can never be sent."""
        return config_faults(config)

    def resources(self, config: HttpConfig) -> Sequence[str]:
        """Take a ``socket``, and the host that is asked."""
        try:
            host = address_of(config).netloc.rpartition("@")[2]
        except ValueError:
            return ("socket",)
        return ("socket", f"url:{host}")

    async def run(self, request: StepRequest[HttpConfig]) -> Outcome:
        """Ask once.

        Raises:
            ClientError: a credential is missing, or the reply says that the request is wrong.
            StepFailed: the reply says something else than success, cannot be read, or did not come in time; or the timeout
                is none.
        """
        config = request.config
        if problem := missing(_secrets(config)):
            raise ClientError(problem)
        try:
            patience = config.patience()
        except ValueError as fault:
            raise StepFailed(f"timeout: {fault}") from None
        with trio.move_on_after(patience):
            reply = await self._asked(config)
            return await decoded(lambda _: _outcome(reply, config), reply.body)
        raise StepFailed(f"no complete reply within {patience:g}s")

    async def _asked(self, config: HttpConfig) -> Reply:
        try:
            call = Call(
                method=config.method,
                url=with_query(address_of(config), config.query_parameters),
                headers=await _headers(config),
                body=config.body.encode(errors="replace"),
                auth=_auth(config.auth),
                follow_redirects=config.follow_redirect,
                most_redirects=config.max_redirects,
                largest_reply=config.max_reply_bytes,
                proxy=config.proxy,
            )
            tls = await self._tls(config) if _speaks_tls(config) and not self._transport else None
            if config.proxy:
                proxy_of(config.proxy)
        except ValueError as fault:
            raise StepFailed(str(fault)) from None  # the cause may show what the text hides
        return await exchange(
            call,
            tls=tls,
            destinations=self.settings.destinations,
            environment=self._proxies,
            transport=self._transport,
        )

    async def _tls(self, config: HttpConfig) -> ssl.SSLContext:
        mutual = config.auth.mutual_tls
        if config.insecure_skip_verify or config.root_ca or mutual:
            return await BRIEF.run(
                lambda: tls_context(
                    verify=not config.insecure_skip_verify,
                    root_ca=config.root_ca,
                    client_pem=f"{mutual.client_cert}\n{mutual.client_key}" if mutual else "",
                )
            )
        return await self._system_tls.context()


def _secrets(config: HttpConfig) -> Iterator[tuple[str, str]]:
    yield from secrets_of(config.auth)
    for index, header in enumerate(config.headers):
        if header.name.lower() == "authorization" and header.value:
            yield f"headers[{index}].value", header.value


def _speaks_tls(config: HttpConfig) -> bool:
    """Say whether an exchange may need a context: it may be redirected to where it does."""
    return config.follow_redirect or bool(config.proxy) or not (config.url or config.host).startswith("http://")


def _outcome(reply: Reply, config: HttpConfig) -> Outcome:
    return decode_reply(
        reply,
        trim_prefix=config.trim_prefix,
        vendor_json=config.vendor_json,
        unrecoverable=config.is_unrecoverable,
    )


async def _headers(config: HttpConfig) -> list[tuple[str, str]]:
    headers = [(header.name, header.value) for header in config.headers if header.name.lower() not in _OURS]
    named = any(name.lower() == "content-type" for name, _ in headers)
    if config.body and not named and await decoded(_is_json, config.body):
        headers.append(("Content-Type", "application/json"))
    if config.auth.bearer is not None:
        headers.append(("Authorization", f"Bearer {config.auth.bearer}"))
    return headers


def _is_json(text: str) -> bool:
    try:
        loads(text)
    except ValueError:
        return False
    return True


def _auth(auth: Auth) -> httpx2.Auth | None:
    if auth.basic:
        return httpx2.BasicAuth(auth.basic.user, auth.basic.password)
    return httpx2.DigestAuth(auth.digest.user, auth.digest.password) if auth.digest else None
