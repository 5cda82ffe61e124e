"""From JSON data to the template model: types, defaults and spelling. What the fields *mean* is validation's business."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from runtime.errors import Fault, FunctionInvalid, Invalid, TemplateInvalid
from runtime.frozen import frozen
from runtime.templates.faults import Places, Report
from runtime.templates.fields import Fields
from runtime.templates.model import (
    Action,
    Assertion,
    Condition,
    ConditionScope,
    ConditionType,
    ForeachStrategy,
    Function,
    Input,
    InputType,
    Operator,
    Output,
    OutputStrategy,
    RetryPattern,
    Step,
    Template,
    Variable,
)
from runtime.templates.paths import shown
from runtime.values.json import Json, NotJson, normalise

if TYPE_CHECKING:
    from runtime.templates.yaml import YamlDocument

RUN_FIELDS: Final = (
    "state",
    "children_steps",
    "children_steps_map",
    "output",
    "metadata",
    "tags",
    "children",
    "error",
    "try_count",
    "last_run",
    "item",
)
"""What a step has only while it runs (section 5.3): never in a template."""


@frozen(kw_only=True, eq=False)
class Loaded:
    """A well-typed template, and what its author may not have meant."""

    template: Template
    warnings: tuple[Fault, ...] = ()


@frozen(kw_only=True, eq=False)
class Draft:
    """What could be read of a document: the parts at fault hold their defaults, and `report` says what they are."""

    template: Template
    report: Report
    places: Places
    source: str = ""

    def verdict(self, *, strict: bool) -> tuple[Fault, ...]:
        """Give the warnings; raise what is at fault, see `Report.verdict`."""
        return self.report.verdict(self.places, self.source, strict=strict)


@frozen(kw_only=True, eq=False)
class FunctionDraft:
    """What could be read of a function file, as in a `Draft`."""

    function: Function
    report: Report
    places: Places
    source: str


def template_of(mapping: Mapping[str, object], source: str = "", *, strict: bool = False) -> Loaded:
    """Read a template from plain data, as YAML or JSON would give it. With `strict`, a warning is a fault.

    Raises:
        TemplateInvalid: it is not JSON, or does not fit the model: every fault at once.
    """
    draft = draft_of_data(mapping, source)
    return Loaded(template=draft.template, warnings=draft.verdict(strict=strict))


def draft_of_file(path: str | os.PathLike[str]) -> Draft:
    """Read what can be read of a file.

    Raises:
        TemplateInvalid: it holds no YAML mapping.
    """
    return draft_of_document(*read_document(path, TemplateInvalid))


def draft_of_document(document: "YamlDocument", source: str) -> Draft:
    """Read what can be read of a file that is read already. See `draft_of_file`."""
    return _draft(document.data, document.places, document.warnings, source)


def draft_of_function_file(path: str | os.PathLike[str]) -> FunctionDraft:
    """Read what can be read of a function file.

    Raises:
        FunctionInvalid: it holds no YAML mapping.
    """
    document, source = read_document(path, FunctionInvalid)
    if not isinstance(document.data, Mapping):
        raise FunctionInvalid([Fault("", f"a function is an object, not {shown(document.data)}")], source)
    report = Report()
    report.warnings.extend(document.warnings)
    fields = Fields(document.data, "", report)
    function = _function(fields)
    fields.done()
    return FunctionDraft(function=function, report=report, places=document.places, source=source)


def read_document(path: str | os.PathLike[str], refusal: type[Invalid]) -> "tuple[YamlDocument, str]":
    """Read a YAML file; give it with its name as it is shown.

    Raises:
        Invalid: it cannot be read, or is not YAML; of the class `refusal`.
    """
    from runtime.templates.yaml import YamlInvalid, read_yaml  # noqa: PLC0415 - templates may be built in Python

    source = os.fspath(path).encode(errors="backslashreplace").decode()
    try:
        return read_yaml(Path(path)), source
    except YamlInvalid as cause:
        raise refusal([cause.fault], source) from None


def draft_of_data(data: object, source: str = "") -> Draft:
    """Read what can be read of plain data.

    Raises:
        TemplateInvalid: it is no mapping, or not JSON.
    """
    try:
        plain = normalise(data)
    except NotJson as cause:
        raise TemplateInvalid([Fault(cause.path.removeprefix("."), cause.problem)], source) from None
    return _draft(plain, Places(plain), (), source)


_OF_OTHERS: Final = {
    "action": ("a function", "the folder of functions is --functions"),
    "policies": ("a file of policies", "--policies names it, where flows are run"),
}
"""What the keys of other files say that a file is."""


def _draft(data: Json, places: Places, warnings: Iterable[Fault], source: str) -> Draft:
    if not isinstance(data, Mapping):
        raise TemplateInvalid([Fault("", f"a template is an object, not {shown(data)}")], source)
    if data.get("kind") == "flow":
        hint = "`understudy flow run` runs it"
        raise TemplateInvalid([Fault("kind", "this is a flow, and no template of tasks", hint)], source)
    for key, (what, hint) in _OF_OTHERS.items():
        if key in data and "steps" not in data:
            raise TemplateInvalid([Fault(key, f"this is {what}, and no template of tasks", hint)], source)
    report = Report()
    report.warnings.extend(warnings)
    fields = Fields(data, "", report)
    template = _template(fields)
    fields.done()
    return Draft(template=template, report=report, places=places, source=source)


def _template(fields: Fields) -> Template:
    return Template(
        name=fields.required("name"),
        description=fields.required("description"),
        title_format=fields.required("title_format"),
        long_description=fields.optional_text("long_description"),
        doc_link=fields.optional_text("doc_link"),
        result_format=fields.object("result_format") or {},
        allowed_resolver_usernames=fields.texts("allowed_resolver_usernames"),
        allowed_resolver_groups=fields.texts("allowed_resolver_groups"),
        allow_all_resolver_usernames=fields.flag("allow_all_resolver_usernames"),
        auto_runnable=fields.flag("auto_runnable"),
        blocked=fields.flag("blocked"),
        hidden=fields.flag("hidden"),
        retry_max=fields.whole("retry_max"),
        allow_task_start_over=fields.flag("allow_task_start_over"),
        tags=fields.text_map("tags"),
        inputs=fields.many("inputs", _input),
        resolver_inputs=fields.many("resolver_inputs", _input),
        variables=fields.many("variables", _variable),
        base_configurations=fields.objects("base_configurations"),
        steps=fields.by_name("steps", _step),
    )


def _input(fields: Fields) -> Input:
    return Input(
        name=fields.text("name"),
        description=fields.text("description"),
        type=fields.choice("type", InputType, "invalid input type") or InputType.STRING,
        regex=fields.optional_text("regex"),
        legal_values=fields.values("legal_values") or None,
        collection=fields.flag("collection"),
        optional=fields.flag("optional"),
        default=fields.json("default"),
        hidden=fields.flag("hidden"),
    )


def _variable(fields: Fields) -> Variable:
    return Variable(
        name=fields.text("name"),
        value=fields.json("value"),
        expression=fields.name("expression"),
        expression_timeout=fields.name("expression_timeout"),
    )


def _step(fields: Fields) -> Step:
    if fields.text("name", fields.key) != fields.key:
        fields.warn("name", "ignored: a step is called by its key")
    for key in RUN_FIELDS:
        if fields.json(key):
            fields.fault(key, f"Step {key} must not be set", "it belongs to a running step, not to a template")
    action = fields.one("action", _action)
    if action is None:
        fields.fault("action", "required, and missing")
    return Step(
        action=action or Action(),
        description=fields.text("description"),
        idempotent=fields.flag("idempotent"),
        pre_hook=fields.one("pre_hook", _action),
        json_schema=fields.object("json_schema"),
        retry_pattern=fields.choice("retry_pattern", RetryPattern, "Invalid retry pattern") or RetryPattern.SECONDS,
        max_retries=fields.whole("max_retries") or 0,
        execution_delay=fields.seconds("execution_delay"),
        dependencies=fields.texts("dependencies"),
        custom_states=fields.texts("custom_states"),
        conditions=fields.many("conditions", _condition),
        foreach=fields.name("foreach"),
        foreach_strategy=fields.choice("foreach_strategy", ForeachStrategy, "Unknown foreach strategy"),
        resources=fields.texts("resources"),
    )


def _function(fields: Fields) -> Function:
    fields.text("description")  # for maintainers
    action = fields.one("action", _called_action)
    if action is None:
        fields.fault("action", "required, and missing")
    return Function(
        name=fields.required("name"),
        action=action or Action(),
        pre_hook=fields.one("pre_hook", _called_action),
        conditions=fields.many("conditions", _condition),
        custom_states=fields.texts("custom_states"),
    )


def _called_action(fields: Fields) -> Action:
    """Read the action of a function: the base configuration that reaches the runner is the calling step's."""
    action = _action(fields)
    if action.base_configuration is not None:
        fields.warn("base_configuration", "without effect in a function: the base configuration is that of the step")
    return attrs.evolve(action, base_configuration=None)


def _action(fields: Fields) -> Action:
    configuration = fields.json("configuration")
    base_output = fields.json("base_output")
    output = fields.one("output", _output)
    if base_output is not None:
        output = Output(strategy=OutputStrategy.MERGE, format=base_output)
    return Action(
        type=fields.text("type"),
        configuration={} if configuration is None else configuration,
        base_configuration=fields.name("base_configuration"),
        output=output,
    )


def _output(fields: Fields) -> Output:
    strategy = fields.choice("strategy", OutputStrategy, "Invalid output strategy") or OutputStrategy.NONE
    format_ = fields.json("format")
    if format_ is not None and strategy is OutputStrategy.NONE:
        fields.warn("format", "without effect: the strategy is none", "set strategy to merge or template")
    return Output(strategy=strategy, format=format_)


def _condition(fields: Fields) -> Condition:
    return Condition(
        type=fields.needed_choice("type", ConditionType, "Unknown condition type"),
        if_=fields.many("if", _assertion),
        then=fields.text_map("then"),
        final=fields.flag("final"),
        foreach=fields.choice("foreach", ConditionScope, "Unknown condition foreach"),
        message=fields.text("message"),
    )


def _assertion(fields: Fields) -> Assertion:
    return Assertion(
        value=fields.text("value"),
        operator=fields.needed_choice("operator", Operator, "Unknown condition operator"),
        expected=fields.text("expected"),
        list_separator=fields.name("list_separator") or ",",
        message=fields.text("message"),
    )
