"""What is configured: backends, their strategies, and which events are told at all (spec sections 10 and 13.2)."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

import attrs

from runtime.arguments import texts
from runtime.configuration import ConfigurationInvalid, structure
from runtime.duration import Duration
from runtime.frozen import frozen
from runtime.templates.model import normalise_name
from runtime.values.json import Json, loads

CREDENTIALS_ITEM: Final = "notify-webhook-credentials"
_DEFAULT_TIMEOUT: Final = Duration(30.0)


class NotifyEvent(StrEnum):
    """What is told."""

    TASK_STATE = "task_state_update"
    TASK_STEP = "task_step_update"
    TASK_VALIDATION = "task_validation"
    FLOW_STATE = "flow_state_update"
    FLOW_APPROVAL = "flow_approval"
    """A plan waits for somebody's answer."""
    MESSAGE = "message"
    """What a ``notify`` step says: always sent, and nothing that a strategy can be set for."""


class NotifyStrategy(StrEnum):
    """Which events of a kind a backend wants to hear of."""

    ALWAYS = "always"
    SILENT = "silent"
    FAILURE_ONLY = "failure_only"
    FAILURE_OR_DONE = "failure_or_done"


class BackendType(StrEnum):
    """The kinds of backends there are."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    OPSGENIE = "opsgenie"


class Zone(StrEnum):
    """Where Opsgenie keeps an account."""

    GLOBAL = "global"
    EU = "eu"
    SANDBOX = "sandbox"


def _address(_config: object, _field: object, url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise ValueError('must be an address such as "https://example.org/hook"')


def _given(_config: object, _field: object, text: str) -> None:
    if not text:
        raise ValueError("is empty")


@frozen(kw_only=True)
class Webhook:
    """A server that takes flat JSON.

    Attributes:
        webhook_url: its address.
        username: who asks; with
        password: the proof of it; or
        credentials_name: the name of both in the configuration item ``notify-webhook-credentials``.
        headers: more headers.
    """

    webhook_url: str = attrs.field(validator=_address, repr=False)
    username: str = ""
    password: str = attrs.field(default="", repr=False)
    credentials_name: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)


@frozen(kw_only=True)
class Slack:
    """An incoming webhook of Slack."""

    webhook_url: str = attrs.field(validator=_address, repr=False)


@frozen(kw_only=True)
class Opsgenie:
    """An account at Opsgenie. `url` takes the place of the zone's own address, for servers that speak its language."""

    zone: Zone = Zone.GLOBAL
    api_key: str = attrs.field(validator=_given, repr=False)
    timeout: Duration = _DEFAULT_TIMEOUT
    url: str = ""


_CONFIGS: Mapping[BackendType, type[Webhook] | type[Slack] | type[Opsgenie]] = {
    BackendType.WEBHOOK: Webhook,
    BackendType.SLACK: Slack,
    BackendType.OPSGENIE: Opsgenie,
}
_STEADY = frozenset({NotifyStrategy.ALWAYS, NotifyStrategy.SILENT})
_ASKING: Final[Mapping[NotifyEvent, str]] = {
    NotifyEvent.TASK_VALIDATION: "a task to be validated",
    NotifyEvent.FLOW_APPROVAL: "a plan to be approved",
}
"""The events that ask somebody for something, and what of."""


def _names(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(normalise_name, texts(values)))


@frozen(kw_only=True)
class TemplateStrategy:
    """The strategy for tasks of these templates, or flows of these types."""

    templates: tuple[str, ...] = attrs.field(converter=_names)
    notification_strategy: NotifyStrategy


def _event_names(_backend: object, _field: object, by_event: Mapping[str, object]) -> None:
    known = [event.value for event in NotifyEvent if event is not NotifyEvent.MESSAGE]
    for name in by_event:
        if name not in known:
            raise ValueError(f'there is no event "{name}": there are {", ".join(known)}')


def _steady(_backend: object, _field: object, by_event: Mapping[str, NotifyStrategy]) -> None:
    for event, what in _ASKING.items():
        if by_event.get(event, NotifyStrategy.ALWAYS) not in _STEADY:
            raise ValueError(f"{event} takes always or silent: {what} has not failed")


def _steady_rules(_backend: object, _field: object, by_event: Mapping[str, tuple[TemplateStrategy, ...]]) -> None:
    for event in _ASKING:
        for rule in by_event.get(event, ()):
            _steady(_backend, _field, {event: rule.notification_strategy})


@frozen(kw_only=True)
class Backend:
    """One of those that are told.

    Attributes:
        type: ``webhook``, ``slack`` or ``opsgenie``.
        config: what that type needs: `Webhook`, `Slack` or `Opsgenie`.
        default_notification_strategy: a strategy for each event; ``always`` without.
        template_notification_strategies: for each event, strategies for certain templates; the first that names the
            task's template wins.
    """

    type: BackendType
    config: Mapping[str, Json] = attrs.field(repr=False)
    default_notification_strategy: Mapping[str, NotifyStrategy] = attrs.field(
        factory=dict, validator=[_event_names, _steady]
    )
    template_notification_strategies: Mapping[str, tuple[TemplateStrategy, ...]] = attrs.field(
        factory=dict, validator=[_event_names, _steady_rules]
    )
    target: Webhook | Slack | Opsgenie = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Check `config` against the type.

        Raises:
            ConfigurationInvalid: it does not fit; a ``ValueError`` where a document is being read.
        """
        try:
            target = structure(_CONFIGS[self.type], dict(self.config))
        except ConfigurationInvalid as refused:
            raise ValueError(str(refused).partition(": ")[2]) from None
        object.__setattr__(self, "target", target)

    def strategy(self, event: NotifyEvent, template: str) -> NotifyStrategy:
        """Give the strategy for an event of a task of that template."""
        for rule in self.template_notification_strategies.get(event, ()):
            if template in rule.templates:
                return rule.notification_strategy
        return self.default_notification_strategy.get(event, NotifyStrategy.ALWAYS)


@frozen(kw_only=True)
class EventAction:
    """What is done about an event: nothing, or telling these backends; all of them where none is named."""

    disabled: bool = False
    notify_backends: tuple[str, ...] = ()


@frozen(kw_only=True)
class Notifications:
    """All that is configured. `base_url` and `dashboard_path_prefix` make the address of a page about a task or a flow.

    Without `base_url` the address is a path, as in µTask.
    """

    notify_config: Mapping[str, Backend] = attrs.field(factory=dict)
    notify_actions: Mapping[str, EventAction] = attrs.field(factory=dict, validator=_event_names)
    base_url: str = ""
    dashboard_path_prefix: str = ""

    def __attrs_post_init__(self) -> None:
        for event, action in self.notify_actions.items():
            for name in action.notify_backends:
                if name not in self.notify_config:
                    known = ", ".join(self.notify_config) or "none"
                    raise ValueError(f'notify_actions.{event} names a backend "{name}" (there are: {known})')

    def page_of(self, place: str) -> str:
        """Give the address of a page of the dashboard."""
        return f"{self.base_url.rstrip('/')}{self.dashboard_path_prefix.rstrip('/')}/ui/dashboard/#/{place}"

    def backends_for(self, event: NotifyEvent) -> Iterable[str]:
        """Name the backends that are told of an event, before their strategies are asked."""
        action = self.notify_actions.get(event, EventAction())
        if action.disabled:
            return ()
        return action.notify_backends or self.notify_config


def credentials_of(config: Mapping[str, str], name: str) -> tuple[str, str]:
    """Find a user and a password in the item ``notify-webhook-credentials``.

    It is an object with its ``name``, a list of such, or an object of them by their names.

    Raises:
        ValueError: it is not there exactly once. Nothing of the item is in the error.
    """
    try:
        item: Any = loads(config.get(CREDENTIALS_ITEM, "null"))
    except ValueError:
        item = None
    if isinstance(item, Mapping) and isinstance(item.get("name"), str):
        item = [item]
    elif isinstance(item, Mapping):
        item = [{**entry, "name": key} for key, entry in item.items() if isinstance(entry, Mapping)]
    found = [entry for entry in item or () if isinstance(entry, Mapping) and entry.get("name") == name]
    if len(found) != 1:
        raise ValueError(f'{CREDENTIALS_ITEM} holds {len(found)} entries called "{name}", not one')
    return str(found[0].get("username", "")), str(found[0].get("password", ""))
