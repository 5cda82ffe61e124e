"""Every message about flows, by everybody: who may do what is one table (spec section 8.3)."""

import uuid

import attrs
import pytest
import trio

from runtime import open_runtime
from runtime.api.codec import REQUESTS
from runtime.api.desk import Desk
from runtime.api.flow_commands import AboutFlows, AnswerApproval, AnswerTaskApproval, SetApprovalOption, SubmitFlow
from runtime.api.flow_queries import ListFlows
from runtime.api.submission import Submission
from runtime.engine.rights import Identity
from runtime.errors import Conflict, Forbidden, Invalid, NotFound
from runtime.flow.document import FlowDocument
from runtime.flow.rows import Signal, StepSpec
from runtime.flows import Flows
from runtime.templates.model import Action, Step, Template
from tests.support.api_server import ADMINISTRATORS

# Who they are: `fay` submitted the flow, `ada` may answer its first step, and `olga` is in a group that may; `rosa` may
# resolve the task that runs it, `eve` has nothing to do with it.
PEOPLE = {
    "admin": Identity("admin"),
    "root": Identity("root", ["admins"]),
    "submitter": Identity("fay"),
    "approver": Identity("ada"),
    "approving group": Identity("olga", ["ops"]),
    "resolver of its task": Identity("rosa"),
    "stranger": Identity("eve", ["others"]),
    "nobody": Identity(),
}
ADMINS = {"admin", "root"}
RUNS_IT = ADMINS | {"submitter"}
APPROVERS = ADMINS | {"approver", "approving group"}
VIEWERS = RUNS_IT | APPROVERS | {"resolver of its task"}
EVERYBODY = set(PEOPLE)
ALLOWED = {
    "get_flow": VIEWERS,
    "get_flow_step": VIEWERS,
    "get_approval": VIEWERS,
    "list_policy_reports": VIEWERS,
    "answer_approval": APPROVERS,
    "answer_task_approval": APPROVERS,
    "start_flow": RUNS_IT,
    "cancel_flow": RUNS_IT,
    "interrupt_flow_step": RUNS_IT,
    "set_approval_option": RUNS_IT,
    "retry_step": RUNS_IT,
    "skip_step": RUNS_IT,
    "retry_group": RUNS_IT,
    "rerun_flow": RUNS_IT,
    "pause_flow": RUNS_IT,
    "unpause_flow": RUNS_IT,
    "delete_flow": ADMINS,
    "submit_flow": EVERYBODY,
    "list_flows": EVERYBODY,
    "list_flow_types": EVERYBODY,
}

ASKS = StepSpec(
    name="plan",
    execution_type="approval",
    plan_kind="approve-all",
    signal=Signal(type="echo", data={"output": {"change": 1}}),
    approvers=("ada",),
    approver_groups=("ops",),
)
KIT = Flows(documents=[FlowDocument(name="deploy", steps=(attrs.evolve(ASKS, group_idx=1),))])
TASK = Template(
    name="asks",
    steps={
        "ask": Step(
            action=Action(
                type="approval", configuration={"plan": "x", "approvers": ["ada"], "approver_groups": ["ops"]}
            ),
            idempotent=True,
        )
    },
)


def message_of(tag, flow_id, task_id):
    cls = REQUESTS.classes[tag]
    fields = {
        "flow_id": flow_id,
        "flow_type": "deploy",
        "task_id": task_id,
        "step": "ask",
        "step_id": "s1",
        "response": "approve",
        "option": "prompt",
        "operation": "retry-step",
    }
    wanted = {field.name for field in attrs.fields(cls) if field.default is attrs.NOTHING}
    if tag == "submit_flow":
        wanted = {"flow_type"}
    return REQUESTS.decode({"type": tag, **{name: value for name, value in fields.items() if name in wanted}})


async def prepared(runtime, desk):
    """Have a task ask something; give its id, and that of its flow, which waits for the answer."""
    task_id = str(uuid.uuid4())
    submission = Submission(
        template=TASK, inputs={}, task_id=task_id, requester="fay", resolver_usernames=("rosa",), run=True
    )
    flow_id = f"{task_id}.ask"
    async with runtime.subscribe(flow_id) as events:
        await runtime.take_on([submission])
        await anext(aiter(events))
    await runtime.flow_handle(flow_id).wait()
    return task_id, flow_id


async def outcome(desk, message, who):
    try:
        await desk.handle(message, who)
    except Forbidden:
        return "forbidden"
    except NotFound as refusal:
        return "not found" if refusal.kind in {"flow", "task"} else "done"
    except (Conflict, Invalid):
        return "done"  # they may; the state of the flow is another matter
    return "done"


@pytest.mark.parametrize("tag", ALLOWED)
async def test_who_may_send_what(tag):
    with trio.fail_after(60):
        async with open_runtime(administrators=ADMINISTRATORS, flows=KIT, grace_seconds=0) as runtime:
            await runtime.register(TASK)
            desk = Desk(runtime)
            for name, who in PEOPLE.items():
                task_id, flow_id = await prepared(runtime, desk)
                message = message_of(tag, flow_id, task_id)
                refused = "forbidden" if name in VIEWERS else "not found"
                got = await outcome(desk, message, who)
                assert (name, got) == (name, "done" if name in ALLOWED[tag] else refused)


def test_no_message_is_left_out():
    assert set(ALLOWED) == {tag for tag, cls in REQUESTS.classes.items() if issubclass(cls, AboutFlows)}


@pytest.mark.parametrize("name", PEOPLE)
async def test_only_administrators_bring_documents_of_their_own(name):
    document = {"kind": "flow", "steps": [{"name": "a", "signal": {"type": "echo", "data": {"output": "x"}}}]}
    async with open_runtime(administrators=ADMINISTRATORS) as runtime:
        got = await outcome(Desk(runtime), SubmitFlow(document=document), PEOPLE[name])
        assert got == ("done" if name in ADMINS else "forbidden")


@pytest.mark.parametrize("name", PEOPLE)
async def test_lists_hold_what_somebody_has_to_do_with(name):
    async with open_runtime(administrators=ADMINISTRATORS, flows=KIT, grace_seconds=0) as runtime:
        desk = Desk(runtime)
        await desk.handle(SubmitFlow(flow_type="deploy", flow_id="f"), PEOPLE["submitter"])
        await runtime.flow_handle("f").wait()
        page = await desk.handle(ListFlows(), PEOPLE[name])
        assert len(page.flows) == (name in RUNS_IT | APPROVERS)


async def test_nobody_approves_by_the_option_what_they_may_not_answer():
    async with open_runtime(administrators=ADMINISTRATORS, flows=KIT, grace_seconds=0) as runtime:
        desk = Desk(runtime)
        submitted = SubmitFlow(flow_type="deploy", flow_id="f", approval_option="approve-all")
        await desk.handle(submitted, PEOPLE["submitter"])
        assert (await runtime.flow_handle("f").wait()).waits == ("s1",)
        await desk.handle(SetApprovalOption(flow_id="f", option="approve-all"), PEOPLE["submitter"])
        assert (await runtime.flow_handle("f").wait()).waits == ("s1",)
        await desk.handle(SetApprovalOption(flow_id="f", option="approve-all"), PEOPLE["admin"])
        assert (await runtime.flow_handle("f").result()).status.status == "success"


async def test_what_is_not_there_and_what_is_not_theirs_is_refused_in_the_same_words():
    async with open_runtime(administrators=ADMINISTRATORS, flows=KIT, grace_seconds=0) as runtime:
        await runtime.register(TASK)
        desk = Desk(runtime)
        task_id, flow_id = await prepared(runtime, desk)
        for there, missing in (
            (AnswerApproval(flow_id=flow_id, step_id="s1", response="approve"), flow_id),
            (AnswerTaskApproval(task_id=task_id, step="ask", response="approve"), task_id),
        ):
            texts = []
            field = "flow_id" if isinstance(there, AnswerApproval) else "task_id"
            for message in (there, attrs.evolve(there, **{field: "nope"})):
                with pytest.raises(NotFound) as refusal:
                    await desk.handle(message, PEOPLE["stranger"])
                texts.append(str(refusal.value))
            assert texts[0].replace(missing, "nope") == texts[1]
        asks_nothing = AnswerTaskApproval(task_id=task_id, step="other", response="approve")
        with pytest.raises(NotFound, match="no step of that name asks anything"):
            await desk.handle(asks_nothing, PEOPLE["admin"])
