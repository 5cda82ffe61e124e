"""Our engine gives what Go gave, for every case of the recording."""

import json
from collections.abc import Iterator

from tests.values.oracle.ours import render
from tests.values.oracle.record import RECORDING

# Newer Go ranges over integers, and so do we; the Go that was recorded does not.
NEWER = "range can't iterate over"


def cases() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Read the recording."""
    data = "null"
    for line in RECORDING.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if isinstance(entry, str):
            data = entry
        else:
            yield entry[0], data, entry[1]


def test_the_recording_is_large_enough() -> None:
    assert sum(1 for _ in cases()) >= 3000


def test_every_recorded_template_gives_what_go_gave() -> None:
    wrong = [
        (template, data, go, ours)
        for template, data, go in cases()
        if (ours := render(template, data)) != go and NEWER not in go.get("e", "")
    ]
    assert not wrong, f"{len(wrong)} differ, the first: {wrong[0]}"


def test_what_newer_go_allows_is_the_only_thing_that_differs() -> None:
    differing = [
        template for template, data, go in cases() if NEWER in go.get("e", "") and render(template, data) != go
    ]
    assert all("range" in template for template in differing)
    assert len(differing) <= 3
