"""One page to look at: `report.html`, which holds its pictures itself and opens without a network.

The pictures are there as files, too (`*.svg`, `*.png`): every ratio at a glance, cost against size, distributions.
"""

import html
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.harness import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

_OURS, _LIMIT, _PEER = "#2563eb", "#9ca3af", "#d97706"

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #111; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid #e5e7eb; }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
td.ratio { font-weight: 600; } svg { max-width: 100%; height: auto; } dl { columns: 3; } dt { color: #6b7280; }
"""


def write(folder: Path, figures: Sequence[Figure], machine: Mapping[str, str], comparison: Sequence[str]) -> Path:
    """Write the page and its pictures; give the page's path."""
    pictures = "\n".join(_saved(folder, name, picture) for name, picture in _pictures(figures))
    rows = "\n".join(map(_row, figures))
    facts = "\n".join(f"<dt>{html.escape(key)}</dt><dd>{html.escape(value)}</dd>" for key, value in machine.items())
    changes = (
        f"<h2>Against the earlier run</h2><pre>{html.escape(chr(10).join(comparison))}</pre>" if comparison else ""
    )
    page = folder / "report.html"
    page.write_text(
        f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>understudy: benchmarks</title>
<style>{_STYLE}</style><h1>understudy: benchmarks</h1>
<p>Every ratio is ours to the limit beside it, both taken in the same rounds of one run. Absolute figures hold for this
machine at that moment only.</p>
<table><tr><th>workload</th><th>metric</th><th>ratio</th><th>ours</th><th>limit</th><th>spread</th><th>rounds</th>
<th>measured against</th><th>peers</th></tr>{rows}</table>{changes}
<h2>Pictures</h2>{pictures}<h2>Where</h2><dl>{facts}</dl></html>
""",
        encoding="utf-8",
    )
    return page


def _row(figure: Figure) -> str:
    peers = ", ".join(f"{name} {value:.4g}" for name, value in figure.peers.items())
    low, high = figure.spread
    cells = (f"{figure.value:.4g}", f"{figure.limit:.4g}", f"{low:.4g} to {high:.4g}", str(figure.n))
    return (
        f"<tr><td>{html.escape(figure.workload)}</td><td>{html.escape(figure.name)}</td>"
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
    yield "ratios", _ratios(figures)
    for key in dict.fromkeys((figure.workload, figure.metric) for figure in figures if figure.size is not None):
        of_size = [figure for figure in figures if (figure.workload, figure.metric) == key and figure.size is not None]
        yield f"size-{key[0]}-{key[1]}", _sizes(of_size)
    spread = [figure for figure in figures if figure.distribution]
    if spread:
        yield "distributions", _distributions(spread)


def _picture(height: float) -> "Picture":
    from matplotlib.figure import Figure as Picture  # noqa: PLC0415 - only who wants pictures needs it

    return Picture(figsize=(9, height), layout="constrained")


def _ratios(figures: Sequence[Figure]) -> "Picture":
    """Show what ours and the peers' figures are multiples of: the limit of the same run."""
    picture = _picture(1 + 0.32 * len(figures))
    axes = picture.subplots()
    names = [f"{figure.workload} {figure.name}" for figure in figures]
    for line, figure in enumerate(figures):
        axes.plot(figure.ratio or 1e-3, line, "o", color=_OURS, label="ours" if line == 0 else None)
        for name, value in figure.peers.items():
            axes.plot(value / (figure.limit or 1e-9), line, "D", color=_PEER, markersize=5)
            axes.annotate(name, (value / (figure.limit or 1e-9), line), (4, 4), textcoords="offset points", fontsize=7)
    axes.axvline(1, color=_LIMIT, label="the limit")
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel("as a multiple of the limit, in the unit of the metric")
    axes.legend(loc="lower right", fontsize=8)
    return picture


def _sizes(figures: Sequence[Figure]) -> "Picture":
    picture = _picture(3.5)
    axes = picture.subplots()
    sizes = [figure.size or 0 for figure in figures]
    axes.plot(sizes, [figure.value for figure in figures], "o-", color=_OURS, label="ours")
    axes.fill_between(
        sizes,
        [figure.spread[0] for figure in figures],
        [figure.spread[1] for figure in figures],
        color=_OURS,
        alpha=0.15,
    )
    axes.plot(sizes, [figure.limit for figure in figures], "o--", color=_LIMIT, label=figures[0].limit_name)
    axes.set_ylim(bottom=0)
    axes.set_title(f"{figures[0].workload}: {figures[0].metric} against size", fontsize=10)
    axes.set_xlabel("size")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return picture


def _distributions(figures: Sequence[Figure]) -> "Picture":
    picture = _picture(3.5)
    axes = picture.subplots()
    for figure in figures:
        axes.plot(range(101), figure.distribution or (), label=f"{figure.workload} {figure.metric.rpartition('_')[2]}")
    axes.set_yscale("log")
    axes.set_xlabel("percentile")
    axes.set_title("What each percentile of ours took", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return picture
