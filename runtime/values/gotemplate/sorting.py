"""Sorting in bounded pieces, as one call that sorts everything would hold up the whole program."""

import heapq
from collections.abc import Collection, Iterable, Sequence

from runtime.values.gotemplate.limits import Budget

_PIECE = 4_000  # texts; some milliseconds


def sorted_texts(budget: Budget, texts: Sequence[str]) -> list[str]:
    """Sort texts, charged for it: an item is a few steps."""
    budget.hold(16 * len(texts))
    budget.spend(4 * len(texts))
    if len(texts) <= _PIECE:
        return sorted(texts)
    pieces: list[Iterable[str]] = []
    for at in range(0, len(texts), _PIECE):
        pieces.append(sorted(texts[at : at + _PIECE]))
        budget.spend(0)
    budget.spend(20 * len(texts))
    return list(heapq.merge(*pieces))


def sorted_keys(budget: Budget, mapping: Collection[str]) -> list[str]:
    """Give the keys of a map in order, charged for it."""
    if len(mapping) <= _PIECE:
        budget.spend(len(mapping))
        return sorted(mapping)
    return sorted_texts(budget, list(mapping))
