"""What ``understudy flow`` prints, and the exit status it ends with: the same for a store and for a server.

Flows are taken as the JSON that a server gives (`runtime.api.flow_views.FlowView`).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from runtime.api.flow_messages import FlowStepChanged
from runtime.cli.tables import printable, table
from runtime.flow.flow import AWAITING_RETRY
from runtime.flow.states import POLICY_ERROR_KEY, WARN_VIOLATIONS_KEY, FlowStatus, FlowTurn
from runtime.values.json import dumps

WAITS: Final = 3
"""The exit status of a flow that waits for a person, or runs on without being waited for."""


def report(view: Mapping[str, Any], *, as_json: bool) -> None:
    """Print where a flow stands."""
    if as_json:
        print(dumps(view))
        return
    print(printable(f"{view['name']} {view['id']}: {view['status']['status']}{_standing(view)}"))
    rows = [(one["group_id"], one["id"], one["name"], one["status"]["status"], _why(one)) for one in view["steps"]]
    grouped = 0 if view["groups"] else 1  # what has no groups says nothing of them
    if rows:
        print(table(("GROUP", "STEP", "NAME", "STATUS", "")[grouped:], [row[grouped:] for row in rows]))
    if view["error"]:
        print(printable(view["error"]))


def report_answer(tag: str, answer: Any, *, as_json: bool) -> int:
    """Print the answer to the question of that tag; give the exit status."""
    match tag:
        case "get_flow":
            report(answer, as_json=as_json)
            return exit_status(answer)
        case "list_flows" if not as_json:
            rows = [
                (one["id"], one["status"], str(one["steps"]), one["owner"], one["created_by_id"], one["name"])
                for one in answer
            ]
            print(table(("ID", "STATUS", "STEPS", "OWNER", "BY", "NAME"), rows))
        case "list_policy_reports" if not as_json:
            found = [
                (one["step_id"], broken["policy_id"], broken["severity"], broken["path"], broken["message"])
                for one in answer
                for broken in one["violations"]
            ]
            passed = [
                (one["step_id"], policy, "passed", "", "") for one in answer for policy in one["passed_policy_ids"]
            ]
            errors = [(one["step_id"], "", "error", "", one["error"]) for one in answer if one["error"]]
            print(table(("STEP", "POLICY", "FOUND", "AT", ""), [*errors, *found, *passed]))
        case "get_approval":
            print(msgspec.json.format(dumps(answer["contents"]), indent=2))
        case "get_flow_step":
            print(msgspec.json.format(dumps(answer), indent=2))
        case _:
            print(dumps(answer))
    return 0


def exit_status(view: Mapping[str, Any]) -> int:
    """Give the exit status that says where a flow stands."""
    if not view["ended"]:
        return WAITS
    return 0 if view["status"]["status"] == FlowStatus.SUCCESS else 1


class News:
    """Prints what steps come to as it happens; `before` is the flow before anything was said to it, if it was there.

    `replayed`: it will be given all events of the flow, those from before included, which are no news.
    """

    def __init__(self, before: Mapping[str, Any] | None = None, *, replayed: bool = False) -> None:
        self._known = _writes(before)
        self._seen: Counter[str] = Counter() if replayed else self._known.copy()

    def tell(self, event: object, *, quiet: bool = False) -> None:
        """Print an event, if it is news."""
        if isinstance(event, FlowStepChanged):
            self._seen[event.step] += 1
            if self._seen[event.step] > self._known[event.step] and not quiet:
                print(printable(f"  {event.step} {event.name}: {event.status}"), flush=True)

    def complete(self, view: Mapping[str, Any]) -> bool:
        """Say whether all was told that led to what a flow is."""
        return all(self._seen[step] >= writes for step, writes in _writes(view).items())


def _writes(view: Mapping[str, Any] | None) -> Counter[str]:
    """Count how often the status of each step was written: each is one event."""
    steps = view["steps"] if view is not None else ()
    return Counter({one["id"]: len(one["status"]["history"]) for one in steps})


def _standing(view: Mapping[str, Any]) -> str:
    """Say what the status of a flow does not."""
    mended = not view["ended"] and view["status"]["metadata"].get(AWAITING_RETRY)
    if mended or view["turn"] == FlowTurn.WAITS:
        return f" ({view['status']['status_human_description']})"
    if not view["paused"]:
        return ""
    parked = view["at_rest"] and view["status"]["status"] == FlowStatus.IN_PROGRESS
    return " (paused)" if parked else " (to be paused after this group)"


def _why(step: Mapping[str, Any]) -> str:
    """Say what there is to say of a step: what it waits for, or why it is where it is; and what can be done about it."""
    if step["waits"]:
        approval = step["approval"] or {}
        may = [*approval.get("approvers", ()), *(f"group {one}" for one in approval.get("approver_groups", ()))]
        asks = f"approve or deny it ({', '.join(may)} may)" if may else "approve or deny it"
        return "; ".join((asks, *_found(step["status"]["metadata"])))
    reason = str(step["status"]["metadata"].get("reason") or "")
    can = " or ".join(verb for verb in ("retry", "skip") if step[f"may_{verb}"])
    if step["not_before"] is not None:
        return f"tried again at {_moment(step['not_before'])}: retry it to have that now"
    if step["queued"]:
        return f"waits for resources that others hold: {step['queued']}"
    return f"{reason}: {can} it" if can and reason else reason


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _found(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Say what policies found in a plan that somebody has to answer, and that they could not all be asked."""
    for one in metadata.get(WARN_VIOLATIONS_KEY, ()):
        yield f"{one['policy_id']}: {one['message']}"
    if POLICY_ERROR_KEY in metadata:
        yield f"not checked: {metadata[POLICY_ERROR_KEY]}"
