"""A runtime in a Flask application: opened once, used by every request's thread, closed when the program ends.

Run it: ``flask --app examples/flask_app run``, and ask for ``/greet/Ada``.
"""

import atexit
from contextlib import ExitStack
from pathlib import Path

from flask import Flask

from runtime.hosts.sync import open_runtime

HELLO = Path(__file__).parent / "templates/greeting.yaml"


def create_app() -> Flask:
    app = Flask(__name__)
    stack = ExitStack()
    rt = stack.enter_context(open_runtime())
    atexit.register(stack.close)
    app.extensions["understudy"] = stack
    greeting = rt.prepare(HELLO)

    @app.get("/greet/<name>")
    def greet(name: str) -> dict[str, object]:
        task = rt.submit(greeting, {"name": name}, timeout=5)
        return {"task": task.id, **task.result(timeout=30)}

    return app
