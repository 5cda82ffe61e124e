"""Cases of kind ``template``: a template is read, changed and checked; nothing runs."""

import copy

from runtime.errors import UnderstudyError
from runtime.runner import Runners
from runtime.templates.functions import load_functions
from runtime.templates.loading import template_of
from runtime.templates.validation import validate
from tests.conformance.cases import Case, Suite
from tests.conformance.engine import apply_op
from tests.conformance.matching import Scope, differences


def run_template_case(suite: Suite, case: Case) -> list[str]:
    """Run one case; name what was not as expected."""
    problems: list[str] = []
    types = load_functions(suite.functions, Runners()).types
    original = suite.template_of(case)
    for index, action in enumerate(case["actions"]):
        document = copy.deepcopy(original)
        for op in action.get("ops", ()):
            apply_op(document, op)
        error: str | None = None
        try:
            validate(template_of(document).template, types)
        except UnderstudyError as refusal:
            error = str(refusal)
        wanted = action["expect"]["error"]
        problems += differences(wanted, error, Scope({}, now=0), f"{action['do']}[{index}].error")
    return problems
