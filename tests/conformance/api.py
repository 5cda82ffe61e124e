"""Cases of kind ``api``: requests to a real server on loopback, as users of it would send them."""

import json
from collections.abc import Mapping
from typing import Any

import trio

from runtime.journal.listing import Wanted
from runtime.templates.loading import template_of
from tests.conformance.cases import Case, Suite
from tests.conformance.matching import at
from tests.support.api_server import Server, running_server


async def run_api_case(suite: Suite, case: Case) -> list[str]:
    """Run one case; name what was not as expected."""
    async with running_server() as server:
        run = _ApiRun(suite, server)
        for index, action in enumerate(case["actions"]):
            try:
                problems = await run.do(action)
            except Exception as crash:  # noqa: BLE001 - it is the verdict on the case
                problems = [f"{type(crash).__name__}: {crash}"]
            if problems:
                return [f"{action['do']}[{index}].{problem}" for problem in problems]
    return []


class _ApiRun:
    def __init__(self, suite: Suite, server: Server) -> None:
        self.suite = suite
        self.server = server
        self.saved: dict[str, str] = {}

    async def do(self, action: Mapping[str, Any]) -> list[str]:
        match action["do"]:
            case "store_template":
                templates = self.server.runtime.templates
                stored = template_of(self.suite.data["inline_templates"][action["inline"]]).template
                if stored.name not in templates:  # and it is not checked
                    templates.put(stored)
                return []
            case "http":
                return await self.ask(action)
            case "sleep":  # the reference waits for a run that it started; what comes next is asked until it is so
                await self.rest()
                return []
            case other:
                return [f"the driver does not know {other}"]

    async def rest(self) -> None:
        with trio.fail_after(30):
            for task in await self.server.runtime.find(Wanted()):
                await self.server.runtime.wait(task.task_id)

    def filled(self, text: str) -> str:
        for name, value in self.saved.items():
            text = text.replace(f"${{{name}}}", value)
        return text

    async def ask(self, action: Mapping[str, Any]) -> list[str]:
        client = self.server.client(action["as"])
        body = action.get("body")
        reply = await client.request(
            action["method"], self.filled(action["path"]), content=None if body is None else self.filled(body)
        )
        expected = action["expect"]
        if reply.status_code != expected["status"]:
            return [f"status: expected {expected['status']}, seen {reply.status_code}: {reply.text[:300]}"]
        document = json.loads(reply.text) if reply.text.startswith(("{", "[")) else None
        for name, path in action.get("save", {}).items():
            self.saved[name] = printed(at(document, path))
        return [*self.compare(document, expected)]

    def compare(self, document: Any, expected: Mapping[str, Any]) -> list[str]:
        problems = [
            f"{path}: expected {wanted}, seen {at(document, path)}"
            for path, wanted in expected.get("json", {}).items()
            if printed(at(document, path)) != printed(wanted)
        ]
        problems += [f"{key}: not there" for key in expected.get("json_keys", ()) if key not in document]
        names = [one.get("name") for one in document] if isinstance(document, list) else []
        problems += [f"{name}: not listed" for name in expected.get("list_names_include", ()) if name not in names]
        problems += [f"{name}: listed" for name in expected.get("list_names_exclude", ()) if name in names]
        return problems


def printed(value: Any) -> str:
    """Print a value of a reply as text, as it is compared."""
    return value if isinstance(value, str) else json.dumps(value)
