"""More is asked of a server than it can do: ``python -m tests.overload --connections 200 --seconds 20``.

A real server, in a process of its own, over a store. What it can do is measured first, by a few clients that wait for
their answers; then `--connections` clients ask for ten times as much (`--factor`), whatever they are answered. What has
to hold then is printed with the figures, and says the exit status:

* every refusal is 429 or 503 and says when to come back, and nothing else goes wrong;
* the server's memory stays flat;
* the 99th percentile of what was accepted stays bounded;
* nothing that was acknowledged is lost: the server is stopped, and its store is read.

    load        clients, and what they were answered
    server      the server's process: its memory, its end, its store
"""
