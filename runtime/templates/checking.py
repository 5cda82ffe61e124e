"""What every rule of validation works with: the template, what is known about it, and where to report."""

from collections.abc import Collection, Mapping, Sequence

import attrs

from runtime.runner import RunnerUnknown
from runtime.templates.actions import ActionType, ActionTypes
from runtime.templates.faults import Doubts, Report
from runtime.templates.model import Action, Function, Step, Template

MOST_NAMED = 20


@attrs.define
class Check:
    """One validation of one template.

    A fault in a part that could not be read properly, `doubts`, is not reported: it may be a consequence.
    """

    template: Template
    types: ActionTypes
    doubts: Doubts = attrs.field(factory=Doubts)
    report: Report = attrs.field(factory=Report)
    _found: dict[str, ActionType | RunnerUnknown] = attrs.field(factory=dict, init=False)

    @property
    def steps(self) -> Mapping[str, Step]:
        """The steps of the template."""
        return self.template.steps

    def fault(self, path: str, message: str, hint: str = "") -> None:
        """Report a fault."""
        if not self.doubts.spoil(path):
            self.report.faults.add(path, message, hint)

    def unknown(self, path: str, message: str, word: str, known: Collection[str]) -> None:
        """Report a word that is not among the known ones, with the nearest as its hint."""
        if not self.doubts.spoil(path):
            self.report.faults.add_unknown(path, message, word, known)

    def warn(self, path: str, message: str, hint: str = "") -> None:
        """Report something that does no harm and is probably not meant."""
        self.report.warnings.add(path, message, hint)

    def type_of(self, name: str) -> ActionType | RunnerUnknown:
        """Give the type of an action, or why there is none."""
        found = self._found.get(name)
        if found is None:
            try:
                found = self.types.find(name)
            except RunnerUnknown as cause:
                found = cause
            self._found[name] = found
        return found

    def custom_states(self, step: Step) -> Sequence[str]:
        """Give the custom states of a step, those of its action's type included."""
        kind = self.type_of(step.action.type)
        return (*step.custom_states, *kind.custom_states) if isinstance(kind, ActionType) else step.custom_states

    def calls(self, action: Action) -> Sequence[Function]:
        """Give the functions that an action goes through, outermost first."""
        kind = self.type_of(action.type)
        return kind.calls if isinstance(kind, ActionType) else ()

    def functions(self) -> dict[str, Function]:
        """Give every function that the steps use, those of pre-hooks included, by name."""
        actions = [action for step in self.steps.values() for action in (step.action, step.pre_hook)]
        used: dict[str, Function] = {}
        while actions:
            action = actions.pop()
            if action is not None and action.type not in used:
                calls = self.calls(action)
                used.update({function.name: function for function in calls})
                actions.extend(function.pre_hook for function in calls)
        return dict(sorted(used.items()))


def listed(names: Sequence[str]) -> str:
    """Give names in one line, the first twenty of them."""
    more = f" … and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return " ".join(names[:MOST_NAMED]) + more
