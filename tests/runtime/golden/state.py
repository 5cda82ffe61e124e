"""What a history leads to, as plain values that no later version may read differently."""

from collections.abc import Sequence

from runtime.engine.task import Task
from runtime.journal.protocol import Record
from runtime.journal.replaying import replay
from runtime.values.json import Json, normalise


def state_of(records: Sequence[Record]) -> Json:
    task = replay(records)
    assert isinstance(task, Task)
    steps = {
        name: [str(one.state), one.error, one.tries, one.run, one.output, one.metadata, one.children]
        for name, one in sorted(task.steps.items())
    }
    state = {
        "resolution": str(task.resolution),
        "run": task.run,
        "next_retry": task.course.next_retry,
        "inputs": task.header.inputs,
        "tags": task.notes.tags,
        "result": task.course.result,
        "steps": steps,
    }
    return normalise(state)
