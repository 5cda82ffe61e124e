"""`approval`: asks a person, and waits for the answer.

The question is a flow of one step, with the id ``<task>.<step>``: it is answered like any approval
(``understudy flow approve <task>.<step> s1``), by those who may, in all six ways, until it expires; a note comes with
the answer. After a crash or a restart the step waits on. Nothing of the task is in memory meanwhile, unless others
of its steps run.
"""

from collections.abc import Mapping
from typing import Final

import attrs

from runners._bounds import positive
from runners._embedded import run_flow
from runtime.runner import ClientError, Duration, FlowOrder, Json, Outcome, Runner, StepRequest

_QUESTION: Final = "approval"
_YES: Final = {"approve", "auto-approve"}
_NO: Final = "deny"
_AWAITS: Final = "waits for somebody to approve or deny step s1 of"


@attrs.frozen(kw_only=True)
class ApprovalConfig:
    """What to ask whom.

    Attributes:
        plan: what is to be approved; shown to whoever answers.
        approvers: who may answer; nobody in particular means anybody who sees the task.
        approver_groups: groups whose members may, too.
        approve_all: nobody is asked, the answer is yes.
        expires: how long an answer may take.
    """

    plan: Json = None
    approvers: tuple[str, ...] = ()
    approver_groups: tuple[str, ...] = ()
    approve_all: bool = False
    expires: Duration = attrs.field(default=Duration(30 * 86400.0), validator=positive)


class Approval(Runner[ApprovalConfig]):
    """Asks a person. Its output is ``{"approved", "response", "note", "by"}``."""

    name = "approval"
    resumes = True
    waits = True
    config = ApprovalConfig

    async def run(self, request: StepRequest[ApprovalConfig]) -> Outcome:
        """Ask. Skipping is an answer, and not an error.

        Raises:
            NotAssigned: there is no answer yet.
            ClientError: it was denied, with that output; or nobody answered in time.
            StepFailed: nobody asks for it here any more.
        """
        config = request.config
        order = FlowOrder(
            id=f"{request.task_id}.{request.step}",
            parent=request.task_id,
            flow=_document(config),
            by=request.requester or "user",
            approve_all=config.approve_all,
            approval_seconds=config.expires,
            plan_seconds=config.expires,
        )
        report = await run_flow(self.settings, order, request.spawned, awaits=_AWAITS)
        asked = report.steps[_QUESTION]
        if asked.answer is None:
            raise ClientError(f"it was not answered: {report.error or asked.status}")
        answer = asked.answer
        output = {
            "approved": answer.response in _YES,
            "response": answer.response,
            "note": answer.note,
            "by": answer.by,
        }
        if answer.response == _NO:
            raise ClientError(f"denied by {answer.by}{f': {answer.note}' if answer.note else ''}", output=output)
        return Outcome(output=output)


def _quoted(value: Json) -> Json:
    """Give a value that a template prints as it is: what it holds is nobody's template any more."""
    match value:
        case str():
            return value.replace("{{", '{{"{{"}}')
        case Mapping():
            return {name: _quoted(one) for name, one in value.items()}
        case list():
            return [_quoted(one) for one in value]
        case _:
            return value


def _document(config: ApprovalConfig) -> Mapping[str, Json]:
    question: dict[str, Json] = {
        "name": _QUESTION,
        "execution_type": "approval",
        "plan_kind": "approve-all",
        "approvers": list(config.approvers),
        "approver_groups": list(config.approver_groups),
        "idempotent": True,
        "signal": {"type": "echo", "data": {"output": {"plan": _quoted(config.plan)}}},
    }
    return {"kind": "flow", "name": _QUESTION, "groups": [{"name": _QUESTION, "steps": [question]}]}
