"""Sprig's functions on URLs."""

from collections.abc import Mapping
from typing import Final

from runtime.values.gotemplate.errors import FunctionError
from runtime.values.gotemplate.functions import MAP, STRING, Host, Table
from runtime.values.gotemplate.net import URL, BadURL, join_url, parse_url
from runtime.values.gotemplate.sprig.lists import NIL_POINTER
from runtime.values.gotemplate.sprig.strings import walk
from runtime.values.gotemplate.values import Kind, Value, go_type, string_of

_TABLE: Final = Table()
FUNCTIONS: Final = _TABLE.functions


@_TABLE.add("urlParse", params=(STRING,), host=True)
def _url_parse(host: Host, text: str) -> dict[str, Value]:
    walk(host, text)
    try:
        url = parse_url(text)
    except BadURL as fault:
        raise FunctionError(f"unable to parse url: {fault}") from None
    return {
        "scheme": url.scheme,
        "host": url.host,
        "hostname": url.hostname,
        "path": url.path,
        "query": url.query,
        "opaque": url.opaque,
        "fragment": url.fragment,
        "userinfo": url.user or "",
    }


def _part(parts: Mapping[str, Value], name: str) -> str:
    if name not in parts:
        return ""
    value = parts[name]
    if value is None:
        raise FunctionError(NIL_POINTER)
    kind = go_type(value).kind
    if kind is not Kind.STRING:
        raise FunctionError(f"unable to parse {name} key, must be of type string, but {kind.value} found")
    return string_of(value)


@_TABLE.add("urlJoin", params=(MAP,), host=True)
def _url_join(host: Host, parts: Mapping[str, Value]) -> str:
    for text in parts.values():
        if isinstance(text, str):
            walk(host, text)
    scheme, place, path, query, opaque, fragment, userinfo = (
        _part(parts, name) for name in ("scheme", "host", "path", "query", "opaque", "fragment", "userinfo")
    )
    user: str | None = None
    if userinfo:
        try:
            user = parse_url(f"proto://{userinfo}@host").user
        except BadURL as fault:
            raise FunctionError(f"unable to parse userinfo in dict: {fault}") from None
    return join_url(URL(scheme=scheme, host=place, path=path, query=query, opaque=opaque, fragment=fragment, user=user))
