"""The file of cases, the fixtures they name, and what is still missing here to run one."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import yaml

Case = Mapping[str, Any]

LATER_KINDS = {
    "api": "the HTTP API",
    "model": "listing and storing of templates and tasks",
}
LATER_RUNNERS = {"subtask", "batch", "callback"}
LATER_STEP_FIELDS = {"pre_hook": "pre-hooks"}


@attrs.frozen
class Suite:
    """The parsed file and the folder of fixtures."""

    data: Mapping[str, Any]
    fixtures: Path

    @property
    def cases(self) -> list[Case]:
        """Every case, in order."""
        return list(self.data["cases"])

    def template_text(self, case: Case) -> str:
        """The text of the case's template, tabs and all."""
        return self.template_file(case).read_text()

    def template_file(self, case: Case) -> Path:
        """Where the case's template is."""
        if "template" in case:
            return self.fixtures / "engine/templates_tests" / str(case["template"])
        return self.fixtures / str(case["template_path"])

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
        if case["kind"] in LATER_KINDS:
            yield LATER_KINDS[case["kind"]]
        for runner in set(case.get("runners", ())) & LATER_RUNNERS:
            yield f"the runner {runner}"
        if case.get("functions"):
            yield "functions"
        if "template" in case:
            template = yaml.safe_load(self.template_text(case).replace("\t", "  "))
            expects_refusal = case["actions"][0].get("expect", {}).get("error") is not None
            for step in template.get("steps", {}).values():
                for field, feature in LATER_STEP_FIELDS.items():
                    if step.get(field) and not expects_refusal:
                        yield feature


def load_suite(cases: Path, fixtures: Path) -> Suite:
    """Read the file of cases."""
    return Suite(json.loads(cases.read_text()), fixtures)
