"""A runtime inside programs that are not on trio. It lives in a thread of its own; calls cross over and back.

Modules
    aio         for asyncio programs: the same names, awaited from a running loop
    sync        for synchronous programs: ``with open_runtime() as rt: rt.submit(...).result(timeout=10)``
    crossing    into the thread of the runtime

Cancelling a call, or giving it up after a timeout, cancels it in the runtime's thread too, and never undoes what was
stored. Context variables of the caller are seen by the call. Leaving the block shuts the runtime down and ends its thread.
A program that ends without leaving it has it left then, with a `ResourceWarning`.
"""
