"""Where records are kept, and what keeping them promises.

A journal is an append-only sequence of records, each belonging to one task. `append` takes the records of one turn (or
of a batch of turns) and commits them together: when it returns they are stored, in order, with gap-free positions;
when it raises, none of them is. Nothing acts on a record before `append` returned (``decide, record, act``).

Modules
    protocol    `Journal` and the entries it takes
    memory      the journal of tests and of programs that do not ask for more: it lasts as long as the runtime
"""
