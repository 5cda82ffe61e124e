"""What templates see of the host's configuration items as ``.config``.

An item is a text; one that reads as YAML or JSON is shown as the data it stands for. What holds the keys and doors of the
host is never shown, nor what the item ``utask-cfg`` names in its list ``concealed_secrets``.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from runtime.configuration import HOST_ITEM
from runtime.duration import Duration
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


def _positive(_host: object, _field: object, seconds: float) -> None:
    if seconds <= 0:
        raise ValueError("must be positive")


@attrs.frozen(kw_only=True)
class Host:
    """What ``utask-cfg`` says, but for limits and notifications.

    Attributes:
        concealed_secrets: the items that templates do not see.
        completed_task_expiration: how long tasks are kept once they ended, in seconds.
    """

    concealed_secrets: tuple[str, ...] = ()
    completed_task_expiration: Duration = attrs.field(default=Duration(30 * 86_400.0), validator=_positive)


def shown_config(items: Mapping[str, str], concealed: Iterable[str]) -> Mapping[str, Json]:
    """Give the items that templates may see, as data."""
    hidden = _NEVER_SHOWN.union(concealed)
    return {name: _data(text) for name, text in items.items() if name not in hidden}


def _data(text: str) -> Json:
    try:
        return loads_yaml(text)
    except ValueError:
        return text
