"""A template: parse once, render often."""

import random
import time
from collections.abc import Callable, Mapping
from typing import Final

from runtime.values.gotemplate import builtins, sprig
from runtime.values.gotemplate.compiler import compile_tree
from runtime.values.gotemplate.copying import deep_copy
from runtime.values.gotemplate.errors import ExecutionError, Exhausted, LimitExceeded, ParseError
from runtime.values.gotemplate.frames import Tree
from runtime.values.gotemplate.functions import Function
from runtime.values.gotemplate.limits import Budget, Limits
from runtime.values.gotemplate.parser import parse
from runtime.values.gotemplate.places import Places
from runtime.values.gotemplate.rendering import Rendering
from runtime.values.gotemplate.text import quote, whole
from runtime.values.gotemplate.values import MISSING, NoGoType, Value

STANDARD: Final[Mapping[str, Function]] = {**builtins.FUNCTIONS, **sprig.FUNCTIONS}
"""The functions every template has: Go's and Sprig's."""

DEFAULT_LIMITS: Final = Limits()
LONGEST_SOURCE: Final = 1 << 20

STANDARD_NAMES: Final = frozenset(STANDARD) | {"and", "or"}


class Template:
    """A parsed Go template with Sprig's functions and, by name, those of `functions`, which come first.

    Immutable, cheap to keep, and safe to render from several threads at once: whatever a rendering needs it makes.

    Raises:
        ParseError: the source is not a template.
    """

    __slots__ = ("_mutates", "_root", "name", "source")

    def __init__(self, source: str, *, name: str = "tmpl", functions: Mapping[str, Function] | None = None) -> None:
        if len(source) > LONGEST_SOURCE:
            raise ParseError(f"template: {name}:1: the source is longer than {LONGEST_SOURCE} characters")
        known, names = STANDARD, STANDARD_NAMES
        if functions:
            known = {**STANDARD, **functions}
            names = STANDARD_NAMES | functions.keys()
        self.name = name
        self.source = source
        bodies = parse(name, source, names)
        trees = {tree_name: Tree() for tree_name in bodies}
        used: set[Function] = set()
        for tree_name, body in bodies.items():
            used |= compile_tree(body, trees[tree_name], Places(source, name, tree_name), known, trees)
        self._root = trees[name]
        self._mutates = any(function.mutates for function in used)

    def render(
        self,
        data: object = None,
        *,
        limits: Limits = DEFAULT_LIMITS,
        clock: Callable[[], int] = time.time_ns,
        randomness: Callable[[], random.Random] = random.SystemRandom,
        budget: Budget | None = None,
    ) -> str:
        """Render with some data: JSON-like, plain Python values, which are never changed.

        The time (in nanoseconds since 1970) and the randomness that functions draw on come from `clock` and
        `randomness`. With a `budget`, steps and memory are what is left of it: a function that renders on its own passes
        the one of its `Host`.

        Raises:
            ExecutionError: rendering failed; as `LimitExceeded`, because it hit one of the limits.
        """
        root: Value = MISSING if data is None else data
        state = Rendering(root, limits, clock, randomness)
        if budget is not None:
            state.adopt(budget)
        out: list[str] = []
        tree = self._root
        try:
            if self._mutates:
                root = state.root = deep_copy(state.budget, root)
            tree.run(root, tree.frame(state, out.append, root))
        except ExecutionError:
            raise
        except Exception as fault:
            raise self._failed(fault) from fault
        finally:
            if budget is not None:
                budget.adopt(state)
        text = out[0] if len(out) == 1 else ""
        if len(out) > 1 and sum(map(len, out)) <= limits.output:
            text = "".join(out)
        elif len(text) > limits.output or len(out) > 1:
            message = f"template: {self.name}: the text is longer than {limits.output} characters"
            raise LimitExceeded(message, limit="output")
        return text if text.isascii() else whole(text)

    def _failed(self, fault: Exception) -> ExecutionError:
        """Make a declared error of what escaped where no place in the template was known."""
        where = f"template: {self.name}: executing {quote(self.name)}"
        match fault:
            case Exhausted():
                return LimitExceeded(f"{where}: {fault}", limit=fault.limit)
            case RecursionError():
                return LimitExceeded(f"{where}: nested too deeply", limit="depth")
            case MemoryError():
                return LimitExceeded(f"{where}: out of memory", limit="memory")
            case NoGoType():
                return ExecutionError(f"{where}: {fault}")
        return ExecutionError(f"{where}: internal fault: {type(fault).__name__}: {fault}")
