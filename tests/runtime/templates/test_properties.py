"""Whatever a document holds, it is read or refused; whatever is accepted stays accepted."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.errors import InputInvalid, TemplateInvalid
from runtime.templates.inputs import check_inputs
from runtime.templates.loading import template_of
from runtime.templates.model import Template
from runtime.templates.validation import check_data, validate
from tests.runtime.templates.helpers import TYPES, document
from tests.support.strategies import INPUTS, STEPS, json_values, template_documents


def faults_of(check, data):
    try:
        check(data)
    except TemplateInvalid as refusal:
        return refusal.faults
    return ()


slow_to_draw = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)


def told(refusal: TemplateInvalid | InputInvalid) -> None:
    """Every refusal has faults, and every fault a sentence."""
    assert refusal.faults
    assert all(fault.message for fault in refusal.faults)
    str(refusal).encode()


@slow_to_draw
@given(template_documents() | json_values())
def test_any_document_is_valid_or_refused_with_its_faults(data):
    try:
        valid = check_data(data, TYPES)
    except TemplateInvalid as refusal:
        told(refusal)
    else:
        assert isinstance(valid.template, Template)


@slow_to_draw
@given(template_documents())
def test_checking_finds_all_that_loading_finds(data):
    loading = faults_of(template_of, data)
    checking = faults_of(lambda document: check_data(document, TYPES), data)
    # The hints of the first ten unknown words are looked for; which these are depends on what else is found.
    assert {(fault.path, fault.message) for fault in loading} <= {(fault.path, fault.message) for fault in checking}


@slow_to_draw
@given(st.dictionaries(st.sampled_from(["one", "two"]), STEPS, max_size=2))
def test_what_was_found_valid_is_valid_and_does_not_change_again(steps):
    try:
        once = check_data(document(steps=steps, base_configurations={"base": {}}), TYPES).template
    except TemplateInvalid:
        return
    assert validate(once, TYPES).template == once


@slow_to_draw
@given(
    st.lists(INPUTS, max_size=3), json_values() | st.dictionaries(st.sampled_from(["known", "other"]), json_values())
)
def test_any_inputs_fit_or_are_refused_with_their_faults(declarations, given_inputs):
    try:
        declared = check_data(document(inputs=declarations), TYPES).template.inputs
    except TemplateInvalid:
        return
    try:
        inputs = check_inputs(declared, given_inputs)
    except InputInvalid as refusal:
        told(refusal)
    else:
        assert set(inputs) <= {one.name for one in declared}
        assert check_inputs(declared, inputs) == inputs
