"""The runner protocol: what a step does, seen from the code that does it.

A runner is a class with a `name`, a configuration class and one async method: request in, outcome out. Nothing else of
this project needs to be imported to write one::

    import attrs, trio
    from runtime.runner import Outcome, Runner, StepRequest

    @attrs.frozen(kw_only=True)
    class NapConfig:
        seconds: float = 1.0

    class Nap(Runner[NapConfig]):
        name = "nap"
        config = NapConfig

        async def run(self, request: StepRequest[NapConfig]) -> Outcome:
            await trio.sleep(request.config.seconds)
            return Outcome(output={"slept": request.config.seconds})

Packaged under the entry-point group ``understudy.runners`` (``nap = "my_package:Nap"``), it is loaded exactly like the
ones that come with the project, when a template first names it.

`examples/understudy-countdown` is such a package, and tests itself with the laws in `runtime.testing.laws`.

Rules
    * `run` is called once per attempt, with the configuration rendered and structured. It does not see the runtime.
    * It is cancelled by trio when its step is; it must let `trio.Cancelled` through and leave nothing behind: no
      process, thread, socket or file. Clean-up may be shielded for a bounded time.
    * A configuration that does not fit `config` once it is rendered, such as a text where a number has to be, ends the
      step as FATAL_ERROR before `run` is called: trying again would not mend it.
    * What it raises chooses the step's state: `ClientError` CLIENT_ERROR, `NotAssigned` WAITING, `NotProvisioned`
      TO_RETRY, `NotJson` FATAL_ERROR, any other exception SERVER_ERROR. The first three, and `StepFailed`, may carry
      output and metadata for the step to keep.
    * What it wants of the runtime (children, flows, callbacks) it wishes for, on its `Outcome` or on the error it raises:
      `runtime.wishes` says how.
    * Output and metadata are JSON. What is not becomes the step's FATAL_ERROR, and so does what is larger than
      `runtime.work.limits.Limits.result_size`.
    * What takes long says so: ``request.life.progress(0.5, "half")`` is told to whoever watches the task. A runner that
      may hang sets `heartbeat_seconds`, and gives signs of life; one that has to leave things in order when it is
      stopped sets `grace_seconds`, and looks at ``request.life.stopping``.
    * One instance serves every step of a runtime, many at a time. What it keeps between calls only makes the next one
      faster, such as a connection, and `close` lets go of it. Attempts may share a configuration, and whatever is in
      it: a runner changes none of it.
"""

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final, Generic, TypeVar

import attrs

from runtime.cache import Cache, TooLarge
from runtime.configuration import Checked, Templated, check_configuration, structure
from runtime.destinations import EVERYWHERE, Destinations, Forbidden
from runtime.duration import Duration, parse_duration
from runtime.embedded import NO_FLOWS, FlowDoor, FlowReport
from runtime.errors import Fault, Refused, Unavailable, did_you_mean
from runtime.extras import ExtraMissing, needed_by
from runtime.foreign import passes, told
from runtime.frozen import frozen, value
from runtime.functions import Functions
from runtime.life import SILENT, Life
from runtime.messenger import NOBODY, Messenger
from runtime.threads import BRIEF
from runtime.values.json import Json, NotJson, Number, dumps, loads, normalise
from runtime.wishes import (
    REFUSED,
    AwaitCallback,
    Callback,
    ChildTask,
    FlowOrder,
    OpenCallback,
    RunFlow,
    Spawn,
    Spawned,
    SpawnedTask,
    Wish,
    new_callback,
)

__all__ = (
    "BRIEF",
    "ENTRY_POINTS",
    "EVERYWHERE",
    "PARENT_TAG",
    "REFUSED",
    "AnyRunner",
    "AwaitCallback",
    "Cache",
    "Callback",
    "Checked",
    "ChildTask",
    "ClientError",
    "Destinations",
    "Duration",
    "Fault",
    "FlowDoor",
    "FlowOrder",
    "FlowReport",
    "Forbidden",
    "Json",
    "Life",
    "Messenger",
    "NotAssigned",
    "NotJson",
    "NotProvisioned",
    "Number",
    "OpenCallback",
    "Outcome",
    "Refused",
    "RunFlow",
    "Runner",
    "RunnerSettings",
    "Runners",
    "Spawn",
    "Spawned",
    "SpawnedTask",
    "StepFailed",
    "StepRequest",
    "Templated",
    "TooLarge",
    "Unavailable",
    "Wish",
    "dumps",
    "loads",
    "loads_yaml",
    "needed_by",
    "new_callback",
    "normalise",
    "parse_duration",
)

ENTRY_POINTS = "understudy.runners"

PARENT_TAG = "_utask_parent_task_id"
"""The tag that says which task started this one; the runtime sets it, and nobody else may."""

C = TypeVar("C")

_NO_TAGS: Final[Mapping[str, str]] = MappingProxyType({})


class StepFailed(Exception):
    """The attempt failed, and another one may succeed: the step becomes SERVER_ERROR and is retried (section 6.6).

    `output` and `metadata` are kept on the step, so that its check conditions can look at them. `tags` and `wishes` are
    those of an `Outcome`.
    """

    def __init__(
        self,
        message: str,
        *,
        output: object = None,
        metadata: object = None,
        tags: Mapping[str, str] | None = None,
        wishes: Iterable[Wish] = (),
    ) -> None:
        self.message = message
        self.output = output
        self.metadata = metadata
        self.tags = tags or {}
        self.wishes = tuple(wishes)
        super().__init__(message)


class ClientError(StepFailed):
    """The request itself is wrong and somebody has to correct it: CLIENT_ERROR, never retried by itself."""


class NotAssigned(StepFailed):
    """What the step waits for has not happened yet: WAITING.

    With wishes, the step sleeps until something it waits for has happened (`runtime.wishes`). Without, nobody knows
    what it waits for: it is tried once more before the run ends, and then whenever somebody runs the task.
    """


class NotProvisioned(StepFailed):
    """Something the step needs is not there for the moment: TO_RETRY."""


def loads_yaml(text: str) -> Json:
    """Decode JSON, or YAML as templates are written in (`runtime.templates.yaml` says how), keeping number literals.

    Nothing at all is null. What comes back may share containers where the text has aliases.

    Raises:
        ValueError: the text is neither, or its aliases make far more of it than was written.
    """
    try:
        return loads(text)
    except ValueError:
        if not text.strip():
            return None
        from runtime.templates.yaml import parse_yaml  # noqa: PLC0415 - most texts are JSON

        return parse_yaml(text).data


@value(kw_only=True)
class Outcome:
    """What a successful attempt gives: JSON, or what `runtime.values.json.normalise` can turn into it.

    `tags` are set on the task; an empty text deletes the tag. `wishes` are granted once the outcome is recorded.
    """

    output: object = None
    metadata: object = None
    tags: Mapping[str, str] = _NO_TAGS
    wishes: Iterable[Wish] = ()


@value
class StepRequest(Generic[C]):
    """All that one attempt of a step may know.

    `attempt` counts from 1 over the whole life of the step. `idempotent`: it may be begun twice. `values` is the
    immutable snapshot that the step's templates were rendered with: ``values["input"]["name"]``,
    ``values["step"]["other"]["output"]``. `life` is for what a long attempt has to say:
    ``request.life.progress(0.5, "half of it")``.

    `spawned` are the batches of tasks that this step wished for so far, in order; `callbacks` those of the whole task,
    by id.
    """

    task_id: str
    resolution_id: str
    step: str
    attempt: int
    config: C
    template: str = ""
    requester: str = ""
    resolver: str = ""
    values: Mapping[str, Any] = attrs.field(factory=dict)
    spawned: tuple[Spawned, ...] = ()
    callbacks: Mapping[str, Callback] = attrs.field(factory=dict)
    life: Life = SILENT
    idempotent: bool = False


@frozen(kw_only=True)
class RunnerSettings:
    """What the embedding program tells every runner of one runtime.

    Attributes:
        scripts: the folder that scripts may be run from.
        functions: the callables that steps may call.
        config: configuration items by name, as texts; secrets are among them.
        destinations: where steps may connect to.
        cache: what steps remember for each other.
        templates: the names of the templates that tasks can be made from.
        messenger: how steps say something to people's tools.
        flows: where steps learn what the flows came to that they wished for.
        environment: the variables that processes of steps inherit: those that this process had when the settings were
            made, where nothing else is said.
    """

    scripts: Path = Path("scripts")
    functions: Functions = attrs.field(factory=Functions)
    config: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    destinations: Destinations = EVERYWHERE
    cache: Cache = attrs.field(factory=Cache, repr=False)
    templates: Container[str] = ()
    messenger: Messenger = attrs.field(default=NOBODY, repr=False)
    flows: FlowDoor = attrs.field(default=NO_FLOWS, repr=False)
    environment: Mapping[str, str] = attrs.field(factory=lambda: dict(os.environ), repr=False)


class Runner(ABC, Generic[C]):
    """One kind of action. See the module's docstring for the rules.

    Attributes:
        name: what a template calls it (``action.type``).
        config: the attrs class of its configuration. Fields are structured from JSON with the leniency that templates
            need (they can only produce text): text is taken for a bool, a number or a duration where it reads as one.
            `runtime.structuring` says what each type of field takes.
        metadata_schema: the JSON Schema of its metadata, where it has one; the template lint reads it.
        heartbeat_seconds: an attempt that gives no sign of life (``request.life.heartbeat()``, or ``progress``) for so
            long is cut, and has failed.
        grace_seconds: a cancel is told to the attempt (``request.life.stopping``) so long before it gets to it; ten
            seconds at most. What it gives then is not kept: the grace is for leaving things in order.
        waits: an attempt only waits for other work of the same runtime, such as a flow, or for a person. It holds no
            resources meanwhile, so that what it waits for can have them.
        resumes: an attempt that was cut, by a crash or a shutdown, goes on where it was when it is begun again. A step
            that does nothing else is idempotent, whether its template says so or not.
    """

    name: ClassVar[str]
    config: type[C]
    metadata_schema: ClassVar[Mapping[str, Json] | None] = None
    heartbeat_seconds: ClassVar[float] = math.inf
    grace_seconds: ClassVar[float] = 0.0
    waits: ClassVar[bool] = False
    resumes: ClassVar[bool] = False

    def __init__(self, settings: RunnerSettings | None = None) -> None:
        self.settings = settings or RunnerSettings()

    def check(self, configuration: Json, base: Json = None) -> Checked[C]:
        """Check a configuration as a template holds it, before anything is rendered.

        Texts that hold ``{{`` pass every type that a text can become (see `runtime.structuring`). `validate` is
        asked in any case: what is of a wrong type is as unknown to it as a text that is not rendered. Never raises.
        """
        checked = check_configuration(self.config, configuration, base)
        if checked.config is not None:
            return attrs.evolve(checked, faults=(*checked.faults, *_faults_of(self, checked.config)))
        if checked.remains is None:
            return checked
        known = tuple(f"{fault.path}{end}" for fault in checked.faults for end in (".", "["))
        more = [one for one in _faults_of(self, checked.remains) if one.path and not f"{one.path}.".startswith(known)]
        return attrs.evolve(checked, faults=(*checked.faults, *more))

    def validate(self, config: C) -> Iterable[Fault]:  # noqa: ARG002 - for those that override it
        """Name what is wrong with a well-typed configuration. `config` may hold `Templated` texts: let those pass."""
        return ()

    def structure(self, configuration: Json, base: Json = None) -> C:
        """Build the configuration of one attempt from rendered JSON, `configuration` laid over `base`.

        Raises:
            ConfigurationInvalid: with every fault and its path.
        """
        return structure(self.config, configuration, base)

    def resources(self, config: C) -> Sequence[str]:  # noqa: ARG002 - for those that override it
        """Name the semaphores that one attempt takes (section 8)."""
        return ()

    @abstractmethod
    async def run(self, request: StepRequest[C]) -> Outcome:
        """Do the work of one attempt."""

    async def close(self) -> None:
        """Let go of what is kept between attempts: processes, connections. Called once, when the runtime is closed.

        No attempt runs any more then, nor will. It gets a few seconds.
        """


AnyRunner = Runner[Any]


def _faults_of(runner: AnyRunner, config: object) -> Iterable[Fault]:
    """Ask a runner what is wrong; one that cannot say it, for it need not be type-checked, is what is wrong."""
    asked = f'runner "{runner.name}" cannot be asked about it: its validate'
    found: list[Fault] = []
    try:
        given: Iterable[object] = runner.validate(config)
        for one in given:
            if not isinstance(one, Fault):
                return [*found, Fault("", f"{asked} gave a {type(one).__name__}, and not only Faults")]
            found.append(one)
    except BaseException as failure:
        if passes(failure):
            raise
        return [*found, Fault("", f"{asked} failed: {told(failure)}")]
    return found


@cache
def installed() -> Sequence[EntryPoint]:
    """Give what packages bring, once for the life of the process: looking takes a file of each package that is installed."""
    return tuple(entry_points(group=ENTRY_POINTS))


class Runners:
    """The runners one runtime can use, by the name that templates call them.

    Runners given at construction come first (a class is given the settings, an object has its own); the others are
    found through the entry-point group and loaded when a template first names one, so that a program pays only for
    those it uses. `stand_in` gives what is used in place of each.
    """

    def __init__(
        self,
        given: Iterable[AnyRunner | type[AnyRunner]] = (),
        settings: RunnerSettings | None = None,
        stand_in: Callable[[AnyRunner], AnyRunner] | None = None,
    ) -> None:
        self._settings = settings or RunnerSettings()
        self._stand_in = stand_in
        self._loaded: dict[str, AnyRunner] = {}
        for one in given:
            if not (issubclass(one, Runner) if isinstance(one, type) else isinstance(one, Runner)):
                raise TypeError(f"a runner has to be a Runner, or a class of such, not {one!r}")
            runner = one(self._settings) if isinstance(one, type) else one
            if not isinstance(getattr(runner, "name", None), str):
                raise TypeError(
                    f'{type(runner).__qualname__} has no name that templates could call it by: it says name = "..."'
                )
            if runner.name in self._loaded:
                raise ValueError(f'two runners are called "{runner.name}"')
            self._loaded[runner.name] = self._used(runner)
        self._found: dict[str, EntryPoint] = {}
        self._twice: dict[str, list[str]] = {}
        for point in installed():
            other = self._found.setdefault(point.name, point)
            if other.value != point.value:
                self._twice.setdefault(point.name, [_package(other)]).append(_package(point))

    @property
    def names(self) -> Sequence[str]:
        """Every name that `get` knows, sorted."""
        return sorted({*self._loaded, *self._found})

    def get(self, name: str) -> AnyRunner:
        """Give the runner of that name.

        Raises:
            RunnerUnknown: no runner has this name, or the one that does cannot be loaded here, or there are several.
        """
        runner = self._loaded.get(name)
        if runner is not None:
            return runner
        if name in self._twice:
            raise RunnerUnknown(
                name, f"several packages bring one: {', '.join(self._twice[name])}; uninstall all but one"
            )
        point = self._found.get(name)
        if point is None:
            raise RunnerUnknown(name, did_you_mean(name, self.names) or f"known: {', '.join(self.names)}")
        try:
            with needed_by("it"):
                loaded: object = point.load()
            if not isinstance(loaded, type) or not issubclass(loaded, Runner):
                raise TypeError(f"{point.value} is not a class of runners")  # noqa: TRY301 - one way to say what is wrong
            made: AnyRunner = loaded(self._settings)
        except ExtraMissing as missing:
            raise RunnerUnknown(name, str(missing)) from missing
        except BaseException as failure:  # foreign code may raise anything
            if passes(failure):
                raise
            raise RunnerUnknown(name, f"it cannot be loaded: {told(failure)}; it is in {_package(point)}") from failure
        used = self._loaded[name] = self._used(made)
        return used

    def _used(self, runner: AnyRunner) -> AnyRunner:
        return runner if self._stand_in is None else self._stand_in(runner)

    async def close(self) -> None:
        """Close every runner that was used. What one of them raises is its own affair, and logged."""
        for runner in self._loaded.values():
            try:
                await runner.close()
            except Exception as failure:  # noqa: BLE001 - foreign code may raise anything
                from runtime.logs.lines import log  # noqa: PLC0415 - hardly ever needed

                log("understudy.runners").warning("runner_not_closed", runner=runner.name, error=repr(failure))


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value


class RunnerUnknown(LookupError):
    """No runner of this name can be used here."""

    def __init__(self, name: str, hint: str) -> None:
        self.name = name
        self.hint = hint
        super().__init__(f'no runner called "{name}" ({hint})')
