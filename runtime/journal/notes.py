"""Where stores write down what an operator should see: lines of structlog, under ``understudy.store``.

Where the program has not set structlog up they go to standard error, for standard output may be somebody's data.
"""

import sys
from typing import Any, Final

_NAME: Final = "understudy.store"


def log() -> Any:
    """Give the logger of stores. Sync."""
    import structlog  # noqa: PLC0415 - hardly ever needed

    if structlog.is_configured():
        return structlog.get_logger(_NAME)
    return structlog.wrap_logger(structlog.PrintLogger(sys.stderr))
