"""How the garbage collector is set in a process that is there for one runtime, such as a server.

That is for the program to say, not for a library: who embeds a runtime in a program that runs for long does well to
call `settle_heap` once all is imported.
"""

import gc
from typing import Final

_YOUNG: Final = 5_000
"""How many objects more than before there are when the young ones are looked at.

Python's 700 are those of a handful of tasks, which are looked at while they are in flight, and again, and again: a fifth of
the time that waking tasks took. By the time of this many most are gone.
"""


def settle_heap() -> None:
    """Have the garbage collector leave out what is there from the start, and look less often at what is new.

    What is there is a hundred thousand objects, and whenever all were looked at, everybody would wait for a twentieth
    of a second.
    """
    gc.collect()
    gc.freeze()
    _, middle, old = gc.get_threshold()
    gc.set_threshold(_YOUNG, middle, old)
