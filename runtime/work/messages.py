"""What the runtime's own actors say to each other, besides the public messages and the engine's events."""

import attrs


@attrs.frozen
class WakeTask:
    """The retry timer of a task fired: its run number `run` is over, and the delay after it too."""

    task_id: str
    run: int
