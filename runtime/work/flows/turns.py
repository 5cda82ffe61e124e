"""Of the flows of one owner one runs at a time, in the order in which they were started (spec sections 1 and 17).

Nothing is kept about it but what the journal lists: whoever waits for the turn, has it, or had it and may want it
again. So whoever looks, whenever, comes to the same answer, and a crash loses nothing.
"""

from collections.abc import Sequence
from typing import Final

from runtime.errors import Unavailable
from runtime.flow.states import FlowTurn
from runtime.journal.listing import Role, Wanted
from runtime.journal.protocol import Journal, Listed
from runtime.work.messages import GiveTurn, NewerFlow

MOST_WAITING: Final = 100
"""How many flows of one owner may wait for their turn."""

_MOST_LISTED: Final = 10_000


async def moved(journal: Journal, owner: str) -> Sequence[GiveTurn | NewerFlow]:
    """Say what the flows of an owner are to be told now.

    The first that waits gets the turn, unless another has it, or had it and does not know yet that it is superseded;
    all but the newest are told that there is a newer one.

    Raises:
        JournalUnavailable: it cannot be known now.
    """
    flows = await journal.find(Wanted(flows=True, about=(Role.TURN, owner)), limit=_MOST_LISTED)
    waiting = sorted((one for one in flows if one.listing.turn is FlowTurn.WAITS), key=_in_line)
    if not waiting:
        return ()
    newest = waiting[-1].task_id
    told: list[GiveTurn | NewerFlow] = [
        NewerFlow(one.task_id, newest) for one in flows if one.task_id != newest and not one.listing.superseded
    ]
    if len(waiting) == len(flows):
        told.append(GiveTurn(waiting[0].task_id))
    return told


def _in_line(flow: Listed) -> tuple[float, int]:
    return flow.listing.turn_since, flow.number


async def check_room(journal: Journal, owner: str) -> None:
    """See that one more flow of an owner may wait.

    Raises:
        Unavailable: as many do as may; or it cannot be known now.
    """
    flows = await journal.find(Wanted(flows=True, about=(Role.TURN, owner)), limit=MOST_WAITING + 1)
    if len(flows) > MOST_WAITING:
        raise Unavailable(f"{MOST_WAITING} flows of owner {owner} wait for their turn already: try again later")
