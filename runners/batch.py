"""batch: starts many tasks of one template, some at a time, and waits for all of them (spec section 9.10).

What µTask's runner does not do: as soon as a task ends the next one starts, so that `sub_batch_size` are always under
way; metadata is a plain object; it says what the tasks came to once all of them ended; `resolver_usernames` and
`resolver_groups` are heeded, and all four lists of names may be texts or lists.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence

import attrs

from runners._bounds import not_negative
from runners._texts import PEOPLE, faults_of, mapping, mappings, names, people
from runtime.runner import (
    PARENT_TAG,
    ChildTask,
    ClientError,
    Fault,
    Json,
    NotAssigned,
    Outcome,
    Runner,
    Spawn,
    Spawned,
    SpawnedTask,
    StepRequest,
    Templated,
)

MOST_TASKS = 100_000
"""How many tasks one batch may have."""


@attrs.frozen(kw_only=True)
class BatchConfig:
    """Which tasks to start.

    Attributes:
        template_name: the name of their template.
        inputs: the inputs of each; or
        json_inputs: the same as a JSON text.
        common_inputs: inputs that each of them gets; or
        common_json_inputs: the same as a JSON text.
        tags: set on each.
        sub_batch_size: how many may be under way at once; 0, or nothing, for all.
        comment: what it is for: the first comment on each; kept in the metadata, too.
        resolver_usernames: who may resolve them; a list, or a JSON text of one, like the three that follow.
        resolver_groups: which groups may.
        watcher_usernames: who may watch them.
        watcher_groups: which groups may.
    """

    template_name: str
    inputs: tuple[Mapping[str, Json], ...] = attrs.field(default=(), repr=False)
    json_inputs: str = attrs.field(default="", repr=False)
    common_inputs: Mapping[str, Json] = attrs.field(factory=dict, repr=False)
    common_json_inputs: str = attrs.field(default="", repr=False)
    tags: Mapping[str, str] = attrs.field(factory=dict)
    sub_batch_size: int = attrs.field(default=0, validator=not_negative)
    comment: str = ""
    resolver_usernames: Json = None
    resolver_groups: Json = None
    watcher_usernames: Json = None
    watcher_groups: Json = None


class Batch(Runner[BatchConfig]):
    """Starts many tasks of one template. It is over when all of them have ended, however they did."""

    name = "batch"
    resumes = True
    config = BatchConfig

    def validate(self, config: BatchConfig) -> Iterator[Fault]:
        """Refuse a template that nobody knows, a reserved tag, and texts that are not JSON."""
        if not isinstance(config.template_name, Templated) and config.template_name not in self.settings.templates:
            yield Fault("template_name", f'no template called "{config.template_name}"')
        if PARENT_TAG in config.tags:
            yield Fault(f"tags.{PARENT_TAG}", "the tag is reserved")
        if config.inputs and config.json_inputs:
            yield Fault("inputs", "stands beside json_inputs", "give one of the two")
        if config.common_inputs and config.common_json_inputs:
            yield Fault("common_inputs", "stands beside common_json_inputs", "give one of the two")
        texts = {"json_inputs": mappings, "common_json_inputs": mapping}
        yield from faults_of(config, texts, dict.fromkeys(PEOPLE, names))

    async def run(self, request: StepRequest[BatchConfig]) -> Outcome:
        """Start the tasks, or say how far they are.

        Raises:
            NotAssigned: some have not ended.
            ClientError: an input is given in common and of its own, there are too many, or they cannot be started.
            StepFailed: a text of the configuration is not the JSON it should be.
        """
        if request.spawned:
            return _so_far(request.spawned[-1], request.config)
        config = request.config
        wish = _wish(config, _inputs(config))
        if not wish.tasks:
            return Outcome(metadata=_metadata(Spawned(id=wish.id, total=0), config, 0, ()))
        total = len(wish.tasks)
        at_once = min(total, wish.at_most or total)
        raise NotAssigned(
            f"waits for {total} tasks",
            metadata=_metadata(Spawned(id=wish.id, total=total), config, at_once),
            wishes=[wish],
        )


def _inputs(config: BatchConfig) -> Sequence[Mapping[str, Json]]:
    common = {**config.common_inputs, **mapping(config.common_json_inputs, "common_json_inputs")}
    each = [*config.inputs, *mappings(config.json_inputs, "json_inputs")]
    if len(each) > MOST_TASKS:
        raise ClientError(f"a batch of {len(each)} tasks is too large: it may have at most {MOST_TASKS}")
    for own in each:
        twice = common.keys() & own.keys()
        if twice:
            raise ClientError(f"inputs are given in common and of a task's own: {', '.join(sorted(twice))}")
    return [{**common, **own} for own in each]


def _wish(config: BatchConfig, inputs: Sequence[Mapping[str, Json]]) -> Spawn:
    batch = str(uuid.uuid4())
    who = people(config)
    return Spawn(
        id=batch,
        at_most=config.sub_batch_size,
        tasks=[
            ChildTask(
                id=_id_of(batch, index),
                template=config.template_name,
                inputs=own,
                tags=config.tags,
                comment=config.comment,
                **who,
            )
            for index, own in enumerate(inputs)
        ],
    )


def _id_of(batch: str, index: int) -> str:
    """Give a task an id from which its place is known, so that the order of the inputs need not be stored."""
    return str(uuid.uuid5(uuid.UUID(batch), str(index)))


def _so_far(batch: Spawned, config: BatchConfig) -> Outcome:
    if batch.remaining:
        stuck = sum(not task.ended and task.state != "TODO" for task in batch.tasks.values())
        blocked = f", {stuck} of them blocked" if stuck else ""
        raise NotAssigned(
            f"waits for {batch.remaining} of {batch.total} tasks{blocked}",
            metadata=_metadata(batch, config, len(batch.tasks)),
        )
    in_order = [batch.tasks.get(_id_of(batch.id, index)) for index in range(batch.total)]
    return Outcome(metadata=_metadata(batch, config, len(batch.tasks), [task for task in in_order if task is not None]))


def _metadata(
    batch: Spawned, config: BatchConfig, started: int, ended: Sequence[SpawnedTask] | None = None
) -> dict[str, Json]:
    metadata: dict[str, Json] = {
        "batch_id": batch.id,
        "remaining_tasks": batch.remaining,
        "tasks_started": started,
    }
    if config.comment:
        metadata["comment"] = config.comment
    if ended is not None:
        metadata["tasks"] = [{"id": task.id, "state": task.state, "result": task.result} for task in ended]
    return metadata
