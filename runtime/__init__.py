"""understudy: a supervised, concurrent runtime for tasks made of steps, on trio.

::

    from runtime import open_runtime

    async with open_runtime() as rt:
        task = await rt.submit("hello.yaml", {"name": "Ada"})
        print(await task.result())

Packages, in the order in which they may import each other:

    actors      supervised actors: knows nothing of tasks
    runtime     tasks, flows, steps, templates, values, the journal, the messages, the command line
    runners     what steps do; imports `runtime.runner`, and `runtime.worker` for the processes it calls; nothing else of ours

Inside `runtime`: `templates` reads, `values` renders, `engine` decides on tasks and `flow` on flows (whose plans
`policies` judge), `journal` stores, `work` acts, `notifications` tells, `api` is talked to, `cli` is typed at, `server`
is asked over HTTP, `logs` writes down, `hosts` embeds all of it in programs that are not on trio, `testing` is for tests of
your own, and `app` builds it together. Beside them lies what several need:

    settings, configuration         what a program says to `app`; what is said in configurations, as values (`structuring`)
    flows, functions, destinations  what it brings along: for flows, to be called; and where steps may connect to
    runner, wishes, life, worker    what a step does, what it may wish for, what it says meanwhile; its other process
    cache, messenger, embedded      what steps share, whom they tell, the flows that they run
    parameters, foreign, threads    code that is not ours: what it takes, what it raises, where it runs
    errors, extras, faults          what can go wrong, what may not be installed, when a crash makes a difference
    arguments, lengths, duration    what is said in Python, checked; how long texts may be; Go's durations
    frozen, ids, heap, described    values cheap to make, ids, the garbage collector; docstrings as users see them

What holds, always, and is tested:

* no effect before the record that explains it is stored;
* exactly one report per attempt of a step;
* the records of a task, replayed, give the state that was in memory after every turn;
* a refused request leaves no trace;
* no actor waits for another actor's answer (storing is the one wait).

Where a docstring names a section, or a number such as Q18, it says where a rule comes from: from what was written down of
µTask's behaviour and its quirks before this was built, or, about flows, of the conductor's. It holds without that.

This module loads what it exports when it is first asked for, so that importing one part costs that part.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from runtime.api.client import Runtime
    from runtime.api.flow_handle import FlowHandle
    from runtime.api.flow_messages import FlowGroupChanged, FlowStateChanged, FlowStepChanged, FlowTargetChanged
    from runtime.api.flow_views import FlowView
    from runtime.api.handle import TaskHandle
    from runtime.api.messages import (
        Event,
        Forgotten,
        Lagged,
        Recorded,
        StepProgressed,
        StepStateChanged,
        TaskStateChanged,
    )
    from runtime.api.templates import Prepared
    from runtime.api.views import StepStatus, TaskView
    from runtime.app import open_runtime
    from runtime.destinations import Destinations
    from runtime.engine.rights import Administrators
    from runtime.engine.states import ResolutionState, StepState, TaskState
    from runtime.errors import (
        Conflict,
        Fault,
        FlowInvalid,
        Forbidden,
        FunctionInvalid,
        InputInvalid,
        NotFound,
        Refused,
        TaskNotDone,
        TemplateInvalid,
        Unavailable,
        UnderMaintenance,
        UnderstudyError,
    )
    from runtime.flow.outcomes import (
        ApprovalPauseError,
        FlowCancelledError,
        FlowFailedError,
        FlowNotDone,
        FlowNotStarted,
        FlowStoppedError,
        NotApprovedError,
    )
    from runtime.flow.rows import GroupSpec, RetryRule, Signal, StepSpec
    from runtime.flows import Flows, generator
    from runtime.journal.listing import Wanted
    from runtime.journal.protocol import Listed, Place, StoreUnusable
    from runtime.journal.shared import LeaseFigures
    from runtime.policies.cel import CelPolicy
    from runtime.policies.schema import SchemaPolicy
    from runtime.templates.model import (
        Action,
        Assertion,
        Condition,
        ConditionScope,
        ConditionType,
        ForeachStrategy,
        Input,
        InputType,
        Operator,
        Output,
        OutputStrategy,
        RetryPattern,
        Step,
        Template,
        Variable,
    )
    from runtime.work.limits import Limits
    from runtime.work.pools import ResourceFigures

_HOME: Final = {
    "runtime.api.flow_messages": ("FlowGroupChanged", "FlowStateChanged", "FlowStepChanged", "FlowTargetChanged"),
    "runtime.api.messages": (
        "Event",
        "Forgotten",
        "Lagged",
        "Recorded",
        "StepProgressed",
        "StepStateChanged",
        "TaskStateChanged",
    ),
    "runtime.destinations": ("Destinations",),
    "runtime.engine.rights": ("Administrators",),
    "runtime.journal.listing": ("Wanted",),
    "runtime.api.client": ("Runtime",),
    "runtime.api.flow_handle": ("FlowHandle",),
    "runtime.api.flow_views": ("FlowView",),
    "runtime.api.handle": ("TaskHandle",),
    "runtime.api.templates": ("Prepared",),
    "runtime.api.views": ("StepStatus", "TaskView"),
    "runtime.app": ("open_runtime",),
    "runtime.engine.states": ("ResolutionState", "StepState", "TaskState"),
    "runtime.errors": (
        "Conflict",
        "Fault",
        "FlowInvalid",
        "Forbidden",
        "FunctionInvalid",
        "InputInvalid",
        "NotFound",
        "Refused",
        "TaskNotDone",
        "TemplateInvalid",
        "Unavailable",
        "UnderMaintenance",
        "UnderstudyError",
    ),
    "runtime.flow.outcomes": (
        "ApprovalPauseError",
        "FlowCancelledError",
        "FlowFailedError",
        "FlowNotDone",
        "FlowNotStarted",
        "FlowStoppedError",
        "NotApprovedError",
    ),
    "runtime.flow.rows": ("GroupSpec", "RetryRule", "Signal", "StepSpec"),
    "runtime.flows": ("Flows", "generator"),
    "runtime.journal.protocol": ("Listed", "Place", "StoreUnusable"),
    "runtime.policies.cel": ("CelPolicy",),
    "runtime.policies.schema": ("SchemaPolicy",),
    "runtime.templates.model": (
        "Action",
        "Assertion",
        "Condition",
        "ConditionScope",
        "ConditionType",
        "ForeachStrategy",
        "Input",
        "InputType",
        "Operator",
        "Output",
        "OutputStrategy",
        "RetryPattern",
        "Step",
        "Template",
        "Variable",
    ),
    "runtime.work.limits": ("Limits",),
    "runtime.journal.shared": ("LeaseFigures",),
    "runtime.work.pools": ("ResourceFigures",),
}
_MODULE_OF: Final = {name: module for module, names in _HOME.items() for name in names}

__all__ = (
    "Action",
    "Administrators",
    "ApprovalPauseError",
    "Assertion",
    "CelPolicy",
    "Condition",
    "ConditionScope",
    "ConditionType",
    "Conflict",
    "Destinations",
    "Event",
    "Fault",
    "FlowCancelledError",
    "FlowFailedError",
    "FlowGroupChanged",
    "FlowHandle",
    "FlowInvalid",
    "FlowNotDone",
    "FlowNotStarted",
    "FlowStateChanged",
    "FlowStepChanged",
    "FlowStoppedError",
    "FlowTargetChanged",
    "FlowView",
    "Flows",
    "Forbidden",
    "ForeachStrategy",
    "Forgotten",
    "FunctionInvalid",
    "GroupSpec",
    "Input",
    "InputInvalid",
    "InputType",
    "Lagged",
    "LeaseFigures",
    "Limits",
    "Listed",
    "NotApprovedError",
    "NotFound",
    "Operator",
    "Output",
    "OutputStrategy",
    "Place",
    "Prepared",
    "Recorded",
    "Refused",
    "ResolutionState",
    "ResourceFigures",
    "RetryPattern",
    "RetryRule",
    "Runtime",
    "SchemaPolicy",
    "Signal",
    "Step",
    "StepProgressed",
    "StepSpec",
    "StepState",
    "StepStateChanged",
    "StepStatus",
    "StoreUnusable",
    "TaskHandle",
    "TaskNotDone",
    "TaskState",
    "TaskStateChanged",
    "TaskView",
    "Template",
    "TemplateInvalid",
    "Unavailable",
    "UnderMaintenance",
    "UnderstudyError",
    "Variable",
    "Wanted",
    "generator",
    "open_runtime",
)


if not TYPE_CHECKING:  # with it in sight, a type checker would believe in every name

    def __getattr__(name: str) -> object:
        module = _MODULE_OF.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(module), name)
