"""Validators of numbers in configurations."""

from collections.abc import Callable


def positive(_config: object, _field: object, number: float) -> None:
    """Refuse 0, and anything below."""
    if number <= 0:
        raise ValueError("must be positive")


def not_negative(_config: object, _field: object, number: float) -> None:
    """Refuse anything below 0."""
    if number < 0:
        raise ValueError("must not be negative")


def within(least: int, most: int) -> Callable[[object, object, int], None]:
    """Give a validator that refuses anything below `least`, and anything above `most`."""

    def check(_config: object, _field: object, number: int) -> None:
        if not least <= number <= most:
            raise ValueError(f"must be between {least} and {most}")

    return check
