"""Secrets that are not there: a template that looks for one in vain prints ``<no value>``, which nobody is to be sent."""

from collections.abc import Iterable
from typing import Final

_NO_VALUE: Final = "<no value>"


def missing(secrets: Iterable[tuple[str, str]]) -> str:
    """Say which of the secrets, given with the paths of their fields, is not there; nothing when all are."""
    for path, text in secrets:
        if _NO_VALUE in text:
            return f"{path}: what its template looks for is not there (it gave {_NO_VALUE})"
        if not text:
            return f"{path}: is empty"
    return ""
