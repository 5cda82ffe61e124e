"""Who holds what of the limited resources, and who is next: pure (spec section 8).

A resource is a label: one that a runner names (``socket``, ``url:example.org``, ``script:deploy.sh``), or a step does
(any text), or that every step holds (``steps``, ``runner:http``), or every run of a task (``executions``,
``template:deploy``). Its limit says how many may hold it at once. A request takes its labels one after the other in one
order that all share, the scarcest first: so no two requests can wait for each other, and nobody sits on a plentiful
resource while waiting for a scarce one. Each label is handed out first come, first served. Every operation costs what
the labels of one request cost, however many wait.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

import attrs


@attrs.frozen(kw_only=True)
class ResourceFigures:
    """One limited resource as it is now.

    Attributes:
        limit: how many may hold it.
        held: how many do.
        waiting: how many wait for it.
        granted: how many were given it so far.
        abandoned: how many stopped waiting for it, because their time was over or they were cancelled.
    """

    limit: int
    held: int = 0
    waiting: int = 0
    granted: int = 0
    abandoned: int = 0


class _Pool:
    __slots__ = ("abandoned", "granted", "held", "limit", "queue")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0
        self.granted = 0
        self.abandoned = 0
        self.queue: OrderedDict[int, None] = OrderedDict()  # not a dict: the first of many must be found at once

    def take(self) -> None:
        self.held += 1
        self.granted += 1


class _Request:
    __slots__ = ("labels", "taken")

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = labels
        self.taken = 0  # so many of the labels, from the first on, are held; the next is waited for


class Pools:
    """The pools of all limited labels. A request is a ticket, a number of the caller's."""

    def __init__(self, limits: Mapping[str, int]) -> None:
        self._pools = {label: _Pool(limit) for label, limit in limits.items()}
        self._requests: dict[int, _Request] = {}

    def request(self, ticket: int, labels: Iterable[str]) -> bool:
        """Ask for labels, all of which are limited; true when all are held now. Otherwise `give_back` says when."""
        ordered = sorted(set(labels), key=lambda label: (self._pools[label].limit, label))
        self._requests[ticket] = _Request(ordered)
        return self._advance(ticket)

    def give_back(self, ticket: int) -> Sequence[int]:
        """End a request, whether it holds its labels or waits; give the tickets that hold all of theirs from now on.

        A ticket that is not known is nobody's: nothing happens.
        """
        request = self._requests.pop(ticket, None)
        if request is None:
            return ()
        if request.taken < len(request.labels):
            pool = self._pools[request.labels[request.taken]]
            del pool.queue[ticket]
            pool.abandoned += 1
        complete: list[int] = []
        for label in request.labels[: request.taken]:
            pool = self._pools[label]
            pool.held -= 1
            self._hand_on(pool, complete)
        return complete

    def figures(self) -> Mapping[str, ResourceFigures]:
        """Describe every limited label as it is now."""
        return {
            label: ResourceFigures(
                limit=pool.limit,
                held=pool.held,
                waiting=len(pool.queue),
                granted=pool.granted,
                abandoned=pool.abandoned,
            )
            for label, pool in self._pools.items()
        }

    def _advance(self, ticket: int) -> bool:
        """Take label after label, up to one that has to be waited for."""
        request = self._requests[ticket]
        while request.taken < len(request.labels):
            pool = self._pools[request.labels[request.taken]]
            if pool.queue or pool.held >= pool.limit:
                pool.queue[ticket] = None
                return False
            pool.take()
            request.taken += 1
        return True

    def _hand_on(self, pool: _Pool, complete: list[int]) -> None:
        while pool.queue and pool.held < pool.limit:
            ticket, _ = pool.queue.popitem(last=False)
            pool.take()
            self._requests[ticket].taken += 1
            if self._advance(ticket):
                complete.append(ticket)
