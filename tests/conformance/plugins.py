"""Cases of kind ``plugin``: the configuration of a runner, one execution against a scripted server, a reply decoded."""

import json
from collections.abc import Mapping
from typing import Any

import httpx2

from runners._callback_settings import callback_settings
from runners._reply import Reply, decode_reply
from runners.http import Http
from runtime.configuration import ConfigurationInvalid
from runtime.runner import AnyRunner, Outcome, Runners, StepFailed, StepRequest
from tests.conformance.cases import Case
from tests.conformance.matching import Scope, differences


async def run_plugin_case(case: Case) -> list[str]:
    """Run one case; name what was not as expected."""
    problems: list[str] = []
    for index, action in enumerate(case["actions"]):
        match action["do"]:
            case "valid_config":
                faults = Runners().get(action["plugin"]).check(action["configuration"]).faults
                seen: dict[str, Any] = {"error": str(faults[0]) if faults else None}
            case "decode_http_response":
                response = action["response"]
                reply = Reply(
                    status=response["status"],
                    headers=list(response.get("headers", {}).items()),
                    body=response.get("body", "").encode(),
                )
                seen = _seen(lambda reply=reply: decode_reply(reply))
            case "load_callback_config":
                seen = _callback_settings(action["config_items"])
            case "callback_url":
                seen = {"url": _callback_url(action)}
            case "exec":
                seen = await _execute(action)
            case other:
                seen = {"error": f"the driver does not know {other}"}
        for member, wanted in action["expect"].items():
            for problem in differences(wanted, seen.get(member), Scope({}, now=0), member):
                problems.append(f"{action['do']}[{index}].{problem}")
    return problems


def _seen(decode: Any) -> dict[str, Any]:
    try:
        outcome: Outcome = decode()
    except StepFailed as failure:
        return {"error": str(failure), "output": failure.output, "metadata": failure.metadata}
    return {"error": None, "output": outcome.output, "metadata": outcome.metadata}


def _callback_settings(items: Mapping[str, Any]) -> dict[str, Any]:
    try:
        settings = callback_settings({name: json.dumps(item) for name, item in items.items()})
    except ValueError as fault:
        return {"error": str(fault)}
    return {"error": None, "base_url": settings.base_url, "path_prefix": settings.path_prefix}


def _callback_url(action: Mapping[str, Any]) -> str:
    given = {**action, **{key: inner for one in action.values() if isinstance(one, dict) for key, inner in one.items()}}
    item = {key: given[key] for key in ("base_url", "path_prefix") if given.get(key)}
    return callback_settings({"callback-config": json.dumps(item)}).url(given.get("id", ""), given.get("secret", ""))


async def _execute(action: Mapping[str, Any]) -> dict[str, Any]:
    mock = action.get("http_mock", {})
    wrong: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked = {
            "method": request.method,
            "url": str(request.url),
            "headers": {name: request.headers.get(name) for name in mock.get("expect_request", {}).get("headers", {})},
            "body": request.content.decode(),
        }
        for member, wanted in mock.get("expect_request", {}).items():
            wrong.extend(differences(wanted, asked.get(member), Scope({}, now=0), f"request.{member}"))
        response = mock.get("response", {})
        return httpx2.Response(
            response.get("status", 200), headers=response.get("headers"), text=response.get("body", "")
        )

    runner: AnyRunner = Http(transport=httpx2.MockTransport(answer))
    try:
        config = runner.structure(action["configuration"])
        outcome = await runner.run(StepRequest(task_id="t", resolution_id="r", step="s", attempt=1, config=config))
    except (StepFailed, ConfigurationInvalid) as failure:
        seen: dict[str, Any] = {
            "error": str(failure),
            "output": getattr(failure, "output", None),
            "metadata": getattr(failure, "metadata", None),
        }
    else:
        seen = {"error": None, "output": outcome.output, "metadata": outcome.metadata}
    return {**seen, "error": "; ".join(wrong) or seen["error"]}
