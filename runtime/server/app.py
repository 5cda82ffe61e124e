"""The ASGI application: from requests to messages and back. Any ASGI server on trio can run it.

Each request is asked, in this order: who sends it, what it says, whether there is room for it, and whether its sender
may. Everything after that is the desk's (`runtime.api.desk`). A body is read before there has to be room, so that who
sends slowly holds up nobody.
"""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from importlib.metadata import version
from typing import Final, TypeAlias
from urllib.parse import unquote

import attrs
import trio

import runtime.values.renderer
import runtime.work.flows.actor  # noqa: F401 - both are loaded before any request waits for them
from actors import Clock, SystemClock
from runtime.api.answers import Answer, SeenTask
from runtime.api.codec import REQUESTS
from runtime.api.commands import CallCallback, RunTask
from runtime.api.desk import Desk
from runtime.api.queries import FindTask, GetStatistics, GetTask
from runtime.api.showing import View, shown
from runtime.engine.rights import Identity
from runtime.engine.states import ResolutionState
from runtime.errors import Conflict, NotFound, Refused, Unavailable, did_you_mean
from runtime.extras import needed_by
from runtime.logs.lines import log
from runtime.values.json import Json

with needed_by("a server"):
    from starlette.applications import Starlette
    from starlette.datastructures import Headers
    from starlette.exceptions import HTTPException
    from starlette.middleware.cors import CORSMiddleware
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import PlainTextResponse, RedirectResponse, Response
    from starlette.routing import Match, WebSocketRoute
    from starlette.routing import Route as Endpoint
    from starlette.types import ASGIApp, Receive, Scope, Send
    from starlette.websockets import WebSocket

    from runtime.server.asking import messages_of
    from runtime.server.audit import Audit, about, line_of, new_request_id
    from runtime.server.auth import NOT_KNOWN, Authenticator, Caller
    from runtime.server.bodies import BodyTooLarge, BodyTooSlow, Reading, parsed, reply
    from runtime.server.events import stream, talk
    from runtime.server.limits import RateLimit, ServerLimits
    from runtime.server.openapi import document
    from runtime.server.origins import FOREIGN, SAFE, is_foreign, is_own_host
    from runtime.server.pages import page
    from runtime.server.paging import page_headers
    from runtime.server.problems import problem, refusal
    from runtime.server.route import Route
    from runtime.server.routes import ROUTES

_NOBODY: Final = Identity()
_SECURITY: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_LONGEST_HOST: Final = 100
_CLAIMED_WITHIN_SECONDS: Final = 10.0
"""How long an execution may wait to be started by itself in µTask (section 7.5)."""


@attrs.frozen
class Asked:
    """One request: who sent it, and its body."""

    request: Request
    who: Identity
    body: bytes = b""


Handler: TypeAlias = Callable[[Asked], Awaitable[Response]]


class Door(StrEnum):
    """Who is let in: those who are known; everybody; everybody, however full it is (probes of the server's life)."""

    KNOWN = "known"
    PUBLIC = "public"
    ALWAYS = "always"


@attrs.define(eq=False)
class Office:
    """What the handlers share: one server's desk, who it believes, and what it takes.

    `origins` are those whose pages may ask, besides the server's own (CORS); ``*`` is any. `hostnames` are its names, besides
    addresses and ``localhost``, and nothing is answered that was sent to another; None is any name. `audit` is told of
    every request that was answered.
    `trouble` is the number of the last that was seen of the store, and when it was first seen.
    """

    desk: Desk
    authenticator: Authenticator
    limits: ServerLimits = attrs.field(factory=ServerLimits)
    application_name: str = "understudy"
    clock: Clock = attrs.field(factory=SystemClock)
    origins: tuple[str, ...] = ()
    hostnames: tuple[str, ...] | None = None
    audit: Audit | None = None
    trouble: tuple[int, float] = (0, 0.0)
    subscribers: int = 0
    room: trio.Semaphore = attrs.field(init=False)
    rate: RateLimit = attrs.field(init=False)
    reading: Reading = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.room = trio.Semaphore(self.limits.in_flight)
        self.rate = RateLimit(self.limits.requests_per_second, self.limits.burst)
        self.reading = Reading(self.limits)

    @property
    def in_flight(self) -> int:
        """How many requests are being answered."""
        return self.limits.in_flight - self.room.value

    def identify(self, headers: Mapping[str, str], address: str) -> Identity | None:
        """Say who asks; None for nobody."""
        return self.authenticator.identify(Caller(headers, address))

    @property
    def challenge(self) -> Mapping[str, str]:
        """The headers of a reply to nobody."""
        return {"WWW-Authenticate": self.authenticator.challenge} if self.authenticator.challenge else {}


class Path(Endpoint):
    """A path and who answers there. A "/" in an id, or in the name of a step, is no end of it: ``%2F`` as it was sent."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Say whether a request is for it, and with what in its path."""
        sent: bytes | None = scope.get("raw_path")  # which a server need not give
        if sent is None:
            return super().matches(scope)
        match, found = super().matches({**scope, "path": sent.decode("ascii", "replace")})
        if "path_params" in found:
            found["path_params"] = {name: unquote(value) for name, value in found["path_params"].items()}
        return match, found


def build_app(office: Office) -> ASGIApp:
    """Make the application of a server."""
    public, known, always = (partial(_endpoint, office, door=door) for door in (Door.PUBLIC, Door.KNOWN, Door.ALWAYS))
    paths = [
        Path("/", public(_home), methods=["GET"]),
        Path("/meta", known(partial(_meta, office)), methods=["GET"]),
        Path("/unsecured/mon/ping", public(partial(_ping, office)), methods=["GET"]),
        Path("/unsecured/spec.json", public(_spec), methods=["GET"]),
        Path("/openapi.json", public(_spec), methods=["GET"]),
        Path("/healthz", always(_alive), methods=["GET"]),
        Path("/readyz", always(partial(_ready, office)), methods=["GET"]),
        Path("/metrics", public(partial(_metrics, office)), methods=["GET"]),
        Path("/v1/messages", known(partial(_message, office)), methods=["POST"]),
        Path("/v1/events", known(partial(_events, office)), methods=["GET"]),
        WebSocketRoute("/v1/events", partial(talk, office)),
        Path("/ui", public(_to_dashboard), methods=["GET"]),
        Path("/ui/{path:path}", public(_page), methods=["GET"]),
        *(
            Path(
                route.path, (public if route.public else known)(partial(_route, office, route)), methods=[route.method]
            )
            for route in ROUTES
        ),
    ]
    app: ASGIApp = Starlette(routes=paths, exception_handlers={HTTPException: _no_route})
    if office.origins:
        app = _shared(app, office.origins)
    return app if office.hostnames is None else _own(app, office.hostnames)


def _own(app: ASGIApp, names: Sequence[str]) -> ASGIApp:
    """Answer only what was sent to the server under a name of its own, at every door; see `is_own_host`."""

    async def own(scope: Scope, receive: Receive, send: Send) -> None:
        host = "" if scope["type"] == "lifespan" else Headers(scope=scope).get("host", "")
        if is_own_host(host, names):
            await app(scope, receive, send)
            return
        text = f'there is no "{host[:_LONGEST_HOST]}" here: ask for localhost, or have the server started with --hostname NAME'
        refused = problem(421, text, headers=_SECURITY)
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(refused)
        else:
            await refused(scope, receive, send)

    return own


def _shared(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """Let pages of other origins ask, without cookies: whoever asks says who they are in a header."""
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
        expose_headers=["X-Paging-PageSize", "Link", "Retry-After"],
        max_age=600,
    )


def _endpoint(office: Office, handler: Handler, *, door: Door) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        came, began = office.clock.wall(), office.clock.monotonic()
        request.state.about = {"user": ""}
        response = await _admitted(office, handler, request, door)
        for name, value in _SECURITY.items():
            response.headers.setdefault(name, value)
        if office.audit is not None:
            seconds = office.clock.monotonic() - began
            request_id = response.headers["X-Request-ID"] = new_request_id()
            about = {"request_id": request_id, "status": response.status_code, **request.state.about}
            office.audit(line_of(request, at=came, seconds=seconds, about=about))
        return response

    return endpoint


async def _admitted(office: Office, handler: Handler, request: Request, door: Door) -> Response:
    """Answer a request, if there is room for it and it is known who sends it; never raises but when cancelled."""
    try:
        if door is Door.ALWAYS:
            return await handler(Asked(request, _NOBODY))
        if door is Door.KNOWN and request.method not in SAFE and is_foreign(request.headers, office.origins):
            return problem(403, FOREIGN)
        address = request.client.host if request.client else ""
        who = office.identify(request.headers, address)
        request.state.about["user"] = who.username if who is not None else ""
        wait = office.rate.take(who.username if who is not None else address, office.clock.monotonic())
        if wait:
            text = f"too many requests: {office.limits.requests_per_second:g} in a second are taken"
            await trio.sleep(office.limits.wait_seconds)
            return problem(429, text, headers={"Retry-After": str(math.ceil(wait))})
        if who is None and door is not Door.PUBLIC:
            return problem(401, NOT_KNOWN, headers=office.challenge)
        async with office.reading.of(request) as body:
            return await _answered(office, handler, Asked(request, who or _NOBODY, body))
    except BodyTooLarge as cause:
        return problem(413, str(cause))
    except BodyTooSlow as cause:
        return problem(408, str(cause), headers={"Connection": "close"})
    except Refused as cause:
        return refusal(cause)
    except ClientDisconnect:
        return problem(400, "you are gone")
    except Exception:  # noqa: BLE001 - the last line: a fault of ours is told to its log, and to nobody else
        log("understudy.server").exception("request_failed", path=request.url.path, method=request.method)
        return problem(500, "the server failed: its log says more")


def _held_up(office: Office, text: str) -> str:
    """Say what requests wait for as well, where it is the store: while that is away, all that store something do."""
    trouble = office.desk.trouble()
    return text if trouble is None else f"{text} ({trouble.reason})"


async def _answered(office: Office, handler: Handler, asked: Asked) -> Response:
    """Answer once there is room, which is waited for a little: first come, first served."""
    with trio.move_on_after(office.limits.wait_seconds) as waiting:
        await office.room.acquire()
    if waiting.cancelled_caught:
        return refusal(Unavailable(_held_up(office, "the server has as many requests as it takes: try again later")))
    try:
        with trio.move_on_after(office.limits.request_seconds):
            return await handler(asked)
        return refusal(Unavailable(_held_up(office, "it took too long: it may still be done")))
    finally:
        office.room.release()


async def _route(office: Office, route: Route, asked_for: Asked) -> Response:
    request, who = asked_for.request, asked_for.who
    if route.admin and not office.desk.administers(who):
        return problem(401, "only administrators may do this")
    body = await parsed(asked_for.body) if route.method in {"POST", "PUT"} else None
    task_id, asked = "", route.message
    try:
        task_id = await _task_of_execution(office, request, who) if route.execution else ""
        messages = messages_of(route, request, body, task_id)
        answer: Answer = None
        for message in messages:
            asked = type(message)
            request.state.about |= about(message)
            answer = await office.desk.handle(message, who, lenient=True)
    except Refused as cause:
        if asked is RunTask and isinstance(cause, Conflict) and await _runs_by_itself(office, task_id, who):
            return Response(status_code=204)
        return refusal(cause, conflict=409 if route.strict else 400)
    if route.status == 204:
        return Response(status_code=204)
    if route.message is CallCallback:
        return reply(request, {"message": "The callback has been resolved"})
    size = int(getattr(messages[0], "page_size", 0))
    headers = page_headers(request, answer, size) if route.paged else None
    return reply(request, shown(answer, route.view, request.path_params.get("name", "")), route.status, headers)


async def _runs_by_itself(office: Office, task_id: str, who: Identity) -> bool:
    """Say whether the first run, which was asked for, began by itself just now: in µTask it would still be waiting to."""
    seen = await office.desk.handle(GetTask(task_id=task_id), who)
    if not isinstance(seen, SeenTask):
        return False
    task = seen.task
    recent = office.clock.wall() - task.last_activity < _CLAIMED_WITHIN_SECONDS
    return task.run == 1 and recent and task.resolution in {ResolutionState.RUNNING, ResolutionState.DONE}


async def _task_of_execution(office: Office, request: Request, who: Identity) -> str:
    found = await office.desk.handle(FindTask(resolution_id=request.path_params["id"]), who)
    if not isinstance(found, SeenTask):
        return ""
    step = request.path_params.get("name")
    if step is not None and step not in found.task.steps:
        raise NotFound("step", step, did_you_mean(step, [*found.task.steps]))
    return found.task.header.task_id


async def _message(office: Office, asked: Asked) -> Response:
    message = REQUESTS.decode(await parsed(asked.body))
    asked.request.state.about |= about(message)
    view = View.RESOLUTION if isinstance(message, FindTask) else View.TASK
    return reply(asked.request, shown(await office.desk.handle(message, asked.who), view))


async def _home(asked: Asked) -> Response:
    return _elsewhere(asked, "/meta")


async def _to_dashboard(asked: Asked) -> Response:
    return _elsewhere(asked, "/ui/dashboard/")


def _elsewhere(asked: Asked, path: str) -> Response:
    return RedirectResponse(f"{asked.request.scope.get('root_path', '')}{path}", 301)


async def _page(asked: Asked) -> Response:
    return page(asked.request.path_params["path"])


async def _events(office: Office, asked: Asked) -> Response:
    return await stream(office, asked.request, asked.who)


async def _meta(office: Office, asked: Asked) -> Response:
    who = asked.who
    meta: dict[str, Json] = {
        "application_name": office.application_name,
        "user_is_admin": office.desk.administers(who),
        "username": who.username,
        "user_groups": sorted(who.groups),
        "version": version("understudy"),
        "commit": "",
    }
    return reply(asked.request, meta)


async def _ping(office: Office, _asked: Asked) -> Response:
    await office.desk.handle(GetStatistics(tags={"ping": "ping"}), _NOBODY)
    return PlainTextResponse("pong")


async def _spec(asked: Asked) -> Response:
    return reply(asked.request, document())


async def _alive(_asked: Asked) -> Response:
    return PlainTextResponse("ok")


_TROUBLED_SECONDS: Final = 30.0
"""How long a server takes nothing after its store took nothing; then it is tried again, for nobody else would."""


async def _ready(office: Office, _asked: Asked) -> Response:
    if office.desk.draining:
        return refusal(Unavailable("the server is draining"))
    trouble, now = office.desk.trouble(), office.clock.monotonic()
    if trouble is not None and trouble.number != office.trouble[0]:
        office.trouble = trouble.number, now
    if trouble is not None and now - office.trouble[1] < _TROUBLED_SECONDS:
        return refusal(Unavailable(trouble.reason))
    await office.desk.handle(GetStatistics(tags={"ping": "ping"}), _NOBODY)
    return PlainTextResponse("ok")


async def _metrics(office: Office, _asked: Asked) -> Response:
    from runtime.server.metrics import exposed  # noqa: PLC0415 - its library is loaded when it is asked for

    text, kind = await exposed(office)
    return Response(text, media_type=kind)


async def _no_route(_request: Request, cause: Exception) -> Response:
    status = cause.status_code if isinstance(cause, HTTPException) else 500
    texts = {404: "there is nothing here", 405: "this method is not taken here"}
    headers = cause.headers if isinstance(cause, HTTPException) else None  # with the methods that are taken
    response = problem(status, texts.get(status, "refused"), headers=headers)
    response.headers.update(_SECURITY)
    return response
