"""Making a task ready to be submitted: its inputs checked, its title and tags rendered (spec section 7.3)."""

from collections.abc import Callable, Mapping

from runtime.errors import Conflict, Fault, TemplateInvalid, TemplatingError
from runtime.frozen import value
from runtime.lengths import LONGEST_TITLE, faults_of_tags
from runtime.templates.inputs import check_inputs
from runtime.templates.model import Template
from runtime.values.evaluator import Evaluator
from runtime.values.json import Json
from runtime.values.snapshot import Values


@value
class PreparedTask:
    """What a task is submitted with."""

    inputs: Mapping[str, Json]
    title: str
    tags: Mapping[str, str]


async def prepare_task(
    template: Template,
    inputs: Mapping[str, Json],
    tags: Mapping[str, str],
    *,
    infos: Callable[[], Mapping[str, Json]],
    evaluator: Evaluator,
    keep_undeclared: bool = False,
) -> PreparedTask:
    """Check the inputs, then render the title and the template's tags with them; given tags are laid over those as is.

    `infos` gives what the texts see as ``.task``. Inputs that are not declared are dropped, but for `keep_undeclared`.
    Given tags are never rendered: they come from a requester (Q72).

    Raises:
        InputInvalid, TemplateInvalid: with every fault and its path.
        Conflict: the template is blocked.
    """
    if template.blocked:
        raise Conflict(f'template "{template.name}" is blocked: no task can be made from it')
    checked = check_inputs(template.inputs, inputs, keep_undeclared=keep_undeclared)
    title, own = template.title_format, template.tags
    if "{{" in title or (own and any("{{" in text for text in own.values())):
        values = Values(input=checked, task=infos(), variables=template.variables)
        title = await _render("title_format", title, values, evaluator)
        own = {name: await _render(f"tags.{name}", text, values, evaluator) for name, text in own.items()}
    if len(title) > LONGEST_TITLE:
        problem = f"must have at most {LONGEST_TITLE:,} characters, not {len(title):,}"
        raise TemplateInvalid([Fault("title_format", problem)])
    if own or tags:
        if faults := list(faults_of_tags(own)):
            raise TemplateInvalid(faults)
        merged = {**own, **tags}
        own = {name: value for name, value in merged.items() if value}
    return PreparedTask(checked, title, own)


async def _render(path: str, text: str, values: Values, evaluator: Evaluator) -> str:
    try:
        return await evaluator.render(text, values)
    except TemplatingError as fault:
        raise TemplateInvalid([Fault(path, str(fault))]) from fault
