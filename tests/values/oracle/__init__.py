"""What Go itself makes of templates: a recorded corpus, and the means to record and compare.

By hand, on a Debian machine with `golang-go` and `golang-github-masterminds-sprig-dev` (Go 1.19, Sprig 3.2.3):

    python -m tests.values.oracle.record            # writes recorded.jsonl anew from the corpus
    python -m tests.values.oracle.compare 20000 1   # so many generated templates, from a seed, against Go live

The tests read only recorded.jsonl.
"""
