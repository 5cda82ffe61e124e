"""What templates see of the host's configuration items as ``.config`` (spec section 4.2).

An item is a text; one that reads as YAML or JSON is shown as the data it stands for. What holds the keys and doors of the
host is never shown (Q73), nor what the item ``utask-cfg`` names in its list ``concealed_secrets``.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs

from runtime.configuration import HOST_ITEM
from runtime.duration import Duration
from runtime.errors import Fault, did_you_mean
from runtime.runner import loads_yaml
from runtime.values.json import Json, loads

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


HOST_FIELDS: Final = frozenset(
    {
        "admin_groups",
        "admin_usernames",
        "application_name",
        "base_url",
        "completed_task_expiration",
        "concealed_secrets",
        "dashboard_path_prefix",
        "global_resource_limits",
        "max_concurrent_executions",
        "max_concurrent_executions_from_crashed",
        "max_result_size",
        "notify_actions",
        "notify_config",
        "resource_acquire_timeout",
        "resource_limits",
        "server_options",
        # What means something in µTask, and nothing here:
        "dashboard_api_path_prefix",
        "dashboard_sentry_dsn",
        "database_config",
        "debug",
        "delay_between_crashed_tasks_resolution",
        "editor_path_prefix",
        "instance_collector_wait_duration",
        "steps_compression_algorithm",
    }
)
"""What ``utask-cfg`` may say."""


def _positive(_host: object, _field: object, seconds: float) -> None:
    if seconds <= 0:
        raise ValueError("must be positive")


@attrs.frozen(kw_only=True)
class Host:
    """What ``utask-cfg`` says (section 13.2), but for limits and notifications.

    Attributes:
        concealed_secrets: the items that templates do not see.
        completed_task_expiration: how long tasks are kept once they ended, in seconds.
    """

    concealed_secrets: tuple[str, ...] = ()
    completed_task_expiration: Duration = attrs.field(default=Duration(30 * 86_400.0), validator=_positive)


def unknown_settings(items: Mapping[str, str]) -> Sequence[Fault]:
    """Name what ``utask-cfg`` says and nobody reads: most often it is misspelt."""
    said = loads(items.get(HOST_ITEM, "{}"))
    names = sorted(said.keys() - HOST_FIELDS) if isinstance(said, Mapping) else ()
    return [
        Fault(f"{HOST_ITEM}.{name}", "nothing reads this key", did_you_mean(name, sorted(HOST_FIELDS)))
        for name in names
    ]


def shown_config(items: Mapping[str, str], concealed: Iterable[str]) -> Mapping[str, Json]:
    """Give the items that templates may see, as data."""
    hidden = _NEVER_SHOWN.union(concealed)
    return {name: _data(text) for name, text in items.items() if name not in hidden}


def _data(text: str) -> Json:
    try:
        return loads_yaml(text)
    except ValueError:
        return text
