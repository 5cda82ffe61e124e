"""Making the templates that a runtime knows those of a folder, while it runs (spec section 2).

All files are read and checked before anything changes, so that a folder with a fault in it leaves everything as it was.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import attrs

from runtime.errors import Fault
from runtime.journal.listing import Wanted
from runtime.journal.protocol import Journal
from runtime.templates.actions import ActionTypes
from runtime.templates.catalogue import Templates, TemplateSources, files_of, read_templates
from runtime.templates.model import Template
from runtime.threads import BRIEF


@attrs.frozen(kw_only=True)
class SyncedTemplates:
    """What became of the templates, by name; `warnings` by file.

    Those that are in no file any more are `deleted`; those of them that tasks were made from are `archived` instead:
    hidden, and blocked, so that no more are.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    archived: tuple[str, ...] = ()
    warnings: Mapping[str, tuple[Fault, ...]] = attrs.field(factory=dict)

    @property
    def any(self) -> bool:
        """Whether anything changed."""
        return bool(self.added or self.changed or self.deleted or self.archived)

    def __str__(self) -> str:
        """Give one line: what changed, or that nothing did."""
        kinds = ("added", "changed", "deleted", "archived")
        parts = [f"{', '.join(names)} {kind}" for kind in kinds if (names := getattr(self, kind))]
        return "; ".join(parts) or "nothing changed"


async def sync_templates(
    sources: TemplateSources, types: ActionTypes, catalogue: Templates, journal: Journal
) -> SyncedTemplates:
    """Make the templates of the catalogue those of these files; see `SyncedTemplates`.

    Raises:
        TemplateInvalid: every fault of every file; nothing changed.
        JournalUnavailable: it is not known which templates are in use; nothing changed.
    """
    checked = await BRIEF.run(read_templates, sources, types, catalogue)
    here = {one.template.name: one.template for one in checked.values()}
    gone = [template for name, template in catalogue.items() if name not in here]
    used = {one.name for one in gone if await journal.find(Wanted(template=one.name), limit=1)}
    added, changed = _put_all(here, catalogue)
    archived = [one for one in gone if one.name in used]
    for one in gone:
        if one.name in used:
            catalogue.put(attrs.evolve(one, hidden=True, blocked=True))
        else:
            catalogue.remove(one.name)
    return SyncedTemplates(
        added=added,
        changed=changed,
        deleted=tuple(one.name for one in gone if one.name not in used),
        archived=tuple(one.name for one in archived if not (one.hidden and one.blocked)),
        warnings={source: one.warnings for source, one in checked.items() if one.warnings},
    )


def _put_all(here: Mapping[str, Template], catalogue: Templates) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Put them all; give the names of those that are new, and of those that were others before."""
    known = dict(catalogue)
    for one in here.values():
        catalogue.put(one)
    added = tuple(name for name in here if name not in known)
    return added, tuple(name for name, one in here.items() if name in known and known[name] != one)


Fingerprint: TypeAlias = Sequence[tuple[str, int, int, int]]


def fingerprint(sources: TemplateSources) -> Fingerprint:
    """Give what differs once a file was added, removed or written. Reads no file; for a thread.

    Raises:
        TemplateInvalid: a folder cannot be read.
    """
    found = []
    for path in files_of(sources):
        try:
            status = path.stat()
        except OSError:
            found.append((str(path), 0, 0, 0))  # it is gone again, or may not be looked at: reading it will tell
        else:
            found.append((str(path), status.st_ino, status.st_mtime_ns, status.st_size))
    return found
