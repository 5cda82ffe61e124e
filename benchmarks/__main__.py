"""The command; see the package docstring."""

import argparse
import importlib
import importlib.util
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import lines, machine, report
from benchmarks.harness import OPTIONS, Figure, Options

GROUPS = ("actors", "values", "tasks", "durable", "api", "runners", "scale", "start")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the groups that are asked for, or all there are."""
    present = [group for group in GROUPS if importlib.util.find_spec(f"benchmarks.{group}")]
    options = _options(present, arguments)
    earlier = None
    if options.against is not None:
        try:
            earlier = lines.read(options.against)
        except (OSError, ValueError) as fault:
            raise SystemExit(f"--against: {fault}") from fault
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
    profiles = (options.out or Path("profiles")) if options.profile else None
    if profiles is not None:
        profiles.mkdir(parents=True, exist_ok=True)
    OPTIONS.set(Options(peers=options.peers, profiles=profiles))
    figures: list[Figure] = []
    with ExitStack() as files:
        as_lines = sys.stdout if options.json == "-" else None
        if options.json not in {None, "-"}:
            as_lines = files.enter_context(Path(options.json).open("w", encoding="utf-8"))
        for figure in run(options.groups or present, options.scale):
            figures.append(figure)
            if as_lines is not None:
                print(lines.encode(figure), file=as_lines, flush=True)
            if as_lines is not sys.stdout:
                print(figure.line(), flush=True)
    _keep(
        options.out, figures, list(lines.compare({lines.key_of(one): one for one in figures}, earlier or {})), earlier
    )


def _options(present: Sequence[str], arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Fixed workloads, as ratios to a limit.")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"any of: {', '.join(present)} (default: all)")
    parser.add_argument("--scale", choices=("small", "full"), default="small")
    parser.add_argument(
        "--peers", type=_names, metavar="NAMES", help="peers to measure, by comma; 'none' (default: all)"
    )
    parser.add_argument("--json", metavar="FILE", help="write one JSON line a figure there; '-' for standard output")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write lines, pictures and report.html there")
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare with the lines of an earlier run")
    parser.add_argument("--profile", action="store_true", help="write a flame graph of our side of every workload")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.groups) - set(present))
    if unknown:
        parser.error(f"no such group: {', '.join(unknown)} (there are: {', '.join(present)})")
    for wish, module in (("profile", "pyinstrument"), ("out", "matplotlib")):
        if getattr(options, wish) and importlib.util.find_spec(module) is None:
            parser.error(f"--{wish} needs {module}: pip install 'understudy[bench]'")
    return options


def _names(text: str) -> frozenset[str]:
    return frozenset() if text == "none" else frozenset(text.split(","))


def run(groups: Sequence[str], scale: str) -> Iterator[Figure]:
    """Give each figure as soon as it is known. A group is a module with `run(scale)`, which yields figures."""
    for group in groups:
        yield from importlib.import_module(f"benchmarks.{group}").run(scale)


def _keep(folder: Path | None, figures: Sequence[Figure], comparison: Sequence[str], earlier: object) -> None:
    shown = comparison if earlier is not None else ()
    for line in shown:
        print(line, file=sys.stderr)
    if folder is None:
        return
    facts = machine.describe()
    (folder / "machine.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    (folder / "figures.jsonl").write_text("".join(f"{lines.encode(one)}\n" for one in figures), encoding="utf-8")
    print(f"see {report.write(folder, figures, facts, shown)}", file=sys.stderr)


if __name__ == "__main__":
    main()
