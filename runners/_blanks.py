"""Numbers that a template may leave empty: an empty text is the field's default."""

from collections.abc import Mapping
from typing import ClassVar, TypeVar

from runtime.runner import Checked, Json, Runner

C = TypeVar("C")


class BlankIsDefault(Runner[C]):
    """A runner some of whose fields may be empty texts.

    Attributes:
        blanks: the names of those fields.
    """

    blanks: ClassVar[frozenset[str]] = frozenset()

    def check(self, configuration: Json, base: Json = None) -> Checked[C]:
        """Check a configuration, without what is empty."""
        return super().check(self._filled(configuration), self._filled(base))

    def structure(self, configuration: Json, base: Json = None) -> C:
        """Build a configuration, without what is empty."""
        return super().structure(self._filled(configuration), self._filled(base))

    def _filled(self, configuration: Json) -> Json:
        if not isinstance(configuration, Mapping):
            return configuration
        return {key: value for key, value in configuration.items() if value != "" or key not in self.blanks}
