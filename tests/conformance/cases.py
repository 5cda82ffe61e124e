"""The file of cases, the fixtures they name, and what is still missing here to run one."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

Case = Mapping[str, Any]

LATER_KINDS = {
    "model": "templates that follow a folder",
}
BATCHES = frozenset({"create_batch", "populate_batch", "count_running", "set_task_state"})
"""What cases of kind ``model`` do that are about batches alone."""

COUNTS = frozenset({"empty_tasks", "create_template", "create_task", "count_by_group"})
"""What cases of kind ``model`` do that count tasks."""


@attrs.frozen
class Suite:
    """The parsed file and the folder of fixtures."""

    data: Mapping[str, Any]
    fixtures: Path

    @property
    def cases(self) -> list[Case]:
        """Every case, in order."""
        return list(self.data["cases"])

    def template_file(self, case: Case) -> Path:
        """Where the case's template is."""
        if "template" in case:
            return self.fixtures / "engine/templates_tests" / str(case["template"])
        return self.fixtures / str(case["template_path"])

    @property
    def functions(self) -> Path:
        """The folder of the functions that every case may call."""
        return self.fixtures / "engine/functions_tests"

    def lay_out_engine(self, into: Path) -> None:
        """Lay out the folder that scripts are run from: the fixtures say ``./scripts_tests/...``."""
        scripts = into / "scripts_tests"
        shutil.copytree(self.fixtures / "engine/scripts_tests", scripts)
        for script in scripts.iterdir():
            script.chmod(0o755)

    def missing(self, case: Case) -> str:
        """Name what the case needs and this project does not have yet; empty when it can be run."""
        return "; ".join(sorted(set(self._missing(case))))

    def _missing(self, case: Case) -> Iterator[str]:
        if case["kind"] in LATER_KINDS and not self.is_about_batches(case) and not self.is_about_counts(case):
            yield LATER_KINDS[case["kind"]]

    def is_about_counts(self, case: Case) -> bool:
        """Say whether a case counts tasks, and no more."""
        return {action["do"] for action in case["actions"]} <= COUNTS

    def is_about_batches(self, case: Case) -> bool:
        """Say whether a case of stored things needs no more of them than batches."""
        return {action["do"] for action in case["actions"]} <= BATCHES


def load_suite(cases: Path, fixtures: Path) -> Suite:
    """Read the file of cases."""
    return Suite(json.loads(cases.read_text()), fixtures)
