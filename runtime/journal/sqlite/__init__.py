"""A journal in one SQLite file, for one runtime at a time.

Modules
    journal     `SqliteJournal`: what `Journal` promises, for trio tasks
    thread      the writer's thread: group commit, without anybody waiting for company
    writer      a group of appends as one commit
    rows        what a group stores, laid out for the one statement of its commit
    reader      look-ups and lists, beside the writer
    lists       the queries of lists
    database    opening a file: what it has to be, who may own it, what its errors mean
    schema      the tables and their migrations
    memos       what steps remember for each other
    upkeep      check, backup, compaction, another key

SQLite comes with apsw: the versions that Python itself is linked with on many systems lose data when two connections
write and checkpoint at once.
"""
