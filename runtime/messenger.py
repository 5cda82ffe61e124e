"""How steps say something to people's tools. `Messenger` itself tells nobody: it is what a runtime without notifications has."""

from collections.abc import Container, Mapping, Sequence


class Messenger:
    """Takes messages, and hands them over to be delivered. Sync, and waits for nobody."""

    @property
    def backends(self) -> Container[str]:
        """The names of those that can be told."""
        return ()

    def send(self, task_id: str, message: str, fields: Mapping[str, str], backends: Sequence[str]) -> None:
        """Say something in the name of a task, to these backends, or to all of them when none is named."""


NOBODY = Messenger()
