"""Runs a suite of behaviours that is kept as data: ``python -m tests.conformance CASES.json --fixtures DIR``.

One line a case (``pass``, or ``fail: why``), ``N passed, N failed, N skipped`` last. The exit status is 0 when nothing
failed. The cases say what to store, what to do and what must be seen; how they are written is
described beside them.

    cases       reading the file
    matching    comparing what was seen with what was expected
    engine      cases of tasks: created, run, patched, looked at
    batches     cases of stored batches
    models      cases of stored templates, those of a folder above all, and of tasks that are counted
    api         cases of requests to a server
    templates   cases of validation alone
    values      cases of rendering
    plugins     cases of runners
"""
