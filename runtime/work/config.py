"""What templates see of the host's configuration items as ``.config`` (spec section 4.2).

An item is a text; one that reads as YAML or JSON is shown as the data it stands for. What holds the keys and doors of the
host is never shown (Q73), nor what the item ``utask-cfg`` names in its list ``concealed_secrets``.
"""

from collections.abc import Mapping
from typing import Final

from runtime.configuration import HOST_ITEM
from runtime.runner import loads_yaml
from runtime.values.json import Json

_NEVER_SHOWN: Final = frozenset(
    {
        HOST_ITEM,
        "basic-auth",
        "callback-config",
        "database",
        "encryption-key",
        "groups-auth",
        "notify-webhook-credentials",
    }
)


def shown_config(items: Mapping[str, str]) -> Mapping[str, Json]:
    """Give the items that templates may see, as data."""
    host = _data(items.get(HOST_ITEM, ""))
    listed = host.get("concealed_secrets") if isinstance(host, Mapping) else None
    concealed = {name for name in listed if isinstance(name, str)} if isinstance(listed, list) else set()
    return {name: _data(text) for name, text in items.items() if name not in _NEVER_SHOWN | concealed}


def _data(text: str) -> Json:
    try:
        return loads_yaml(text)
    except ValueError:
        return text
