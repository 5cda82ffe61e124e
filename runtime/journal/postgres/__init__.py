"""A journal in a PostgreSQL database (14 or later), for many instances of a program at once.

Every instance is the same program, started with the same address; there is no other coordinator. A task is *held* by the
instance that has it in memory: nobody else goes on with it, and everybody can be asked about it.

* An instance is a row with a number, its fencing token, and its heartbeat puts off when it expires. Every commit and
  every claim needs that row. Whoever finds an expired one deletes it, so that the other cannot write from then on, and
  frees what it held, some with each beat of his heart. The other's next word to the database fails with `LeaseLost`,
  and its runtime stops everything that worked under the lost lease before it takes out another
  (`runtime.work.sharing`).
* An instance that has not heard from the database for as long as its lease lasts begins no step any more, until it knows.
  What runs goes on: it ends by its own deadline, or when the lease turns out to be lost. So a step that is not idempotent
  is never begun twice unasked, but one that runs may still be running where its instance was cut off.
* The commit that ends a task lets go of it; of any other that has left memory, one of the next commits does.
* Commits are one statement each, shared by all tasks that wait; positions are given under a lock that lasts until the
  commit is done, so that readers never pass a position that appears later.
* While the database is away, appends wait; nothing is acknowledged that is not stored. A commit whose answer was lost is
  looked up, neither repeated nor refused. Reading raises `JournalUnavailable`. Where the server that is back lacks what it
  had acknowledged (a standby that had not got it), an instance gives up its lease, and what it remembers.
* Instances need sessions of their own with the server (LISTEN, prepared statements, ending one that is stuck), seven each:
  a pooler in between is refused, and so is a database that is not encoded as UTF8. What an administrator has set for their
  user (timeouts, isolation) does not matter. The user needs a schema of its own, or the right to make one; or no more than
  to read and change the tables, which somebody else then migrates.
* NOTIFY says that there is work, mail or news; every waiter looks by himself now and then, for a word may be lost.

Modules
    address     what a store's address says, ``postgresql://host/database?schema=understudy&lease=10``
    journal     `PostgresJournal`: what an instance does (`SharedJournal`), above
    store       what any journal does (`Journal`), for trio tasks
    instance    the lease: registration, heartbeat, taking others for dead
    links       all connections, and which of them have fallen silent
    notes       what an operator should see of leases, links and the server
    claimer     takes hold of tasks, and lets go of them
    committer   one task commits for all, and finds the server again
    writer      a group of appends as rows, which `store_group` (`schema`) stores
    reader      look-ups, on connections of a pool
    listener    hears notifications
    mail        letters between instances
    memos       what steps remember for each other
    database    opening a store, and what its errors mean
    schema      the tables, their functions and migrations
    upkeep      check, collection; `resealing`, another key
    driver      psycopg on trio
    pool        a few connections, lent to one task at a time
"""
