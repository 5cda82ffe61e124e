"""Putting the notifier into a runtime's tree. Loaded only where somebody is to be told something."""

import math
from collections.abc import Callable, Mapping
from typing import Final

import attrs

from actors import ChildSpec, Restart, Supervisor, nested
from runtime.configuration import host_settings, structure
from runtime.notifications.notifier import CAPACITY, STOP_WITHIN_SECONDS, Notices, Notifier
from runtime.notifications.settings import Notifications
from runtime.notifications.shapes import check_targets
from runtime.values.json import Json

_GROUP: Final = "notifications"
_NOTIFIER: Final = "notifier"


@attrs.frozen
class Telling:
    """What the rest of the runtime talks to, and the child that does the work."""

    notices: Notices
    spec: ChildSpec


def set_up(
    given: Notifications | Mapping[str, Json] | None, config: Mapping[str, str], root: Callable[[], Supervisor]
) -> Telling | None:
    """Check the settings, and give what they make; None when nobody is to be told.

    Raises:
        ConfigurationInvalid: with every fault and its path.
        ValueError: a backend's credentials are not in the configuration.
    """
    if given is None or isinstance(given, Notifications):
        settings = given or host_settings(Notifications, config)
    else:
        settings = structure(Notifications, given)
    if not settings.notify_config:
        return None
    check_targets(settings, config)
    notifier = ChildSpec(
        id=_NOTIFIER,
        start=lambda _incarnation: Notifier(settings, config),
        restart=Restart.PERMANENT,
        capacity=CAPACITY,
        stop_within=STOP_WITHIN_SECONDS + 1,
    )
    group = ChildSpec(id=_GROUP, start=nested([notifier]), restart=Restart.PERMANENT, stop_within=math.inf)
    return Telling(Notices(settings, lambda: root().nested(_GROUP).address_of(_NOTIFIER)), group)
