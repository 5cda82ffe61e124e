"""What a check of a store looks for, whatever the store is made of: that each task is what its records say."""

from collections.abc import Iterator, Sequence

import attrs

from runtime.journal.protocol import Record, Stored, standing_of
from runtime.journal.replaying import replay


@attrs.frozen(kw_only=True)
class Checked:
    """What a check found. `problems` are texts for a reader; an empty list means that the store is sound."""

    tasks: int
    records: int
    problems: tuple[str, ...]


def differences(stored: Stored, records: Sequence[Record]) -> Iterator[str]:
    """Say where a task is listed otherwise than its records say."""
    try:
        task = replay(records)
    except Exception as fault:  # noqa: BLE001 - records that no engine wrote may break its replay anywhere
        yield f"task {stored.task_id}: its records do not follow from each other: {fault!r}"
        return
    if task is None:
        yield f"task {stored.task_id}: it has no records"
        return
    if task.header.task_id != stored.task_id:
        yield f"task {stored.task_id}: its records are those of {task.header.task_id}"
        return
    # The state that is shown may be another than that of its resolution: of one that is paused, say. It is not read here.
    standing = attrs.evolve(standing_of(task), task=stored.standing.task)
    if standing != stored.standing:
        yield f"task {stored.task_id}: it is listed as {stored.standing}, and its records say {standing}"
