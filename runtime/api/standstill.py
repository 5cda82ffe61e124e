"""Why a task does not move, in words: all that it waits for at one moment. Pure, but for `Whereabouts`, which is given.

Who is woken at night by a task that stands still should have to ask one question. So everything that can hold one up
has its words here: a person, a time, another step, a resource, a place in line, a child, a callback, another instance,
a runtime or a store that lets nothing go on.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from runtime.engine.states import RETRIABLE, Admission, ResolutionState, StepState
from runtime.engine.task import DEFAULT_MAX_RETRIES, Batch, Progress, Task
from runtime.frozen import frozen
from runtime.work.limits import EXECUTIONS, template_label

_MOST: Final = 20
"""How much is named before the rest is counted."""

_LONGEST: Final = 300
"""How many characters of an error are told; all of it is with its step."""


@frozen(kw_only=True)
class Whereabouts:
    """What a runtime knows of a task besides its records.

    `instance` is the number of the runtime that goes on with it, where that is known, and `elsewhere` its name if that
    is another one. `queued` are the resources that its steps wait for, here; `troubles` what lets nothing go on.
    """

    instance: int | None = None
    elsewhere: str = ""
    queued: Mapping[str, str] = {}
    troubles: tuple[str, ...] = ()


NOWHERE: Final = Whereabouts()


def waits_of(task: Task, around: Whereabouts = NOWHERE) -> tuple[str, ...]:
    """Say what a task waits for; nothing once it has ended. Costs a look at each step, and words for the first ones."""
    if task.state.ended:
        return ()
    found = [*around.troubles, *_of_task(task)]
    if around.elsewhere and not task.idle:
        found.append(f"{around.elsewhere}, which goes on with it: what its steps wait for there, that one says")
    standing = (name for name, progress in task.steps.items() if _stands(task, name, progress))
    steps = [f"step {name}: {_of_step(task, name, around)}" for name in islice(standing, _MOST)]
    more = sum(1 for _ in standing)
    return (*found, *steps, *([f"and {more} more steps"] if more else ()))


def _of_task(task: Task) -> Iterator[str]:
    header, course = task.header, task.course
    if task.resolution is ResolutionState.TODO and not header.resolution_id:
        yield f"somebody to take it on{_among(header.resolver_usernames, header.resolver_groups)}"
    elif task.in_line:
        yield "its place in line: " + _places(task)
    elif task.resolution is ResolutionState.PAUSED:
        yield f"somebody to run it: it is paused{_said_by(task)}"
    elif task.resolution is ResolutionState.TODO:
        yield "somebody to run it"
    elif course.next_retry is not None:
        again = "its next run" if task.run else "its beginning"
        yield f"{again} at {_moment(course.next_retry)}{_said_by(task)}"
    else:
        yield from _of_person(task)


def _of_person(task: Task) -> Iterator[str]:
    """Say what somebody has to do about a task that is blocked."""
    match task.resolution:
        case ResolutionState.BLOCKED_TOCHECK:
            yield "somebody to look what was done by the steps in CRASHED, which were cut, and to run it or cancel it"
        case ResolutionState.BLOCKED_BADREQUEST:
            yield "somebody to mend the steps in CLIENT_ERROR, or their inputs, and to run it"
        case ResolutionState.BLOCKED_FATAL:
            yield "somebody to put the steps in FATAL_ERROR in another state, and to run it"
        case ResolutionState.BLOCKED_MAXRETRIES:
            yield f"somebody to extend it: its {task.header.run_max} runs are used up"
        case ResolutionState.BLOCKED_DEADLOCK:
            yield "somebody to edit its steps, and to run it: none of them can begin"


_AMISS: Final = RETRIABLE | {StepState.CLIENT_ERROR, StepState.FATAL_ERROR, StepState.CRASHED}


def _stands(task: Task, name: str, progress: Progress) -> bool:
    state = progress.state
    needs = state == StepState.TODO and task.pending[name][0]
    return bool(progress.live or state == StepState.WAITING or state in _AMISS or needs)


def _of_step(task: Task, name: str, around: Whereabouts) -> str:
    progress = task.steps[name]
    if progress.live:
        return _of_attempt(task, name, progress, around)
    if progress.state == StepState.WAITING:
        said = _shortened(progress.error).removeprefix("waits for ") or "it does not say what for"
        return ", ".join(_wished(task, name)) or said
    if progress.state in _AMISS:
        return _outcome(task, name, progress)
    return ", ".join(_needs(task, name))


def _of_attempt(task: Task, name: str, progress: Progress, around: Whereabouts) -> str:
    labels = around.queued.get(name)
    if labels:
        return f"resources that others hold: {labels}"
    delay = task.definition(name).execution_delay
    delayed = f", and waits {delay} s first" if delay else ""
    since = "" if progress.last_run is None else f" since {_moment(progress.last_run)}{delayed}"
    return f"its attempt, under way{since}"


def _outcome(task: Task, name: str, progress: Progress) -> str:
    limit = task.definition(name).max_retries or DEFAULT_MAX_RETRIES
    bound = f" of {limit + 1}" if 0 < limit < DEFAULT_MAX_RETRIES else ""
    tries = f" after try {progress.tries}{bound}" if progress.tries else ""
    error = _shortened(progress.error)
    return f"{progress.state}{tries}{f': {error}' if error else ''}"


def _wished(task: Task, name: str) -> Iterator[str]:
    for callback in task.wished.callbacks_of(name):
        yield f"the callback {callback}, to be called"
    for batch in task.wished.batches_of(name):
        yield from _left(batch)


def _left(batch: Batch) -> Iterator[str]:
    """Name the tasks that are awaited; of a flow, the step itself says whether it asks somebody."""
    first = next(batch.awaited, None)
    if first is not None and first.flow is None:
        state, more = batch.spawned.tasks[first.task_id].state, batch.spawned.remaining - 1
        yield f"task {first.task_id}, which is {state}{f', and {more} more' if more else ''}"


def _needs(task: Task, name: str) -> Iterator[str]:
    child = task.children.get(name)
    needs = [*task.graph.needs[name], *(task.graph.needs[child.loop] if child is not None else ())]
    for need in needs:
        state = task.steps[need.step].state
        if need.any or state not in need.states:
            wanted = "settled" if need.any else " or ".join(sorted(need.states))
            yield f"step {need.step} to be {wanted}: it is {state}"


def _places(task: Task) -> str:
    if task.plan.admission is not Admission.QUEUED:
        return "it is about to begin"
    return f"as many runs as may be are under way ({EXECUTIONS}, or {template_label(task.plan.template.name)})"


def _among(users: Iterable[str], groups: Iterable[str]) -> str:
    named = [*users, *(f"group {group}" for group in groups)]
    return f", {', '.join(named)} for example" if named else ""


def _said_by(task: Task) -> str:
    stopped = task.course.stopped
    return f" ({stopped})" if stopped else ""


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _shortened(error: str) -> str:
    line = " ".join(error.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."
