"""By hand: generated templates, against Go live. `python -m tests.values.oracle.compare COUNT SEED`."""

import re
import sys
from collections import Counter
from enum import Enum

from tests.values.oracle.go import Oracle
from tests.values.oracle.grammar import Generator
from tests.values.oracle.ours import render, without_what_is_newer

_SHOWN = 20
_BOUNDS = re.compile(r"exceeded maximum|nested more than|nested too deeply|is longer than \d+ characters")


class Verdict(Enum):
    """How our engine's answer stands to Go's."""

    EQUAL = "equal"
    NEWER = "equal but for what newer Go allows"
    BOUND = "stopped by a bound of ours"
    DIFFERENT = "DIFFERENT"


def judge(template: str, data: str, go: dict[str, str]) -> tuple[Verdict, dict[str, str]]:
    """Compare our answer with Go's, and give it.

    What newer Go allows is told exactly: without it, the answer has to be Go's.
    """
    ours = render(template, data)
    if ours == go:
        return Verdict.EQUAL, ours
    with without_what_is_newer():
        if render(template, data) == go:
            return Verdict.NEWER, ours
    if any(_BOUNDS.search(text) for text in ours.values()):
        return Verdict.BOUND, ours
    return Verdict.DIFFERENT, ours


def report(text: str) -> None:
    """Say something to the person who runs this."""
    sys.stdout.write(text + "\n")


def main() -> int:
    """Compare, print the differences, and fail if there are any."""
    count, seed = (int(argument) for argument in sys.argv[1:3])
    generator = Generator(seed)
    seen: Counter[str] = Counter()
    with Oracle() as oracle:
        for _ in range(count):
            template, data = generator.case()
            go = oracle.ask(template, data)
            verdict, ours = judge(template, data, go)
            seen[{"o": "rendered", "p": "parse errors", "e": "execution errors"}[next(iter(go))]] += 1
            seen[verdict.value] += 1
            if verdict in {Verdict.EQUAL, Verdict.NEWER} or seen[verdict.value] > _SHOWN:
                continue
            report(f"{verdict.value}: template {template!r}\n    data {data}\n      go {go}\n    ours {ours}")
    report(str(dict(seen)))
    return 1 if seen[Verdict.DIFFERENT.value] else 0


if __name__ == "__main__":
    sys.exit(main())
