"""What happened in the world outside, whatever the store says: one line a fact, written in one call, never rewritten."""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

Line = Sequence[str]


class Ledger:
    """Appends facts. A process may be killed between two lines and never within one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, *words: str) -> None:
        os.write(self._descriptor, ("\t".join(words) + "\n").encode())

    def holds(self, *words: str) -> bool:
        """Say whether a fact was written, by whomever."""
        return list(words) in read(self._path)


def read(path: Path) -> list[Line]:
    return [line.split("\t") for line in path.read_text().splitlines()] if path.exists() else []


def faults(lines: Sequence[Line], once: set[tuple[str, str]]) -> Iterator[str]:
    """Say what must not have happened. `once`: the steps that nobody may start twice unasked.

    Lines: ``accepted TASK``, ``start TASK STEP TOKEN`` (with ``once`` behind it: this is one of those, too), ``finish TASK STEP TOKEN``, ``seen TASK STEP TOKEN`` (its
    result was told to somebody), ``allow TASK`` (a person says that what may have run may run again), ``end TASK STATE``.
    """
    started: dict[tuple[str, str], int] = defaultdict(int)
    finished: set[str] = set()
    seen: dict[tuple[str, str], str] = {}
    accepted: set[str] = set()
    ended: dict[str, str] = {}
    for kind, task, *rest in lines:
        step = (task, rest[0]) if len(rest) > 1 else (task, "")
        if kind == "accepted":
            accepted.add(task)
        elif kind == "start":
            started[step] += 1
            if (step in once or "once" in rest) and started[step] > 1:
                yield f"{step} was started twice, and nobody asked for it"
            if step in seen:
                yield f"{step} was started after its result was told"
            if task in ended:
                yield f"{step} was started after its task had ended"
        elif kind == "finish":
            finished.add(rest[1])
        elif kind == "seen":
            if rest[1] not in finished:
                yield f"{step} has a result that it never gave: {rest[1]}"
            if seen.setdefault(step, rest[1]) != rest[1]:
                yield f"{step} has another result than before: {seen[step]}, then {rest[1]}"
        elif kind == "allow":
            for other in [one for one in started if one[0] == task]:
                started[other] = 0
        elif kind == "end" and ended.setdefault(task, rest[0]) != rest[0]:
            yield f"{task} ended {ended[task]} and then {rest[0]}"
    for task in sorted(accepted):
        if ended.get(task) != "DONE":
            yield f"{task} was acknowledged and ended {ended.get(task, 'never')}"
