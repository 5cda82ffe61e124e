"""A web service on trio whose workflows survive it, ask people, and wait for calls: its own routes, and tasks below ``/tasks``.

Run it: ``python examples/trio_service.py``. ``curl -X POST localhost:8081/releases/1.2`` begins with a release, which the
user "ada" (password "secret") approves on http://localhost:8081/tasks/ui/dashboard/. Then it prints the address that
whoever builds it calls (``curl -d '{"size": 7}' ADDRESS``), and ``localhost:8081/releases/1.2`` shows what came of it.
"""

import sys

import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from runtime import Action, Administrators, Input, Runtime, Step, Template, open_runtime
from runtime.api.desk import Desk
from runtime.server.app import Office, build_app
from runtime.server.auth import BasicAuth
from runtime.server.serving import serving

PASSWORDS = {"ada": "secret", "ben": "another"}  # a real one asks a proxy, or has tokens: see runtime.server.auth
ADMINISTRATORS = Administrators(usernames=["ada"])


async def order_build(version: str, address: str) -> None:
    """Have it built by somebody who calls back."""
    print(f"build {version}, and call {address}", flush=True)


RELEASE = Template(
    name="release",
    inputs=[Input(name="version")],
    steps={
        "ask": Step(
            action=Action(
                type="approval", configuration={"plan": {"release": "{{.input.version}}"}, "approvers": ["ada"]}
            )
        ),
        "call": Step(action=Action(type="callback", configuration={"action": "create"}), dependencies=["ask"]),
        "build": Step(
            action=Action.calling(order_build, version="{{.input.version}}", address="{{.step.call.output.url}}"),
            dependencies=["call"],
            idempotent=True,
        ),
        "wait": Step(
            action=Action(type="callback", configuration={"action": "wait", "id": "{{.step.call.output.id}}"}),
            dependencies=["build"],
        ),
    },
    result_format={"approved_by": "{{.step.ask.output.by}}", "size": "{{.step.wait.output.body.size}}"},
)


def application(rt: Runtime) -> Starlette:
    """Give its routes: two of its own, and those of all servers."""

    async def begin(request: Request) -> JSONResponse:
        version: str = request.path_params["version"]
        await rt.submit(RELEASE, {"version": version}, task_id=f"release-{version}")  # again: the same one
        return await tell(request)

    async def tell(request: Request) -> JSONResponse:
        view = await rt.status(f"release-{request.path_params['version']}")
        return JSONResponse({"state": view.state, "waits_for": view.waits_for, "result": view.result})

    return Starlette(
        routes=[
            Route("/releases/{version}", begin, methods=["POST"]),
            Route("/releases/{version}", tell),
            Mount("/tasks", build_app(Office(Desk(rt), BasicAuth(PASSWORDS)))),
        ]
    )


async def main(store: str, listen: str = "127.0.0.1:8081") -> None:
    config = {"callback-config": f'{{"base_url": "http://{listen}/tasks"}}'}  # how others reach this service
    async with (
        open_runtime(store, config=config, administrators=ADMINISTRATORS) as rt,
        serving(application(rt), listen, grace_seconds=3) as address,
    ):
        print(f"at http://{address}", flush=True)
        await trio.sleep_forever()


if __name__ == "__main__":
    trio.run(main, sys.argv[1] if len(sys.argv) > 1 else "releases.db")
