"""``python -m tests.crash --rounds N --seed S``: kill a process that runs tasks, until it cannot be made to lie.

With ``--store postgres --instances 4``, several that share a store are killed, paused, told to leave, and cut off, over
links that lose, keep, delay or cut what is sent.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.crash.kills import run_round


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, help="of the first round; each further one counts on (default: a new one)")
    parser.add_argument("--store", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--instances", type=int, default=4, help="how many share the store, if it is on PostgreSQL")
    parser.add_argument("--keep", action="store_true", help="keep the folder of a round that went wrong")
    options = parser.parse_args()
    first = random.SystemRandom().randrange(2**31) if options.seed is None else options.seed
    print(f"{options.rounds} rounds from seed {first}", flush=True)
    with _stores(options.store, options.instances) as play:
        return _play(play, options, first)


@contextmanager
def _stores(kind: str, instances: int) -> Iterator[Callable[[Path, int], Sequence[str]]]:
    """Give what plays one round in a folder, by its seed."""
    if kind == "sqlite":
        yield run_round
        return
    from tests.crash import instances as several
    from tests.support.postgres import server_url

    with server_url() as url:
        several.prepare(url, instances)
        yield lambda folder, seed: several.run_round(url, folder, seed, instances)


def _play(play: Callable[[Path, int], Sequence[str]], options: argparse.Namespace, first: int) -> int:
    failed = 0
    for seed in range(first, first + options.rounds):
        with tempfile.TemporaryDirectory(prefix="understudy-crash-") as folder:
            wrong = play(Path(folder), seed)
            if wrong:
                failed += 1
                print(f"round of seed {seed}:", *wrong, sep="\n  ", flush=True)
                if options.keep:
                    kept = Path(tempfile.mkdtemp(prefix="understudy-crash-kept-"))
                    for path in Path(folder).iterdir():
                        path.rename(kept / path.name)
                    print(f"  kept in {kept}", flush=True)
        done = seed - first + 1
        if done % 10 == 0:
            print(f"{done} rounds, {failed} failed", flush=True)
    print(f"{options.rounds} rounds, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
