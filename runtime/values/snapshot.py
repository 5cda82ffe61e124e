"""The data that ``{{ }}`` sees (section 4.2): one immutable tree a task, grown by sharing.

A `Values` is never changed and never copied: `with_step` and its siblings give a new one that shares everything with
the old, in O(log n) of the number of steps, so that every attempt of every step can keep the snapshot it was given.
Containers handed in are taken as they are; whoever hands them in (`runtime.values.json.normalise` gives unshared ones)
does not change them afterwards.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import attrs
from rpds import HashTrieMap

from runtime.templates.model import THIS, Variable
from runtime.values.json import Json

_NOTHING: Final[Mapping[str, Json]] = HashTrieMap()
_STEP_KEYS: Final = ("state", "error", "output", "metadata", "children", "try_count", "max_retries")


def _object_for_null(value: Json) -> Json:
    """Store null as an empty object, so that ``.step.x.output.y`` is no value rather than an error (section 4.3)."""
    return _NOTHING if value is None else value


@attrs.frozen(kw_only=True, eq=False)
class StepView(Mapping[str, Json]):
    """What templates see of one step: a mapping with exactly these seven keys."""

    state: str = ""
    error: str = ""
    output: Json = attrs.field(default=None, converter=_object_for_null)
    metadata: Json = attrs.field(default=None, converter=_object_for_null)
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


def _by_name(variables: Iterable[Variable]) -> Mapping[str, Variable]:
    return {variable.name: variable for variable in variables}


@attrs.frozen(kw_only=True, eq=False)
class Values(Mapping[str, Json]):
    """The data tree of one task at one moment: a mapping over the root keys that are present (section 4.2).

    ``values["step"]["x"]["output"]`` works in Python as ``.step.x.output`` does in a template. `config` is None where
    there is none yet (a title at creation); `variables` are not data, ``eval`` reads them.
    """

    input: Mapping[str, Json] = _NOTHING
    resolver_input: Mapping[str, Json] = _NOTHING
    task: Mapping[str, Json] = _NOTHING
    config: Mapping[str, Json] | None = None
    variables: Mapping[str, Variable] = attrs.field(default=(), converter=_by_name)
    steps: "HashTrieMap[str, StepView]" = attrs.field(factory=HashTrieMap, repr=False)
    _roots: "HashTrieMap[str, Json]" = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Lay out the roots; those that depend on where a template is rendered are added by the `with_` methods."""
        roots: dict[str, Json] = {
            "input": self.input,
            "resolver_input": self.resolver_input,
            "task": self.task,
            "step": self.steps,
            "iterator": None,
        }
        if self.config is not None:
            roots["config"] = self.config
        object.__setattr__(self, "_roots", HashTrieMap(roots))

    def with_step(self, name: str, view: StepView) -> "Values":
        """Show this of the step called `name`, in place of what was shown before."""
        steps = self._roots["step"]
        assert isinstance(steps, HashTrieMap)  # noqa: S101 - for the type checker: this class put it there
        return self._with("step", steps.insert(name, view))

    def step_view(self, name: str) -> StepView | None:
        """Give what is shown of a step; None for one that is not there."""
        steps = self._roots["step"]
        view = steps.get(name) if isinstance(steps, Mapping) else None
        return view if isinstance(view, StepView) else None

    def with_resolution(self, resolver_input: Mapping[str, Json], task: Mapping[str, Json]) -> "Values":
        """Show what is known once the task is resolved."""
        return self._with("resolver_input", resolver_input)._with("task", task)

    def with_this(self, view: StepView) -> "Values":
        """Show `view` as ``.step.this``, the step being rendered."""
        return self.with_step(THIS, view)

    def with_iterator(self, item: Json) -> "Values":
        """Show `item` as ``.iterator``, in a child of a loop."""
        return self._with("iterator", item)

    def with_pre_hook(self, output: Json, metadata: Json) -> "Values":
        """Show the result of this attempt's pre-hook."""
        return self._with(
            "pre_hook", {"output": _object_for_null(output), "metadata": _object_for_null(metadata)}
        )

    def with_function_args(self, args: Mapping[str, Json]) -> "Values":
        """Show the arguments of the nearest enclosing function call."""
        return self._with("function_args", args)

    def _with(self, root: str, value: Json) -> "Values":
        grown = object.__new__(Values)
        for field in ("input", "resolver_input", "task", "config", "variables"):
            object.__setattr__(grown, field, getattr(self, field))
        object.__setattr__(grown, "_roots", self._roots.insert(root, value))
        return grown

    def __getitem__(self, key: str) -> Json:
        """Give what stands under a root key."""
        return self._roots[key]

    def __contains__(self, key: object) -> bool:
        """Say whether a root is present."""
        return key in self._roots

    def __iter__(self) -> Iterator[str]:
        """Give the root keys, sorted."""
        return iter(sorted(self._roots))

    def __len__(self) -> int:
        """Count the roots."""
        return len(self._roots)
