"""The templates that a runtime knows by name: those that tasks are made from without their text being at hand."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from runtime.errors import Fault, NotFound, TemplateInvalid, did_you_mean, together
from runtime.templates.actions import ActionTypes
from runtime.templates.loading import draft_of_file
from runtime.templates.model import Template, normalise_name
from runtime.templates.validation import Validated, check_file

TemplateSources: TypeAlias = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
"""A folder of template files (its subfolders are not looked at), or one file; or several of either."""


class Templates(Mapping[str, Template]):
    """Valid templates by name, which is trimmed and lower case. One that is put again replaces the one before.

    A name counts as known (``in``) from the moment it is announced, so that templates read together may name each
    other as subtasks, whatever their order (section 2).
    """

    def __init__(self) -> None:
        self._kept: dict[str, Template] = {}
        self._announced: set[str] = set()

    def announce(self, names: Iterable[str]) -> None:
        """Count these as known already: they are about to be put."""
        self._announced.update(names)

    def retract(self, names: Iterable[str]) -> None:
        """Count these as known no more, unless they were put."""
        self._announced.difference_update(names)

    def put(self, template: Template) -> None:
        """Keep a valid template under its name."""
        self._announced.discard(template.name)
        self._kept[template.name] = template

    def remove(self, name: str) -> None:
        """Forget a template; tasks made from it go on."""
        self._kept.pop(normalise_name(name), None)

    def named(self, name: str) -> Template:
        """Give the template of that name.

        Raises:
            NotFound: there is none, with the nearest name as a hint.
        """
        known = self._kept.get(normalise_name(name))
        if known is None:
            raise NotFound("template", name, did_you_mean(name, list(self._kept)))
        return known

    def __getitem__(self, name: str) -> Template:
        """Give the template of exactly this name."""
        return self._kept[name]

    def __contains__(self, name: object) -> bool:
        """Say whether the name is known, or announced."""
        return isinstance(name, str) and (normalise_name(name) in self._kept or normalise_name(name) in self._announced)

    def __iter__(self) -> Iterator[str]:
        """Give the names, in the order in which they were first put."""
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)


def load_templates(sources: TemplateSources, types: ActionTypes, into: Templates) -> Mapping[str, tuple[Fault, ...]]:
    """Read and check template files, and put them all; give the warnings by file, where there are any.

    Raises:
        TemplateInvalid: every fault of every file; nothing was put.
    """
    checked = read_templates(sources, types, into)
    for one in checked.values():
        into.put(one.template)
    return {source: one.warnings for source, one in checked.items() if one.warnings}


def read_templates(sources: TemplateSources, types: ActionTypes, known: Templates) -> Mapping[str, Validated]:
    """Read and check template files, which may name each other and those that are known; give what was found, by file.

    Raises:
        TemplateInvalid: every fault of every file. If several have some, each path begins with its file.
    """
    refusals: list[TemplateInvalid] = []
    named: dict[Path, str] = {}
    for path in files_of(sources):
        try:
            named[path] = draft_of_file(path).template.name
        except TemplateInvalid as refusal:
            refusals.append(refusal)
    known.announce(named.values())
    checked: dict[str, Validated] = {}
    by_name: dict[str, str] = {}
    try:
        for path in named:
            try:
                one = checked[str(path)] = check_file(path, types)
            except TemplateInvalid as refusal:
                refusals.append(refusal)
                continue
            other = by_name.setdefault(one.template.name, str(path))
            if other != str(path):
                refusals.append(
                    TemplateInvalid([Fault("name", f"the template in {other} is called so too")], str(path))
                )
    finally:
        known.retract(named.values())
    if refusals:
        raise together(refusals)
    return checked


def names_in(sources: TemplateSources) -> Iterator[str]:
    """Give the names of template files, valid or not; those that cannot even be read have none."""
    for path in files_of(sources):
        with suppress(TemplateInvalid):
            yield draft_of_file(path).template.name


def files_of(sources: TemplateSources) -> Iterator[Path]:
    """Give the template files.

    Raises:
        TemplateInvalid: a folder cannot be read.
    """
    for source in [sources] if isinstance(sources, str | os.PathLike) else sources:
        path = Path(source)
        if not os.path.isdir(path):  # noqa: PTH112 - whatever cannot be looked at is told by whoever reads it
            yield path
            continue
        try:
            found = sorted(one for one in path.iterdir() if one.name.endswith(".yaml") and one.is_file())
        except OSError as cause:
            problem = f"the folder cannot be read: {(cause.strerror or 'input/output error').lower()}"
            raise TemplateInvalid([Fault("", problem)], str(path)) from None
        yield from found
