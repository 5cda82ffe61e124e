"""Where records are kept, and what keeping them promises.

A journal is an append-only sequence of records, each belonging to one task or one flow. `append` takes the records of
one turn (or of a batch of turns) and commits them together: when it returns they are stored, in order, with gap-free
positions; when it raises, none of them is. Nothing acts on a record before `append` returned (``decide, record, act``).

Beside its records a journal knows where each task stands (`Standing`), stored in the same commit: so what has to go on
after a crash, and what is due, is found without reading a history, and a task that sleeps costs no memory at all. What
steps remember for each other (`runtime.cache`) is kept beside that.

What is promised of a store, and tested by crossing every fault point with every record, by killing real processes and
by tearing the writes of a power loss: a submission that was acknowledged is never lost; the recorded result of a step
is never lost or changed; a step that is not marked idempotent is never started twice unless a person asks for it.

Modules
    protocol    `Journal` and what it takes and gives
    listing     what a journal knows of tasks so that they can be listed and found
    appends     an append on its way: what is to be stored, and who waits for it
    memory      the journal of tests and of programs that do not ask for more: it lasts as long as the runtime
    sqlite      the journal in one file
    postgres    the journal in a PostgreSQL database, which several instances share
    health      whether a store takes what is to be stored
    shared      what a journal that is shared is asked besides
    tending     looking after a store from outside; `checking`, what is looked for
    opening     from the address of a store to its journal
    turns       entries as rows of a database
    queries     how tasks are found in a database
    codec       records as bytes: tagged, versioned, strict
    replaying   from records to the task or the flow they are of
    keys        the key ring that a store is sealed with
    vault       authenticated encryption, bound to the row
"""
