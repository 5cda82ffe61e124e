"""How long the texts may be that things are called and found by: the same however they come, and what every store can hold.

PostgreSQL refuses a row whose key in an index is longer than some 2,700 bytes, and with it all that is stored together
with that row: so a name and the text of a tag have to fit into one, whatever their characters.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Final, TypeAlias

import attrs

from runtime.errors import Fault

LONGEST_NAME: Final = 255
"""How many characters a username, a group, an owner, the name of a tag or an id may have."""

LONGEST_TAG: Final = 1000
"""How many characters the text of a tag may have."""

LONGEST_TITLE: Final = 10_000
"""How many characters the title of a task may have: it is in every list."""


@attrs.frozen
class Longest:
    """So many characters at most, and so many bytes as UTF-8."""

    characters: int
    size: int

    def faults(self, text: str, path: str) -> Sequence[Fault]:
        """Say so if a text is longer."""
        if len(text) > self.characters:
            return [Fault(path, f"must have at most {self.characters:,} characters, not {len(text):,}")]
        if len(text) * 4 > self.size < (size := len(text.encode(errors="replace"))):
            return [Fault(path, f"must have at most {self.size:,} bytes as UTF-8, not {size:,}")]
        return ()


_NAME: Final = Longest(LONGEST_NAME, 4 * LONGEST_NAME)
_TAG: Final = Longest(LONGEST_TAG, 1600)

Name: TypeAlias = Annotated[str, _NAME]
"""A text that somebody or something is found by."""

TagText: TypeAlias = Annotated[str, _TAG]
"""What a tag says."""


def faults_of_tags(tags: Mapping[str, str]) -> Iterator[Fault]:
    """Name the tags that are too long; they are texts."""
    for name, text in tags.items():
        yield from _NAME.faults(name, f"tags.{name[:100]}")
        yield from _TAG.faults(text, f"tags.{name[:100]}")
