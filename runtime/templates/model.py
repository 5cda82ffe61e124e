"""The template model (spec section 2, 3 and 5): frozen values, whether they come from YAML or are built in Python.

That one is well-typed and *valid* (its references lead somewhere, its expressions compile) is what
`runtime.templates.validation` says, with the path to each fault: what is of another kind is kept as it was given. Texts
that hold ``{{`` are Go templates; they are rendered when used.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, TypeVar

import attrs

from runtime.arguments import texts
from runtime.frozen import frozen
from runtime.values.json import Json

THIS: Final = "this"

V = TypeVar("V")


class InputType(StrEnum):
    """What an input's value is; a password is text that is not shown."""

    STRING = "string"
    PASSWORD = "password"  # noqa: S105 - the name of a type
    BOOL = "bool"
    NUMBER = "number"


class RetryPattern(StrEnum):
    """The curve of the delays between runs (section 6.9)."""

    SECONDS = "seconds"
    MINUTES = "minutes"
    HOURS = "hours"


class ConditionType(StrEnum):
    """When a condition is asked: before an attempt (skip) or after it (check)."""

    SKIP = "skip"
    CHECK = "check"


class ConditionScope(StrEnum):
    """Whether a skip condition of a loop is asked of the loop itself or of each child."""

    CHILDREN = "children"
    PARENT = "parent"


class ForeachStrategy(StrEnum):
    """Whether the children of a loop run side by side or one after the other."""

    PARALLEL = "parallel"
    SEQUENCE = "sequence"


class Operator(StrEnum):
    """How the two rendered texts of an assertion are compared (section 5.5). Lower case names an operator too."""

    EQ = "EQ"
    NE = "NE"
    GT = "GT"
    LT = "LT"
    GE = "GE"
    LE = "LE"
    REGEXP = "REGEXP"
    NOTREGEXP = "NOTREGEXP"
    IN = "IN"
    NOTIN = "NOTIN"

    @classmethod
    def _missing_(cls, value: object) -> "Operator | None":
        return cls.__members__.get(value.upper()) if isinstance(value, str) else None


class OutputStrategy(StrEnum):
    """What becomes of an action's result: kept, laid over a format, or replaced by one."""

    NONE = "none"
    MERGE = "merge"
    TEMPLATE = "template"


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    return _all(values, texts)


def _all(values: Iterable[V], made: Callable[[Iterable[V]], tuple[V, ...]] = tuple) -> tuple[V, ...]:
    given: Any = values  # whatever a program gave: validation tells what it should have been
    return made(given) if isinstance(given, Iterable) else given


def _values(values: Iterable[Json] | None) -> tuple[Json, ...] | None:
    return None if values is None else _all(values)


@frozen(kw_only=True)
class Input:
    """One declared input (section 3.1)."""

    name: str
    description: str = ""
    type: InputType = InputType.STRING
    regex: str | None = None
    legal_values: tuple[Json, ...] | None = attrs.field(default=None, converter=_values)
    collection: bool = False
    optional: bool = False
    default: Json = None
    hidden: bool = False


def _inputs(values: Iterable[Input]) -> tuple[Input, ...]:
    return _all(values)


@frozen(kw_only=True)
class Variable:
    """A named value or JavaScript expression, read with `eval` (section 3.3)."""

    name: str
    value: Json = None
    expression: str | None = None
    expression_timeout: str | None = None


def _variables(values: Iterable[Variable]) -> tuple[Variable, ...]:
    return _all(values)


@frozen(kw_only=True)
class Assertion:
    """One comparison of a condition."""

    value: str
    operator: Operator
    expected: str = ""
    list_separator: str = ","
    message: str = ""


def _assertions(values: Iterable[Assertion]) -> tuple[Assertion, ...]:
    return _all(values)


@frozen(kw_only=True)
class Condition:
    """What changes which steps' states, and when (section 5.5). `if_` is ANDed; `then` maps step names to states."""

    type: ConditionType
    if_: tuple[Assertion, ...] = attrs.field(default=(), converter=_assertions)
    then: Mapping[str, str] = attrs.field(factory=dict)
    final: bool = False
    foreach: ConditionScope | None = None
    message: str = ""


def _conditions(values: Iterable[Condition]) -> tuple[Condition, ...]:
    return _all(values)


@frozen(kw_only=True)
class Output:
    """How the result of an action is reshaped (section 5.4)."""

    strategy: OutputStrategy
    format: Json = None


FUNCTION: Final = "function"
PROCESS: Final = "process"
"""The runners of actions that are Python functions."""


@attrs.frozen(kw_only=True)
class Action:
    """What a step does: a runner's name and its configuration.

    `call` is a plain Python callable instead of a runner; `configuration` then holds its keyword arguments (rendered
    like any configuration). See `Action.calling`.
    """

    type: str = ""
    configuration: Json = attrs.field(factory=dict)
    base_configuration: str | None = None
    output: Output | None = None
    call: Callable[..., Any] | None = attrs.field(default=None, eq=attrs.cmp_using(eq=lambda a, b: a is b))

    @classmethod
    def calling(cls, function: Callable[..., Any], **arguments: Json) -> "Action":
        """Make an action of a function: it is called with `arguments` rendered, and gives the step's output.

        An ``async def`` is called on trio, any other function in a thread. A parameter called `request` receives the
        `runtime.runner.StepRequest`.

        What a template renders is text: it is read as what the parameter is declared as (`runtime.parameters`), so that
        ``amount: float`` receives a number. A text that is none ends the step as CLIENT_ERROR, and blocks the task.
        """
        return cls(type=FUNCTION, configuration=arguments, call=function)

    @classmethod
    def in_process(cls, function: Callable[..., Any], **arguments: Json) -> "Action":
        """Make an action of a function at the top of a module: it is called in a process of its own, that can be killed."""
        return cls(type=PROCESS, configuration=arguments, call=function)


@frozen(kw_only=True)
class Function:
    """A named action that steps and other functions call by using its name as their action's type (section 2.2).

    The configuration of the caller is what the texts of `action` and `pre_hook` see as ``.function_args``.
    """

    name: str
    action: Action
    pre_hook: Action | None = None
    conditions: tuple[Condition, ...] = attrs.field(default=(), converter=_conditions)
    custom_states: tuple[str, ...] = attrs.field(default=(), converter=_texts)


def _action(value: "Action | Callable[..., Any]") -> Action:
    return Action.calling(value) if callable(value) else value  # as in `_all`


@frozen(kw_only=True)
class Step:
    """One node of the dependency graph (section 5.1). `execution_delay` is in seconds.

    `dependencies` are ``"step"`` or ``"step:STATE,STATE"``. `max_retries` 0 means the default (10,000), negative
    means without limit. `action` may be a plain function.
    """

    action: Action = attrs.field(converter=_action)
    description: str = ""
    idempotent: bool = False
    pre_hook: Action | None = None
    json_schema: Mapping[str, Json] | None = None
    retry_pattern: RetryPattern = RetryPattern.SECONDS
    max_retries: int = 0
    execution_delay: float = 0
    dependencies: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    custom_states: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    conditions: tuple[Condition, ...] = attrs.field(default=(), converter=_conditions)
    foreach: str | None = None
    foreach_strategy: ForeachStrategy | None = None
    resources: tuple[str, ...] = attrs.field(default=(), converter=_texts)


def _of_name(template: "Template") -> str:
    return template.name


def normalise_name(name: str) -> str:
    """Give the form a template is stored and found under: trimmed, lower case."""
    return name.strip().lower()


def _name(name: str) -> str:
    given: Any = name  # as in `_all`
    return normalise_name(given) if isinstance(given, str) else given


@frozen(kw_only=True)
class Template:
    """A task template (section 2.1). Built in Python, only `name` and `steps` are needed.

    `functions` are those that the steps use: validation fills them in, from what the runtime was given, so that a task
    depends on no file once it was taken.
    """

    name: str = attrs.field(converter=_name)
    description: str = attrs.field(default=attrs.Factory(_of_name, takes_self=True))
    title_format: str = attrs.field(default=attrs.Factory(_of_name, takes_self=True))
    long_description: str | None = None
    doc_link: str | None = None
    result_format: Mapping[str, Json] = attrs.field(factory=dict)
    allowed_resolver_usernames: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    allowed_resolver_groups: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    allow_all_resolver_usernames: bool = False
    auto_runnable: bool = False
    blocked: bool = False
    hidden: bool = False
    retry_max: int | None = None
    allow_task_start_over: bool = False
    tags: Mapping[str, str] = attrs.field(factory=dict)
    inputs: tuple[Input, ...] = attrs.field(default=(), converter=_inputs)
    resolver_inputs: tuple[Input, ...] = attrs.field(default=(), converter=_inputs)
    variables: tuple[Variable, ...] = attrs.field(default=(), converter=_variables)
    base_configurations: Mapping[str, Mapping[str, Json]] = attrs.field(factory=dict)
    steps: Mapping[str, Step] = attrs.field(factory=dict)
    functions: Mapping[str, Function] = attrs.field(factory=dict)


def dependency_parts(dependency: str) -> tuple[str, Sequence[str]]:
    """Split ``"step:STATE,STATE"`` into the step and its accepted states, DONE when none is named (section 16.2)."""
    name, colon, states = dependency.partition(":")
    return name, tuple(states.split(",")) if colon else ("DONE",)
