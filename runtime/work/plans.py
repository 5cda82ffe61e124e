"""The plans of templates in use: tasks of one template share one, whether they were submitted now or are brought back."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final

from runtime.engine.task import Plan, plan_of
from runtime.templates.model import Template
from runtime.values.json import Json
from runtime.work.limits import Limits

_KEPT: Final = 128


class Plans:
    """Works out the plan of a template the first time. `prepare` is told of each template then.

    `config` is ``.config``, and `region` ``.task.region``; `limits` say what its runs need to begin.
    """

    def __init__(
        self, prepare: Callable[[Template], None], config: Mapping[str, Json], region: str, limits: Limits
    ) -> None:
        self._prepare = prepare
        self._config = config
        self._region = region
        self._limits = limits
        self._plans: OrderedDict[int, Plan] = OrderedDict()

    def of(self, template: Template) -> Plan:
        """Give the plan of a template. Sync."""
        plan = self._plans.get(id(template))
        if plan is None:
            self._prepare(template)
            # The plan keeps its template alive, so its id is its own for as long as it is a key here.
            admission = self._limits.admission(template.name)
            plan = self._plans[id(template)] = plan_of(template, self._config, self._region, admission)
            if len(self._plans) > _KEPT:
                self._plans.popitem(last=False)
        else:
            self._plans.move_to_end(id(template))
        return plan
