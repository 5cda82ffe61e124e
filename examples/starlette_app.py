"""A runtime in a Starlette application. In this folder: ``hypercorn starlette_app:app``, or any other ASGI server on asyncio.

A FastAPI application does the same: it takes the same `lifespan`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from runtime.hosts.aio import open_runtime

HELLO = Path(__file__).parent / "templates/greeting.yaml"


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, object]]:
    async with open_runtime() as rt:
        await rt.register(HELLO)
        yield {"rt": rt, "greeting": await rt.prepare(HELLO)}


async def greet(request: Request) -> JSONResponse:
    task = await request.state.rt.submit(request.state.greeting, {"name": request.path_params["name"]})
    return JSONResponse({"task": task.id, **await task.result()})


app = Starlette(routes=[Route("/greet/{name}", greet)], lifespan=lifespan)
