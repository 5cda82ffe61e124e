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


class _Names(Container[str]):
    """All names there are."""

    def __contains__(self, _name: object) -> bool:
        return True


class _Anybody(Messenger):
    """Tells nobody either, and knows every name: where it is not known who is told, or nobody is to be."""

    @property
    def backends(self) -> Container[str]:
        """All names."""
        return _Names()


NOBODY = Messenger()
ANYBODY = _Anybody()
