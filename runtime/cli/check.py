"""``understudy validate``: read and check, start nothing."""

from collections.abc import Sequence
from pathlib import Path

from runtime.errors import Fault
from runtime.runner import Runners, RunnerSettings
from runtime.templates.support import refuse_unsupported
from runtime.templates.validation import check_file


def check_template(template: Path, *, scripts: Path, strict: bool) -> Sequence[Fault]:
    """Give the warnings of a template.

    Raises:
        TemplateInvalid: with every fault and its path.
    """
    checked = check_file(template, Runners(settings=RunnerSettings(scripts=scripts)), strict=strict)
    refuse_unsupported(checked.template)
    return checked.warnings
