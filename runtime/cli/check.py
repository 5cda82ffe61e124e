"""``understudy validate``: read and check, start nothing."""

from collections.abc import Sequence
from pathlib import Path

from runtime.errors import Fault
from runtime.runner import Runners, RunnerSettings
from runtime.templates.functions import Library, load_functions
from runtime.templates.validation import check_file


def known_types(*, scripts: Path, functions: Path | None) -> Library:
    """Give what templates may use.

    Raises:
        FunctionInvalid: with every fault of a function file and its path.
    """
    return load_functions(functions or (), Runners(settings=RunnerSettings(scripts=scripts)))


def check_template(template: Path, library: Library, *, strict: bool) -> Sequence[Fault]:
    """Give the warnings of a template.

    Raises:
        TemplateInvalid: with every fault and its path.
    """
    return check_file(template, library.types, strict=strict).warnings
