"""Templates kept compiled, and rendered against the values of a task."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Final

from runtime.errors import TemplatingError
from runtime.values.functions import FUNCTIONS
from runtime.values.gotemplate import Budget, FunctionError, Host, LimitExceeded, Template, TemplateError
from runtime.values.snapshot import Values

_KEPT: Final = 5_000_000
"""Bytes, about, that templates kept compiled may take."""


_STEPS_TO_PARSE: Final = 10  # a character


def _weight(text: str) -> int:
    """Estimate the bytes that a compiled template takes."""
    return 2 * len(text) + 1_500 + 1_500 * text.count("{{")


class TooMuch(TemplatingError):
    """A rendering hit one of its limits; with wider ones it might end."""


class Templates:
    """Compiles templates, keeps them compiled by their text, and renders them.

    `now` and `random` are where ``now``, ``uuid`` and the like draw from, so that a run can be repeated. Not to be used
    from two threads at a time.
    """

    def __init__(self, *, now: Callable[[], datetime], random: Random) -> None:
        self._now = now
        self._random = random
        self._compiled: OrderedDict[str, Template] = OrderedDict()
        self._size = 0

    def __contains__(self, text: str) -> bool:
        """Say whether a template is kept compiled."""
        return text in self._compiled

    def render(self, text: str, values: Values, budget: Budget) -> str:
        """Render a text, within its limits and at the cost of what is left of them.

        Raises:
            TooMuch: a limit was hit.
            TemplatingError: anything else is wrong with the text, or with the data for it.
        """
        try:
            return self._rendered(text, values, budget)
        except LimitExceeded as fault:
            raise TooMuch(str(fault)) from fault
        except TemplateError as fault:
            raise TemplatingError(str(fault)) from fault

    def expand(self, text: str, values: Values, host: Host) -> str:
        """Render a text for a function that a template called, at the cost of that template, parsing included.

        Raises:
            Exhausted: the template cannot pay for the parsing.
            LimitExceeded: the template has used up what it may cost.
            FunctionError: anything else is wrong.
        """
        try:
            if text not in self:
                host.budget.spend(_STEPS_TO_PARSE * len(text))
            return self._rendered(text, values, host.budget)
        except LimitExceeded:
            raise
        except TemplateError as fault:
            raise FunctionError(str(fault)) from fault

    def _rendered(self, text: str, values: Values, budget: Budget) -> str:
        if "{{" not in text:
            return text
        return self._template(text).render(
            values, limits=budget.limits, clock=self._nanoseconds, randomness=lambda: self._random, budget=budget
        )

    def _nanoseconds(self) -> int:
        return round(self._now().timestamp() * 1_000_000) * 1000

    def _template(self, text: str) -> Template:
        known = self._compiled.get(text)
        if known is not None:
            self._compiled.move_to_end(text)
            return known
        template = self._compiled[text] = Template(text, functions=FUNCTIONS)
        self._size += _weight(text)
        while self._size > _KEPT:
            oldest, _ = self._compiled.popitem(last=False)
            self._size -= _weight(oldest)
        return template
