"""The order of the steps of one flow (spec section 4): by group, generation, index, and then as they were made.

Persistent: a step per group tuple, so that adding a clone copies one group's tuple and finding a neighbour is a
bisection in it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

import attrs
from rpds import HashTrieMap

from runtime.flow.rows import Step

_Key = tuple[int, int, int, int]


def _merged(own: tuple[tuple[_Key, str], ...], new: list[tuple[_Key, str]]) -> tuple[tuple[_Key, str], ...]:
    """Put entries in: a clone or two among many, or many behind all there are. Nothing is sorted again."""
    if not own or own[-1] < new[0]:
        return (*own, *new)
    for entry in new:
        place = bisect_left(own, entry)
        own = (*own[:place], entry, *own[place:])
    return own


@attrs.frozen
class Order:
    """`groups` are the group numbers, ascending; `members` the keys and ids of each, in order."""

    groups: tuple[int, ...] = ()
    members: "HashTrieMap[int, tuple[tuple[_Key, str], ...]]" = attrs.field(factory=HashTrieMap)

    def adding(self, steps: Sequence[Step]) -> "Order":
        """Give the order with more steps in it."""
        members = self.members
        by_group: dict[int, list[tuple[_Key, str]]] = {}
        for step in steps:
            by_group.setdefault(step.group_idx, []).append((step.key, step.id))
        for group_idx, new in by_group.items():
            members = members.insert(group_idx, _merged(members.get(group_idx, ()), sorted(new)))
        groups = self.groups
        if any(group_idx not in self.members for group_idx in by_group):
            groups = tuple(sorted({*groups, *by_group}))
        return Order(groups, members)

    def after(self, step: Step | None) -> Iterator[str]:
        """Give the steps behind one, or all of them, in order."""
        start = 0
        if step is not None:
            own = self.members[step.group_idx]
            for entry in own[bisect_right(own, (step.key, step.id)) :]:
                yield entry[1]
            start = bisect_right(self.groups, step.group_idx)
        for group_idx in self.groups[start:]:
            for entry in self.members[group_idx]:
                yield entry[1]

    def next(self, step: Step) -> str | None:
        """Give the step right behind one."""
        own = self.members[step.group_idx]
        place = bisect_right(own, (step.key, step.id))
        if place < len(own):
            return own[place][1]
        later = bisect_right(self.groups, step.group_idx)
        return self.members[self.groups[later]][0][1] if later < len(self.groups) else None

    def at(self, position: int) -> str | None:
        """Give the step at a position, counted from 0."""
        for group_idx in self.groups:
            own = self.members[group_idx]
            if position < len(own):
                return own[position][1]
            position -= len(own)
        return None

    def position(self, step: Step) -> int:
        """Give the position of a step. Costs O(groups)."""
        own = self.members[step.group_idx]
        before = sum(len(self.members[group]) for group in self.groups[: bisect_left(self.groups, step.group_idx)])
        return before + bisect_left(own, (step.key, step.id))

    def of_group(self, group_idx: int) -> Iterator[str]:
        """Give the steps of a group, of every generation, in order."""
        for _, step_id in self.members.get(group_idx, ()):
            yield step_id

    def of_generation(self, group_idx: int, generation: int, after: Step | None = None) -> Iterator[str]:
        """Give the steps of one generation of a group, in order."""
        own = self.members.get(group_idx, ())
        if after is None:
            start = bisect_left(own, ((group_idx, generation, -1, -1), ""))
        else:
            start = bisect_right(own, (after.key, after.id))
        for key, step_id in own[start:]:
            if key[1] != generation:
                return
            yield step_id

    def before(self, step: Step) -> Iterator[str]:
        """Give the steps before one in its generation of its group, the nearest first."""
        own = self.members[step.group_idx]
        for place in range(bisect_left(own, (step.key, step.id)) - 1, -1, -1):
            key, step_id = own[place]
            if key[1] != step.generation:
                return
            yield step_id

    def last_generation(self, group_idx: int) -> int:
        """Give the newest generation of a group."""
        return self.members[group_idx][-1][0][1]

    def last_index(self, group_idx: int) -> int:
        """Give the index of the last step of a group's newest generation."""
        return self.members[group_idx][-1][0][2]
