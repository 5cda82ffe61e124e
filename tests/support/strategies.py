"""Hypothesis strategies that tests share: JSON, and templates from nearly right to quite wrong."""

from typing import Any

from hypothesis import strategies as st

SCALARS: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
"""Any JSON scalar."""


def json_values(leaves: st.SearchStrategy[Any] = SCALARS, *, max_leaves: int = 15) -> st.SearchStrategy[Any]:
    """Any JSON value."""
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
        max_leaves=max_leaves,
    )


STEP_NAMES = st.sampled_from(["one", "two", "three", "four-4", "this"])
STATES = st.sampled_from(["DONE", "ANY", "PRUNE", "TO_RETRY", "CUSTOM", "OTHER", "RUNNING", ""])
HANDLES = st.sampled_from(
    [
        "plain",
        "{{.input.known}}",
        "{{.input.unknown}}",
        "{{.step.one.output.x}}",
        "{{.step.gone.state}}",
        "{{range .input.known}}{{.x}}{{end}}",
        "{{",
        "{{ eval `v` }}",
    ]
)


def _object(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


_OUTPUTS = _object(strategy=st.sampled_from(["none", "merge", "template", "mix"]), format=json_values(HANDLES))

ACTIONS = _object(
    type=st.sampled_from(["echo", "http", "unknown"]),
    configuration=json_values(HANDLES),
    base_configuration=st.sampled_from(["base", "gone", ""]),
    output=_OUTPUTS,
    base_output=json_values(HANDLES),
)

CONDITIONS = _object(
    **{
        "type": st.sampled_from(["skip", "check", "CHECK"]),
        "if": st.lists(
            _object(
                value=HANDLES,
                operator=st.sampled_from(["EQ", "regexp", "IN", "LIKE"]),
                expected=HANDLES | st.just("("),
            ),
            max_size=2,
        ),
        "then": st.dictionaries(STEP_NAMES, STATES, max_size=2),
        "foreach": st.sampled_from(["children", "parent", "none"]),
        "final": st.booleans(),
        "message": HANDLES,
    }
)

DEPENDENCIES = st.builds(
    lambda name, states: f"{name}:{','.join(states)}" if states else name, STEP_NAMES, st.lists(STATES, max_size=2)
)

STEPS = _object(
    action=ACTIONS,
    pre_hook=ACTIONS,
    dependencies=st.lists(DEPENDENCIES, max_size=3),
    custom_states=st.lists(STATES, max_size=2),
    conditions=st.lists(CONDITIONS, max_size=2),
    foreach=HANDLES,
    foreach_strategy=st.sampled_from(["parallel", "sequence", "both"]),
    retry_pattern=st.sampled_from(["seconds", "days"]),
    max_retries=SCALARS,
    execution_delay=st.sampled_from([0, "1s", "21s", -1, "soon"]),
    json_schema=json_values(),
    state=SCALARS,
)

INPUTS = _object(
    name=st.sampled_from(["known", "other", ""]),
    type=st.sampled_from(["string", "number", "bool", "password", "date"]),
    regex=st.sampled_from(["^a", "("]),
    legal_values=st.lists(SCALARS, max_size=2),
    collection=st.booleans(),
    optional=st.booleans(),
    default=json_values(),
)

VARIABLES = _object(
    name=st.sampled_from(["v", ""]),
    value=json_values(HANDLES),
    expression=st.sampled_from(["1 + 1", ""]),
    expression_timeout=st.sampled_from(["1s", "soon"]),
)


def template_documents() -> st.SearchStrategy[dict[str, Any]]:
    """Mappings in the shape of templates; most break a rule or two, some have a value of any type where it stands."""
    sound = {
        "name": st.sampled_from(["test", "ab", " Test "]),
        "description": st.just("a test"),
        "title_format": HANDLES,
        "inputs": st.lists(INPUTS, max_size=2),
        "resolver_inputs": st.lists(INPUTS, max_size=2),
        "variables": st.lists(VARIABLES, max_size=2),
        "steps": st.dictionaries(STEP_NAMES, STEPS, max_size=4),
        "base_configurations": st.just({"base": {"a": 1}}),
        "result_format": json_values(HANDLES),
        "tags": st.dictionaries(st.text(max_size=5), SCALARS, max_size=2),
        "auto_runnable": st.booleans(),
        "retry_max": SCALARS,
    }
    return st.fixed_dictionaries({}, optional={key: inner | json_values(max_leaves=5) for key, inner in sound.items()})
