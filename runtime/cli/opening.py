"""What the command line says of the runtime that a command opens."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import attrs

from runtime.api.client import Runtime
from runtime.app import open_runtime
from runtime.cli.voice import Voice


@attrs.frozen(kw_only=True)
class RuntimeOptions:
    """What all commands take that open a runtime; those of each of them inherit."""

    store: str | None
    keys: Path | None
    scripts: Path
    functions: Path | None
    templates: Path | None
    config: Path | None
    region: str
    grace_seconds: float
    voice: Voice

    def open(self, items: Mapping[str, str], **more: Any) -> AbstractAsyncContextManager[Runtime]:
        """Open it, with these configuration items, and with `more` arguments of `open_runtime`."""
        return open_runtime(
            self.store,
            keys=self.keys,
            scripts=self.scripts,
            functions=self.functions or (),
            templates=self.templates or (),
            config=items,
            region=self.region,
            grace_seconds=self.grace_seconds,
            **more,
        )
