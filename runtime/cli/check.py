"""``understudy validate``: read and check, start nothing."""

from collections.abc import Container, Mapping, Sequence
from pathlib import Path

from runtime.api.flow_checks import check_flow_file
from runtime.configuration import host_settings
from runtime.errors import Fault, TemplateInvalid
from runtime.flow.document import is_flow
from runtime.flow.noop import PLAN_READERS
from runtime.messenger import ANYBODY, Messenger
from runtime.notifications.settings import Notifications
from runtime.runner import Runners, RunnerSettings
from runtime.templates.catalogue import Templates, names_in
from runtime.templates.functions import Library, look_at_functions
from runtime.templates.loading import draft_of_document, read_document
from runtime.templates.validation import check_draft


class _Configured(Messenger):
    """Knows who can be told something where templates are to run."""

    def __init__(self, config: Mapping[str, str]) -> None:
        self._names = host_settings(Notifications, config).notify_config

    @property
    def backends(self) -> Container[str]:
        """The names of those that can be told."""
        return self._names


def known_types(
    *, scripts: Path, functions: Path | None, templates: Sequence[Path], config: Mapping[str, str]
) -> Library:
    """Give what templates and flows may use; `templates` are the files and folders whose tasks they may start.

    Raises:
        FunctionInvalid, TemplateInvalid: a folder cannot be read.
        ConfigurationInvalid: the configuration items are wrong.
    """
    catalogue = Templates()
    catalogue.announce(names_in(templates))
    messenger = _Configured(config) if config else ANYBODY
    settings = RunnerSettings(scripts=scripts, templates=catalogue, config=config, messenger=messenger)
    return look_at_functions(functions or (), Runners(settings=settings))


def check_one(path: Path, library: Library, *, strict: bool) -> Sequence[Fault]:
    """Give the warnings of a template, or of a flow.

    Raises:
        TemplateInvalid, FlowInvalid: with every fault and its path.
    """
    document, source = read_document(path, TemplateInvalid)
    if is_flow(document.data):
        return check_flow_file(document, library.types, PLAN_READERS, source, strict=strict).warnings
    return check_draft(draft_of_document(document, source), library.types, strict=strict, thorough=True).warnings
