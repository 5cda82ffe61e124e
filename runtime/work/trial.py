"""What one attempt of a step is given, what it shares with others, and what its action comes to."""

from collections.abc import Awaitable, Callable, Mapping

import attrs

from actors import Clock
from runtime.api.messages import StepProgressed
from runtime.engine.events import CheckedWish
from runtime.engine.rights import Administrators
from runtime.engine.states import StepState
from runtime.engine.task import Header, Progress, view_of
from runtime.frozen import value
from runtime.runner import Runners
from runtime.templates.catalogue import Templates
from runtime.templates.model import Step, Template
from runtime.values.evaluator import Evaluator
from runtime.values.json import Json
from runtime.values.snapshot import Values
from runtime.wishes import Callback, Spawned, Wish
from runtime.work.program import Program, Programs
from runtime.work.resources import Resources
from runtime.work.schema import Schemas


@value
class Attempt:
    """All that one attempt knows. `unroll`: it is that of a loop.

    `values` is the snapshot that its templates see; the step itself is ``.step.this`` in it, unless it is unrolled.
    """

    header: Header
    template: Template
    step: str
    definition: Step
    number: int
    checks_only: bool
    unroll: bool
    program: Program
    progress: Progress
    values: Values
    spawned: tuple[Spawned, ...]
    callbacks: Mapping[str, Callback]

    def seen(self, values: Values, progress: Progress) -> Values:
        """Give values that show the step as it stands in `progress`, as ``.step.this``."""
        return values.with_this(view_of(progress, self.definition))


@attrs.frozen
class Tools:
    """What attempts share: nothing of it belongs to a task.

    `tell` passes on what an attempt says of its progress; `resources` is None where nothing is limited. `sure`, where
    tasks are shared with other instances, waits until this one may go on with its own: nothing is begun before.
    """

    evaluator: Evaluator
    runners: Runners
    programs: Programs
    clock: Clock
    schemas: Schemas
    tell: Callable[[StepProgressed], None]
    resources: Resources | None = None
    templates: Templates = attrs.field(factory=Templates)
    administrators: Administrators | None = None
    sure: Callable[[], Awaitable[None]] | None = None


@value
class Result:
    """What the action came to, before conditions. `granted` are its `wishes`, checked and rendered."""

    state: StepState
    error: str = ""
    output: Json = None
    metadata: Json = None
    tags: Mapping[str, str] = attrs.field(factory=dict)
    wishes: tuple[Wish, ...] = ()
    granted: tuple[CheckedWish, ...] = ()
    tried: bool = True
