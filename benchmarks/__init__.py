"""Benchmarks with fixed workloads: `python -m benchmarks [GROUP ...] [--scale small|full] [--json FILE|-]`.

`--out DIR` keeps the figures, pictures and one page about them; `--against DIR/figures.jsonl` compares with an earlier
run; `--profile` adds a flame graph of our side of every workload; `--peers NAMES` chooses who is measured beside us.

Every figure is a ratio taken in one run: ours and the physical limit, each side
in a process of its own, interleaved, several rounds, medians with spread. What
the machine does to one side it does to the other, so ratios may be compared
from month to month; absolute figures are printed beside them and never judged.

    harness       what a side is run with, and what it uses
    figures       workloads, rounds, peers, and the figures that come of them
    environments  products in environments of their own; `products` names them, `peers/` has their scripts
    lines         figures as JSON lines, and comparisons
    results       the folder of `--out`; `report` makes its page and pictures, `table` its Markdown
    machine       where it was measured; `disk` how long a sync takes there, and how to hold it at that

and a module a group, with the sides of ours and of the limits beside it.
"""
