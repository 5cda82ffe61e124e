"""What the runtime's own actors say to each other, besides the public messages and the engine's events."""

import attrs

from actors import Stopped


@attrs.frozen
class WakeTask:
    """The retry timer of a task fired: its run number `run` is over, and the delay after it too."""

    task_id: str
    run: int


@attrs.frozen
class TaskEnded:
    """One incarnation of a task's actor ended, asked to or not."""

    task_id: str
    stopped: Stopped
