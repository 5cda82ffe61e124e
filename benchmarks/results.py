"""The folder that `--out` names: figures of several runs, the latest of each group, with where and when it was taken.

`figures.jsonl` and `machines.json` are written as soon as there is something to write, so that a run that is cut keeps
what it has; the pictures, the page and the table are made from them, at the end of each group.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from benchmarks import lines, report, table
from benchmarks.figures import Figure

Facts: TypeAlias = Mapping[str, str]

_FIGURES: Final = "figures.jsonl"
_MACHINES: Final = "machines.json"


class Results:
    """What is kept in one folder.

    Raises:
        ValueError: the folder holds something else under these names.
        OSError: it cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._figures: dict[lines.Key, Figure] = {}
        self._machines: dict[str, Facts] = {}
        if (folder / _FIGURES).exists():
            self._figures.update(lines.read(folder / _FIGURES))
        if (folder / _MACHINES).exists():
            self._machines.update(json.loads((folder / _MACHINES).read_text(encoding="utf-8")))

    def begin(self, group: str, facts: Facts) -> None:
        """Forget what an earlier run found of a group."""
        self._figures = {key: one for key, one in self._figures.items() if one.group != group}
        self._machines[group] = facts
        self._write(_MACHINES, json.dumps(self._machines, indent=2) + "\n")

    def add(self, figure: Figure) -> None:
        """Keep a figure."""
        self._figures[lines.key_of(figure)] = figure
        self._write(_FIGURES, "".join(f"{lines.encode(one)}\n" for one in self._figures.values()))

    def show(self, comparison: Sequence[str]) -> Path:
        """Make the pictures, the table and the page of all there is; give the page's path."""
        figures = list(self._figures.values())
        self._write("README.md", table.write(figures, self._machines))
        return report.write(self._folder, figures, self._machines, comparison)

    def _write(self, name: str, text: str) -> None:
        new = self._folder / f".{name}"
        new.write_text(text, encoding="utf-8")
        new.replace(self._folder / name)
