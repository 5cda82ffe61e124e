"""The live supervision tree as text, for a person who wonders what is running.

app  one_for_one
|- timers  running
|- intake  running, incarnation 2, 3 waiting
`- tasks  dynamic
   |- t-1  running
   `- ... and 941 more
"""

from collections.abc import Iterable, Iterator, Sequence

import attrs

__all__ = ("TreeNode", "render")


@attrs.frozen(kw_only=True)
class TreeNode:
    """One line of the tree and what stands below it. `more` children are left out."""

    name: str
    facts: Sequence[str]
    below: "tuple[TreeNode, ...]" = ()
    more: int = 0


def render(node: TreeNode) -> str:
    """Draw a tree. Pure."""
    return "\n".join(_lines(node))


def _lines(node: TreeNode) -> Iterator[str]:
    yield f"{node.name}  {', '.join(node.facts)}" if node.facts else node.name
    blocks: list[Iterable[str]] = [_lines(child) for child in node.below]
    if node.more:
        blocks.append([f"... and {node.more} more"])
    for index, block in enumerate(blocks, start=1):
        last = index == len(blocks)
        for number, line in enumerate(block):
            yield (("`- " if last else "|- ") if number == 0 else ("   " if last else "|  ")) + line
