"""What each kind of backend wants to be sent, and which replies it takes for an answer (spec section 10): pure."""

import base64
from collections.abc import Mapping, Sequence
from typing import Final, assert_never
from urllib.parse import quote, urlencode

import attrs

from runtime.notifications.notice import WELL, Notice
from runtime.notifications.settings import Notifications, NotifyEvent, Opsgenie, Slack, Webhook, Zone, credentials_of
from runtime.values.json import Json, dumps

_OPSGENIE: Final[Mapping[Zone, str]] = {
    Zone.GLOBAL: "https://api.opsgenie.com",
    Zone.EU: "https://api.eu.opsgenie.com",
    Zone.SANDBOX: "https://api.sandbox.opsgenie.com",
}
_TIMEOUT: Final = 10.0
_LONGEST_TITLE: Final = 130  # of an alert
_LONGEST_BLOCK: Final = 3000  # of a text in Slack
_MOST_FIELDS: Final = 10  # of a section in Slack
_LONGEST_FIELD: Final = 2000
_TRY_AGAIN: Final = frozenset({408, 425, 429})


@attrs.frozen(kw_only=True)
class Letter:
    """One request to make. `answer` is the body a reply has to have, where it has to have one."""

    method: str = "POST"
    url: str = attrs.field(repr=False)
    headers: Sequence[tuple[str, str]] = attrs.field(default=(), repr=False)
    body: str = attrs.field(default="", repr=False)
    timeout: float = _TIMEOUT
    answer: str = ""


@attrs.frozen
class Answer:
    """A reply, as far as it is read."""

    status: int
    body: str = ""

    def problem(self, letter: Letter) -> str:
        """Say why the reply is none to be content with; nothing when it is. A redirect, which nobody follows, is none."""
        if self.status >= 300:
            return f"HTTP status {self.status}"
        if letter.answer and self.body.strip() != letter.answer:
            return f'the reply is not "{letter.answer}"'
        return ""

    @property
    def final(self) -> bool:
        """Whether the same request would meet the same refusal again."""
        return 300 <= self.status < 500 and self.status not in _TRY_AGAIN


def letter_to(target: Webhook | Slack | Opsgenie, notice: Notice, config: Mapping[str, str]) -> Letter:
    """Write what a backend is told.

    Raises:
        ValueError: its credentials are not in the configuration.
    """
    match target:
        case Webhook():
            return _webhook(target, notice, config)
        case Slack():
            return _letter(target.webhook_url, _blocks(notice), answer="ok")
        case Opsgenie():
            return _alert(target, notice)
        case _:
            assert_never(target)


def check_targets(settings: Notifications, config: Mapping[str, str]) -> None:
    """Check that every backend's credentials are there.

    Raises:
        ValueError: those of one are not.
    """
    probe = Notice(event=NotifyEvent.MESSAGE, task_id="", message="")
    for name, backend in settings.notify_config.items():
        try:
            letter_to(backend.target, probe, config)
        except ValueError as fault:
            raise ValueError(f"notify_config.{name}: {fault}") from None


def _letter(
    url: str, body: Json, *, headers: Sequence[tuple[str, str]] = (), answer: str = "", timeout: float = 0
) -> Letter:
    return Letter(
        url=url,
        headers=[("Content-Type", "application/json"), *headers],
        body=dumps(body),
        answer=answer,
        timeout=timeout or _TIMEOUT,
    )


def _webhook(target: Webhook, notice: Notice, config: Mapping[str, str]) -> Letter:
    user, password = target.username, target.password
    if target.credentials_name:
        user, password = credentials_of(config, target.credentials_name)
    headers = list(target.headers.items())
    if user or password:
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        headers.append(("Authorization", f"Basic {token}"))
    body = {**notice.fields, "message": notice.message, "notification_type": notice.event}
    return _letter(target.webhook_url, body, headers=headers)


def _blocks(notice: Notice) -> Json:
    """Write Slack's blocks: what it is about, the fields, a line, the kind of event."""
    fields: list[Json] = [
        {"type": "mrkdwn", "text": f"*{_escaped(name)}*\n{_escaped(text)}"[:_LONGEST_FIELD]}
        for name, text in notice.fields.items()
    ]
    sections: list[Json] = [
        {"type": "section", "fields": fields[start : start + _MOST_FIELDS]}
        for start in range(0, len(fields), _MOST_FIELDS)
    ]
    return {
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": _escaped(notice.message)[:_LONGEST_BLOCK] or " "}},
            *sections,
            {"type": "divider"},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": f"{notice.event}"}]},
        ]
    }


def _escaped(text: str) -> str:
    """Write a text so that Slack makes no link, no mention and no channel of it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _alert(target: Opsgenie, notice: Notice) -> Letter:
    """Open an alert about a task, or add to it; close it when the task is done."""
    alerts = f"{target.url.rstrip('/') or _OPSGENIE[target.zone]}/v2/alerts"
    headers = [("Authorization", f"GenieKey {target.api_key}")]
    if notice.event in {NotifyEvent.TASK_STATE, NotifyEvent.FLOW_STATE} and notice.state in WELL:
        query = urlencode({"identifierType": "alias"})
        url = f"{alerts}/{quote(notice.task_id, safe='')}/close?{query}"
        return _letter(url, {"source": "understudy"}, headers=headers, timeout=target.timeout)
    title = notice.fields.get("title") or notice.message
    body: Json = {
        "message": title[:_LONGEST_TITLE] or "a task",
        "alias": notice.task_id,
        "description": notice.message,
        "details": dict(notice.fields),
        "source": "understudy",
    }
    return _letter(alerts, body, headers=headers, timeout=target.timeout)
