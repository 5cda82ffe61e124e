"""subtask: starts another task, and waits for it (spec section 9.9)."""

from collections.abc import Iterator, Mapping

import attrs

from runners._bounds import not_negative
from runners._texts import PEOPLE, faults_of, mapping, names, people
from runtime.runner import (
    PARENT_TAG,
    ChildTask,
    ClientError,
    Duration,
    Fault,
    Json,
    NotAssigned,
    Outcome,
    Runner,
    Spawn,
    SpawnedTask,
    StepRequest,
    Templated,
)


@attrs.frozen(kw_only=True)
class SubtaskConfig:
    """Which task to start.

    Attributes:
        template: the name of its template.
        input: its inputs.
        json_input: more of them, as a JSON text; they win over those in `input`.
        resolver_usernames: who may resolve it; a list, or a JSON text of one, like the three that follow.
        resolver_groups: which groups may.
        watcher_usernames: who may watch it.
        watcher_groups: which groups may.
        delay: how long to wait before it starts.
        tags: set on it.
    """

    template: str
    input: Mapping[str, Json] = attrs.field(factory=dict, repr=False)
    json_input: str = attrs.field(default="", repr=False)
    resolver_usernames: Json = None
    resolver_groups: Json = None
    watcher_usernames: Json = None
    watcher_groups: Json = None
    delay: Duration = attrs.field(default=Duration(0.0), validator=not_negative)
    tags: Mapping[str, str] = attrs.field(factory=dict)


class Subtask(Runner[SubtaskConfig]):
    """Starts another task in the name of this one's requester; attempted again, it looks at that task again."""

    name = "subtask"
    resumes = True
    config = SubtaskConfig

    def validate(self, config: SubtaskConfig) -> Iterator[Fault]:
        """Refuse a template that nobody knows, a reserved tag, and texts that are not JSON."""
        if not isinstance(config.template, Templated) and config.template not in self.settings.templates:
            yield Fault("template", f'no template called "{config.template}"')
        if PARENT_TAG in config.tags:
            yield Fault(f"tags.{PARENT_TAG}", "the tag is reserved")
        yield from faults_of(config, {"json_input": mapping}, dict.fromkeys(PEOPLE, names))

    async def run(self, request: StepRequest[SubtaskConfig]) -> Outcome:
        """Start the task, or say what it came to.

        Raises:
            NotAssigned: it has not ended.
            ClientError: it ended otherwise than done, or is blocked, or cannot be started.
            StepFailed: a text of the configuration is not the JSON it should be.
        """
        config = request.config
        if not request.spawned:
            child = ChildTask(
                template=config.template,
                inputs={**config.input, **mapping(config.json_input, "json_input")},
                tags=config.tags,
                delay=config.delay,
                comment=f"Auto created subtask, parent task {request.task_id}",
                **people(config),
            )
            started = SpawnedTask(id=child.id, requester_username=request.requester)
            raise NotAssigned(f"waits for task {child.id}", output=_described(started), wishes=[Spawn(tasks=[child])])
        [task] = request.spawned[-1].tasks.values()
        match task.state:
            case "DONE":
                return Outcome(output=_described(task))
            case "TODO":
                raise NotAssigned(f"waits for task {task.id}", output=_described(task))
            case state:
                why = f": {task.error}" if task.error else ""
                raise ClientError(f"task {task.id} is {state}{why}", output=_described(task))


def _described(task: SpawnedTask) -> dict[str, Json]:
    return {
        "id": task.id,
        "state": task.state,
        "result": task.result,
        "resolver_username": task.resolver_username,
        "requester_username": task.requester_username,
    }
