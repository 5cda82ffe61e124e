"""Figures as JSON lines: written, read again, and compared with earlier ones."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from benchmarks.figures import Figure

Key: TypeAlias = tuple[str, str, str, int | None]


def encode(figure: Figure) -> str:
    """Write a figure as one line; what it does not have is left out."""
    return json.dumps({key: _rounded(value) for key, value in attrs.asdict(figure).items() if _said(key, value)})


def _said(key: str, value: object) -> bool:
    return key == "peers" or value not in (None, "", {})


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
        data: dict[str, Any] = json.loads(line)
        for key, value in data.items():
            data[key] = tuple(value) if isinstance(value, list) else value
        return Figure(**data)
    except (AttributeError, TypeError, ValueError) as fault:
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
    return figure.group, figure.workload, figure.metric, figure.size


def compare(figures: Mapping[Key, Figure], earlier: Mapping[Key, Figure]) -> Iterator[str]:
    """Say how each ratio changed. A change counts as one if the ratios of the rounds of both runs do not overlap."""
    for key, now in figures.items():
        before = earlier.get(key)
        if before is None:
            yield f"{now.workload:4} {now.name:28} new: {now.ratio:.3f}"
            continue
        change = now.ratio / before.ratio - 1 if before.ratio else 0.0
        clear = (
            "" if _overlap(now, before) else f"   {'better' if (change > 0) == now.rate else 'worse'}, in every round"
        )
        yield f"{now.workload:4} {now.name:28} ratio {before.ratio:8.3f} -> {now.ratio:8.3f}   {change:+7.1%}{clear}"
    groups = {key[0] for key in figures}
    for key, gone in earlier.items():
        if key not in figures and key[0] in groups:
            yield f"{gone.workload:4} {gone.name:28} not measured this time"


def _overlap(one: Figure, other: Figure) -> bool:
    return one.ratios[0] <= other.ratios[1] and other.ratios[0] <= one.ratios[1]
