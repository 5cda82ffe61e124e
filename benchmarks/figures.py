"""Rounds and figures: a workload's sides and peers, measured in turn, and what comes of it."""

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TypeAlias

import attrs

from benchmarks.harness import OPTIONS, Measures, perf_counter, profile, run_side, tell


class PeerFailed(Exception):
    """A peer gave nothing: it broke, or took too long."""


@attrs.frozen(kw_only=True)
class Peer:
    """Another product that does a workload.

    `measure` does it once, in a process of its own, from the arguments of the workload, within so many seconds; it
    raises `PeerFailed`. `most` says how much of an argument a slow one is given at most. Of several sizes it does those
    up to `up_to`. `within` is how many seconds it gets for one run, where that is more than any other gets.
    """

    measure: Callable[[Mapping[str, float], float], Measures]
    most: Mapping[str, float] = attrs.field(factory=dict)
    up_to: float = math.inf
    within: float = 0.0
    every_round: bool = False


Peers: TypeAlias = dict[str, Peer]


@attrs.frozen(kw_only=True)
class Figure:
    """One line of the output.

    `size` tells figures of one metric apart that were taken at several sizes. `peers` are their medians, `peer_ratios`
    what ours is to theirs: the median of the rounds in which they took part. `notes` say of a peer what it did less of.
    `ratios` are the smallest and the largest of a round. `distribution` and `limit_distribution` hold what a side
    measured at each whole percentile, of the last round, where it has one.
    """

    workload: str
    metric: str
    value: float
    limit: float
    ratio: float
    limit_name: str
    n: int
    spread: tuple[float, float]
    peers: Mapping[str, float] = attrs.field(factory=dict)
    peer_ratios: Mapping[str, float] = attrs.field(factory=dict)
    group: str = ""
    size: int | None = None
    ratios: tuple[float, float]
    notes: Mapping[str, str] = attrs.field(factory=dict)
    distribution: tuple[float, ...] | None = None
    limit_distribution: tuple[float, ...] | None = None

    @property
    def name(self) -> str:
        return self.metric if self.size is None else f"{self.metric} ({self.size})"

    @property
    def rate(self) -> bool:
        """Whether more is better."""
        return "_s_" in f"{self.metric}_"

    def line(self) -> str:
        """Write it for a reader."""
        low, high = self.spread
        text = (
            f"{self.workload:4} {self.name:24} ratio {self.ratio:8.3f}   {self.value:10.4g} [{low:.4g} .. {high:.4g}]"
            f" n={self.n}   limit {self.limit:10.4g} {self.limit_name}"
        )
        return "".join([text, *(f"   {name} {self.peer(name)}" for name in self.beside)])

    @property
    def beside(self) -> Sequence[str]:
        """The names of the peers, those that gave nothing included."""
        return list(dict.fromkeys([*self.peers, *self.notes]))

    def peer(self, name: str) -> str:
        """Write what a peer measured, with what ours is to that, and its note."""
        value = f"{self.peers[name]:.4g}" if name in self.peers else "-"
        ratio = [f"ours {self.peer_ratios[name]:.3g} times that"] if name in self.peer_ratios else []
        said = ", ".join([*ratio, *filter(None, [self.notes.get(name)])])
        return f"{value} ({said})" if said else value


@attrs.frozen(kw_only=True)
class Metric:
    """A measure of the first side, set against the same measure of the second."""

    name: str
    limit_name: str


@attrs.frozen(kw_only=True)
class Workload:
    """Ours against the limit, with the arguments both sides get. A limit that is a constant is not measured.

    With `sizes` it is done at each of them in every round, as the argument `sized`; `growth` names the metric whose
    value at the largest size is set against that at the smallest.
    """

    name: str
    ours: str
    limit: str | Measures
    metrics: tuple[Metric, ...]
    arguments: Mapping[str, float] = attrs.field(factory=dict)
    sized: str = ""
    sizes: Sequence[int] = ()
    growth: str = ""
    peers: Peers = attrs.field(factory=dict)

    def at_sizes(self) -> Mapping[int | None, Mapping[str, float]]:
        """Give the arguments at each size; None where there is but one."""
        if not self.sizes:
            return {None: self.arguments}
        return {size: {**self.arguments, self.sized: size} for size in self.sizes}


def figures(workload: Workload, rounds: int) -> Iterator[Figure]:
    """Run every side once a round, in turn, and make the figures."""
    arguments = workload.at_sizes()
    ours: dict[int | None, list[Measures]] = {size: [] for size in arguments}
    limit: dict[int | None, list[Measures]] = {size: [] for size in arguments}
    wanted = {name: peer for name, peer in workload.peers.items() if OPTIONS.get().wants(name)}
    allowed = OPTIONS.get().peer_seconds / len(arguments)
    guests = {
        size: [_Guest(name, one, at, allowed) for name, one in wanted.items() if (size or 0) <= one.up_to]
        for size, at in arguments.items()
    }
    for number in range(rounds):
        for size, at in arguments.items():
            place = f" at {size}" if size is not None else ""
            tell(f"{workload.name} {workload.ours.rpartition(':')[2]}{place}: round {number + 1} of {rounds}")
            ours[size].append(run_side(workload.ours, at))
            limit[size].append(run_side(workload.limit, at) if isinstance(workload.limit, str) else workload.limit)
            for guest in guests[size]:
                guest.take_part()
    profile(workload.ours, list(arguments.values())[-1])
    for size in arguments:
        for metric in workload.metrics:
            made = _with_guests(_of(workload.name, metric, ours[size], limit[size]), ours[size], guests[size])
            yield attrs.evolve(made, size=size)
    if workload.growth:
        yield _growth(workload, ours)


class _Guest:
    """A peer that takes part in the rounds of a workload: in all, or in as many as its time allows."""

    def __init__(self, name: str, peer: Peer, arguments: Mapping[str, float], allowed_seconds: float) -> None:
        self.name = name
        self._allowed_seconds = math.inf if peer.every_round else allowed_seconds
        self.measured: dict[int, Measures] = {}
        self._peer = peer
        self._less = {key: most for key, most in peer.most.items() if arguments.get(key, most) > most}
        self._arguments = {**arguments, **self._less}
        self._spent = 0.0
        self._rounds = 0
        self._fault = ""

    def take_part(self) -> None:
        """Run once, unless it failed before or has spent its time."""
        self._rounds += 1
        mean = self._spent / len(self.measured) if self.measured else 0.0
        if self._fault or self._spent + mean > self._allowed_seconds:
            return
        began = perf_counter()
        try:
            within = max(self._peer.within, OPTIONS.get().run_seconds)
            self.measured[self._rounds - 1] = self._peer.measure(self._arguments, within)
        except PeerFailed as failed:
            self._fault = str(failed)
            tell(f"peer {self.name}: {failed}")
        self._spent += perf_counter() - began

    @property
    def note(self) -> str:
        """What there is to say of its figures: what it did less of, and why."""
        less = [f"{key} {most:g}" for key, most in self._less.items()]
        if 0 < len(self.measured) < self._rounds:
            less.append(f"{len(self.measured)} of {self._rounds} rounds")
        return ", ".join([*less, *filter(None, [self._fault])])


def _with_guests(made: Figure, ours: Sequence[Measures], guests: Sequence[_Guest]) -> Figure:
    metric = made.metric
    values: dict[str, float] = {}
    ratios: dict[str, float] = {}
    notes: dict[str, str] = {}
    for guest in guests:
        measured = {number: measures[metric] for number, measures in guest.measured.items() if metric in measures}
        if measured:
            values[guest.name] = statistics.median(measured.values())
            ratios[guest.name] = statistics.median(ours[at][metric] / (one or 1e-9) for at, one in measured.items())
        if guest.note and (measured or not guest.measured):
            notes[guest.name] = guest.note
    return attrs.evolve(made, peers=values, peer_ratios=ratios, notes=notes)


def _of(workload: str, metric: Metric, ours: Sequence[Measures], limit: Sequence[Measures]) -> Figure:
    name = metric.name
    made = figure(workload, metric, [one[name] for one in ours], [one[name] for one in limit])
    return attrs.evolve(
        made, distribution=_distribution(name, ours[-1]), limit_distribution=_distribution(name, limit[-1])
    )


def _distribution(metric: str, measures: Measures) -> tuple[float, ...] | None:
    with suppress(KeyError):
        return tuple(measures[f"{metric}@{share}"] for share in range(101))
    return None


def _growth(workload: Workload, ours: Mapping[int | None, Sequence[Measures]]) -> Figure:
    first, *_, last = ours.values()
    metric = workload.growth
    growth = [large[metric] / small[metric] for small, large in zip(first, last, strict=True)]
    return figure(workload.name, Metric(name="growth", limit_name="no growth"), growth, [1.0] * len(growth))


def figure(workload: str, metric: Metric, values: Sequence[float], limits: Sequence[float]) -> Figure:
    """Make the figure of a measure and its limit, each taken once a round."""
    ratios = [value / (base or 1e-9) for value, base in zip(values, limits, strict=True)]
    return Figure(
        workload=workload,
        metric=metric.name,
        value=statistics.median(values),
        limit=statistics.median(limits),
        ratio=statistics.median(ratios),
        limit_name=metric.limit_name,
        n=len(values),
        spread=(min(values), max(values)),
        ratios=(min(ratios), max(ratios)),
    )
