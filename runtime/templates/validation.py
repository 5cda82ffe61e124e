"""Is a template valid: do its references lead somewhere, do its parts fit together (spec sections 2, 3 and 5)?

Every fault is found at once, in document order. What the rules fill in (schema drafts, loop strategies, the scope of
conditions) is in the template that comes back: run that one.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import attrs

from runtime.duration import parse_duration
from runtime.errors import Fault
from runtime.lengths import LONGEST_NAME
from runtime.runner import PARENT_TAG, Runners
from runtime.templates.actions import ActionTypes, RunnerTypes
from runtime.templates.checking import Check
from runtime.templates.faults import NOWHERE, Doubts, Report
from runtime.templates.inputs import check_declaration
from runtime.templates.lint import lint
from runtime.templates.loading import Draft, draft_of_data, draft_of_file
from runtime.templates.model import Input, Template, Variable
from runtime.templates.paths import item, member, shown, under
from runtime.templates.plain import made_plain
from runtime.templates.step_rules import check_steps

_SHORTEST: Final = 3
_SHORT: Final = 1_000
_LONG: Final = 100_000


@attrs.frozen(kw_only=True, eq=False)
class Validated:
    """A valid template, and what its author may not have meant."""

    template: Template
    warnings: tuple[Fault, ...] = ()


def check_file(path: str | os.PathLike[str], runners: Runners | ActionTypes, *, strict: bool = False) -> Validated:
    """Read a template from a YAML file and check it: what reading it and `validate` find, at once.

    Raises:
        TemplateInvalid: every fault, with its line; with `strict`, every warning is one.
    """
    return check_draft(draft_of_file(path), runners, strict=strict)


def check_data(mapping: Mapping[str, object], runners: Runners | ActionTypes, *, strict: bool = False) -> Validated:
    """Read a template from plain data and check it: what reading it and `validate` find, at once.

    Raises:
        TemplateInvalid: every fault; with `strict`, every warning is one.
    """
    return check_draft(draft_of_data(mapping), runners, strict=strict)


def validate(template: Template, runners: Runners | ActionTypes) -> Validated:
    """Check a template that was built in Python, or read before.

    Raises:
        TemplateInvalid: every fault.
    """
    report = Report()
    plain = made_plain(template, report.faults)
    report.verdict(NOWHERE, "", strict=False)
    check = Check(plain, _types(runners), report=report)
    return Validated(template=_checked(check), warnings=report.verdict(NOWHERE, "", strict=False))


def check_draft(draft: Draft, runners: Runners | ActionTypes, *, strict: bool, thorough: bool = False) -> Validated:
    """Check what could be read of a template. See `check_file`.

    With `thorough`, texts that are no templates are warnings, too (`runtime.templates.syntax`).
    """
    check = Check(draft.template, _types(runners), doubts=Doubts(draft.report.faults), report=draft.report)
    template = _checked(check)
    if thorough:
        from runtime.templates.syntax import check_syntax  # noqa: PLC0415 - what renders takes long to load

        check_syntax(check)
    return Validated(template=template, warnings=draft.verdict(strict=strict))


def _types(runners: Runners | ActionTypes) -> ActionTypes:
    return RunnerTypes(runners) if isinstance(runners, Runners) else runners


def _checked(check: Check) -> Template:
    """Apply every rule, and give the template with what they fill in."""
    _check_lengths(check)
    _check_rights(check)
    if PARENT_TAG in check.template.tags:
        check.fault(member("tags", PARENT_TAG), f"the tag {PARENT_TAG} is reserved")
    if (check.template.retry_max or 0) < 0:
        check.warn("retry_max", "a negative number of runs blocks every task after its first")
    _check_inputs(check, "inputs", check.template.inputs)
    _check_inputs(check, "resolver_inputs", check.template.resolver_inputs)
    _check_variables(check)
    steps = check_steps(check)
    lint(check)
    return attrs.evolve(check.template, steps=steps, functions=check.functions())


def _check_lengths(check: Check) -> None:
    template = check.template
    for key, text, most in (
        ("name", template.name, _SHORT),
        ("description", template.description, _SHORT),
        ("title_format", template.title_format, _SHORT),
        ("long_description", template.long_description, _LONG),
        ("doc_link", template.doc_link, _SHORT),
    ):
        size = _SHORTEST if text is None else len(text.encode())
        if size < _SHORTEST:
            check.fault(key, f"must have at least {_SHORTEST} bytes, not {size}")
        elif size > most:
            check.fault(key, f"must have at most {most} bytes, not {size}")
    for key, names in (
        ("allowed_resolver_usernames", template.allowed_resolver_usernames),
        ("allowed_resolver_groups", template.allowed_resolver_groups),
    ):
        for index, name in enumerate(names):
            if len(name) > LONGEST_NAME:
                check.fault(item(key, index), f"must have at most {LONGEST_NAME} characters, not {len(name)}")


def _check_rights(check: Check) -> None:
    template = check.template
    if template.auto_runnable and template.resolver_inputs:
        check.fault("auto_runnable", "auto_runnable is not allowed with resolver_inputs", "somebody has to give them")
    if template.allow_all_resolver_usernames and not template.auto_runnable and not check.doubts.touch("auto_runnable"):
        check.fault("allow_all_resolver_usernames", "allow_all_resolver_usernames is only allowed with auto_runnable")


def _check_inputs(check: Check, path: str, inputs: Sequence[Input]) -> None:
    for index, declared in enumerate(inputs):
        where = item(path, index)
        if check.doubts.touch(where):
            continue
        if not declared.name:
            check.warn(where, "without a name it cannot be used")
        for fault in check_declaration(declared):
            check.fault(under(where, fault.path), fault.message, fault.hint)
    _warn_of_twins(check, path, [declared.name for declared in inputs])


def _check_variables(check: Check) -> None:
    for index, variable in enumerate(check.template.variables):
        where = item("variables", index)
        if check.doubts.touch(where):
            continue
        for fault in _variable_faults(variable):
            check.fault(under(where, fault.path), fault.message, fault.hint)
    _warn_of_twins(check, "variables", [variable.name for variable in check.template.variables])


def _warn_of_twins(check: Check, path: str, names: Sequence[str]) -> None:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name and name in seen:
            check.warn(member(item(path, index), "name"), f"the name {shown(name)} is given twice")
        seen.add(name)


def _variable_faults(variable: Variable) -> Iterator[Fault]:
    if not variable.name:
        yield Fault("name", "variable name can't be empty")
    if variable.value is not None and variable.expression:
        yield Fault("", "variable expression and value can't be used at the same time")
    if variable.value is None and not variable.expression:
        yield Fault("", "variable expression and value can't be empty at the same time")
    if variable.expression_timeout is None:
        return
    if variable.value is not None:
        yield Fault("expression_timeout", "expression timeout cannot be defined when value is defined")
    try:
        parse_duration(variable.expression_timeout)
    except ValueError as cause:
        yield Fault("expression_timeout", str(cause), "write it like 1.5s or 300ms")
