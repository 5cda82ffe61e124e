"""The configuration of `http`: its fields, the rules between them, the address they name (spec section 9.2)."""

from collections.abc import Iterator, Sequence
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

import attrs

from runners._bounds import within
from runners._exchange import LARGEST_REPLY, MOST_REDIRECTS, TOKEN
from runners._output import Codes
from runners._reply import is_client_error
from runners._wire import proxy_of
from runtime.runner import Fault, Templated, parse_duration

LARGEST_REPLY_POSSIBLE = 100 * 1024 * 1024
"""What `max_reply_bytes` may be raised to: a reply is held in memory, and stored."""

_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")


@attrs.frozen(kw_only=True)
class NameValue:
    """A header or a query parameter."""

    name: str
    value: str = attrs.field(default="", repr=False)


@attrs.frozen(kw_only=True)
class Credentials:
    """Who asks, and the proof of it."""

    user: str
    password: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class MutualTls:
    """The certificate that the client presents, in PEM form."""

    client_cert: str = attrs.field(repr=False)
    client_key: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Auth:
    """How the client says who it is: at most one of `basic`, `digest` and `bearer`, and `mutual_tls` beside it."""

    basic: Credentials | None = None
    digest: Credentials | None = None
    bearer: str | None = attrs.field(default=None, repr=False)
    mutual_tls: MutualTls | None = None


@attrs.frozen(kw_only=True)
class HttpConfig:
    """What to ask of whom, and how to read the reply.

    Attributes:
        url: the address; or
        host: its scheme and authority, with
        path: its path and query.
        method: ``GET``, ``POST``, ``PUT``, ``DELETE`` or ``PATCH``.
        body: sent as it is. If it is JSON and `headers` names no Content-Type, it is sent as ``application/json``.
        headers: sent in this order; how long the body is, and how it is framed, is not theirs to say.
        query_parameters: added to those of the address; all of them are then sorted by name.
        timeout: for the whole exchange, redirects included; 30s without. Rendered to what is no duration, it ends the step
            as SERVER_ERROR.
        auth: credentials.
        follow_redirect: go where the reply points; credentials are not taken along to another host.
        max_redirects: how often, at most.
        max_reply_bytes: how large the reply's body may be, before and after it is decompressed. What it comes to as output
            may be no larger than any result (`runtime.Limits.result_size`).
        proxy: the address of a proxy to go through, credentials in it; without it the environment's are used.
        insecure_skip_verify: take any server for the one that was meant.
        root_ca: PEM certificates to trust beside the system's.
        trim_prefix: taken from the start of the reply's body, where it stands there, before that is decoded.
        vendor_json: decode types such as ``application/problem+json`` as JSON, too.
        status_codes_unrecoverable: statuses that make the step CLIENT_ERROR, beside 400-499: ``"301-308"``.
        status_codes_retried: statuses that make it SERVER_ERROR all the same: ``"429"``.
    """

    url: str = attrs.field(default="", repr=False)
    host: str = attrs.field(default="", repr=False)
    path: str = attrs.field(default="", repr=False)
    method: str
    body: str = attrs.field(default="", repr=False)
    headers: tuple[NameValue, ...] = ()
    query_parameters: tuple[NameValue, ...] = ()
    timeout: str = ""
    auth: Auth = attrs.field(factory=Auth)
    follow_redirect: bool = False
    max_redirects: int = attrs.field(default=MOST_REDIRECTS, validator=within(0, 100))
    max_reply_bytes: int = attrs.field(default=LARGEST_REPLY, validator=within(0, LARGEST_REPLY_POSSIBLE))
    proxy: str = attrs.field(default="", repr=False)
    insecure_skip_verify: bool = False
    root_ca: str = attrs.field(default="", repr=False)
    trim_prefix: str = ""
    vendor_json: bool = False
    status_codes_unrecoverable: tuple[Codes, ...] = ()
    status_codes_retried: tuple[Codes, ...] = ()

    def patience(self) -> float:
        """Give the timeout in seconds.

        Raises:
            ValueError: it is no duration, or not positive.
        """
        seconds = parse_duration(self.timeout.strip() or "30s")
        if seconds <= 0:
            raise ValueError("must be positive")
        return seconds

    def is_unrecoverable(self, status: int) -> bool:
        """Say whether a reply with this status means that the request has to be corrected."""
        if any(status in codes for codes in self.status_codes_retried):
            return False
        return is_client_error(status) or any(status in codes for codes in self.status_codes_unrecoverable)


def address_of(config: HttpConfig) -> SplitResult:
    """Give the address, without its fragment.

    Raises:
        ValueError: it is not one of http or https. What it is instead is not said: it may hold a password.
    """
    try:
        parts = urlsplit(config.url or config.host)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        path = parts if config.url else urlsplit(config.path)
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f'{"url" if config.url else "host"} must be an address such as "https://example.org"')
    return SplitResult(parts.scheme, parts.netloc, path.path, path.query, "")


def with_query(address: SplitResult, parameters: Sequence[NameValue]) -> str:
    """Write the address with the parameters added to its own, all of them sorted by name."""
    pairs = parse_qsl(address.query, keep_blank_values=True)
    pairs += [(parameter.name, parameter.value) for parameter in parameters]
    query = urlencode(sorted(pairs, key=lambda pair: pair[0]), errors="replace")
    return address._replace(query=query).geturl()


def config_faults(config: HttpConfig) -> Iterator[Fault]:
    """Name what can never be sent; what is still a template may become anything."""
    yield from _address_faults(config)
    if not isinstance(config.method, Templated) and config.method not in _METHODS:
        yield Fault("method", f"must be one of {', '.join(_METHODS)}")
    if not isinstance(config.timeout, Templated):
        try:
            config.patience()
        except ValueError as fault:
            yield Fault("timeout", str(fault))
    yield from _pair_faults("headers", config.headers)
    yield from _pair_faults("query_parameters", config.query_parameters)
    yield from _header_faults(config.headers)
    yield from _auth_faults(config.auth)
    if config.proxy and not isinstance(config.proxy, Templated):
        try:
            proxy_of(config.proxy)
        except ValueError as fault:
            yield Fault("proxy", str(fault).partition(" ")[2])


def _address_faults(config: HttpConfig) -> Iterator[Fault]:
    if config.url and (config.host or config.path):
        yield Fault("url", "stands beside host or path", "give either url, or host and path")
    elif not config.url and not config.host:
        yield Fault("url", "is missing", "give either url, or host and path")
    elif not any(isinstance(text, Templated) for text in (config.url, config.host, config.path)):
        try:
            address_of(config)
        except ValueError as fault:
            yield Fault("url" if config.url else "host", str(fault).partition(" ")[2])


def _pair_faults(path: str, pairs: Sequence[NameValue]) -> Iterator[Fault]:
    for index, pair in enumerate(pairs):
        if not pair.name:
            yield Fault(f"{path}[{index}].name", "is empty")


def _header_faults(headers: Sequence[NameValue]) -> Iterator[Fault]:
    for index, header in enumerate(headers):
        if header.name and not isinstance(header.name, Templated) and not TOKEN.fullmatch(header.name):
            yield Fault(f"headers[{index}].name", "holds a character that no header's name may have")
        if not isinstance(header.value, Templated) and set("\r\n\0") & set(header.value):
            yield Fault(f"headers[{index}].value", "holds a line break or a NUL")


def _auth_faults(auth: Auth) -> Iterator[Fault]:
    ways = {"basic": auth.basic, "digest": auth.digest, "bearer": auth.bearer}
    given = [way for way, credentials in ways.items() if credentials is not None]
    if len(given) > 1:
        yield Fault("auth", f"at most one of {', '.join(ways)} can be given, not {' and '.join(given)}")
    for path, text in secrets_of(auth):
        if not text:
            yield Fault(path, "is empty")


def secrets_of(auth: Auth) -> Iterator[tuple[str, str]]:
    """Give the parts of credentials with the paths of their fields."""
    for way, credentials in (("basic", auth.basic), ("digest", auth.digest)):
        if credentials is not None:
            yield f"auth.{way}.user", credentials.user
            yield f"auth.{way}.password", credentials.password
    if auth.bearer is not None:
        yield "auth.bearer", auth.bearer
    if auth.mutual_tls is not None:
        yield "auth.mutual_tls.client_cert", auth.mutual_tls.client_cert
        yield "auth.mutual_tls.client_key", auth.mutual_tls.client_key
