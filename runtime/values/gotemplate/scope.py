"""The variables in scope, innermost last: found in one step however many there are."""


class Scope:
    """Names and the places they stand for; a name declared again hides the one before until its scope is left."""

    __slots__ = ("_declared", "_places")

    def __init__(self, root: int) -> None:
        self._declared: list[tuple[str, int]] = []
        self._places: dict[str, list[int]] = {}
        self.declare("$", root)

    def declare(self, name: str, place: int) -> None:
        """Add a name."""
        self._declared.append((name, place))
        self._places.setdefault(name, []).append(place)

    def find(self, name: str) -> int | None:
        """Give the place a name stands for now; None if it is not in scope."""
        places = self._places.get(name)
        return places[-1] if places else None

    def latest(self, count: int) -> list[int]:
        """Give the places of the variables declared last, at most so many, in order."""
        return [place for _, place in self._declared[-count:]]

    def enter(self) -> int:
        """Give the mark to leave a scope by."""
        return len(self._declared)

    def leave(self, mark: int) -> None:
        """Forget what was declared since a mark."""
        while len(self._declared) > mark:
            name, _ = self._declared.pop()
            self._places[name].pop()
