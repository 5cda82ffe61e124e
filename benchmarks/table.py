"""The figures as a page of Markdown, for those who look at the repository."""

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.figures import Figure


def write(figures: Sequence[Figure], machines: Mapping[str, Mapping[str, str]]) -> str:
    """Write a table a group, with where it was taken, and the pictures."""
    return "\n".join(
        [
            "# Figures",
            "",
            "Ratios are to the limit of the same rounds (median of them); absolute figures hold for this machine at that",
            "moment only. Where the name of a metric ends in `_s`, more is better; elsewhere, less.",
            "",
            "![how many times what the limit takes](ratios.svg)",
            "",
            *(
                line
                for group in dict.fromkeys(one.group for one in figures)
                for line in _group(group, figures, machines)
            ),
        ]
    )


def _group(group: str, figures: Sequence[Figure], machines: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    yield f"## {group}"
    yield ""
    facts = machines.get(group, {})
    yield ", ".join(f"{key} {value}" for key, value in facts.items())
    yield ""
    yield "| workload | metric | ratio | ours | spread | limit | measured against | beside |"
    yield "|---|---|---|---|---|---|---|---|"
    for one in figures:
        if one.group == group:
            beside = "; ".join(f"{name} {one.peer(name)}" for name in one.beside)
            spread = f"{one.spread[0]:.4g} to {one.spread[1]:.4g}"
            cells = (one.workload, one.name, f"{one.ratio:.3g}", f"{one.value:.4g}", spread)
            yield f"| {' | '.join([*cells, f'{one.limit:.4g}', one.limit_name, beside])} |"
    yield ""
