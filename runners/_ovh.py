"""How OVHcloud's API wants to be asked: endpoints, credentials, signatures (spec section 9.8). Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode, urlsplit

import attrs

from runtime.runner import Json, loads_yaml, normalise

ENDPOINTS: Mapping[str, str] = {
    "ovh-eu": "https://eu.api.ovh.com/1.0",
    "ovh-ca": "https://ca.api.ovh.com/1.0",
    "ovh-us": "https://api.us.ovhcloud.com/1.0",
    "kimsufi-eu": "https://eu.api.kimsufi.com/1.0",
    "kimsufi-ca": "https://ca.api.kimsufi.com/1.0",
    "soyoustart-eu": "https://eu.api.soyoustart.com/1.0",
    "soyoustart-ca": "https://ca.api.soyoustart.com/1.0",
    "runabove-ca": "https://api.runabove.com/1.0",
}

_TOKENS: Mapping[str, str] = {
    "ovh-eu": "https://www.ovh.com/auth/oauth2/token",
    "ovh-ca": "https://ca.ovh.com/auth/oauth2/token",
    "ovh-us": "https://us.ovhcloud.com/auth/oauth2/token",
}


@attrs.frozen(kw_only=True)
class Credentials:
    """One item of the configuration: whom to ask, and either an application's three keys or a client's two.

    `token_url` is where a client's token comes from.
    """

    base: str
    app_key: str = ""
    app_secret: str = attrs.field(default="", repr=False)
    consumer_key: str = attrs.field(default="", repr=False)
    client_id: str = ""
    client_secret: str = attrs.field(default="", repr=False)
    token_url: str = ""

    @property
    def host(self) -> str:
        """The host that is asked, with its port where it names one."""
        return urlsplit(self.base).netloc

    def address(self, path: str) -> str:
        """Give the address of a path; ``/v1/...`` and ``/v2/...`` stand beside the ``/1.0`` that an endpoint ends with."""
        base = self.base.removesuffix("/1.0") if path.startswith(("/v1/", "/v2/")) else self.base
        return base + path


def read_credentials(text: str) -> Credentials:
    """Read an item of the configuration: JSON, or YAML.

    Raises:
        ValueError: it is not what it should be. The text of it is not in the error.
    """
    try:
        item: Json = normalise(loads_yaml(text))
    except ValueError:
        item = None
    if not isinstance(item, Mapping):
        raise ValueError("is not a JSON object")  # noqa: TRY004 - the text is at fault, not its type
    fields = {key: value for key, value in item.items() if isinstance(value, str)}
    endpoint = fields.get("endpoint", "ovh-eu")
    base = ENDPOINTS.get(endpoint, endpoint)
    if urlsplit(base).scheme not in {"http", "https"}:
        raise ValueError(f"names an endpoint that is not one of {', '.join(ENDPOINTS)}")
    credentials = Credentials(
        base=base.rstrip("/"),
        app_key=fields.get("appKey", ""),
        app_secret=fields.get("appSecret", ""),
        consumer_key=fields.get("consumerKey", ""),
        client_id=fields.get("clientId", ""),
        client_secret=fields.get("clientSecret", ""),
        token_url=fields.get("tokenUrl") or _TOKENS.get(endpoint, ""),
    )
    application = (credentials.app_key, credentials.app_secret, credentials.consumer_key)
    client = (credentials.client_id, credentials.client_secret)
    if not all(application) and not all(client):
        raise ValueError("needs appKey, appSecret and consumerKey, or clientId and clientSecret")
    if not all(application) and not credentials.token_url:
        raise ValueError("names an endpoint that gives no tokens: use appKey, appSecret and consumerKey")
    return credentials


def signed_headers(
    credentials: Credentials, *, method: str, url: str, body: str, timestamp: str
) -> Sequence[tuple[str, str]]:
    """Sign a request with an application's keys. `timestamp` is the server's own time, in Unix seconds."""
    parts = [credentials.app_secret, credentials.consumer_key, method, url, body, timestamp]
    digest = hashlib.sha1("+".join(parts).encode(errors="replace"), usedforsecurity=False).hexdigest()
    return [
        ("X-Ovh-Application", credentials.app_key),
        ("X-Ovh-Consumer", credentials.consumer_key),
        ("X-Ovh-Timestamp", timestamp),
        ("X-Ovh-Signature", f"$1${digest}"),
    ]


def token_request(credentials: Credentials) -> str:
    """Write the form that a client gets a token for."""
    return urlencode(
        {
            "grant_type": "client_credentials",
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
            "scope": "all",
        }
    )
