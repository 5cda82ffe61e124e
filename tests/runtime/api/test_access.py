"""Every message, by everybody: who may do what is one table, written from the specification (sections 11.2 and 12.1)."""

import uuid

import attrs
import pytest

from runtime import open_runtime
from runtime.api.codec import REQUESTS
from runtime.api.commands import PauseTask, SubmitTask
from runtime.api.desk import Desk
from runtime.api.flow_commands import AboutFlows
from runtime.api.queries import Involvement, ListTasks, Subscribe
from runtime.api.submission import Submission
from runtime.engine.rights import Identity
from runtime.errors import Conflict, Forbidden, Invalid, NotFound
from runtime.journal.protocol import StoreUnusable
from runtime.templates.model import Action, Input, Step, Template
from tests.support.api_server import ADMINISTRATORS

# Who they are: to a task that `rita` asked for, `will` watches, and `rosa` may resolve; `olga` is in a group that its
# template names, `anton` in one that watches it; `eve` has nothing to do with it.
PEOPLE = {
    "admin": Identity("admin"),
    "root": Identity("root", ["admins"]),
    "requester": Identity("rita"),
    "watcher": Identity("will"),
    "watching group": Identity("anton", ["audit"]),
    "resolver": Identity("rosa"),
    "owner": Identity("oscar"),
    "owning group": Identity("olga", ["ops"]),
    "stranger": Identity("eve", ["others"]),
    "nobody": Identity(),
}
ADMINS = {"admin", "root"}
OWNERS = {"owner", "owning group"}
MANAGERS = ADMINS | OWNERS | {"resolver"}
VIEWERS = MANAGERS | {"requester", "watcher", "watching group"}
EVERYBODY = set(PEOPLE)

# What may be done to a task that nobody has resolved yet.
UNRESOLVED = {
    "get_task": VIEWERS,
    "list_comments": VIEWERS,
    "get_comment": VIEWERS,
    "add_comment": VIEWERS,
    "edit_comment": ADMINS | {"requester"},  # the comment is the requester's
    "delete_comment": ADMINS | {"requester"},
    "resolve_task": MANAGERS,
    "run_task": MANAGERS,
    "pause_task": MANAGERS,
    "cancel_task": MANAGERS,
    "interrupt_step": MANAGERS,
    "extend_task": MANAGERS,
    "start_task_over": MANAGERS,  # are told that its state forbids it, whoever they are
    "reject_task": MANAGERS | {"requester"},
    "tag_task": MANAGERS | {"requester"},
    "rotate_keys": ADMINS,
    "edit_task_inputs": ADMINS | OWNERS | {"requester"},
    "set_step_state": ADMINS | OWNERS,
    "edit_task_steps": ADMINS,
    "edit_resolver_inputs": ADMINS,
    "delete_task": ADMINS,
    "submit_task": EVERYBODY,
    "submit_batch": EVERYBODY,
    "list_tasks": EVERYBODY,
    "list_templates": EVERYBODY,
    "get_template": EVERYBODY,
    "list_functions": EVERYBODY,
    "get_function": EVERYBODY,
    "get_statistics": EVERYBODY,
    "call_callback": EVERYBODY,
}
# What changes once somebody has resolved it.
RESOLVED = {
    **UNRESOLVED,
    "find_task": VIEWERS,
    "edit_task_inputs": ADMINS | OWNERS,
    "start_task_over": ADMINS,  # its template does not allow it to others
}

TEMPLATE = Template(
    name="guarded",
    inputs=[Input(name="n")],
    steps={"a": Step(action=Action(type="echo", configuration={"output": "done"}))},
    allowed_resolver_usernames=["oscar"],
    allowed_resolver_groups=["ops"],
)


def message_of(tag, task_id, comment_id, resolution_id):
    fields = {
        "task_id": task_id,
        "comment_id": comment_id,
        "resolution_id": resolution_id,
        "content": "well said",
        "inputs": [{"n": "1"}] if tag == "submit_batch" else {"n": "1"},
        "resolver_inputs": {},
        "steps": {},
        "step": "a",
        "state": "DONE",
        "template": "guarded",
        "name": "guarded",
        "callback_id": f"{task_id}/1",
        "secret": "wrong",
        "tags": {"colour": "red"},
    }
    cls = REQUESTS.classes[tag]
    wanted = {field.name for field in attrs.fields(cls) if field.default is attrs.NOTHING}
    return REQUESTS.decode({"type": tag, **{name: value for name, value in fields.items() if name in wanted}})


async def prepared(runtime, desk, *, resolved):
    """Make a task as the tables want it, with a comment of its requester's; give its id, and that of its execution."""
    submission = Submission(
        template=TEMPLATE,
        inputs={"n": "1"},
        task_id=str(uuid.uuid4()),
        requester="rita",
        comment="please",
        resolve=False,
        watcher_usernames=("will",),
        watcher_groups=("audit",),
        resolver_usernames=("rosa",),
    )
    await runtime.take_on([submission])
    if resolved:
        await runtime.resolve(submission.task_id, resolver="admin", run=False)
        await runtime.operator(submission.task_id).pause()
    return await runtime.read(submission.task_id)


async def outcome(desk, message, who):
    """Say what somebody got for a message: was it done, or refused, or was there no such task for them."""
    try:
        await desk.handle(message, who)
    except Forbidden:
        return "forbidden"
    except NotFound as refusal:
        return "not found" if refusal.kind in {"task", "resolution"} else "done"
    except (Conflict, Invalid, StoreUnusable):
        return "done"  # they may; the state of the task, or what was sent, is another matter
    return "done"


CASES = [(tag, False) for tag in UNRESOLVED] + [(tag, True) for tag in RESOLVED]


@pytest.mark.parametrize(
    ("tag", "resolved"), CASES, ids=[f"{tag}-{'resolved' if one else 'new'}" for tag, one in CASES]
)
async def test_who_may_send_what(tag, resolved):
    allowed = (RESOLVED if resolved else UNRESOLVED)[tag]
    async with open_runtime(administrators=ADMINISTRATORS) as runtime:
        await runtime.register(TEMPLATE)
        desk = Desk(runtime)
        for name, who in PEOPLE.items():
            task = await prepared(runtime, desk, resolved=resolved)
            message = message_of(tag, task.header.task_id, next(iter(task.notes.comments)), task.header.resolution_id)
            refused = "forbidden" if name in VIEWERS or tag == "rotate_keys" else "not found"
            assert (name, await outcome(desk, message, who)) == (name, "done" if name in allowed else refused)


def test_no_message_is_left_out():
    about_tasks = {tag for tag, cls in REQUESTS.classes.items() if not issubclass(cls, AboutFlows)}
    assert {*UNRESOLVED, *RESOLVED} == about_tasks  # those about flows have a table of their own


@pytest.mark.parametrize("name", PEOPLE)
async def test_only_administrators_pause_by_force(name):
    async with open_runtime(administrators=ADMINISTRATORS) as runtime:
        await runtime.register(TEMPLATE)
        desk = Desk(runtime)
        task = await prepared(runtime, desk, resolved=True)
        got = await outcome(desk, PauseTask(task_id=task.header.task_id, force=True), PEOPLE[name])
        assert got == ("done" if name in ADMINS else "forbidden" if name in VIEWERS else "not found")


@pytest.mark.parametrize("name", PEOPLE)
async def test_only_administrators_and_owners_name_resolvers(name):
    async with open_runtime(administrators=ADMINISTRATORS) as runtime:
        await runtime.register(TEMPLATE)
        message = SubmitTask(template="guarded", inputs={"n": "1"}, resolver_usernames=("me",))
        got = await outcome(Desk(runtime), message, PEOPLE[name])
        assert got == ("done" if name in ADMINS | OWNERS else "forbidden")


@pytest.mark.parametrize("name", PEOPLE)
@pytest.mark.parametrize("involvement", Involvement)
async def test_lists_hold_what_somebody_has_to_do_with(name, involvement):
    own = {"requester", "watcher"}
    resolvable = OWNERS | {"resolver"}
    wanted = {
        Involvement.OWN: own,
        Involvement.RESOLVABLE: resolvable,
        Involvement.ALL: VIEWERS,
    }[involvement]
    async with open_runtime(administrators=ADMINISTRATORS) as runtime:
        await runtime.register(TEMPLATE)
        desk = Desk(runtime)
        await prepared(runtime, desk, resolved=True)
        page = await desk.handle(ListTasks(involvement=involvement), PEOPLE[name])
        assert len(page.tasks) == (name in wanted)


@pytest.mark.parametrize("name", PEOPLE)
async def test_who_may_subscribe_to_what(name):
    async with open_runtime(administrators=ADMINISTRATORS) as runtime:
        await runtime.register(TEMPLATE)
        desk = Desk(runtime)
        task = await prepared(runtime, desk, resolved=True)
        for message, allowed, refused in (
            (Subscribe(task_id=task.header.task_id), VIEWERS, NotFound),
            (Subscribe(), ADMINS, Forbidden),
        ):
            if name in allowed:
                async with await desk.watch(message, PEOPLE[name]) as feed:
                    assert (await feed.read())[0].task_id == task.header.task_id
            else:
                with pytest.raises(refused):
                    await desk.watch(message, PEOPLE[name])


async def test_whoever_took_a_task_on_goes_on_seeing_it():
    async with open_runtime(administrators=ADMINISTRATORS) as runtime:
        await runtime.register(TEMPLATE)
        desk = Desk(runtime)
        task = await prepared(runtime, desk, resolved=False)
        await runtime.resolve(task.header.task_id, resolver="eve", run=False)
        page = await desk.handle(ListTasks(), PEOPLE["stranger"])
        assert [one.task_id for one in page.tasks] == [task.header.task_id]
