"""``understudy validate``: read and check, start nothing."""

from collections.abc import Sequence
from pathlib import Path

from runtime.errors import Fault
from runtime.runner import Runners, RunnerSettings
from runtime.templates.catalogue import Templates, names_in
from runtime.templates.functions import Library, look_at_functions
from runtime.templates.validation import check_file


def known_types(*, scripts: Path, functions: Path | None, templates: Sequence[Path]) -> Library:
    """Give what templates may use; `templates` are the files and folders whose tasks they may start.

    Raises:
        FunctionInvalid, TemplateInvalid: a folder cannot be read.
    """
    catalogue = Templates()
    catalogue.announce(names_in(templates))
    return look_at_functions(functions or (), Runners(settings=RunnerSettings(scripts=scripts, templates=catalogue)))


def check_template(template: Path, library: Library, *, strict: bool) -> Sequence[Fault]:
    """Give the warnings of a template.

    Raises:
        TemplateInvalid: with every fault and its path.
    """
    return check_file(template, library.types, strict=strict, thorough=True).warnings
