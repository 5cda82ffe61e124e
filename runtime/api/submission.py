"""What somebody wants to submit, before and after it was checked against its template."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from runtime.api.messages import SubmitTask
from runtime.arguments import check
from runtime.engine.infos import TaskInfos
from runtime.engine.records import TaskSubmitted
from runtime.engine.task import Header
from runtime.errors import Fault, InputInvalid
from runtime.frozen import value
from runtime.ids import new_id
from runtime.lengths import Name, TagText
from runtime.runner import PARENT_TAG
from runtime.templates.inputs import check_inputs
from runtime.templates.model import Template
from runtime.values.evaluator import Evaluator
from runtime.values.json import Json
from runtime.work.preparing import prepare_task

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
"""What most submissions say about most things: one object, so that it need not be looked at."""

_SEEN_LATER: Final = frozenset({"template", "inputs", "resolver_inputs"})
"""What is checked against the template, or is it."""


@value
class Submission:
    """A task to be: of a valid template, with inputs as they were given. Without an id it is given one."""

    template: Template
    inputs: Mapping[str, Json]
    task_id: Name | None = None
    requester: Name = ""
    requester_groups: tuple[Name, ...] = ()
    resolver_inputs: Mapping[str, Json] = NOTHING
    tags: Mapping[Name, TagText] = NOTHING
    run: bool = True
    resolve: bool = True
    delay: float = 0
    comment: str = ""
    batch: Name = ""
    resolver_usernames: tuple[Name, ...] = ()
    resolver_groups: tuple[Name, ...] = ()
    watcher_usernames: tuple[Name, ...] = ()
    watcher_groups: tuple[Name, ...] = ()

    @property
    def resolver(self) -> str:
        """Nobody has set its execution up."""
        return ""

    def _infos(self, task_id: str, now: float, region: str) -> Mapping[str, Json]:
        """Give ``.task`` as a task of this submission has it that begins now."""
        header = Header(
            task_id=task_id,
            title="",
            inputs=self.inputs,
            requester=self.requester,
            submitted_at=now,
            requester_groups=self.requester_groups,
            watcher_usernames=self.watcher_usernames,
            watcher_groups=self.watcher_groups,
        )
        return TaskInfos(header, now, region)

    async def checked(self, evaluator: Evaluator, *, at: float) -> SubmitTask:
        """Check the inputs, and render what is rendered of them; it is submitted `at` that time, in Unix seconds.

        Raises:
            InputInvalid, TemplateInvalid: with every fault and its path.
        """
        check(self, but=_SEEN_LATER)
        task_id = self.task_id
        if task_id is None:
            task_id = new_id()
        elif not task_id or "/" in task_id:  # its actor is called by it
            raise InputInvalid([Fault("task_id", 'must be a text without "/"')])
        if PARENT_TAG in self.tags:
            raise InputInvalid([Fault(f"tags.{PARENT_TAG}", "the tag is reserved")])
        infos = partial(self._infos, task_id, at, evaluator.region)
        task = await prepare_task(self.template, self.inputs, self.tags, infos=infos, evaluator=evaluator)
        resolver_inputs = self.resolver_inputs
        if self.resolve:
            resolver_inputs = check_inputs(
                self.template.resolver_inputs, resolver_inputs, keep_undeclared=True, root="resolver_inputs"
            )
        submitted = TaskSubmitted(
            at,
            task_id,
            self.template,
            task.title,
            task.inputs,
            self.requester,
            task.tags,
            self.requester_groups,
            self.resolver_usernames,
            self.resolver_groups,
            self.watcher_usernames,
            self.watcher_groups,
            "",
            self.batch,
            at + self.delay if self.delay > 0 else 0,
        )
        return SubmitTask(submitted, new_id(), resolver_inputs, self.run, self.resolve, self.comment)
