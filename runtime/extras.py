"""The libraries that only some features need: whatever needs one that is not installed says so in the same sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Final

from runtime.errors import Refused

EXTRAS: Final = {
    "bcrypt": "crypto",
    "cel": "policies",
    "click": "cli",
    "distributed": "dask",
    "httpx2": "http",
    "hypercorn": "api",
    "hypothesis": "testing",
    "paramiko": "ssh",
    "prometheus_client": "api",
    "psycopg": "postgres",
    "rich": "cli",
    "starlette": "api",
}
"""The extra that brings a module, for each of those without which something cannot be done."""


class ExtraMissing(Refused, ImportError):
    """A library is not installed; the text names what needs it, and how to install it."""

    def __init__(self, what: str, module: str) -> None:
        super().__init__(f"{what} needs {module}: pip install 'understudy[{EXTRAS[module]}]'")
        self.name = module


@contextmanager
def needed_by(what: str) -> Iterator[None]:
    """Say that `what` needs a library of an extra, if the block imports one that is not installed."""
    try:
        yield
    except ImportError as missing:
        module = (missing.name or "").partition(".")[0]
        if module not in EXTRAS or find_spec(module) is not None:
            raise
        raise ExtraMissing(what, module) from None
