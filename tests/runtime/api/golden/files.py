"""Where the golden files are, and what they are about."""

import json
from pathlib import Path
from typing import Any

from runtime.api.codec import COMMANDS, EVENTS, QUERIES, SUBSCRIPTIONS, Codec

CODECS: tuple[Codec[Any], ...] = (COMMANDS, QUERIES, SUBSCRIPTIONS, EVENTS)
MESSAGES = Path(__file__).parent / "messages.json"
SCHEMAS = Path(__file__).parent / "schema.json"


def kept(path: Path) -> Any:
    return json.loads(path.read_text())


def schemas() -> dict[str, Any]:
    return {codec.kind: codec.schema() for codec in CODECS}
