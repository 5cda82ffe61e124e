"""The data that ``{{ }}`` sees (section 4.2): one immutable tree a task, grown by sharing.

A `Values` is never changed and never copied: `with_step` and its siblings give a new one that shares everything with
the old, in O(log n) of the number of steps, so that every attempt of every step can keep the snapshot it was given.
Containers handed in are taken as they are; whoever hands them in (`runtime.values.json.normalise` gives unshared ones)
does not change them afterwards.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import attrs
from rpds import HashTrieMap

from runtime.frozen import value
from runtime.templates.model import THIS, Variable
from runtime.values.json import Json

DEFAULT_REGION: Final = "default"
"""What ``.task.region`` is where nobody said (section 13.3)."""

_NOTHING: Final[Mapping[str, Json]] = HashTrieMap()
_NO_STEPS: Final["HashTrieMap[str, StepView]"] = HashTrieMap()
_ROOTS: Final = (
    "config", "function_args", "input", "iterator", "pre_hook", "resolver_input", "step", "task",
)  # fmt: skip
_NOT_ALWAYS: Final = frozenset({"config", "function_args", "pre_hook"})
_STEP_KEYS: Final = ("state", "error", "output", "metadata", "children", "try_count", "max_retries")


def object_for_null(value: Json) -> Json:
    """Show null as an empty object, so that ``.step.x.output.y`` is no value rather than an error (section 4.3)."""
    return {} if value is None else value


@value(eq=False)
class StepView(Mapping[str, Json]):
    """What templates see of one step: a mapping with exactly these seven keys.

    An `output` or `metadata` of null is shown as an empty object (`object_for_null`), by whoever makes the view.
    """

    state: str = ""
    error: str = ""
    output: Json = attrs.field(factory=dict)
    metadata: Json = attrs.field(factory=dict)
    children: Json = ()
    try_count: int = 0
    max_retries: int = 0

    def __getitem__(self, key: str) -> Json:
        """Give one of the seven."""
        if key not in _STEP_KEYS:
            raise KeyError(key)
        value: Json = getattr(self, key)
        return value

    def __iter__(self) -> Iterator[str]:
        """Give the seven keys."""
        return iter(_STEP_KEYS)

    def __len__(self) -> int:
        """Give seven."""
        return len(_STEP_KEYS)


class _Steps(Mapping[str, StepView]):
    """What is shown of the steps: some of them in place of what else would be."""

    __slots__ = ("_over", "_under")

    def __init__(self, under: Mapping[str, StepView], over: "HashTrieMap[str, StepView]") -> None:
        self._under = under
        self._over = over

    def __getitem__(self, key: str) -> StepView:
        view = self._over.get(key)
        return self._under[key] if view is None else view

    def __contains__(self, key: object) -> bool:
        return key in self._over or key in self._under

    def __iter__(self) -> Iterator[str]:
        yield from self._over
        yield from (key for key in self._under if key not in self._over)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@value(eq=False)
class Values(Mapping[str, Any]):
    """The data tree of one task at one moment: a mapping over the root keys that are present (section 4.2).

    ``values["step"]["x"]["output"]`` works in Python as ``.step.x.output`` does in a template. `config` is None where
    there is none yet (a title at creation); `variables` are not data, ``eval`` reads them.
    """

    input: Mapping[str, Json] = _NOTHING
    resolver_input: Mapping[str, Json] = _NOTHING
    task: Mapping[str, Json] = _NOTHING
    config: Mapping[str, Json] | None = None
    variables: Sequence[Variable] = ()
    steps: Mapping[str, StepView] = _NO_STEPS
    iterator: Json = None
    pre_hook: Mapping[str, Json] | None = None
    function_args: Mapping[str, Json] | None = None
    _over: "HashTrieMap[str, StepView]" = _NO_STEPS

    @property
    def step(self) -> Mapping[str, StepView]:
        """What is shown of the steps, by name."""
        return _Steps(self.steps, self._over) if self._over else self.steps

    def with_step(self, name: str, view: StepView) -> "Values":
        """Show this of the step called `name`, in place of what else would be shown."""
        return Values(
            self.input,
            self.resolver_input,
            self.task,
            self.config,
            self.variables,
            self.steps,
            self.iterator,
            self.pre_hook,
            self.function_args,
            self._over.insert(name, view),
        )

    def step_view(self, name: str) -> StepView | None:
        """Give what is shown of a step; None for one that is not there."""
        return self.step.get(name)

    def with_this(self, view: StepView) -> "Values":
        """Show `view` as ``.step.this``, the step being rendered."""
        return self.with_step(THIS, view)

    def with_pre_hook(self, output: Json, metadata: Json) -> "Values":
        """Show the result of this attempt's pre-hook."""
        shown = {"output": object_for_null(output), "metadata": object_for_null(metadata)}
        return attrs.evolve(self, pre_hook=shown)

    def with_function_args(self, args: Mapping[str, Json]) -> "Values":
        """Show the arguments of the nearest enclosing function call."""
        return attrs.evolve(self, function_args=args)

    def __getitem__(self, key: str) -> Any:
        """Give what stands under a root key: JSON, of a shape that only the template's author knows."""
        if key == "step" and not self._over:  # what functions of programs ask for, most of all
            return self.steps
        shown = getattr(self, key) if key in _ROOTS else None
        if shown is None and key not in self:
            raise KeyError(key)
        return shown

    def __contains__(self, key: object) -> bool:
        """Say whether a root is present."""
        return key in _ROOTS and not (key in _NOT_ALWAYS and getattr(self, str(key)) is None)

    def __iter__(self) -> Iterator[str]:
        """Give the root keys, sorted."""
        return (key for key in _ROOTS if key in self)

    def __len__(self) -> int:
        """Count the roots."""
        return sum(1 for _ in self)
