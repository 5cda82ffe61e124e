"""apiovh: one call of OVHcloud's API (spec section 9.8)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar
from urllib.request import getproxies

import attrs
import trio

from runtime.runner import (
    ClientError,
    Duration,
    Fault,
    Json,
    Outcome,
    Runner,
    RunnerSettings,
    StepFailed,
    StepRequest,
    Templated,
    loads,
    needed_by,
)

with needed_by("the runner apiovh"):
    import httpx2

    from runners._bounds import positive
    from runners._exchange import Call, exchange
    from runners._ovh import Credentials, read_credentials, signed_headers, token_request
    from runners._reply import Reply, decode_reply
    from runners._tls import SystemTls

_METHODS = ("GET", "POST", "PUT", "DELETE")


@attrs.frozen(kw_only=True)
class ApiOvhConfig:
    """What to ask for, and in whose name.

    Attributes:
        credentials: the name of the configuration item that holds ``endpoint`` (``ovh-eu`` without it) and either
            ``appKey``, ``appSecret`` and ``consumerKey`` or ``clientId`` and ``clientSecret``.
        method: ``GET``, ``POST``, ``PUT`` or ``DELETE``.
        path: below the endpoint, with its query: ``/me``, ``/v2/iam/policy``.
        body: JSON text, or nothing.
        timeout: for all of it.
    """

    credentials: str
    method: str
    path: str
    body: str = attrs.field(default="", repr=False)
    timeout: Duration = attrs.field(default=Duration(30.0), validator=positive)


class ApiOvh(Runner[ApiOvhConfig]):
    """Makes one call of OVHcloud's API. What a reply means is as for `http`."""

    name = "apiovh"
    config = ApiOvhConfig
    metadata_schema: ClassVar[Mapping[str, Json]] = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {
            "HTTPStatus": {"type": "integer"},
            "HTTPHeaders": {"type": "object", "properties": {"X-Ovh-Queryid": {"type": "string"}}},
            "HTTPCookies": {"type": "object"},
        },
    }

    def __init__(
        self, settings: RunnerSettings | None = None, *, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        super().__init__(settings)
        self._transport = transport
        self._tls = SystemTls()
        self._proxies = getproxies()

    def validate(self, config: ApiOvhConfig) -> Iterator[Fault]:
        """Refuse what can never be asked."""
        if not isinstance(config.method, Templated) and config.method not in _METHODS:
            yield Fault("method", f"must be one of {', '.join(_METHODS)}")
        if not isinstance(config.path, Templated) and not config.path.startswith("/"):
            yield Fault("path", 'must start with "/"')
        if config.body and not isinstance(config.body, Templated):
            try:
                loads(config.body)
            except ValueError as fault:
                yield Fault("body", f"is not JSON: {fault}")
        if not isinstance(config.credentials, Templated) and config.credentials in self.settings.config:
            try:
                self._credentials(config)
            except ClientError as fault:
                yield Fault("credentials", fault.message)

    def resources(self, config: ApiOvhConfig) -> Sequence[str]:
        """Take a ``socket``, and the host of the endpoint."""
        try:
            return ("socket", f"url:{self._credentials(config).host}")
        except ClientError:
            return ("socket",)

    async def run(self, request: StepRequest[ApiOvhConfig]) -> Outcome:
        """Ask once.

        Raises:
            ClientError: the reply says that the request is wrong, or there are no such credentials.
            StepFailed: the reply says something else than success, cannot be read, or did not come in time.
        """
        config = request.config
        credentials = self._credentials(config)
        url = credentials.address(config.path)
        with trio.move_on_after(config.timeout):
            headers = [("Content-Type", "application/json;charset=utf-8")] if config.body else []
            headers += await self._proof(credentials, config, url)
            reply = await self._ask(config.method, url, headers, config.body)
            return decode_reply(reply)
        raise StepFailed(f"no complete reply within {config.timeout:g}s")

    def _credentials(self, config: ApiOvhConfig) -> Credentials:
        item = self.settings.config.get(config.credentials)
        if item is None:
            raise ClientError(f'no configuration item "{config.credentials}"')
        try:
            return read_credentials(item)
        except ValueError as fault:
            raise ClientError(f'configuration item "{config.credentials}" {fault}') from None

    async def _proof(self, credentials: Credentials, config: ApiOvhConfig, url: str) -> Sequence[tuple[str, str]]:
        """Give the headers that say who asks. Signing takes the server's time, so that no clock has to be right."""
        if credentials.app_key:
            told = await self._ask("GET", f"{credentials.base}/auth/time", [])
            timestamp = told.body.decode(errors="replace").strip()
            if told.status != 200 or not timestamp.isdecimal():
                raise StepFailed(f"the server does not tell its time: HTTP status {told.status}")
            return signed_headers(credentials, method=config.method, url=url, body=config.body, timestamp=timestamp)
        form = [("Content-Type", "application/x-www-form-urlencoded")]
        reply = await self._ask("POST", credentials.token_url, form, token_request(credentials))
        try:
            answer = loads(reply.body)
        except ValueError:
            answer = None
        token = answer.get("access_token") if isinstance(answer, Mapping) else None
        if reply.status != 200 or not isinstance(token, str):
            failure = ClientError if 400 <= reply.status < 500 else StepFailed
            raise failure(f"no token for these credentials: HTTP status {reply.status}")
        return [("Authorization", f"Bearer {token}")]

    async def _ask(self, method: str, url: str, headers: Sequence[tuple[str, str]], body: str = "") -> Reply:
        tls = None if self._transport else await self._tls.context()
        call = Call(method=method, url=url, headers=headers, body=body.encode(errors="replace"))
        return await exchange(
            call,
            tls=tls,
            destinations=self.settings.destinations,
            environment=self._proxies,
            transport=self._transport,
        )
