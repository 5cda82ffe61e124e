"""Flows that use each feature of the engine, with steps that leave a trace in the world outside."""

from collections import Counter
from collections.abc import Mapping

import trio

from runtime import Action, Condition, Input, Output, Template
from runtime.runner import Outcome, StepFailed, StepRequest
from runtime.templates.model import (
    Assertion,
    ConditionScope,
    ConditionType,
    ForeachStrategy,
    Operator,
    OutputStrategy,
)
from tests.support.plans import echo, plan, step


class World:
    """What steps do to it stays, whatever becomes of the process; once it is `over` nothing more is done to it."""

    def __init__(self) -> None:
        self.over = False
        self.starts: Counter[tuple[str, str]] = Counter()

    def start(self, request: StepRequest[object]) -> int:
        """Say that a step began; gives how often it has."""
        if not self.over:
            self.starts[request.task_id, request.step] += 1
        return self.starts[request.task_id, request.step]


WORLD = World()


async def touch(request, value="done"):
    WORLD.start(request)
    await trio.sleep(0.1)
    return {"value": value}


async def flaky(request):
    """Fails the first two times."""
    times = WORLD.start(request)
    await trio.sleep(0.1)
    if times < 3:
        raise StepFailed("not yet")
    return {"value": "at last"}


async def hanging(request):
    """Hangs the first time."""
    if WORLD.start(request) == 1:
        await trio.sleep_forever()
    return {"value": "done"}


async def labelled(request):
    WORLD.start(request)
    await trio.lowlevel.checkpoint()
    return Outcome(output={"value": "x"}, tags={"colour": "blue"})


async def eager(request):
    """Asks to be run again at once, the first time."""
    times = WORLD.start(request)
    await trio.sleep(0.1)
    return {"again": times < 2}


def act(function=touch, **arguments):
    return Action.calling(function, **arguments)


def when(value, expected, then, kind=ConditionType.CHECK, scope=None):
    asked = [Assertion(value=value, operator=Operator.EQ, expected=expected)]
    return Condition(type=kind, if_=asked, then=then, foreach=scope)


def safe(*dependencies, **fields):
    return step(*dependencies, idempotent=True, action=fields.pop("action", act()), **fields)


def once(*dependencies, **fields):
    """A step that nobody may start twice unasked."""
    return step(*dependencies, action=fields.pop("action", act()), **fields)


LOOP = {"foreach": "[1, 2, 3]", "foreach_strategy": ForeachStrategy.PARALLEL}
CHAIN = {"foreach": '["x", "y"]', "foreach_strategy": ForeachStrategy.SEQUENCE}
ITEM = act(value="{{.iterator}}")

FLOWS: Mapping[str, Template] = {
    "chain": plan(
        {"last": "{{.step.c.output.value}}"},
        [Input(name="name")],
        a=safe(action=act(value="{{.input.name}}")),
        b=safe("a", action=act(value="{{.step.a.output.value}}!")),
        c=safe("b", action=act(value="{{.step.b.output.value}}?")),
    ),
    "non_idempotent": plan({"x": "{{.step.c.output.value}}"}, a=once(), b=once("a"), c=once("b"), d=safe("a")),
    "side_by_side": plan(**{name: safe() for name in "abcd"}, join=safe(*"abcd")),
    "retry": plan(a=safe(action=act(flaky)), b=once("a")),
    "conditions": plan(
        a=safe(custom_states=["ODD"], conditions=[when("{{.step.this.output.value}}", "done", {"this": "ODD"})]),
        b=safe("a"),
        c=safe("a:ODD", conditions=[when("{{.step.a.state}}", "ODD", {"this": "DONE"}, ConditionType.SKIP)]),
        d=safe("a:ODD", conditions=[when("x", "x", {"e": "PRUNE"})]),
        e=safe("c", "d"),
        f=safe("b:ANY"),
    ),
    "retry_now": plan(
        a=safe(action=act(eager), conditions=[when("{{.step.this.output.again}}", "true", {"this": "RETRY_NOW"})]),
        b=safe("a"),
    ),
    "loops": plan(
        {"all": "{{range .step.a.children}}{{.output.value}}{{end}}"},
        a=safe(action=ITEM, **LOOP),
        b=safe("a", action=ITEM, **CHAIN),
        c=once("b"),
    ),
    "loop_once": plan(a=once(action=ITEM, **LOOP), b=once("a", action=ITEM, **CHAIN)),
    "skipping_loop": plan(
        a=safe(
            action=ITEM,
            conditions=[when("{{.iterator}}", "2", {"this": "PRUNE"}, ConditionType.SKIP, ConditionScope.CHILDREN)],
            **LOOP,
        ),
        b=safe("a"),
    ),
    "pre_hook": plan(
        a=safe(pre_hook=echo({"token": "t"}), action=act(value="{{.pre_hook.output.token}}")), b=safe("a")
    ),
    "outputs": plan(
        a=safe(
            action=Action(
                type="echo",
                configuration={"output": {"x": "1"}},
                output=Output(strategy=OutputStrategy.MERGE, format={"y": "2"}),
            )
        ),
        b=safe("a", action=act(value="{{.step.a.output.y}}")),
    ),
    "tags": plan(a=safe(action=act(labelled)), b=safe("a")),
    "children": plan(
        {"of": "{{.step.spawn.output}}"},
        spawn=safe(action=Action(type="many", configuration={"template": "child", "inputs": [{"n": "1"}, {"n": "1"}]})),
        after=once("spawn"),
    ),
    "asks": plan(
        {"by": "{{.step.ask.output.response}}"},
        ask=safe(action=Action(type="approval", configuration={"plan": "x", "approve_all": True})),
        after=once("ask"),
    ),
    "flow_of_tasks": plan(
        {"of": "{{.step.run.output.status}}"},
        run=safe(
            action=Action(
                type="flow",
                configuration={
                    "flow": {
                        "kind": "flow",
                        "steps": [
                            {
                                "name": "one",
                                "signal": {"type": "subtask", "data": {"template": "child", "input": {"n": "1"}}},
                            },
                            {"name": "two", "idempotent": True, "signal": {"type": "echo", "data": {"output": "x"}}},
                        ],
                    }
                },
            )
        ),
        after=once("run"),
    ),
    "children_one_by_one": plan(
        spawn=safe(
            action=Action(type="many", configuration={"template": "child", "inputs": [{"n": "1"}] * 3, "at_most": 1})
        ),
    ),
}
