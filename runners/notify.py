"""notify: says something to people's tools (spec section 9.7)."""

from collections.abc import Iterator, Mapping

import attrs

from runtime.runner import ClientError, Fault, Outcome, Runner, StepRequest, Templated


@attrs.frozen(kw_only=True)
class NotifyConfig:
    """What to say to whom.

    Attributes:
        message: the text.
        fields: more of it, by name.
        backends: whom to tell, of the backends that are configured; all of them when none is named.
    """

    message: str
    fields: Mapping[str, str] = attrs.field(factory=dict)
    backends: tuple[str, ...] = ()


class Notify(Runner[NotifyConfig]):
    """Hands a message over to be delivered, and is done: whether and when it arrives is no concern of the task.

    It is done, too, where no backend is configured, and there is nobody to tell.
    """

    name = "notify"
    config = NotifyConfig

    def validate(self, config: NotifyConfig) -> Iterator[Fault]:
        """Refuse backends that nobody configured."""
        for index, name in enumerate(config.backends):
            if not isinstance(name, Templated) and name not in self.settings.messenger.backends:
                yield Fault(f"backends[{index}]", f'no backend called "{name}"')

    async def run(self, request: StepRequest[NotifyConfig]) -> Outcome:
        """Hand the message over.

        Raises:
            ClientError: a backend is not configured.
        """
        for fault in self.validate(request.config):
            raise ClientError(str(fault))
        config = request.config
        self.settings.messenger.send(request.task_id, config.message, config.fields, config.backends)
        return Outcome()
