"""Templates kept compiled, and rendered against the values of a task."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Final

from runtime.errors import TemplatingError
from runtime.values.functions import FUNCTIONS
from runtime.values.gotemplate import FunctionError, Host, LimitExceeded, Limits, Template, TemplateError
from runtime.values.snapshot import Values

_KEPT: Final = 2_000_000
"""Characters of templates that are kept compiled."""


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

    def render(self, text: str, values: Values, limits: Limits) -> str:
        """Render a text.

        Raises:
            TooMuch: a limit was hit.
            TemplatingError: anything else is wrong with the text, or with the data for it.
        """
        try:
            return self._rendered(text, values, limits, None)
        except LimitExceeded as fault:
            raise TooMuch(str(fault)) from fault
        except TemplateError as fault:
            raise TemplatingError(str(fault)) from fault

    def expand(self, text: str, values: Values, limits: Limits, host: Host) -> str:
        """Render a text for a function that a template called, at the cost of that template.

        Raises:
            LimitExceeded: the template has used up what it may cost.
            FunctionError: anything else is wrong.
        """
        try:
            return self._rendered(text, values, limits, host)
        except LimitExceeded:
            raise
        except TemplateError as fault:
            raise FunctionError(str(fault)) from fault

    def _rendered(self, text: str, values: Values, limits: Limits, within: Host | None) -> str:
        if "{{" not in text:
            return text
        return self._template(text).render(
            values, limits=limits, clock=self._nanoseconds, randomness=lambda: self._random, within=within
        )

    def _nanoseconds(self) -> int:
        return round(self._now().timestamp() * 1_000_000) * 1000

    def _template(self, text: str) -> Template:
        known = self._compiled.get(text)
        if known is not None:
            self._compiled.move_to_end(text)
            return known
        template = self._compiled[text] = Template(text, functions=FUNCTIONS)
        self._size += len(text)
        while self._size > _KEPT:
            oldest, _ = self._compiled.popitem(last=False)
            self._size -= len(oldest)
        return template
