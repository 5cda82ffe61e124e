"""How deliveries stand, counted."""

import attrs


@attrs.frozen(kw_only=True)
class NotificationFigures:
    """How deliveries stand: those that wait or are under way, and those that were made, given up, or had no room."""

    waiting: int = 0
    delivered: int = 0
    failed: int = 0
    dropped: int = 0
