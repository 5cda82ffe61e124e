"""What a person does to a task that does not go on by itself (spec section 7.8): hold it, mend it, let it go on."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

import attrs

from runtime.api.callables import name_callables
from runtime.api.messages import (
    AddComment,
    Command,
    DeleteComment,
    EditComment,
    EditResolverInputs,
    EditTaskInputs,
    EditTaskSteps,
    ExtendTask,
    PauseTask,
    RejectTask,
    SetStepState,
    StartTaskOver,
    TagTask,
)
from runtime.api.views import MASK
from runtime.arguments import check_kind
from runtime.engine.records import EditedStep
from runtime.engine.states import StepState
from runtime.engine.task import Task
from runtime.errors import Fault, InputInvalid, TemplateInvalid
from runtime.functions import Functions
from runtime.ids import new_id
from runtime.runner import PARENT_TAG
from runtime.templates.actions import ActionTypes
from runtime.templates.catalogue import Templates
from runtime.templates.loading import template_of
from runtime.templates.model import InputType, Step, Template
from runtime.templates.validation import validate
from runtime.values.evaluator import Evaluator
from runtime.values.json import Json, NotJson, normalise
from runtime.work.preparing import prepare_task

StepSource: TypeAlias = Step | EditedStep | Mapping[str, Json]
"""A step as it is to be: a definition, one with where it stands, or a mapping as YAML would give it, which may hold both."""

_STANDING: Final = frozenset({"state", "error", "output", "metadata", "try_count", "children"})
"""The members of a step that say where it stands."""


@attrs.frozen(kw_only=True)
class Workshop:
    """What an operator works with: lent by the runtime."""

    ask: Callable[[Command], Awaitable[object]]
    read: Callable[[str], Awaitable[Task]]
    types: ActionTypes
    templates: Templates
    callables: Functions
    evaluator: Evaluator


@attrs.frozen
class Operator:
    """Somebody at work on one task. `requester` is who; it is recorded with everything done, and so is the `reason`.

    Every method returns once what it did is stored, and raises `NotFound` for an unknown task and `Conflict` where the
    state of the task forbids it. Rights are not asked here (`runtime.engine.rights`): whoever holds this has them.
    """

    task_id: str
    requester: str
    _workshop: Workshop = attrs.field(repr=False)

    async def pause(self, reason: str = "", *, force: bool = False) -> None:
        """Hold the task: nothing starts, no retry comes due and no child wakes it until somebody runs it again.

        A task that is running, or over, is held with `force` only. What is in flight then ends by itself, and is kept; one
        that was over stays DONE, or CANCELLED, but can be edited, run again, or started over.
        """
        await self._ask(PauseTask(task_id=self.task_id, requester=self.requester, reason=reason, force=force))

    async def extend(self, reason: str = "") -> None:
        """Grant as many runs again as its template does to a task that has used up its own; the next follows at once."""
        await self._ask(ExtendTask(task_id=self.task_id, requester=self.requester, reason=reason))

    async def reject(self, reason: str = "rejected") -> None:
        """Say that a task that nobody has taken on will not be done: it is WONTFIX."""
        await self._ask(RejectTask(task_id=self.task_id, requester=self.requester, reason=reason))

    async def start_over(
        self, resolver_inputs: Mapping[str, Json] | None = None, reason: str = "", *, run: bool = True
    ) -> None:
        """Throw the execution away for a new one, of what its template is by now: one that is held, blocked, cancelled.

        Raises:
            InputInvalid: the inputs do not fit the template as it is now.
        """
        task = await self._workshop.read(self.task_id)
        message = StartTaskOver(
            task_id=self.task_id,
            resolution_id=new_id(),
            requester=self.requester,
            reason=reason,
            resolver_inputs=resolver_inputs or {},
            template=self._workshop.templates.get(task.plan.template.name),
            run=run,
        )
        await self._ask(message)

    async def set_step_state(self, step: str, state: str, reason: str = "") -> None:
        """Put a step, or a child of a loop, of a task that is held in another state: builtin, or custom to it.

        A step that is put in TODO forgets the children it made, and makes others.

        Raises:
            NotFound: there is no such step.
            TemplateInvalid: there is no such state.
        """
        message = SetStepState(task_id=self.task_id, step=step, state=state, requester=self.requester, reason=reason)
        await self._ask(message)

    async def edit_steps(
        self, steps: Mapping[str, StepSource | None], reason: str = "", *, replace: bool = False
    ) -> None:
        """Rewrite steps of a task that is held; None removes one, and `replace` those that are not named.

        They are checked like those of a template. A loop that is rewritten loses its children. What the task was
        submitted with, and the template it came from, stay as they are.

        Raises:
            InputInvalid: they are no steps.
            TemplateInvalid: with every fault and its path.
            Conflict: somebody else edited the task meanwhile.
        """
        check_kind(steps, Mapping, "steps", "a mapping of names to steps")
        for name, source in steps.items():
            check_kind(source, Step | EditedStep | Mapping | None, f"steps.{name}", "a Step, a mapping, or None")
        task = await self._workshop.read(self.task_id)
        template = task.plan.template
        kept = {} if replace else {name: step for name, step in template.steps.items() if name not in steps}
        edited = {name: _edited(name, source) for name, source in steps.items() if source is not None}
        wanted = attrs.evolve(template, steps={**kept, **{name: one.definition for name, one in edited.items()}})
        workshop = self._workshop
        checked = validate(name_callables(wanted, workshop.callables), workshop.types).template
        message = EditTaskSteps(
            task_id=self.task_id,
            edits=task.notes.edits,
            steps={name: attrs.evolve(one, definition=checked.steps[name]) for name, one in edited.items()},
            removed=tuple(name for name in template.steps if name not in checked.steps),
            functions={name: one for name, one in checked.functions.items() if name not in template.functions},
            requester=self.requester,
            reason=reason,
        )
        await self._ask(message)

    async def edit_resolver_inputs(self, resolver_inputs: Mapping[str, Json], reason: str = "") -> None:
        """Rewrite what the resolver of a task that is held gave.

        Raises:
            InputInvalid: with every fault and its path.
        """
        message = EditResolverInputs(
            task_id=self.task_id, resolver_inputs=_plain(resolver_inputs), requester=self.requester, reason=reason
        )
        await self._ask(message)

    async def edit_task(
        self,
        *,
        inputs: Mapping[str, Json] | None = None,
        tags: Mapping[str, str] | None = None,
        watcher_usernames: tuple[str, ...] | None = None,
        watcher_groups: tuple[str, ...] | None = None,
        reason: str = "",
    ) -> None:
        """Rewrite what a task, held or not taken on yet, was submitted with; what is not given stays (Q33).

        The title is rendered anew. A password that is given as it is shown, masked, stays what it was.

        Raises:
            InputInvalid: with every fault and its path.
            Conflict: somebody else edited the task meanwhile.
        """
        task = await self._workshop.read(self.task_id)
        header, template = task.header, task.plan.template
        wanted = header.inputs if inputs is None else _unmasked(_plain(inputs), header.inputs, template)
        prepared = await prepare_task(
            template,
            wanted,
            {},
            infos=lambda: task.values.task,
            evaluator=self._workshop.evaluator,
            keep_undeclared=True,
        )
        message = EditTaskInputs(
            task_id=self.task_id,
            edits=task.notes.edits,
            inputs=prepared.inputs,
            title=prepared.title,
            tags=_tags(task.notes.tags, tags),
            watcher_usernames=header.watcher_usernames if watcher_usernames is None else watcher_usernames,
            watcher_groups=header.watcher_groups if watcher_groups is None else watcher_groups,
            requester=self.requester,
            reason=reason,
        )
        await self._ask(message)

    async def tag(self, tags: Mapping[str, str], reason: str = "") -> None:
        """Change tags of the task, whatever state it is in; an empty text deletes one, and others stay.

        Raises:
            InputInvalid: one of them is reserved.
        """
        check_kind(tags, Mapping, "tags", "a mapping of texts to texts")
        if PARENT_TAG in tags:
            raise InputInvalid([Fault(f"tags.{PARENT_TAG}", "the tag is reserved")])
        await self._ask(TagTask(task_id=self.task_id, tags=tags, requester=self.requester, reason=reason))

    async def comment(self, content: str, comment_id: str | None = None) -> str:
        """Comment on the task; give the id of the comment."""
        comment_id = comment_id or new_id()
        await self._ask(
            AddComment(task_id=self.task_id, comment_id=comment_id, username=self.requester, content=content)
        )
        return comment_id

    async def edit_comment(self, comment_id: str, content: str) -> None:
        """Rewrite a comment, whoever made it."""
        await self._ask(EditComment(task_id=self.task_id, comment_id=comment_id, content=content))

    async def delete_comment(self, comment_id: str) -> None:
        """Delete a comment, whoever made it."""
        await self._ask(DeleteComment(task_id=self.task_id, comment_id=comment_id))

    async def _ask(self, message: Command) -> None:
        await self._workshop.ask(message)


def _edited(name: str, source: StepSource) -> EditedStep:
    match source:
        case EditedStep():
            return source
        case Step():
            return EditedStep(definition=source)
        case _:
            plain = {key: value for key, value in source.items() if key not in _STANDING}
            around = {"name": "edited", "description": "edited", "title_format": "edited"}
            drafted = template_of({**around, "steps": {name: plain}}).template
            return _standing(name, drafted.steps[name], source)


def _standing(name: str, definition: Step, source: Mapping[str, Json]) -> EditedStep:
    state, error, tries = source.get("state", StepState.TODO), source.get("error") or "", source.get("try_count", 0)
    faults = []
    if not isinstance(state, str):
        faults.append(Fault(f"steps.{name}.state", "must be text"))
    if not isinstance(error, str):
        faults.append(Fault(f"steps.{name}.error", "must be text"))
    if not isinstance(tries, int) or isinstance(tries, bool) or tries < 0:
        faults.append(Fault(f"steps.{name}.try_count", "must be a whole number, 0 or more"))
    if faults:
        raise TemplateInvalid(faults)
    return EditedStep(
        definition=definition,
        state=str(state),
        error=str(error),
        output=source.get("output"),
        metadata=source.get("metadata"),
        tries=tries if isinstance(tries, int) else 0,
        children=source.get("children"),
    )


def _plain(inputs: Mapping[str, Json]) -> Mapping[str, Json]:
    try:
        plain = normalise(inputs)
    except NotJson as cause:
        raise InputInvalid([Fault(f"input{cause.path}", cause.problem)]) from None
    if not isinstance(plain, Mapping):
        raise InputInvalid([Fault("input", f"must be a mapping, not {type(inputs).__name__}")])
    return plain


def _unmasked(inputs: Mapping[str, Json], before: Mapping[str, Json], template: Template) -> Mapping[str, Json]:
    secret = {declared.name for declared in template.inputs if declared.type is InputType.PASSWORD}
    return {name: before.get(name) if name in secret and value == MASK else value for name, value in inputs.items()}


def _tags(before: Mapping[str, str], wanted: Mapping[str, str] | None) -> Mapping[str, str]:
    if wanted is None:
        return before
    check_kind(wanted, Mapping, "tags", "a mapping of texts to texts")
    parent = before.get(PARENT_TAG)
    if PARENT_TAG in wanted and wanted[PARENT_TAG] != parent:
        raise InputInvalid([Fault(f"tags.{PARENT_TAG}", "the tag is reserved")])
    kept = {name: value for name, value in wanted.items() if value}
    return kept if parent is None else {**kept, PARENT_TAG: parent}
