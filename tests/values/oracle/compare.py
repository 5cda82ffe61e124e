"""By hand: generated templates, against Go live. `python -m tests.values.oracle.compare COUNT SEED`."""

import sys
from collections import Counter

from tests.values.oracle.go import Oracle
from tests.values.oracle.grammar import Generator
from tests.values.oracle.ours import render

_SHOWN = 20


def differs_by_design(go: dict[str, str], ours: dict[str, str]) -> bool:
    """Tell whether a difference is one of those the package's docstring lists: newer Go's ranges, and our bounds."""
    bounded = ("exceeded maximum", "nested more than", "nested too deep")
    return "range can't iterate over" in go.get("e", "") or any(text in ours.get("e", "") for text in bounded)


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
            go, ours = oracle.ask(template, data), render(template, data)
            seen[{"o": "rendered", "p": "parse errors", "e": "execution errors"}[next(iter(go))]] += 1
            if go == ours:
                continue
            if differs_by_design(go, ours):
                seen["by design"] += 1
                continue
            seen["DIFFERENT"] += 1
            if seen["DIFFERENT"] <= _SHOWN:
                report(f"template {template!r}\n    data {data}\n      go {go}\n    ours {ours}")
    report(str(dict(seen)))
    return 1 if seen["DIFFERENT"] else 0


if __name__ == "__main__":
    sys.exit(main())
