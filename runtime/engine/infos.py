"""What templates see of a task itself (section 4.2)."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from runtime.values.json import Json

if TYPE_CHECKING:
    from runtime.engine.task import Header


class TaskInfos(Mapping[str, Json]):
    """``.task`` (section 4.2), worked out when it is looked at: it hardly ever is, and changes with every run."""

    __slots__ = ("_header", "_infos", "_last_activity", "_region")

    def __init__(self, header: "Header", last_activity: float, region: str) -> None:
        self._header = header
        self._last_activity = last_activity
        self._region = region
        self._infos: Mapping[str, Json] | None = None

    def _known(self) -> Mapping[str, Json]:
        if self._infos is None:
            self._infos = _infos_of(self._header, self._last_activity, self._region)
        return self._infos

    def __getitem__(self, key: str) -> Json:
        """Give one."""
        return self._known()[key]

    def __iter__(self) -> Iterator[str]:
        """Give their names."""
        return iter(self._known())

    def __len__(self) -> int:
        """Count them."""
        return len(self._known())


def _infos_of(header: "Header", last_activity: float, region: str) -> Mapping[str, Json]:
    """Lists are joined with commas, and those that are empty are not there."""
    infos: dict[str, Json] = {
        "task_id": header.task_id,
        "created": _written(header.submitted_at),
        "last_activity": _written(last_activity),
        "requester_username": header.requester,
        "region": region,
    }
    if header.resolution_id:
        infos["resolution_id"] = header.resolution_id
        infos["resolver_username"] = header.resolver
    for name, texts in (
        ("requester_groups", header.requester_groups),
        ("resolver_groups", header.groups_of_resolver),
        ("watcher_usernames", header.watcher_usernames),
        ("watcher_groups", header.watcher_groups),
    ):
        if texts:
            infos[name] = ",".join(texts)
    return infos


def _written(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")
