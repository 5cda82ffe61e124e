"""A decision in the making: the draft of what the task becomes, and what is to be stored and done."""

from abc import abstractmethod
from collections.abc import Sequence

from runtime.engine.draft import Draft
from runtime.engine.effects import Effect
from runtime.engine.records import Record
from runtime.engine.task import Task
from runtime.errors import Refused
from runtime.frozen import value


@value
class Decision:
    """The task afterwards; what to store; what to do once it is stored; the refusal of each event, if any, in order."""

    task: Task
    records: Sequence[Record]
    effects: Sequence[Effect]
    refusals: Sequence[Refused | None]


class Turn(Draft):
    """What `runtime.engine.decision` lends to `family` and `operations`.

    `resumed`: the task was rebuilt from its records, and what was to be done may be done again.
    """

    __slots__ = ("effects", "records", "resumed")

    def __init__(self, task: Task) -> None:
        self.records: list[Record] = []
        self.effects: list[Effect] = []
        self.resumed = False
        Draft.__init__(self, task)  # for `super()` is a look-up more, in every decision

    def record(self, record: Record) -> None:
        """Add a record, and take it in."""
        self.records.append(record)
        self.apply(record)

    @abstractmethod
    def begin_run(self, at: float) -> None:
        """Begin a run as soon as there is a slot for it."""
