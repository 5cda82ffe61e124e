"""What a browser is shown, and what pages of others may ask."""

import re

import pytest
from httpx2.websockets import WebSocketUpgradeError

from tests.runtime.server.test_routes import HELLO
from tests.support.api_server import running_server


@pytest.fixture
async def server():
    async with running_server([HELLO], origins=["https://tasks.example.org"]) as running:
        yield running


@pytest.mark.parametrize("name", ["dashboard", "swagger"])
async def test_a_page_and_all_that_it_names_is_there_for_everybody(server, name):
    nobody = server.client(None, follow_redirects=True)
    page = await nobody.get(f"/ui/{name}")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "unsafe" not in page.headers["content-security-policy"]
    named = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
    assert len(named) >= 3
    for reference in named:
        found = await nobody.get(str(page.url.join(reference)))
        assert found.status_code == 200, reference
    assert not re.search(r"<script(?! src)|style=|onclick=", page.text)  # its own policy forbids them


@pytest.mark.parametrize(
    "path", ["dashboard/none.js", "other/", "dashboard/../../app.py", "dashboard/%2e%2e/swagger/x", "%2fetc/passwd", ""]
)
async def test_nothing_else_is(server, path):
    assert (await server.client("ada").get(f"/ui/{path}")).status_code == 404


async def test_pages_of_the_origins_that_were_named_may_ask(server):
    asked = {"origin": "https://tasks.example.org", "access-control-request-method": "POST"}
    allowed = await server.client(None).options(
        "/task", headers={**asked, "access-control-request-headers": "authorization"}
    )
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == asked["origin"]
    reply = await server.client("ada").get("/task", headers={"origin": asked["origin"]})
    assert reply.headers["access-control-allow-origin"] == asked["origin"]
    assert "X-Paging-PageSize" in reply.headers["access-control-expose-headers"]
    other = await server.client("ada").get("/task", headers={"origin": "https://evil.example.org"})
    assert "access-control-allow-origin" not in other.headers


async def test_no_page_of_others_may_ask_unless_it_was_named():
    async with running_server([HELLO]) as server:
        reply = await server.client("ada").get("/meta", headers={"origin": "https://tasks.example.org"})
        assert "access-control-allow-origin" not in reply.headers
        asked = await server.client("ada").options("/task", headers={"origin": "https://tasks.example.org"})
        assert (asked.status_code, "POST" in asked.headers["allow"]) == (405, True)


ASKS = {
    "a program": ({}, True),
    "its own page": ({"origin": "{own}"}, True),
    "its own page, behind a proxy": ({"origin": "https://here.example.org", "sec-fetch-site": "same-origin"}, True),
    "a page that was named": ({"origin": "https://tasks.example.org", "sec-fetch-site": "cross-site"}, True),
    "another page": ({"origin": "https://evil.example.org"}, False),
    "another page, which says so": ({"origin": "https://evil.example.org", "sec-fetch-site": "cross-site"}, False),
    "a page beside it": ({"origin": "{own}9", "sec-fetch-site": "same-site"}, False),
    "a page of nobody": ({"origin": "null"}, False),
}


@pytest.mark.parametrize("page", ASKS)
async def test_a_page_of_others_changes_nothing_in_the_name_of_its_reader_and_hears_nothing(server, page):
    """A browser asks no leave for a body of plain text, and none for a WebSocket; it sends along what it knows."""
    ada = server.client("ada")
    sent, may = ASKS[page]
    own = str(ada.base_url).rstrip("/")
    headers = {"content-type": "text/plain", **{name: value.format(own=own) for name, value in sent.items()}}
    said = await ada.post("/v1/messages", content='{"type": "list_templates"}', headers=headers)
    assert (said.status_code, "--cors" in said.text) == ((200, False) if may else (403, True))
    if may:
        async with ada.websocket("/v1/events", headers=headers) as socket:
            await socket.send_text("{")
    else:
        with pytest.raises(WebSocketUpgradeError):
            async with ada.websocket("/v1/events", headers=headers):
                raise AssertionError


DOORS = [
    "/",
    "/meta",
    "/task",
    "/v1/events",
    "/metrics",
    "/healthz",
    "/readyz",
    "/openapi.json",
    "/ui/dashboard/",
    "/x",
]
OWN = ["localhost", "localhost:8081", "LOCALHOST.", "a.localhost:1", "127.0.0.1", "127.9.9.9:80", "[::1]:8081", "[::1]",
       "tasks.example.org", "Tasks.Example.Org.:443", ""]  # fmt: skip
OTHERS = ["evil.example", "evil.example:8081", "127.0.0.1.evil.example", "localhost.evil.example", "xtasks.example.org",
          "a.tasks.example.org", "[evil]", "127.0.0.1:x", "x" * 5000]  # fmt: skip


@pytest.mark.parametrize(("host", "own"), [*((host, True) for host in OWN), *((host, False) for host in OTHERS)])
async def test_a_page_whose_name_was_made_to_mean_this_machine_is_told_nothing_at_any_door(host, own):
    """To a browser such a page is of the server's own origin, and nothing else tells it from one."""
    async with running_server([HELLO], hostnames=("tasks.example.org",), origins=["https://cors.example"]) as server:
        ada = server.client("ada")
        asked = {"host": host, "sec-fetch-site": "same-origin"}
        for path in DOORS:
            async with ada.stream("GET", path, headers=asked) as said:
                if own:
                    assert said.status_code != 421, path
                    continue
                text = (await said.aread()).decode()
                assert (said.status_code, said.headers["x-content-type-options"]) == (421, "nosniff"), path
                assert host[:20] in text
                assert "--hostname" in text
                assert len(text) < 1000
        change = {**asked, "origin": f"http://{host}", "content-type": "text/plain"}
        done = await ada.post("/v1/messages", content='{"type": "list_templates"}', headers=change)
        assert done.status_code == (200 if own else 421)
        if own:
            async with ada.websocket("/v1/events", headers=change) as socket:
                await socket.send_text("{")
        else:
            with pytest.raises(WebSocketUpgradeError):
                async with ada.websocket("/v1/events", headers=change):
                    raise AssertionError
