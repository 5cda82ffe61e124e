"""See the package's docstring."""

import argparse
import sys
import tempfile
from pathlib import Path

import trio

from tests.conformance.api import run_api_case
from tests.conformance.batches import run_batch_case
from tests.conformance.cases import Case, Suite, load_suite
from tests.conformance.engine import run_engine_case
from tests.conformance.models import run_model_case
from tests.conformance.plugins import run_plugin_case
from tests.conformance.templates import run_template_case
from tests.conformance.values import run_values_case


async def verdict(suite: Suite, case: Case, folder: Path) -> str:
    """Run one case and say how it ended."""
    match case["kind"]:
        case "api":
            problems = await run_api_case(suite, case)
        case "engine":
            problems = await run_engine_case(suite, case, folder)
        case "template":
            problems = run_template_case(suite, case)
        case "values":
            problems = await run_values_case(case)
        case "model" if suite.is_about_batches(case):
            problems = await run_batch_case(suite, case)
        case "model":
            problems = await run_model_case(suite, case)
        case "plugin":
            problems = await run_plugin_case(case)
        case other:
            problems = [f"the driver does not know cases of kind {other}"]
    return f"fail: {'; '.join(problems)}" if problems else "pass"


async def run_suite(suite: Suite) -> int:
    """Run every case, print a line for each and the sum; give how many failed."""
    counts = {"pass": 0, "fail": 0, "skip": 0}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        suite.lay_out_engine(folder)
        for case in suite.cases:
            try:
                ended = await verdict(suite, case, folder)
            except Exception as crash:  # noqa: BLE001 - one case must not end the others
                ended = f"fail: {type(crash).__name__}: {crash}"
            counts[ended[:4]] += 1
            print(f"{case['id']} {ended}")
    print(f"{counts['pass']} passed, {counts['fail']} failed, {counts['skip']} skipped")
    return counts["fail"]


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("cases", type=Path, help="the file of cases")
    parser.add_argument("--fixtures", type=Path, required=True, help="the folder of the files they name")
    arguments = parser.parse_args()
    sys.exit(1 if trio.run(run_suite, load_suite(arguments.cases, arguments.fixtures)) else 0)


if __name__ == "__main__":
    main()
