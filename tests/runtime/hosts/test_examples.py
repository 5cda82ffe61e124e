"""The examples of programs that have a runtime in them."""

import asyncio
import sys
from importlib import import_module
from pathlib import Path

import httpx2
import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(autouse=True)
def beside_the_examples(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield
    for name in ("asyncio_program", "starlette_app", "flask_app", "how_fast", "greet"):
        sys.modules.pop(name, None)


def test_the_asyncio_program():
    assert asyncio.run(import_module("asyncio_program").main()) == ["Hello, Ada, of asyncio!"] * 3


def test_the_starlette_application():
    app = import_module("starlette_app").app

    async def use():
        async with app.router.lifespan_context(app) as state:
            transport = httpx2.ASGITransport(_with_state(app, state))
            async with httpx2.AsyncClient(transport=transport, base_url="http://app") as client:
                replies = await asyncio.gather(*(client.get(f"/greet/{number}") for number in range(20)))
        return [reply.json()["message"] for reply in replies]

    assert asyncio.run(use()) == [f"Hello, {number}!" for number in range(20)]


def _with_state(app, state):
    async def application(scope, receive, send):
        await app({**scope, "state": dict(state)}, receive, send)

    return application


def test_the_flask_application():
    flask_app = import_module("flask_app")
    app = flask_app.create_app()
    try:
        client = app.test_client()
        assert [client.get(f"/greet/{name}").json["message"] for name in "ab"] == ["Hello, a!", "Hello, b!"]
    finally:
        app.extensions["understudy"].close()


async def test_the_load(autojump_clock, capsys):
    steady, quick = await import_module("how_fast").main(tasks=50)
    assert (steady.done, quick.done) == (50, 50)
    assert steady.seconds == pytest.approx(49 / 50 + 0.1)  # the last arrives, and is greeted
    assert quick.percentile(0.99) == pytest.approx(0.1)
    assert "50 a second: 50 done in 1.08 s: 46/s, p50 100.0 ms" in capsys.readouterr().out
