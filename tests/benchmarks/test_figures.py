"""The harness of the benchmarks: what it writes can be read, compared and looked at."""

import json
import os
import select
import shutil
import subprocess
import sys
from contextlib import suppress

import attrs
import pytest

from benchmarks import disk, lines, machine
from benchmarks.__main__ import main
from benchmarks.environments import measures_of
from benchmarks.figures import Figure, Metric, Peer, PeerFailed, Workload, figure, figures
from benchmarks.harness import OPTIONS, Options, distribution
from benchmarks.results import Results

FIGURE = Figure(
    workload="W6",
    metric="us_per_step",
    value=140.0,
    limit=10.0,
    ratio=14.0,
    limit_name="trio task per step",
    n=3,
    spread=(130.0, 150.0),
    ratios=(13.0, 15.0),
    peers={"other": 311.0},
    peer_ratios={"other": 0.45},
    notes={"other": "tasks 50"},
    group="tasks",
    size=500,
)


def test_a_figure_is_one_line_and_can_be_read_again():
    line = lines.encode(FIGURE)
    assert "\n" not in line
    assert list(json.loads(line)) == [
        "workload", "metric", "value", "limit", "ratio", "limit_name", "n", "spread", "peers",
        "peer_ratios", "group", "size", "ratios", "notes",
    ]  # fmt: skip
    assert lines.decode(line) == FIGURE


def test_what_is_not_a_file_of_figures_is_refused(tmp_path, capsys):
    file = tmp_path / "figures.jsonl"
    file.write_text('{"workload": "W1"}\n')
    with pytest.raises(SystemExit, match="--against: not a line of figures"):
        main(["actors", "--against", str(file)])
    with pytest.raises(SystemExit, match=r"--against: .*No such file"):
        main(["actors", "--against", str(tmp_path / "none")])
    (tmp_path / "machines.json").write_text("no")
    with pytest.raises(SystemExit, match="--out: not a line of figures"):
        main(["actors", "--out", str(tmp_path)])
    for wrong in (["actresses"], ["actors", "--peers", "pykkka"]):
        with pytest.raises(SystemExit):
            main(wrong)
    said = capsys.readouterr().err
    assert "no such group: actresses" in said
    assert "no such peer: pykkka" in said


def test_a_disk_that_cannot_be_held_at_that_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for wrong in ("0", "-3", "1e3", "soon", "100001"):
        with pytest.raises(SystemExit):
            main(["actors", "--sync-us", wrong])
        assert f"not a number of microseconds from 1 to 100000: {wrong}" in capsys.readouterr().err
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=r"--sync-us: .*No such file or directory: 'cc'"):
        main(["actors", "--sync-us", "270"])


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no cc to hold it with")
def test_a_disk_is_held_at_what_another_takes(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("UNDERSTUDY_BENCH_SYNC_US", "")
    disk.hold(5_000)
    measure = "from benchmarks import disk; print(disk.held(), disk.sync_us())"
    held, took = subprocess.run(
        [sys.executable, "-c", measure], check=True, capture_output=True, text=True, env=os.environ
    ).stdout.split()
    assert held == "5000"
    assert float(took) >= 5_000


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no cc to hold it with")
@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_a_disk_is_held_for_a_server_that_runs_as_another_user(monkeypatch):
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("UNDERSTUDY_BENCH_SYNC_US", "")
    disk.hold(5_000)
    maps = subprocess.run(["cat", "/proc/self/maps"], check=True, capture_output=True, text=True, user="nobody").stdout
    assert os.environ["LD_PRELOAD"] in maps


def test_a_comparison_says_what_changed_and_whether_that_is_clear_of_the_spread():
    lower = attrs.evolve(FIGURE, ratio=7.0, ratios=(6.5, 7.5))
    rate = attrs.evolve(FIGURE, metric="steps_s")
    same = attrs.evolve(FIGURE, metric="other", ratio=14.1)
    now = [lower, attrs.evolve(lower, metric="steps_s"), same, attrs.evolve(FIGURE, metric="fresh")]
    before = [FIGURE, rate, attrs.evolve(FIGURE, metric="other"), attrs.evolve(FIGURE, metric="gone")]
    another_group = attrs.evolve(FIGURE, group="durable")
    changed, of_rate, unclear, new, gone = lines.compare(
        {lines.key_of(one): one for one in now}, {lines.key_of(one): one for one in [*before, another_group]}
    )
    assert "14.000 ->    7.000    -50.0%   better, in every round" in changed
    assert "-50.0%   worse, in every round" in of_rate
    assert "every round" not in unclear
    assert "new" in new
    assert "gone (500)" in gone


def test_the_page_holds_its_pictures_and_needs_no_network(tmp_path):
    second = attrs.evolve(FIGURE, size=4000, value=150.0, peers={}, distribution=tuple(map(float, range(1, 102))))
    instances = [attrs.evolve(FIGURE, metric=f"steps_s_{count}", size=None) for count in ("1", "2", "4_to_1")]
    results = Results(tmp_path)
    results.begin("tasks", {"date": "tuesday"})
    for one in (FIGURE, second, *instances):
        results.add(one)
    text = results.show(["W6 <changed>"]).read_text()
    assert text.count("<svg") == 4
    written = {one.name for one in tmp_path.iterdir()}
    assert {"ratios.svg", "size-W6-us_per_step.png", "scaling.svg", "distributions.png"} <= written
    assert "W6 &lt;changed&gt;" in text
    assert "311 (ours 0.45 times that, tasks 50)" in text
    assert "src=" not in text
    assert "<script" not in text
    table = (tmp_path / "README.md").read_text()
    assert "date tuesday" in table
    assert "| W6 | us_per_step (500) | 14 | 140 | 130 to 150 | 10 | trio task per step | other 311 (" in table


def test_a_folder_keeps_the_latest_of_each_group_and_what_a_run_that_was_cut_found(tmp_path):
    first = Results(tmp_path)
    first.begin("tasks", {"date": "monday"})
    first.add(FIGURE)
    first.add(attrs.evolve(FIGURE, size=1000))
    first.begin("actors", {"date": "monday"})
    first.add(attrs.evolve(FIGURE, group="actors", size=None))
    second = Results(tmp_path)
    second.begin("tasks", {"date": "tuesday"})
    second.add(attrs.evolve(FIGURE, value=1.0))  # and is cut here
    kept = lines.read(tmp_path / "figures.jsonl")
    assert {key: one.value for key, one in kept.items()} == {
        ("tasks", "W6", "us_per_step", 500): 1.0,
        ("actors", "W6", "us_per_step", None): 140.0,
    }
    assert not any(one.name.startswith(".") for one in tmp_path.iterdir())


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


WORKLOAD = Workload(
    name="W0",
    ours=f"{__name__}:ours",
    limit=f"{__name__}:limit",
    metrics=(Metric(name="ms", limit_name="twice"),),
    arguments={"number": 4},
)


@pytest.fixture
def options():
    tokens = []
    yield lambda **wanted: tokens.append(OPTIONS.set(Options(**wanted)))
    for token in reversed(tokens):
        OPTIONS.reset(token)


def test_sides_run_in_processes_of_their_own_and_peers_only_if_wanted(options):
    options(peers=frozenset({"two"}))
    peers = {"one": Peer(measure=lambda *_: {"ms": 1.0}), "two": Peer(measure=lambda *_: {"ms": 2.0})}
    (made,) = figures(attrs.evolve(WORKLOAD, peers=peers), rounds=1)
    assert (made.value, made.limit, made.ratio, made.peers, made.notes) == (4.0, 8.0, 0.5, {"two": 2.0}, {})
    assert made.distribution is not None
    assert (made.distribution[0], made.distribution[50], made.distribution[100]) == (1.0, 2.0, 3.0)
    assert made.limit_distribution is None


def test_a_slow_peer_does_less_and_a_broken_one_nothing_and_the_notes_say_so(options, capsys):
    def slow(arguments, _seconds):
        given.append(arguments)
        return {"ms": 1.0}

    def broken(_arguments, seconds):
        raise PeerFailed(f"no end within {seconds:.0f} s")

    given = []
    options(peer_seconds=0.0, run_seconds=7.0)
    peers = {"slow": Peer(measure=slow, most={"number": 3}), "broken": Peer(measure=broken)}
    (made,) = figures(attrs.evolve(WORKLOAD, peers=peers), rounds=2)
    assert given == [{"number": 3}]
    assert made.peers == {"slow": 1.0}
    assert made.notes == {"slow": "number 3, 1 of 2 rounds", "broken": "no end within 7 s"}
    assert "peer broken: no end within 7 s" in capsys.readouterr().err


def test_ours_is_set_beside_a_peer_of_the_same_rounds(options):
    theirs = iter([1.0, 4.0])
    options(peer_seconds=0.0)
    peers = {
        "once": Peer(measure=lambda *_: {"ms": 2.0}),
        "always": Peer(measure=lambda *_: {"ms": next(theirs)}, every_round=True),
    }
    (made,) = figures(attrs.evolve(WORKLOAD, peers=peers), rounds=2)
    assert made.value == 4.0
    assert made.peers == {"once": 2.0, "always": 2.5}
    assert made.peer_ratios == {"once": 2.0, "always": 2.5}  # between 4 over 1 and 4 over 4
    assert made.peer("always") == "2.5 (ours 2.5 times that)"
    assert made.peer("once") == "2 (ours 2 times that, 1 of 2 rounds)"


def test_a_peer_gets_as_long_as_its_workload_needs_and_a_limit_that_is_a_constant_is_not_measured(options):
    def patient(_arguments, seconds):
        return {"ms": seconds}

    options(run_seconds=7.0)
    peers = {"quick": Peer(measure=patient), "long": Peer(measure=patient, within=300.0)}
    (made,) = figures(attrs.evolve(WORKLOAD, peers=peers, limit={"ms": 2.0}), rounds=1)
    assert made.peers == {"quick": 7.0, "long": 300.0}
    assert (made.limit, made.ratio) == (2.0, 2.0)


def test_every_size_is_measured_in_every_round_and_growth_is_that_of_the_work():
    peers = {"small": Peer(measure=lambda *_: {"ms": 1.0}, up_to=2)}
    sized = attrs.evolve(WORKLOAD, arguments={}, sized="number", sizes=(2, 6), growth="ms", peers=peers)
    small, large, growth = figures(sized, rounds=1)
    assert (small.peers, large.peers) == ({"small": 1.0}, {})
    assert [(one.metric, one.size, one.value, one.ratio) for one in (small, large, growth)] == [
        ("ms", 2, 2.0, 0.5),
        ("ms", 6, 6.0, 0.5),
        ("growth", None, 3.0, 3.0),
    ]


def test_a_peers_program_is_bounded_and_leaves_nothing_running(tmp_path):
    mark = tmp_path / "pid"
    program = f"sleep 1000 & echo $! > '{mark}'; wait"  # begun long before its time is over, on any machine
    with pytest.raises(PeerFailed, match="no end within 1 s"):
        measures_of(["/bin/sh", "-c", program], 1.0)
    with suppress(ProcessLookupError):  # it has ended, or is about to
        assert select.select([os.pidfd_open(int(mark.read_text()))], [], [], 60)[0]
    with pytest.raises(PeerFailed, match="broke, status 1: ZeroDivisionError"):
        measures_of([sys.executable, "-c", "1 / 0"], 60.0)
    assert measures_of([sys.executable, "-c", "print('noise'); print('{\"ms\": 1}')"], 60.0) == {"ms": 1}


def test_a_group_that_breaks_does_not_end_the_others(monkeypatch, capsys):
    def run(group, _scale):
        if group == "scale":
            raise ModuleNotFoundError("No module named 'psycopg'")
        if group == "api":
            raise subprocess.CalledProcessError(1, "api")
        yield FIGURE

    monkeypatch.setattr("benchmarks.__main__.run", run)
    with pytest.raises(SystemExit, match="these groups broke: scale, api"):
        main(["scale", "api", "tasks", "--json", "-"])
    said = capsys.readouterr()
    assert said.out == f"{lines.encode(FIGURE)}\n"
    assert "scale broke: No module named 'psycopg'; pip install 'understudy[bench]'" in said.err


def test_the_ratio_is_the_median_over_the_rounds():
    made = figure("W0", Metric(name="ms", limit_name="x"), [1.0, 4.0, 9.0], [1.0, 2.0, 3.0])
    assert (made.value, made.limit, made.ratio, made.spread) == (4.0, 2.0, 2.0, (1.0, 9.0))


def test_a_peer_that_cannot_be_installed_is_reported_and_left_out(tmp_path):
    program = (
        "from benchmarks.environments import Foreign\n"
        "from benchmarks.harness import OPTIONS, Options\n"
        "peer = Foreign(name='nobody', script='x.py', requirements=('/nowhere/at/all',))\n"
        "assert peer.doing('chains') == {}\n"
        "OPTIONS.set(Options(make_peers=True))\n"
        "assert peer.doing('chains') == {}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"XDG_CACHE_HOME": str(tmp_path), "PATH": ""},
        check=True,
        capture_output=True,
        text=True,
    )
    told = [line for line in done.stderr.splitlines() if "is missing" in line]
    assert "it has no environment yet" in told[0]
    assert "/nowhere/at/all" in told[1]
    assert list(tmp_path.glob("*/*")) == []
