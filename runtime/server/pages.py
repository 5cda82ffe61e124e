"""The pages that a browser is shown: plain files of ours, which ask the server as any client does.

They hold nothing: who looks says who they are to the server, by the browser (basic authentication, a proxy) or by a
token that is kept for as long as the tab is open. Addresses in them are relative, so that they work behind any prefix.
"""

from functools import cache
from importlib.resources import files
from typing import Final

from starlette.responses import RedirectResponse, Response

from runtime.server.problems import problem

_KINDS: Final = {"html": "text/html", "js": "text/javascript", "css": "text/css"}
_PAGES: Final = ("dashboard", "swagger")
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
}


def page(path: str) -> Response:
    """Give a file by its path under ``/ui/``: only those that are there, whatever the path says."""
    if path in _PAGES:
        return RedirectResponse(f"{path}/", 301)
    content = _files().get(path if not path.endswith("/") else f"{path}index.html")
    if content is None:
        return problem(404, "there is no such page")
    text, kind = content
    return Response(text, media_type=kind, headers=_HEADERS)


@cache
def _files() -> dict[str, tuple[str, str]]:
    """Read them all, once, by their paths."""
    found = {}
    for folder in _PAGES:
        for file in files("runtime.server").joinpath("static", folder).iterdir():
            kind = _KINDS.get(file.name.rpartition(".")[2])
            if kind is not None:
                found[f"{folder}/{file.name}"] = (file.read_text(encoding="utf-8"), kind)
    return found
