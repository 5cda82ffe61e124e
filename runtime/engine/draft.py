"""A task while it is being changed: applies records and keeps the derived indexes, at a cost of what changed.

A draft is private to one decision (or one replay). It starts from an immutable `Task` and ends in another; the maps
inside are persistent, so neither direction copies them, but for the two that every attempt changes: if they are small,
the draft begins with copies of its own, and changes them in place.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, assert_never

import attrs

from runtime.engine import edits, waits
from runtime.engine.birth import new_task
from runtime.engine.comments import commented
from runtime.engine.graph import Edge, Graph, Need
from runtime.engine.persistent import PersistentMap, persistent, put, without
from runtime.engine.records import (
    AttemptInterrupted,
    CallbackAnswered,
    CallbackAwaited,
    CallbackOpened,
    ChildrenCreated,
    ChildrenOrdered,
    ChildSettled,
    CommentAdded,
    CommentDeleted,
    CommentEdited,
    FlowDismissed,
    LoopContracted,
    LoopExpanded,
    ParentTold,
    Record,
    ResolverInputsEdited,
    RunDelayed,
    RunEnded,
    RunInterrupted,
    RunQueued,
    RunsExtended,
    RunStarted,
    StepChanged,
    StepInterrupted,
    StepReturned,
    StepsEdited,
    StepStarted,
    StepStateEdited,
    TagsChanged,
    TaskCancelled,
    TaskEdited,
    TaskPaused,
    TaskResolved,
    TaskStartedOver,
    TaskSubmitted,
    TaskWoken,
    WaitingRechecked,
)
from runtime.engine.states import OPEN, RUNNABLE, TALLIED, ResolutionState, StepState, TaskState, is_final
from runtime.engine.task import (
    Child,
    Course,
    Dismissal,
    Header,
    Loop,
    Plan,
    Progress,
    Span,
    Task,
    begun,
    child_name,
    definition_of,
    ended,
    first_attempt,
    in_line,
    is_tallied,
    plan_of,
    state_of,
)
from runtime.frozen import replaced
from runtime.templates.model import ForeachStrategy, Step, Template
from runtime.values.json import Json


def begin(record: TaskSubmitted, plan: Plan | None = None) -> Task:
    """Make the task that a `TaskSubmitted` record begins.

    `plan` spares building it again when tasks of one template follow each other; it has to be `plan_of` the record's
    template.
    """
    plan = plan or plan_of(record.template)
    header = Header(
        record.task_id,
        record.title,
        record.inputs,
        record.requester,
        record.at,
        requester_groups=record.requester_groups,
        resolver_usernames=record.resolver_usernames,
        resolver_groups=record.resolver_groups,
        watcher_usernames=record.watcher_usernames,
        watcher_groups=record.watcher_groups,
        parent=record.parent,
        batch=record.batch,
        start_at=record.start_at,
    )
    return new_task(header, plan, tags=record.tags, at=record.at)


_DONE: Final = frozenset({str(StepState.DONE)})
_PRUNE: Final = StepState.PRUNE  # on the names of members: `states`
_RUN: Final = ResolutionState.RUNNING


def _result_of(progress: Progress, item: Json) -> Json:
    """Give what a loop keeps of a child (section 6.11)."""
    metadata = progress.metadata if isinstance(progress.metadata, Mapping) else {}
    result: dict[str, Json] = {"state": progress.state, "metadata": {**metadata, "iterator": item}}
    if progress.output is not None:
        result["output"] = progress.output
    return result


def replay(records: Iterable[Record], plan: Callable[[Template], Plan] = plan_of) -> Task | None:
    """Rebuild a task from its records; None when there are none. `plan` may give a plan that is known already."""
    stream = iter(records)
    first = next(stream, None)
    if first is None:
        return None
    if not isinstance(first, TaskSubmitted):
        raise ValueError(f"a task's first record is TaskSubmitted, not {type(first).__name__}")  # noqa: TRY004 - of a document
    draft = Draft(begin(first, plan(first.template)))
    started: StepStarted | None = None
    for record in stream:
        if started is not None and isinstance(record, StepReturned) and record.step == started.step:
            draft.attempted(started, record)  # nearly all that is in a history are such pairs
            started = None
            continue
        if started is not None:
            draft.apply(started)
        started = record if isinstance(record, StepStarted) else None
        if started is None:
            draft.apply(record)
    if started is not None:
        draft.apply(started)
    return draft.freeze()


def extended(task: Task, records: Iterable[Record]) -> Task:
    """Give a task after more of its records."""
    draft = Draft(task)
    for record in records:
        draft.apply(record)
    return draft.freeze()


class Draft:
    """A task being changed.

    `fresh` collects the steps that may have become ready, or stopped being so, since it was last emptied: of each that is
    taken out of it without being started, `touched` has to know. `closing` collects the loops that may be contracted.
    `hopeless`: a need can no longer be met since that was last taken back, so that steps may have to be pruned.
    """

    __slots__ = (
        "_ready",
        "children",
        "closing",
        "course",
        "dismissed",
        "fresh",
        "graph",
        "header",
        "hopeless",
        "last_activity",
        "live",
        "loops",
        "notes",
        "open",
        "pending",
        "plan",
        "resolution",
        "run",
        "steps",
        "tally",
        "touched",
        "wished",
    )

    def __init__(self, task: Task) -> None:
        steps, pending = task.steps, task.pending
        self.header = task.header
        self.plan = task.plan
        self.graph = task.graph
        self.resolution = task.resolution
        self.steps = steps.copy() if isinstance(steps, dict) else steps
        self.pending = pending.copy() if isinstance(pending, dict) else pending
        self._ready = task.ready
        self.touched: list[str] = []
        self.open = task.open
        self.tally = task.tally
        self.live = task.live
        self.run = task.run
        self.last_activity = task.last_activity
        self.course = task.course
        self.notes = task.notes
        self.loops = task.loops
        self.children = task.children
        self.wished = task.wished
        self.fresh: list[str] = []
        self.closing: tuple[str, ...] = ()
        self.hopeless = False
        self.dismissed: tuple[str, ...] = ()

    def freeze(self) -> Task:
        """Give the task as it is now. The draft is over with that."""
        return Task(
            self.header,
            self.plan,
            self.graph,
            self.resolution,
            self.steps,
            self.pending,
            self.ready if self.touched or self.fresh else self._ready,
            self.open,
            self.tally,
            self.live,
            self.run,
            self.last_activity,
            self.course,
            self.notes,
            self.loops,
            self.children,
            self.wished,
        )

    @property
    def state(self) -> TaskState:
        """The state of the task, see `Task.state`."""
        return state_of(self.header, self.resolution, self.course.held)

    def definition(self, name: str) -> Step:
        """Give the definition of a step, or of a child of a loop."""
        return definition_of(name, self.plan, self.children)

    def apply(self, record: Record) -> None:
        """Take one record in."""
        self.last_activity = record.at
        match record:
            case StepStarted():  # the first two are nearly all there are
                self.started(record)
            case StepReturned():
                self.returned(record)
            case RunStarted():  # these three are once in every task
                self.began(record)
            case RunEnded():
                self.ended(record)
            case TaskResolved():
                self.resolved(record)
            case StepInterrupted() | StepChanged():
                self._set_state(record)
            case LoopExpanded():
                self._expanded(record)
            case LoopContracted():
                self._contracted(record)
            case RunInterrupted():
                self.course = attrs.evolve(self.course, interrupted=True)
            case CommentAdded() | CommentEdited() | CommentDeleted():
                self.notes = attrs.evolve(self.notes, comments=commented(self.notes.comments, record))
            case TagsChanged():
                merged = {**self.notes.tags, **record.tags}
                self.notes = attrs.evolve(self.notes, tags={name: value for name, value in merged.items() if value})
            case TaskCancelled():
                self._cancelled(record)
            case ParentTold():
                self.course = attrs.evolve(self.course, untold=False)
            case FlowDismissed():
                self.wished = attrs.evolve(self.wished, unwanted=without(self.wished.unwanted, record.flow))
            case RunDelayed() | RunQueued():
                self._put_off(record)
            case TaskWoken():
                due = self.course.next_retry
                self.course = attrs.evolve(self.course, next_retry=record.at if due is None else min(due, record.at))
            case (
                ChildrenOrdered()
                | ChildrenCreated()
                | ChildSettled()
                | CallbackOpened()
                | CallbackAwaited()
                | CallbackAnswered()
            ):
                waits.apply(self, record)
            case WaitingRechecked():
                self._recheck()
            case (
                TaskPaused()
                | RunsExtended()
                | TaskStartedOver()
                | StepsEdited()
                | StepStateEdited()
                | TaskEdited()
                | ResolverInputsEdited()
                | AttemptInterrupted()
            ):
                edits.apply(self, record)
            case TaskSubmitted():
                raise ValueError("a task is submitted once")
            case _:
                assert_never(record)

    @property
    def in_line(self) -> bool:
        """See `Task.in_line`."""
        return in_line(self.resolution, self.course.next_retry)

    def _put_off(self, record: RunDelayed | RunQueued) -> None:
        goes_on = attrs.evolve(
            self.course, next_retry=None, held=None, stopped_by="", stop_reason="", untold=False
        )  # nothing holds the task any more
        if isinstance(record, RunQueued):
            self.resolution, self.course = record.state, goes_on
            return
        self.resolution = ResolutionState.TO_AUTORUN_DELAYED
        if not record.reason:
            self.course = attrs.evolve(goes_on, next_retry=record.due)
            return
        self.course = attrs.evolve(
            goes_on,
            next_retry=record.due,
            held=ResolutionState.BLOCKED_TOCHECK,
            stopped_by="runtime",
            stop_reason=record.reason,
        )
        self._note_news()

    def began(self, record: RunStarted) -> None:
        """Take the beginning of a run in, as `apply` does."""
        self.last_activity = record.at
        self.run += 1
        was = self.course
        self.course = Course(Span(record.at, was.span.stop), result=was.result, result_error=was.result_error)
        if self.live:
            self._adopt()
        self.resolution = _RUN

    def _cancelled(self, record: TaskCancelled) -> None:
        waits.forget_all(self, Dismissal(record.requester, record.reason), tasks=record.children)
        self.course = attrs.evolve(
            self.course,
            span=self.span_until(record.at),
            next_retry=None,
            stopped_by=record.requester,
            stop_reason=record.reason,
        )
        self.resolution = ResolutionState.CANCELLED
        self._note_news()

    def span_until(self, at: float) -> Span:
        """Give the span of the last run, which is over if it was not: it ended, or the task was cancelled or held."""
        span = self.course.span
        return Span(span.start, at) if self.resolution is _RUN else span

    def ended(self, record: RunEnded) -> None:
        """Take the end of a run in, as `apply` does."""
        self.last_activity = record.at
        self.course = replaced(
            self.course,
            span=self.span_until(record.at),
            next_retry=record.next_retry,
            result=record.result,
            result_error=record.result_error,
        )
        self.resolution = record.state
        self._note_news()

    def _adopt(self) -> None:
        """Count what is in flight since before the task was paused among the attempts of the run that begins."""
        for name, progress in list(self.steps.items()):
            if progress.live:
                self.steps = put(self.steps, name, attrs.evolve(progress, run=self.run))

    def _recheck(self) -> None:
        """Let the steps in WAITING of which nobody knows what they wait for start once more in this run."""
        self.course = attrs.evolve(self.course, rechecked=True)
        for name in self.ready:
            if waits.baffled(self, name):
                self.steps = put(self.steps, name, attrs.evolve(self.steps[name], run=0))
                self.fresh.append(name)

    def begin_again(self, task: Task) -> None:
        """Go on with another task in the place of this one."""
        Draft.__init__(self, task)

    def _note_news(self) -> None:
        """Note whether there is somebody who wished for the task and has to be told now."""
        untold = bool(self.header.parent) and self.state.at_rest
        if untold is not self.course.untold:
            self.course = attrs.evolve(self.course, untold=untold)

    def resolved(self, record: TaskResolved) -> None:
        """Take in that somebody took the task on, as `apply` does."""
        self.last_activity = record.at
        self.header = self.header.resolved(record)

    def started(self, record: StepStarted) -> None:
        """Take the beginning of an attempt in, as `apply` does."""
        self.last_activity = record.at
        was = self.steps[record.step]
        if self.wished.waits:
            waits.begin_attempt(self, record.step)
        self._put(record.step, was, begun(was, record.attempt, self.run, record.at))

    def attempted(self, started: StepStarted, returned: StepReturned) -> None:
        """Take in an attempt with nothing between its two records: cheaper than one after the other."""
        if self.wished.waits:
            waits.begin_attempt(self, started.step)
            self.touched.append(started.step)  # though its state may be what it was
        self.returned(returned, started.attempt)

    def returned(self, record: StepReturned, attempt: int = 0) -> None:
        """Take the end of an attempt in, as `apply` does; with an `attempt`, one whose beginning was not taken in."""
        self.last_activity = record.at
        was = self.steps[record.step]
        self._put(record.step, was, ended(was, record, self.run, attempt))

    def _set_state(self, record: StepInterrupted | StepChanged) -> None:
        was = self.steps[record.step]
        live = was.live and isinstance(record, StepChanged)
        run = self.run if record.step in self.loops else was.run  # a loop that is done anew is so in the next run
        progress = attrs.evolve(was, state=record.state, error=record.error, live=live, run=run)
        self._put(record.step, was, progress)

    def _expanded(self, record: LoopExpanded) -> None:
        """Grow a child per item; in a sequence each needs the one before."""
        name, was = record.step, self.steps[record.step]
        chained = self.plan.template.steps[name].foreach_strategy is ForeachStrategy.SEQUENCE
        needs, edges = self.graph.needs, self.graph.edges
        untouched = Progress(attempt=first_attempt(was.attempt))
        for index, item in enumerate(record.items):
            child = child_name(name, index)
            before = child_name(name, index - 1) if chained and index else ""
            need = Need(before, _DONE, any=False)
            needs = put(needs, child, (need,) if before else ())
            edges = put(edges, child, ())
            if before:
                edges = put(edges, before, (Edge(child, need),))
            self.children = put(self.children, child, Child(name, index, item))
            self.steps = put(self.steps, child, untouched)
            self.pending = put(self.pending, child, (1, 1) if before else (0, 0))
            if not before:
                self.fresh.append(child)
        self.graph = Graph(needs, edges, self.graph.watched | _DONE)
        size = len(record.items)
        self.open += size
        self.loops = put(self.loops, name, Loop(size, size, 0))
        self._put(name, was, attrs.evolve(was, state=StepState.EXPANDED, error="", live=False, children=None))
        self.closing += (name,)

    def _contracted(self, record: LoopContracted) -> None:
        """Fold the children of a loop into it; those that were pruned leave nothing."""
        name, was = record.step, self.steps[record.step]
        results: list[Json] = []
        needs, edges = self.graph.needs, self.graph.edges
        for index in range(self.loops[name].size):
            child = child_name(name, index)
            progress = self.steps[child]
            if progress.state != _PRUNE:
                results.append(_result_of(progress, self.children[child].item))
            if not is_final(progress.state):
                self.open -= 1
                if is_tallied(progress):
                    self._tally(progress.state, -1)
            self.steps = without(self.steps, child)
            self.children = without(self.children, child)
            self.pending = without(self.pending, child)
            self.touched.append(child)
            waits.forget(self, child)
            needs, edges = without(needs, child), without(edges, child)
        self.graph = Graph(needs, edges, self.graph.watched)
        self.loops = without(self.loops, name)
        done = record.state == StepState.DONE
        progress = attrs.evolve(
            was,
            state=record.state,
            error="" if done else was.error,
            output=was.output if done else None,
            children=results if done else None,
            returned=record.state,
            run=self.run,  # whenever it was expanded: it is not done anew before the next
        )
        self._put(name, was, progress)

    def _put(self, name: str, was: Progress, now: Progress) -> None:
        """Put a step where it stands now, with all that is derived from it. Done twice for each attempt, so it is long."""
        steps = self.steps
        if isinstance(steps, dict):
            steps[name] = now
        else:
            self.steps = steps.insert(name, now)
        before, after = was.state, now.state
        if was.live:
            self.live -= 1
        elif before in TALLIED:
            self._tally(before, -1)
        if now.live:
            self.live += 1
        elif after in TALLIED:
            self._tally(after, 1)
        if self.loops:
            self._watch_loops(name, was, now)
        if before == after:
            return
        opened = (after in OPEN) - (before in OPEN)
        if opened:
            self.open += opened
        if after in RUNNABLE:
            self.fresh.append(name)
        elif name in self._ready:  # most are not: they come and go within one decision
            self.touched.append(name)
        graph = self.graph
        if opened or before in graph.watched or after in graph.watched:
            edges = graph.edges[name]
            if edges:
                self._moved(edges, before, after, opened if opened and not self.pending[name][1] else 0)

    def _watch_loops(self, name: str, was: Progress, now: Progress) -> None:
        """Keep count of what the children of a loop are at, and notice when the loop may be contracted."""
        child = self.children.get(name)
        parent = name if child is None else child.loop
        loop = self.loops.get(parent)
        if loop is None:
            return
        if child is not None:
            settled = int(is_final(now.state)) - int(is_final(was.state))
            loop = Loop(loop.size, loop.open - settled, loop.live + int(now.live) - int(was.live))
            self.loops = put(self.loops, parent, loop)
        if loop.open == 0 or loop.live == 0:
            self.closing += (parent,)

    def _tally(self, state: str, more: int) -> None:
        count = self.tally.get(state, 0) + more
        self.tally = put(self.tally, state, count) if count else without(self.tally, state)

    def _moved(self, edges: Sequence[Edge], was: str, now: str, settles: int) -> None:
        """Tell the dependents of a step that its state changed.

        `settles` is what that does to the number of steps each of them waits for to settle: -1 when the step and all
        it depends on became final, 1 when that ended, else 0. It goes on downstream through steps that are final.
        """
        closed = now not in OPEN
        if now == _PRUNE:  # whatever is asked for: it is passed on
            self.hopeless = True
        further: list[str] = []
        for edge in edges:
            need = edge.need
            if need.any:
                met = settles
            else:
                states = need.states
                holds = now in states
                met = (was in states) - holds
                if closed and not holds:
                    self.hopeless = True
            if (met or settles) and self._wait(edge.dependent, met, settles):
                further.append(edge.dependent)
        while further:
            for edge in self.graph.edges[further.pop()]:
                if self._wait(edge.dependent, settles if edge.need.any else 0, settles):
                    further.append(edge.dependent)  # noqa: PERF401 - its cells would cost every step

    def _wait(self, name: str, met: int, settles: int) -> bool:
        """Count what a step waits for; say whether that settles, or unsettles, those that wait for it in turn."""
        pending = self.pending
        unmet, unsettled = pending[name]
        left, unsettled_left = unmet + met, unsettled + settles
        if isinstance(pending, dict):
            pending[name] = left, unsettled_left
        else:
            self.pending = pending.insert(name, (left, unsettled_left))
        if met and not (unmet and left):
            self.fresh.append(name)
            if name in self.loops:  # its children need what it needs
                self.fresh.extend(map(partial(child_name, name), range(self.loops[name].size)))
        return settles != 0 and not (unsettled and unsettled_left) and self.steps[name].state not in OPEN

    def is_ready(self, name: str) -> bool:
        """Say whether a step is in a runnable state with all its needs met, and not asleep."""
        progress = self.steps.get(name)
        if progress is None or progress.state not in RUNNABLE or self.pending[name][0]:
            return False
        return not self.wished.waits or not waits.asleep(self, name)

    def in_flight(self, step: str, attempt: int) -> bool:
        """Say whether this attempt of a step has begun and not ended."""
        progress = self.steps.get(step)
        return progress is not None and progress.live and progress.attempt == attempt

    def forget_ready(self) -> None:
        """Work out anew which steps are ready, all of them."""
        self._ready = persistent({})
        self.touched.extend(self.steps)

    @property
    def ready(self) -> "PersistentMap[str, None]":
        """All steps that are ready. Brought up to date when it is asked for."""
        ready = self._ready
        for name in {*self.touched, *self.fresh}:
            if self.is_ready(name):
                ready = put(ready, name, None)
            elif name in ready:
                ready = without(ready, name)
        self.touched.clear()
        self._ready = ready
        return ready
