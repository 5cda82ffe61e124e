"""By hand: how long hostile templates hold the event loop, and how much memory they take.

`python -m tests.values.hostile [PATTERN]`. Each runs in an evaluator, beside a task that does nothing but look at the
clock. The hold is the longest gap between two looks, in processor time of this process (the machine may do other things
meanwhile), and the least of a few attempts; the memory is the growth of the process's peak.
"""

import gc
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import trio

from runtime.errors import TemplatingError
from runtime.templates.model import Variable
from runtime.values.evaluator import Evaluator
from runtime.values.snapshot import Values

_MOST_MS = 10.0
_MOST_MB = 64.0
_ATTEMPTS = 3

BIG = '{{$s := repeat 1000000 "a"}}'
HUGE = '{{$s := repeat 8000000 "a"}}'
WORDS = '{{$s := repeat 500000 "b a "}}'
NUMBERS = "{{$l := until 100000}}"
DOUBLED = "{{$x := list `aaaa` `bbbb`}}{{range until 100}}{{$x = list $x $x}}{{end}}"
GROWING = '{{$x := "0123456789"}}{{range until 60}}{{$x = print $x $x}}{{end}}'
RECORDS: list[Any] = [{"name": f"n{i}", "value": i, "tags": ["a", "b"]} for i in range(20_000)]

TEMPLATES: dict[str, str] = {
    "nothing": "{{.input.s}}",
    "source: largest": "x" * 900_000 + "{{1}}",
    "source: many actions": "{{.a}}" * 9_999,
    "source: many tokens": "{{.a}}" * 170_000,
    "source: deep parentheses": "{{" + "(" * 50_000 + "1" + ")" * 50_000 + "}}",
    "source: deep blocks": "{{if 1}}" * 50_000 + "{{end}}" * 50_000,
    "source: many defines": "".join(f'{{{{define "t{i}"}}}}{{{{.}}}}{{{{end}}}}' for i in range(5_000)),
    "source: long number": "{{" + "9" * 900_000 + "}}",
    "source: long string": '{{"' + "\\x41" * 200_000 + '"}}',
    "source: long comment": "{{/*" + "-" * 900_000 + "*/}}{{1}}",
    "source: many lines": "\n" * 900_000 + "{{.a.b.c}}{{fail `x`}}",
    "source: long pipeline": "{{1" + " | print" * 12_000 + "}}",
    "source: many variables": "".join(f"{{{{$v{i} := 1}}}}" for i in range(6_000)),
    "source: 60 variables, looked up": "".join(f"{{{{$v{i} := 1}}}}" for i in range(3_000)) + "{{$v1}}" * 5_000,
    "loops": "{{range until 1000}}{{range until 1000}}{{range until 1000}}x{{end}}{{end}}{{end}}",
    "range over an integer": "{{range 1000000000}}{{end}}",
    "recursion": '{{define "x"}}{{template "x" .}}{{template "x" .}}{{end}}{{template "x"}}',
    "until": "{{until 100000000}}",
    "seq": "{{seq 100000}}",
    "repeat": '{{repeat 1000000000 "x"}}',
    "printf width": '{{range until 100}}{{printf "%1000000d" 1}}{{end}}',
    "printf precision": '{{range until 100}}{{printf "%.1000000f" 1.5}}{{end}}',
    "printf many": BIG + '{{printf "' + "%[1]s" * 100 + '" $s}}',
    "printf %q": HUGE + '{{printf "%q" $s}}',
    "printf %x": HUGE + '{{printf "%x" $s}}',
    "growing print": GROWING,
    "growing cat": GROWING.replace("print $x $x", "cat $x $x"),
    "growing replace": GROWING.replace("print $x $x", 'replace "0" $x $x'),
    "growing list": "{{$x := list 1 2}}{{range until 60}}{{$x = concat $x $x}}{{end}}",
    "growing by append": "{{$x := list}}{{range until 100000}}{{$x = append $x .}}{{end}}",
    "growing dict": "{{$d := dict}}{{range until 100000}}{{$_ := set $d (toString .) .}}{{end}}{{$d}}",
    "growing dict, keys": "{{$d := dict}}{{range until 60000}}{{$_ := set $d (toString .) .}}{{end}}{{keys $d | len}}{{range $d}}{{end}}{{toJson $d | len}}",
    "doubled, printed": DOUBLED + "{{$x}}",
    "doubled, toJson": DOUBLED + "{{toJson $x}}",
    "doubled, deepCopy": DOUBLED + "{{deepCopy $x}}",
    "doubled, deepEqual": DOUBLED + "{{deepEqual $x (deepCopy $x)}}",
    "circle": '{{$d := dict}}{{$_ := set $d "d" $d}}{{$d}}',
    "sort": NUMBERS + "{{sortAlpha $l | len}}",
    "sort long texts": BIG + "{{$l := list}}{{range until 3000}}{{$l = append $l $s}}{{end}}{{sortAlpha $l | len}}",
    "sort split": WORDS + '{{splitList " " $s | sortAlpha | len}}',
    "uniq": "{{uniq (until 50000)}}",
    "without": NUMBERS + "{{without $l 1 2 3 | len}}",
    "has": NUMBERS + "{{has -1 $l}}",
    "reverse": NUMBERS + "{{reverse $l | len}}",
    "chunk": NUMBERS + "{{chunk 1 $l | len}}",
    "join": NUMBERS + '{{join "," $l | len}}',
    "split": HUGE + '{{splitList "a" $s | len}}',
    "split characters": HUGE + '{{splitList "" $s | len}}',
    "replace characters": HUGE + '{{replace "a" "bb" $s | len}}',
    "replace nothing": HUGE + '{{replace "" "b" $s | len}}',
    "upper": HUGE + "{{upper $s | len}}",
    "upper, beyond ASCII": '{{$s := repeat 1000000 "é"}}{{upper $s | len}}',
    "title": WORDS + "{{title $s | len}}",
    "trim": HUGE + '{{trimAll "a" $s | len}}',
    "nospace": WORDS + "{{nospace $s | len}}",
    "wrap": WORDS + "{{wrap 1 $s | len}}",
    "wrapWith": BIG + "{{wrapWith 1 $s $s}}",
    "indent": '{{indent 1000000 (repeat 1000 "\\n")}}',
    "indent lines": '{{indent 1 (repeat 1000000 "\\n") | len}}',
    "quote": HUGE + "{{quote $s | len}}",
    "html": '{{$s := repeat 500000 "<"}}{{html $s | len}}',
    "js": '{{$s := repeat 500000 "<"}}{{js $s | len}}',
    "urlquery": '{{$s := repeat 500000 "<"}}{{urlquery $s | len}}',
    "b64enc": HUGE + "{{b64enc $s | len}}",
    "b64dec": HUGE + "{{b64dec $s | len}}",
    "b32enc": HUGE + "{{b32enc $s | len}}",
    "b32dec": '{{$s := repeat 6000000 "A"}}{{b32dec $s | len}}',
    "sha256sum": HUGE + "{{sha256sum $s}}",
    "sha256sum, beyond ASCII": '{{$s := repeat 1900000 "é"}}{{sha256sum $s}}',
    "adler32sum": HUGE + "{{adler32sum $s}}",
    "snakecase": WORDS + "{{snakecase $s | len}}",
    "camelcase": WORDS + "{{camelcase $s | len}}",
    "shuffle": BIG + "{{shuffle $s | len}}",
    "randAlpha": "{{randAlpha 300000 | len}}",
    "randBytes": "{{randBytes 8000000 | len}}",
    "substr": HUGE + "{{substr 1 7000000 $s | len}}",
    "trunc": '{{$s := repeat 1900000 "é"}}{{trunc 2000000 $s | len}}',
    "abbrev": HUGE + "{{abbrev 7000000 $s | len}}",
    "len, beyond ASCII": '{{$s := repeat 1900000 "é"}}{{len $s}}',
    "eq": HUGE + "{{eq $s (print $s)}}",
    "regex: nested": BIG + "{{regexMatch `^(a+)+$` $s}}",
    "regex: choices": BIG + "{{regexMatch `(a|aa|aaa)*b` $s}}",
    "regex: captures": BIG + "{{regexReplaceAll `(a)(a)(a)` $s `$3$2$1` | len}}",
    "regex: every place": BIG + "{{regexFindAll `a` $s -1 | len}}",
    "regex: quadratic": BIG + "{{regexFindAll `a+b` $s -1 | len}}",
    "regex: quadratic with matches": BIG + "{{regexFindAll `a(a*b)?` $s -1 | len}}",
    "regex: repeats": BIG + "{{regexMatch `((a{0,30}b?){0,30}c?)` $s}}",
    "regex: classes": BIG + "{{regexMatch `(\\pL{0,20}b?){0,40}` $s}}",
    "regex: size": '{{regexMatch (repeat 9000 "(a*)*") "a"}}',
    "regex: many": "{{range until 100000}}{{regexMatch (print `a{` . `}`) `a`}}{{end}}",
    "regex: split": BIG + "{{regexSplit `a` $s -1 | len}}",
    "regex: nfa": '{{$s := repeat 100000 "ab"}}{{regexFind `(a?b?)*?(.*)(.*)(.*)(.*)x` $s}}',
    "fromJson": '{{$s := print "[" (repeat 300000 "1,") "1]"}}{{fromJson $s | len}}',
    "fromJson, most": '{{$s := print "[" (repeat 140000 "1,") "1]"}}{{fromJson $s | len}}',
    "fromJson, texts": '{{$s := print "[" (repeat 500000 "\\"\\",") "1]"}}{{fromJson $s | len}}',
    "fromJson, maps": '{{$s := print "[" (repeat 200000 "{\\"a\\":{}},") "1]"}}{{fromJson $s | len}}',
    "fromJson, deep": '{{$s := repeat 900000 "["}}{{fromJson $s}}',
    "fromJson, bad": '{{$s := print "[" (repeat 300000 "1,") "x]"}}{{mustFromJson $s}}',
    "toJson": "{{toJson .input.records | len}}",
    "toJson, html": '{{$s := repeat 500000 "<"}}{{toJson $s | len}}',
    "toJson, escapes": '{{$s := repeat 500000 "\\b"}}{{toJson $s | len}}',
    "toJson, backslashes": '{{$s := repeat 900000 "\\\\"}}{{toJson $s | len}}',
    "toPrettyJson": "{{toPrettyJson .input.records | len}}",
    "print records": "{{.input.records}}",
    "print a wide map": "{{.input.wide}}",
    "range a wide map": "{{range $k, $v := .input.wide}}{{end}}",
    "keys of a wide map": "{{keys .input.wide | len}}",
    "pick a wide map": "{{omit .input.wide `a` | len}}",
    "set copies": "{{$_ := set .input `x` 1}}{{len .input}}",
    "date": '{{range until 100000}}{{date "2006-01-02" 0}}{{end}}',
    "date zones": '{{range until 100000}}{{dateInZone "2006" 0 (toString .)}}{{end}}',
    "toDate": '{{range until 100000}}{{toDate "2006-01-02" "2020-01-01"}}{{end}}',
    "semver": '{{range until 100000}}{{semverCompare (repeat 200 "1.x || ") "1.2.3"}}{{end}}',
    "urlParse": BIG + "{{urlParse (print `http://` $s) | len}}",
    "durations": BIG + "{{durationRound (print (repeat 100000 `1h`))}}",
    "decimals": "{{range until 100000}}{{mulf 1e300 1e300 1e-300}}{{end}}",
    "bcrypt": "{{range until 100}}{{bcrypt `x`}}{{end}}",
    "derivePassword": '{{range until 100}}{{derivePassword 1 "long" "p" "u" "s"}}{{end}}',
    "genPrivateKey": '{{range until 100}}{{genPrivateKey "rsa"}}{{end}}',
    "genPrivateKey, dsa": '{{range until 100}}{{genPrivateKey "dsa"}}{{end}}',
    "genCA": '{{range until 100}}{{genCA "x" 1}}{{end}}',
    "encryptAES": HUGE + '{{encryptAES "k" $s | len}}',
    "fail": HUGE + "{{fail $s}}",
    "error with a large value": BIG + "{{index (dict) $s 1}}",
    "merge": "{{range until 1000}}{{$_ := merge (dict) $.input.wide}}{{end}}",
    "chain of variables": '{{eval "v0"}}',
    "many variables": '{{range until 10000}}{{eval "v19"}}{{end}}',
    "a variable's huge text": '{{eval "huge"}}',
    "a script": '{{eval "script"}}',
}
VARIABLES: dict[str, Variable] = {
    **{f"v{i}": Variable(name=f"v{i}", value=f'{{{{eval "v{i + 1}"}}}}' * 3) for i in range(19)},
    "v19": Variable(name="v19", value="{{repeat 1000 `x`}}"),
    "huge": Variable(name="huge", value="{{1}}" * 200_000),
    "script": Variable(name="script", expression="for (;;);", expression_timeout="200ms"),
}
TREES = {
    "tree: many texts": ["{{.input.s}}"] * 20_000,
    "tree: many heavy texts": ["{{range until 2000}}x{{end}}"] * 300,
    "tree: many large texts": ["{{repeat 1000000 `x`}}"] * 200,
    "tree: nothing to render, wide": [{"a": "b"}] * 100_000,
    "tree: many different": [f"{{{{.input.s}}}}{i}" for i in range(20_000)],
}
DATA = Values(
    input={"s": "text", "records": RECORDS, "wide": {f"key{i * 7919 % 100_003}": i for i in range(100_000)}},
    variables=list(VARIABLES.values()),
)


def _memory(field: str) -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(rf"{field}:\s+(\d+)", status)
    return int(found[1]) if found else 0


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


async def _watch(gaps: list[float]) -> None:
    last = time.process_time()
    while True:
        await trio.lowlevel.checkpoint()
        now = time.process_time()
        gaps[0] = max(gaps[0], now - last)
        last = now


async def attempt(name: str) -> tuple[float, float, float, str]:
    """Run one: give the longest hold in milliseconds, the memory in megabytes, the seconds, and what became of it."""
    evaluator = Evaluator(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), random=Random(1))
    gc.collect()
    before = _memory("VmRSS")
    _forget_peak()
    gaps = [0.0]
    began = time.perf_counter()  # noqa: TID251 - this measures real time
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_watch, gaps)
        await trio.sleep(0.01)
        gaps[0] = 0.0
        try:
            if name in TREES:
                result = f"{len(await evaluator.render_tree(TREES[name], DATA))} items"  # type: ignore[arg-type]
            else:
                result = f"{len(await evaluator.render(TEMPLATES[name], DATA))} characters"
        except TemplatingError as fault:
            result = str(fault)[-70:]
        await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    took = time.perf_counter() - began  # noqa: TID251 - as above
    evaluator.close()
    return gaps[0] * 1000, (_memory("VmHWM") - before) / 1024, took, result


def main() -> int:
    """Print a line for each, and fail if one holds the loop for too long or takes too much."""
    pattern = sys.argv[1] if len(sys.argv) > 1 else ""
    bad = 0
    gc.collect()
    gc.freeze()  # how long a collection walks the data above says nothing about the templates
    for name in [*TEMPLATES, *TREES]:
        if not re.search(pattern, name):
            continue
        runs = [trio.run(attempt, name)]
        while len(runs) < _ATTEMPTS and min(run[0] for run in runs) > _MOST_MS:
            runs.append(trio.run(attempt, name))
        hold, memory = min(run[0] for run in runs), max(run[1] for run in runs)
        wrong = hold > _MOST_MS or memory > _MOST_MB
        bad += wrong
        mark = "BAD" if wrong else "   "
        sys.stdout.write(f"{mark} {name:32} {hold:8.1f} ms {memory:7.1f} MB {runs[0][2]:6.2f} s  {runs[0][3]!r}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{bad} too long or too large\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
