"""The dependency graph of a template: who needs whom, and in which states (spec sections 5.1 and 6.4).

Built once per template and shared by all its tasks. `edges[x]` is what a change of `x` touches.
"""

from collections.abc import Mapping

from runtime.engine.persistent import PersistentMap, persistent
from runtime.engine.states import ANY
from runtime.frozen import frozen
from runtime.templates.model import Step, dependency_parts


@frozen
class Need:
    """One dependency: `step` has to be in one of `states`, or, when `any` is set, settled with all it depends on."""

    step: str
    states: frozenset[str]
    any: bool


@frozen
class Edge:
    """The same dependency seen from the other end: `dependent` needs the edge's owner."""

    dependent: str
    need: Need


@frozen
class Graph:
    """Needs and edges of every step, in template order. Both persistent, so that loops can grow them.

    `watched` are the states that some need asks for: a step that goes from one to another of the rest moves nobody.
    """

    needs: "PersistentMap[str, tuple[Need, ...]]"
    edges: "PersistentMap[str, tuple[Edge, ...]]"
    watched: frozenset[str]


def need_of(dependency: str) -> Need:
    """Parse one entry of a step's `dependencies`."""
    name, states = dependency_parts(dependency)
    return Need(name, frozenset(states), ANY in states)


def build_graph(steps: Mapping[str, Step]) -> Graph:
    """Build the graph of a template whose dependencies were found valid."""
    needs = {name: tuple(map(need_of, step.dependencies)) for name, step in steps.items()}
    edges: dict[str, list[Edge]] = {name: [] for name in steps}
    for name, own in needs.items():
        for need in own:
            edges[need.step].append(Edge(name, need))
    watched = frozenset(state for own in needs.values() for need in own for state in need.states)
    return Graph(persistent(needs), persistent({name: tuple(own) for name, own in edges.items()}), watched)
