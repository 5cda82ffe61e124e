"""Our engine gives what Go gave, for every case of the recording."""

import json
from collections.abc import Iterator

import pytest

from tests.values.oracle.corpus import DATA, NEWER
from tests.values.oracle.ours import render, without_what_is_newer
from tests.values.oracle.record import RECORDING


def cases() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Read the recording."""
    data = "null"
    for line in RECORDING.read_text(encoding="utf-8").rstrip("\n").split("\n"):
        entry = json.loads(line)
        if isinstance(entry, str):
            data = entry
        else:
            yield entry[0], data, entry[1]


def test_the_recording_is_large_enough() -> None:
    assert sum(1 for _ in cases()) >= 5000


def test_every_recorded_template_gives_what_go_gave() -> None:
    """All but those that only newer Go and Sprig allow; and these too, where the engine is without what is newer."""
    differing = [case for case in cases() if render(*case[:2]) != case[2]]
    with without_what_is_newer():
        wrong = [(*case, ours) for case in differing if (ours := render(*case[:2])) != case[2]]
    assert not wrong, f"{len(wrong)} differ, the first: {wrong[0]}"
    assert {template for template, _, _ in differing} == set(NEWER)


@pytest.mark.parametrize(("template", "text"), NEWER.items(), ids=NEWER.keys())
def test_what_newer_go_allows_is_rendered(template: str, text: str) -> None:
    assert render(template, DATA) == {"o": text}


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("{{range $i, $e := 3}}{{end}}", "can't use 3 to iterate over more than one variable"),
        ("{{range 1.5}}{{end}}", "range can't iterate over 1.5"),
    ],
)
def test_what_newer_go_refuses_is_refused(template: str, fault: str) -> None:
    assert render(template, "null")["e"].endswith(fault)
