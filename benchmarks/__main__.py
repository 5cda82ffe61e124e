"""The command; see the package docstring."""

import argparse
import importlib
import importlib.util
import json
import sys
from typing import TextIO

import attrs

from benchmarks.harness import Figure

GROUPS = ("actors", "values", "tasks", "durable", "api", "runners", "scale", "start")


def main() -> None:
    """Run the groups that are asked for, or all there are."""
    present = [group for group in GROUPS if importlib.util.find_spec(f"benchmarks.{group}")]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Fixed workloads, as ratios to a limit.")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"any of: {', '.join(present)} (default: all)")
    parser.add_argument("--scale", choices=("small", "full"), default="small")
    parser.add_argument("--json", metavar="FILE", help="write one JSON line a figure there; '-' for standard output")
    options = parser.parse_args()
    unknown = sorted(set(options.groups) - set(present))
    if unknown:
        parser.error(f"no such group: {', '.join(unknown)} (there are: {', '.join(present)})")
    if options.json in (None, "-"):
        run(options.groups or present, options.scale, sys.stdout, as_json=options.json == "-")
    else:
        with open(options.json, "w", encoding="utf-8") as out:  # noqa: PTH123 - the path is the caller's
            run(options.groups or present, options.scale, out, as_json=True)


def run(groups: list[str], scale: str, out: TextIO, *, as_json: bool) -> None:
    """Write each figure as soon as it is known. A group is a module with `run(scale)`, which yields figures."""
    for group in groups:
        for figure in importlib.import_module(f"benchmarks.{group}").run(scale):
            print(encode(figure) if as_json else figure.line(), file=out, flush=True)


def encode(figure: Figure) -> str:
    """Write a figure as one JSON line."""
    rounded = {key: _round(value) for key, value in attrs.asdict(figure).items() if value is not None}
    return json.dumps(rounded)


def _round(value: object) -> object:
    match value:
        case float():
            return float(f"{value:.4g}")
        case list() | tuple():
            return [_round(item) for item in value]
        case dict():
            return {key: _round(item) for key, item in value.items()}
        case _:
            return value


if __name__ == "__main__":
    main()
