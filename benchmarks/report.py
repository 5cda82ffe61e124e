"""One page to look at: `report.html`, which holds its pictures itself and opens without a network.

The pictures are there as files, too (`*.svg`, `*.png`): every ratio at a glance, cost and throughput against size, how
throughput grows with instances, distributions.
"""

import html
import math
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.figures import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

_OURS, _LIMIT, _PEER = "#2563eb", "#9ca3af", "#d97706"

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #111; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid #e5e7eb; }
th:nth-child(-n+3), td:nth-child(-n+3), th:nth-last-child(-n+2), td:nth-last-child(-n+2) { text-align: left; }
td.ratio { font-weight: 600; } svg { max-width: 100%; height: auto; } dl { columns: 3; } dt { color: #6b7280; }
"""


def write(
    folder: Path, figures: Sequence[Figure], machines: Mapping[str, Mapping[str, str]], comparison: Sequence[str]
) -> Path:
    """Write the page and its pictures; give the page's path."""
    pictures = "\n".join(_saved(folder, name, picture) for name, picture in _pictures(figures))
    rows = "\n".join(map(_row, figures))
    facts = "\n".join(f"<h3>{html.escape(group)}</h3><dl>{_facts(machine)}</dl>" for group, machine in machines.items())
    changes = (
        f"<h2>Against the earlier run</h2><pre>{html.escape(chr(10).join(comparison))}</pre>" if comparison else ""
    )
    page = folder / "report.html"
    page.write_text(
        f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>understudy: benchmarks</title>
<style>{_STYLE}</style><h1>understudy: benchmarks</h1>
<p>Every ratio is ours to the limit beside it, both taken in the same rounds of one run. Absolute figures hold for this
machine at that moment only.</p>
<table><tr><th>group</th><th>workload</th><th>metric</th><th>ratio</th><th>ours</th><th>limit</th><th>spread</th><th>rounds</th>
<th>measured against</th><th>peers</th></tr>{rows}</table>{changes}
<h2>Pictures</h2>{pictures}<h2>Where</h2>{facts}</html>
""",
        encoding="utf-8",
    )
    return page


def _facts(machine: Mapping[str, str]) -> str:
    return "".join(f"<dt>{html.escape(key)}</dt><dd>{html.escape(value)}</dd>" for key, value in machine.items())


def _row(figure: Figure) -> str:
    peers = ", ".join(f"{name} {figure.peer(name)}" for name in figure.beside)
    low, high = figure.spread
    cells = (f"{figure.value:.4g}", f"{figure.limit:.4g}", f"{low:.4g} to {high:.4g}", str(figure.n))
    return (
        f"<tr><td>{html.escape(figure.group)}</td><td>{html.escape(figure.workload)}</td><td>{html.escape(figure.name)}</td>"
        f'<td class="ratio">{figure.ratio:.3f}</td>'
        + "".join(f"<td>{cell}</td>" for cell in (*cells, html.escape(figure.limit_name), html.escape(peers)))
        + "</tr>"
    )


def _saved(folder: Path, name: str, picture: "Picture") -> str:
    picture.savefig(folder / f"{name}.png", dpi=120)
    text = StringIO()
    picture.savefig(text, format="svg", metadata={"Date": None})
    (folder / f"{name}.svg").write_text(text.getvalue(), encoding="utf-8")
    return text.getvalue().partition("\n<svg")[1] + text.getvalue().partition("\n<svg")[2]


def _pictures(figures: Sequence[Figure]) -> Iterator[tuple[str, "Picture"]]:
    if figures:
        yield "ratios", _ratios(figures)
    for key in dict.fromkeys((figure.workload, figure.metric) for figure in figures if figure.size is not None):
        of_size = [figure for figure in figures if (figure.workload, figure.metric) == key and figure.size is not None]
        yield f"size-{key[0]}-{key[1]}", _sizes(of_size)
    scaling = [figure for figure in figures if figure.metric.removeprefix("steps_s_").isdecimal()]
    if scaling:
        yield "scaling", _scaling(scaling)
    spread = [figure for figure in figures if figure.distribution]
    if spread:
        yield "distributions", _distributions(spread)


def _picture(height: float) -> "Picture":
    import matplotlib as mpl  # noqa: PLC0415 - only who wants pictures needs it
    from matplotlib.figure import Figure as Picture  # noqa: PLC0415

    mpl.rcParams["svg.fonttype"] = "none"  # text as text: the file is a tenth of the size
    mpl.rcParams["svg.hashsalt"] = "understudy"
    return Picture(figsize=(9, height), layout="constrained")


def _ratios(figures: Sequence[Figure]) -> "Picture":
    """Show how far ours and the peers' figures are from the limit of the same run; of rates the inverse."""
    picture = _picture(1 + 0.32 * len(figures))
    axes = picture.subplots()
    names = [f"{figure.workload} {figure.name}" for figure in figures]
    for line, figure in enumerate(figures):
        axes.plot(_cost(figure, figure.ratio), line, "o", color=_OURS, label="ours" if line == 0 else None)
        for name, value in figure.peers.items():
            cost = _cost(figure, value / (figure.limit or 1e-9))
            axes.plot(cost, line, "D", color=_PEER, markersize=5)
            axes.annotate(name, (cost, line), (4, 4), textcoords="offset points", fontsize=7)
    axes.axvline(1, color=_LIMIT, label="the limit")
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel("how many times what the limit takes: less is better")
    axes.legend(loc="lower right", fontsize=8)
    return picture


def _cost(figure: Figure, ratio: float) -> float:
    return 1 / (ratio or 1e-3) if figure.rate else ratio or 1e-3


def _sizes(figures: Sequence[Figure]) -> "Picture":
    """Show the cost of one, and how many there are a second, at each size."""
    picture = _picture(3.5)
    costs, rates = picture.subplots(1, 2)
    series = {"ours": (_OURS, "o-"), figures[0].limit_name: (_LIMIT, "o--")}
    values = {"ours": [one.value for one in figures], figures[0].limit_name: [one.limit for one in figures]}
    for name in dict.fromkeys(name for one in figures for name in one.peers):
        series[name], values[name] = (_PEER, "D:"), [one.peers.get(name, math.nan) for one in figures]
    sizes = [figure.size or 0 for figure in figures]
    for name, (colour, style) in series.items():
        costs.plot(sizes, values[name], style, color=colour, label=name)
        rates.plot(sizes, [1e6 / value for value in values[name]], style, color=colour)
        if colour == _PEER:
            costs.annotate(name, (sizes[-1], values[name][-1]), fontsize=7)
    low, high = ([figure.spread[end] for figure in figures] for end in (0, 1))
    costs.fill_between(sizes, low, high, color=_OURS, alpha=0.15)
    for axes, what in ((costs, figures[0].metric), (rates, "a second")):
        axes.set_yscale("log")
        axes.set_title(f"{figures[0].workload}: {what} against size", fontsize=10)
        axes.set_xlabel("size")
        axes.grid(alpha=0.3)
    costs.legend(fontsize=7)
    return picture


def _scaling(figures: Sequence[Figure]) -> "Picture":
    """Show steps a second against the number of instances."""
    picture = _picture(3.5)
    axes = picture.subplots()
    instances = [int(figure.metric.removeprefix("steps_s_")) for figure in figures]
    low, high = ([figure.spread[end] for figure in figures] for end in (0, 1))
    axes.plot(instances, [figure.value for figure in figures], "o-", color=_OURS, label="ours")
    axes.fill_between(instances, low, high, color=_OURS, alpha=0.15)
    axes.plot(instances, [figure.limit for figure in figures], "o--", color=_LIMIT, label=figures[0].limit_name)
    for count, figure in zip(instances, figures, strict=True):
        for name, value in figure.peers.items():
            axes.plot(count, value, "D", color=_PEER, label=name)
    axes.set_ylim(bottom=0)
    axes.set_xticks(instances)
    axes.set_title(f"{figures[0].workload}: steps a second against instances", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return picture


def _distributions(figures: Sequence[Figure]) -> "Picture":
    """Show what each percentile of ours took, and, dashed, what it took the limit."""
    picture = _picture(4.5)
    axes = picture.subplots()
    for figure in figures:
        name = f"{figure.group} {figure.workload} {figure.metric.rpartition('_')[2]}"
        (line,) = axes.plot(range(101), figure.distribution or (), label=name)
        if figure.limit_distribution:
            axes.plot(range(101), figure.limit_distribution, "--", color=line.get_color(), linewidth=0.8)
    axes.set_yscale("log")
    axes.set_xlabel("percentile")
    axes.set_title("What each percentile took: ours, and the limit (dashed)", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return picture
