"""The command; see the package docstring."""

import argparse
import importlib
import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import attrs

from benchmarks import disk, lines, machine
from benchmarks.figures import Figure
from benchmarks.harness import OPTIONS, Options, perf_counter, tell
from benchmarks.products import NAMES
from benchmarks.results import Results

GROUPS: Final = ("actors", "values", "tasks", "durable", "api", "runners", "scale", "start")

_LONGEST_SYNC_US: Final = 100_000

_PEERS: Final = {
    "small": Options(peer_seconds=0.0, run_seconds=10.0),  # each takes part once
    "full": Options(peer_seconds=10.0, run_seconds=90.0),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the groups that are asked for, or all there are."""
    options = _options(arguments)
    with _about("--against"):
        earlier = None if options.against is None else lines.read(options.against)
    with _about("--out"):
        results = None if options.out is None else Results(options.out)
    profiles = (options.out or Path()) / "profiles" if options.profile else None
    if profiles is not None:
        profiles.mkdir(parents=True, exist_ok=True)
    make = options.peers == "all" or isinstance(options.peers, frozenset) or options.scale == "full"
    named = options.peers if isinstance(options.peers, frozenset) else None
    OPTIONS.set(attrs.evolve(_PEERS[options.scale], peers=named, make_peers=make, profiles=profiles))
    if options.sync_us is not None:
        with _about("--sync-us"):
            disk.hold(options.sync_us)
    found: dict[lines.Key, Figure] = {}
    broken: list[str] = []
    with ExitStack() as files:
        say = _sayer(options.json, files)
        groups = options.groups or GROUPS
        for number, group in enumerate(groups, 1):
            tell(f"group {group}, {number} of {len(groups)}")
            began = perf_counter()
            if results is not None:
                results.begin(group, {"scale": options.scale, **machine.describe()})
            try:
                for figure in run(group, options.scale):
                    found[lines.key_of(figure)] = figure
                    say(figure)
                    if results is not None:
                        results.add(figure)
            except (ImportError, subprocess.SubprocessError) as fault:  # the other groups are worth as much without it
                broken.append(group)
                needs = "; pip install 'understudy[bench]'" if isinstance(fault, ImportError) else ""
                tell(f"{group} broke: {fault}{needs}")
            finally:  # whoever interrupts it sees what there is
                tell(f"group {group} took {perf_counter() - began:.0f} s")
                if results is not None:
                    tell(f"see {results.show(())}")
    if earlier is not None:
        comparison = list(lines.compare(found, earlier))
        print("\n".join(comparison), file=sys.stderr)
        if results is not None:
            results.show(comparison)
    if broken:
        raise SystemExit(f"these groups broke: {', '.join(broken)}")


@contextmanager
def _about(option: str) -> Iterator[None]:
    """Say of which option it is that it cannot be done.

    Raises:
        SystemExit: so it is.
    """
    try:
        yield
    except (OSError, ValueError, subprocess.SubprocessError) as fault:
        raise SystemExit(f"{option}: {fault}") from fault


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Fixed workloads, as ratios to a limit.")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"any of: {', '.join(GROUPS)} (default: all)")
    parser.add_argument("--scale", choices=("small", "full"), default="small")
    parser.add_argument(
        "--peers",
        type=_peers,
        metavar="NAMES",
        help="peers to measure, by comma; 'none'; 'ready': those that have an environment (default of the small scale);"
        " 'all': make an environment for the others (default of the full scale)",
    )
    parser.add_argument("--json", metavar="FILE", help="write one JSON line a figure there; '-' for standard output")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="keep lines, pictures and report.html there, beside those of other groups",
    )
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare with the lines of an earlier run")
    parser.add_argument("--profile", action="store_true", help="write a flame graph of our side of every workload")
    parser.add_argument(
        "--sync-us",
        type=_microseconds,
        metavar="N",
        help="have no sync of the disk be quicker than N us on any side, to compare with another disk (needs cc)",
    )
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.groups) - set(GROUPS))
    if unknown:
        parser.error(f"no such group: {', '.join(unknown)} (there are: {', '.join(GROUPS)})")
    for wish, module in (("profile", "pyinstrument"), ("out", "matplotlib")):
        if getattr(options, wish) and importlib.util.find_spec(module) is None:
            parser.error(f"--{wish} needs {module}: pip install 'understudy[bench]'")
    return options


def _peers(text: str) -> str | frozenset[str]:
    """Read which peers there shall be: a word for a set, or names.

    Raises:
        argparse.ArgumentTypeError: there is no such peer.
    """
    if text in {"ready", "all"}:
        return text
    named = frozenset() if text == "none" else frozenset(text.split(","))
    unknown = sorted(named - NAMES)
    if unknown:
        raise argparse.ArgumentTypeError(f"no such peer: {', '.join(unknown)} (there are: {', '.join(sorted(NAMES))})")
    return named


def _microseconds(text: str) -> int:
    """Read for how long a sync is held.

    Raises:
        argparse.ArgumentTypeError: no disk takes that.
    """
    if not text.isdecimal() or not 0 < int(text) <= _LONGEST_SYNC_US:
        raise argparse.ArgumentTypeError(f"not a number of microseconds from 1 to {_LONGEST_SYNC_US}: {text}")
    return int(text)


def _sayer(file: str | None, files: ExitStack) -> Callable[[Figure], None]:
    """Give what says a figure: to a reader, and as a line to the file that is asked for, if any."""
    if file == "-":
        return lambda figure: print(lines.encode(figure), flush=True)
    if file is None:
        return lambda figure: print(figure.line(), flush=True)
    stream = Path(file).open("w", encoding="utf-8")  # noqa: SIM115 - closed with the other files
    files.callback(stream.close)

    def say(figure: Figure) -> None:
        print(figure.line(), flush=True)
        print(lines.encode(figure), file=stream, flush=True)

    return say


def run(group: str, scale: str) -> Iterator[Figure]:
    """Give each figure as soon as it is known. A group is a module with `run(scale)`, which yields figures."""
    for figure in importlib.import_module(f"benchmarks.{group}").run(scale):
        yield attrs.evolve(figure, group=group)


if __name__ == "__main__":
    main()
