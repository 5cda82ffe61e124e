"""The file of cases, and the fixtures they name."""

import copy
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from runtime.templates.yaml import read_yaml

Case = Mapping[str, Any]

BATCHES = frozenset({"create_batch", "populate_batch", "count_running", "set_task_state"})
"""What cases of kind ``model`` do that are about batches alone."""


@attrs.frozen
class Suite:
    """The parsed file and the folder of fixtures."""

    data: Mapping[str, Any]
    fixtures: Path

    @property
    def cases(self) -> list[Case]:
        """Every case, in order."""
        return list(self.data["cases"])

    def template_of(self, case: Case) -> dict[str, Any]:
        """Give the case's template, as data of its own: from a file, or from among those that have none."""
        if "inline_template" in case:
            return copy.deepcopy(dict(self.data["inline_templates"][case["inline_template"]]))
        return dict(_plain(read_yaml(self.template_file(case)).data))

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

    def is_about_batches(self, case: Case) -> bool:
        """Say whether a case of stored things needs no more of them than batches."""
        return {action["do"] for action in case["actions"]} <= BATCHES


def load_suite(cases: Path, fixtures: Path) -> Suite:
    """Read the file of cases."""
    return Suite(json.loads(cases.read_text()), fixtures)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value
