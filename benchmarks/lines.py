"""Figures as JSON lines: written, read again, and compared with earlier ones."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import attrs

from benchmarks.harness import Figure

Key: TypeAlias = tuple[str, str, int | None]


def encode(figure: Figure) -> str:
    """Write a figure as one line; what it does not have is left out."""
    return json.dumps({key: _rounded(value) for key, value in attrs.asdict(figure).items() if value is not None})


def _rounded(value: object) -> object:
    match value:
        case float():
            return float(f"{value:.4g}")
        case list() | tuple():
            return [_rounded(item) for item in value]
        case dict():
            return {key: _rounded(item) for key, item in value.items()}
        case _:
            return value


def decode(line: str) -> Figure:
    """Read a line again.

    Raises:
        ValueError: it is not one of ours.
    """
    try:
        data = json.loads(line)
        data["spread"] = tuple(data["spread"])
        return Figure(**data)
    except (KeyError, TypeError) as fault:
        raise ValueError(f"not a line of figures ({fault}): {line[:100]}") from fault


def read(path: Path) -> Mapping[Key, Figure]:
    """Read a file of figures, by what each is a figure of.

    Raises:
        OSError: it cannot be read.
        ValueError: it holds something else.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    return {key_of(figure): figure for figure in map(decode, filter(None, lines))}


def key_of(figure: Figure) -> Key:
    """Say what a figure is a figure of."""
    return figure.workload, figure.metric, figure.size


def compare(figures: Mapping[Key, Figure], earlier: Mapping[Key, Figure]) -> Iterator[str]:
    """Say how each ratio changed. A change counts as one if the rounds of both runs do not overlap."""
    for key, now in figures.items():
        before = earlier.get(key)
        if before is None:
            yield f"{now.workload:4} {now.name:24} new: {now.ratio:.3f}"
            continue
        change = now.ratio / before.ratio - 1 if before.ratio else 0.0
        clear = "" if _overlap(now, before) else "   clear of both spreads"
        yield f"{now.workload:4} {now.name:24} ratio {before.ratio:8.3f} -> {now.ratio:8.3f}   {change:+7.1%}{clear}"
    for key in earlier.keys() - figures.keys():
        yield f"{key[0]:4} {key[1]:24} not measured this time"


def _overlap(one: Figure, other: Figure) -> bool:
    low, high = (_relative(one), _relative(other))
    return low[0] <= high[1] and high[0] <= low[1]


def _relative(figure: Figure) -> tuple[float, float]:
    """Give the spread in ratios, as far as the median limit allows."""
    base = figure.limit or 1e-9
    return figure.spread[0] / base, figure.spread[1] / base
