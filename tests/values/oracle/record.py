"""By hand: records what Go makes of the corpus, into recorded.jsonl. `python -m tests.values.oracle.record`."""

import json
from datetime import date
from pathlib import Path

from tests.values.oracle.compare import Verdict, judge
from tests.values.oracle.corpus import NEWER, handmade
from tests.values.oracle.go import Oracle
from tests.values.oracle.grammar import generate

RECORDING = Path(__file__).with_name("recorded.jsonl")
_GENERATED = 4000
_SEED = 20_000


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def main() -> None:
    """Record. The first line of a run of cases with the same data holds the data, as JSON text; the rest hold [template, answer]."""
    with Oracle() as oracle, RECORDING.open("w", encoding="utf-8", newline="\n") as file:
        before = ""
        for template, data in [*handmade(), *generate(_SEED, _GENERATED, per_data=20)]:
            answer = oracle.ask(template, data)
            if template not in NEWER and judge(template, data, answer)[0] in {Verdict.NEWER, Verdict.BOUND}:
                continue
            if date.today().isoformat() in str(answer):  # noqa: DTZ011 - Go's day is that of here, and tomorrow another
                continue
            if data != before:
                file.write(_line(data) + "\n")
                before = data
            file.write(_line([template, answer]) + "\n")


if __name__ == "__main__":
    main()
