"""The dependency graph of a template, asked before anything is known to be right about it.

Nothing here recurses, and everything costs O(steps + dependencies): templates may be thousands of steps deep.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs

_BLOCK: Final = 4096  # targets asked about in one walk: a few hundred bytes of bits per step

Edges = Mapping[str, Sequence[str]]


def _needs_first(needs: Edges) -> list[str]:
    """Give the steps in the order in which a walk along the needs leaves them: without cycles, needs come first."""
    order: list[str] = []
    entered: set[str] = set()
    for root in needs:
        stack = [(root, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                order.append(name)
            elif name not in entered:
                entered.add(name)
                stack.append((name, True))
                stack.extend((need, False) for need in needs[name])
    return order


def _reversed(edges: Edges) -> dict[str, list[str]]:
    back: dict[str, list[str]] = {name: [] for name in edges}
    for name, ends in edges.items():
        for end in ends:
            back[end].append(name)
    return back


@attrs.frozen
class Dependencies:
    """Who needs whom. Every step is a key of `needs`, and every step that is needed is one too."""

    needs: Edges

    def cycles(self) -> list[tuple[str, ...]]:
        """Give the groups of steps that all need each other, in template order; a step that needs itself is alone."""
        position = {name: index for index, name in enumerate(self.needs)}
        groups = (sorted(group, key=position.__getitem__) for group in self._components())
        cyclic = [tuple(group) for group in groups if len(group) > 1 or group[0] in self.needs[group[0]]]
        return sorted(cyclic, key=lambda group: position[group[0]])

    def _components(self) -> Iterable[list[str]]:
        """Give the strongly connected components (Kosaraju's two walks)."""
        needed_by = _reversed(self.needs)
        placed: set[str] = set()
        for root in reversed(_needs_first(self.needs)):
            group: list[str] = []
            stack = [root]
            while stack:
                name = stack.pop()
                if name not in placed:
                    placed.add(name)
                    group.append(name)
                    stack.extend(needed_by[name])
            if group:
                yield group

    def unrelated(self, pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """Give the pairs of steps of which neither needs the other, however indirectly. There must be no cycle."""
        left = {(step, target) for step, target in pairs if step != target}
        targets = list(dict.fromkeys(target for _, target in left))
        order = _needs_first(self.needs)
        needed_by = _reversed(self.needs)
        for start in range(0, len(targets), _BLOCK):
            bits = {target: 1 << index for index, target in enumerate(targets[start : start + _BLOCK])}
            needed = _reached(order, self.needs, bits)
            needing = _reached(reversed(order), needed_by, bits)
            left = {pair for pair in left if not (needed[pair[0]] | needing[pair[0]]) & bits.get(pair[1], 0)}
        return left


def _reached(order: Iterable[str], edges: Edges, bits: Mapping[str, int]) -> dict[str, int]:
    """Give for each step the targets that it is or leads to. `order` puts every step after the ends of its edges."""
    reached: dict[str, int] = {}
    for name in order:
        bitmap = bits.get(name, 0)
        for end in edges[name]:
            bitmap |= reached[end]
        reached[name] = bitmap
    return reached
