"""The harness of the benchmarks: what it writes can be read, compared and looked at."""

import json
import subprocess
import sys

import attrs
import pytest

from benchmarks import lines, machine, report
from benchmarks.__main__ import main
from benchmarks.harness import OPTIONS, Figure, Metric, Options, Workload, distribution, figure, figures

FIGURE = Figure(
    workload="W6",
    metric="us_per_step",
    value=140.0,
    limit=10.0,
    ratio=14.0,
    limit_name="trio task per step",
    n=3,
    spread=(130.0, 150.0),
    peers={"other": 311.0},
    size=500,
)


def test_a_figure_is_one_line_and_can_be_read_again():
    line = lines.encode(FIGURE)
    assert "\n" not in line
    assert list(json.loads(line)) == [
        "workload", "metric", "value", "limit", "ratio", "limit_name", "n", "spread", "peers", "size",
    ]  # fmt: skip
    assert lines.decode(line) == FIGURE


def test_what_is_not_a_file_of_figures_is_refused(tmp_path, capsys):
    file = tmp_path / "figures.jsonl"
    file.write_text('{"workload": "W1"}\n')
    with pytest.raises(SystemExit, match="--against: not a line of figures"):
        main(["actors", "--against", str(file)])
    with pytest.raises(SystemExit, match=r"--against: .*No such file"):
        main(["actors", "--against", str(tmp_path / "none")])
    with pytest.raises(SystemExit):
        main(["actresses"])
    assert "no such group: actresses" in capsys.readouterr().err


def test_a_comparison_says_what_changed_and_whether_that_is_clear_of_the_spread():
    better = attrs.evolve(FIGURE, value=70.0, ratio=7.0, spread=(65.0, 75.0))
    same = attrs.evolve(FIGURE, metric="other", ratio=14.1)
    now = {lines.key_of(one): one for one in (better, same, attrs.evolve(FIGURE, metric="fresh"))}
    before = {lines.key_of(one): one for one in (FIGURE, attrs.evolve(FIGURE, metric="other"))}
    before["W9", "gone", None] = FIGURE
    changed, unclear, new, gone = lines.compare(now, before)
    assert "14.000 ->    7.000    -50.0%   clear of both spreads" in changed
    assert "clear" not in unclear
    assert "new" in new
    assert gone.startswith("W9   gone")


def test_the_page_holds_its_pictures_and_needs_no_network(tmp_path):
    second = attrs.evolve(FIGURE, size=4000, value=150.0, distribution=tuple(map(float, range(1, 102))))
    page = report.write(tmp_path, [FIGURE, second], machine.describe(), ["W6 <changed>"])
    text = page.read_text()
    assert text.count("<svg") == 3
    assert {"ratios.svg", "size-W6-us_per_step.png", "distributions.png"} <= {one.name for one in tmp_path.iterdir()}
    assert "W6 &lt;changed&gt;" in text
    assert "src=" not in text
    assert "<script" not in text


def test_what_is_told_of_the_machine_names_nobody():
    facts = machine.describe()
    assert {"date", "python", "processors", "trio"} <= facts.keys()
    assert not any(
        "/" in value and not value.startswith("CPython") for key, value in facts.items() if key != "processor"
    )


def ours(number: int) -> dict[str, float]:
    return {"ms": number * 1.0, **distribution("ms", [3.0, 1.0, 2.0])}


def limit(number: int) -> dict[str, float]:
    return {"ms": number * 2.0}


def test_sides_run_in_processes_of_their_own_and_peers_only_if_wanted():
    workload = Workload(
        name="W0",
        ours=f"{__name__}:ours",
        limit=f"{__name__}:limit",
        metrics=(Metric(name="ms", limit_name="twice"),),
        arguments={"number": 4},
        peers={"one": lambda _: {"ms": 1.0}, "two": lambda _: {"ms": 2.0}},
    )
    token = OPTIONS.set(Options(peers=frozenset({"two"})))
    try:
        (made,) = figures(workload, rounds=1)
    finally:
        OPTIONS.reset(token)
    assert (made.value, made.limit, made.ratio, made.peers) == (4.0, 8.0, 0.5, {"two": 2.0})
    assert made.distribution is not None
    assert (made.distribution[0], made.distribution[50], made.distribution[100]) == (1.0, 2.0, 3.0)


def test_the_ratio_is_the_median_over_the_rounds():
    made = figure("W0", Metric(name="ms", limit_name="x"), [1.0, 4.0, 9.0], [1.0, 2.0, 3.0])
    assert (made.value, made.limit, made.ratio, made.spread) == (4.0, 2.0, 2.0, (1.0, 9.0))


def test_a_peer_that_cannot_be_installed_is_reported_and_left_out(tmp_path):
    program = (
        "from benchmarks.environments import Foreign\n"
        "peer = Foreign(name='nobody', script='x.py', requirements=('/nowhere/at/all',))\n"
        "assert peer.doing('chains') == {}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"XDG_CACHE_HOME": str(tmp_path), "PATH": ""},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stderr.startswith("peer nobody is missing: ")
    assert list(tmp_path.glob("*/*")) == []
