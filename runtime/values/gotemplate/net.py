"""URLs, taken apart and put together as Go's net/url does."""

import re
from enum import Enum
from typing import Final

import attrs

from runtime.values.gotemplate.text import lower, quote
from runtime.values.gotemplate.values import decode, encode


class BadURL(ValueError):
    """A text is no URL; the message is Go's."""


class _Mode(Enum):
    """The part of a URL: each has its own characters that need no escape. The value is those."""

    PATH = b"-_.~$&+,/:;=@"
    USER = b"-_.~$&+,;="
    HOST = b"-_.~!$&'()*+,;=:[]<>\""
    ZONE = b"-_.~!$&'()*+,;=:[]<>\" "
    FRAGMENT = b"-_.~$&+,/:;=?@!()*"


_ALPHANUMERIC: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_SAFE: Final = {mode: _ALPHANUMERIC | frozenset(mode.value) for mode in _Mode}
_HOST_SAFE: Final = _SAFE[_Mode.HOST]
_USERINFO: Final = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):(.*)", re.DOTALL)
_PORT: Final = re.compile(r"(?::[0-9]*)?")
_VALID_EXTRA: Final = frozenset(b"!$&'()*+,;=:@[]%")
_ESCAPED: Final = re.compile(rb"%([0-9a-fA-F]{2})")
_ASCII: Final = 0x80


@attrs.frozen(kw_only=True)
class URL:
    """The parts of a URL; `user` is as it is written, `raw_path` and `raw_fragment` only where they matter."""

    scheme: str = ""
    opaque: str = ""
    user: str | None = None
    host: str = ""
    path: str = ""
    raw_path: str = ""
    omit_host: bool = False
    force_query: bool = False
    query: str = ""
    fragment: str = ""
    raw_fragment: str = ""

    @property
    def hostname(self) -> str:
        """Give the host without its port and brackets."""
        host = self.host
        colon = host.rfind(":")
        if colon >= 0 and _PORT.fullmatch(host[colon:]):
            host = host[:colon]
        return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def _escape(text: str, mode: _Mode) -> str:
    safe = _SAFE[mode]
    return "".join(chr(byte) if byte in safe else f"%{byte:02X}" for byte in encode(text))


def _check_escape(piece: bytes, mode: _Mode) -> None:
    match = _ESCAPED.fullmatch(piece)
    if match is None:
        raise BadURL(f"invalid URL escape {quote(decode(piece))}")
    byte = int(match[1], 16)
    refused = (mode is _Mode.HOST and byte < _ASCII) or (
        mode is _Mode.ZONE and byte != ord(" ") and byte not in _HOST_SAFE
    )
    if refused and piece != b"%25":
        raise BadURL(f"invalid URL escape {quote(decode(piece))}")


def _unescape(text: str, mode: _Mode) -> str:
    data = encode(text)
    at = 0
    while at < len(data):
        byte = data[at]
        if byte == ord("%"):
            _check_escape(data[at : at + 3], mode)
            at += 3
            continue
        if mode in {_Mode.HOST, _Mode.ZONE} and byte < _ASCII and byte not in _SAFE[mode] - {ord(" ")}:
            raise BadURL(f"invalid character {quote(chr(byte))} in host name")
        at += 1
    return decode(_ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), data))


def _parse_host(host: str) -> str:
    bracket = host.rfind("]") if host.startswith("[") else -1
    if host.startswith("["):
        if bracket < 0:
            raise BadURL("missing ']' in host")
        _check_port(host[bracket + 1 :])
        zone = host.find("%25", 0, bracket)
        if zone >= 0:
            return (
                _unescape(host[:zone], _Mode.HOST)
                + _unescape(host[zone:bracket], _Mode.ZONE)
                + _unescape(host[bracket:], _Mode.HOST)
            )
    elif ":" in host:
        _check_port(host[host.rfind(":") :])
    return _unescape(host, _Mode.HOST)


def _check_port(port: str) -> None:
    if not _PORT.fullmatch(port):
        raise BadURL(f"invalid port {quote(port)} after host")


def _parse_authority(authority: str) -> tuple[str | None, str]:
    userinfo, at, host = authority.rpartition("@")
    parsed_host = _parse_host(host)
    if not at:
        return None, parsed_host
    if not _USERINFO.fullmatch(userinfo):
        raise BadURL("net/url: invalid userinfo")
    name, colon, password = userinfo.partition(":")
    user = _escape(_unescape(name, _Mode.USER), _Mode.USER)
    if colon:
        user += ":" + _escape(_unescape(password, _Mode.USER), _Mode.USER)
    return user, parsed_host


def _scheme(text: str) -> tuple[str, str]:
    match = _SCHEME.fullmatch(text)
    if match:
        return lower(match[1]), match[2]
    if text.startswith(":"):
        raise BadURL("missing protocol scheme")
    return "", text


def _raw(text: str, decoded: str, mode: _Mode) -> str:
    return "" if _escape(decoded, mode) == text else text


def _parse(text: str) -> URL:
    if any(char < " " or char == "\x7f" for char in text):
        raise BadURL("net/url: invalid control character in URL")
    if text == "*":
        return URL(path="*")
    scheme, rest = _scheme(text)
    force_query = rest.endswith("?") and rest.count("?") == 1
    rest, _, query = rest.partition("?")
    if not rest.startswith("/"):
        if scheme:
            return URL(scheme=scheme, opaque=rest, query=query, force_query=force_query)
        if ":" in rest.partition("/")[0]:
            raise BadURL("first path segment in URL cannot contain colon")
    user, host, omit_host = None, "", False
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, tail = rest[2:].partition("/")
        rest = slash + tail
        user, host = _parse_authority(authority)
    elif scheme and rest.startswith("/"):
        omit_host = True
    path = _unescape(rest, _Mode.PATH)
    return URL(
        scheme=scheme,
        user=user,
        host=host,
        path=path,
        raw_path=_raw(rest, path, _Mode.PATH),
        omit_host=omit_host,
        query=query,
        force_query=force_query,
    )


def parse_url(text: str) -> URL:
    """Take a URL apart.

    Raises:
        BadURL: it is malformed; the message is Go's.
    """
    bare, _, fragment = text.partition("#")
    try:
        url = _parse(bare)
    except BadURL as fault:
        raise BadURL(f"parse {quote(bare)}: {fault}") from None
    if not fragment:
        return url
    try:
        decoded = _unescape(fragment, _Mode.FRAGMENT)
    except BadURL as fault:
        raise BadURL(f"parse {quote(text)}: {fault}") from None
    return attrs.evolve(url, fragment=decoded, raw_fragment=_raw(fragment, decoded, _Mode.FRAGMENT))


def _written(raw: str, decoded: str, mode: _Mode) -> str:
    """Give the raw form if it is valid and still means the decoded one, else escape that."""
    if raw and all(byte in _VALID_EXTRA or byte in _SAFE[mode] for byte in encode(raw)):
        try:
            if _unescape(raw, mode) == decoded:
                return raw
        except BadURL:
            pass
    return "*" if mode is _Mode.PATH and decoded == "*" else _escape(decoded, mode)


def _authority(url: URL) -> str:
    if not (url.scheme or url.host or url.user is not None):
        return ""
    if url.omit_host and not url.host and url.user is None:
        return ""
    slashes = "//" if url.host or url.path or url.user is not None else ""
    user = f"{url.user}@" if url.user is not None else ""
    return slashes + user + _escape(url.host, _Mode.HOST)


def join_url(url: URL) -> str:
    """Put a URL together."""
    text = f"{url.scheme}:" if url.scheme else ""
    if url.opaque:
        text += url.opaque
    else:
        text += _authority(url)
        path = _written(url.raw_path, url.path, _Mode.PATH)
        if path and path[0] != "/" and url.host:
            text += "/"
        if not text and ":" in path.partition("/")[0]:
            text += "./"
        text += path
    if url.force_query or url.query:
        text += f"?{url.query}"
    if url.fragment:
        text += "#" + _written(url.raw_fragment, url.fragment, _Mode.FRAGMENT)
    return text
