"""What a valid template may ask for and this runtime cannot do yet: refused, never run as if it were not there."""

from collections.abc import Iterator

from runtime.errors import Fault, TemplateInvalid
from runtime.templates.model import Template


def refuse_unsupported(template: Template) -> None:
    """Let a template pass that can be run here.

    Raises:
        TemplateInvalid: naming every field that asks for more.
    """
    faults = list(_unsupported(template))
    if faults:
        raise TemplateInvalid(faults)


def _unsupported(template: Template) -> Iterator[Fault]:
    for name, step in template.steps.items():
        if step.pre_hook is not None:
            yield Fault(f"steps.{name}.pre_hook", "pre-hooks are not supported yet")
