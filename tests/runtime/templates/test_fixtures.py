"""The templates that µTask tests itself with: read unmodified, valid or refused as there."""

from pathlib import Path

import pytest

from runtime.errors import TemplateInvalid
from runtime.templates.validation import check_file
from tests.runtime.templates.helpers import TYPES

FIXTURES = Path(__file__).parents[2] / "fixtures" / "utask"
TEMPLATES = sorted(
    path
    for folder in ("engine/templates_tests", "examples", "models/tasktemplate")
    for path in (FIXTURES / folder).rglob("*.yaml")
)

REFUSED = {
    "circularDependencies.yaml": "Invalid: circular dependency [stepOne stepThree stepTwo] <-> step",
    "conditionForeachSkipOnly.yaml": "Step condition can set foreach on a skip condition",
    "conditionForeachStepNotForeach.yaml": "Step condition cannot set foreach on a non-foreach step",
    "error-variables.yaml": "variable expression and value can't be used at the same time",
    "lintingReservedStep.yaml": "'this' step name is reserved",
    "lintingRootKey.yaml": "Variable grault does not exist",
    "orphanDependencies.yaml": 'Invalid dependency, no step with that name: "stepTwo"',
    "stepDetailsLintingError.yaml": "Wrong step key: stepNotFound",
}
WARNED = {"foreachAndPreRun.yaml": ["allowed_resolver_tokens"]}


def test_the_fixtures_are_there():
    assert len(TEMPLATES) > 30
    assert (FIXTURES / "LICENSE").exists()
    assert {path.name for path in TEMPLATES} >= REFUSED.keys()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_is_valid_or_refused_as_in_the_original(path):
    refused = REFUSED.get(path.name)
    if refused is not None:
        with pytest.raises(TemplateInvalid) as refusal:
            check_file(path, TYPES)
        assert refused in str(refusal.value)
        assert len(refusal.value.faults) == 1
    else:
        warnings = check_file(path, TYPES).warnings
        assert [warning.path for warning in warnings] == WARNED.get(path.name, [])
