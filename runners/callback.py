"""callback: an address that somebody outside calls once, and waiting for that call (spec section 9.11)."""

from collections.abc import Iterator
from datetime import UTC, datetime

import attrs

from runners._callback_settings import callback_settings
from runners._texts import faults_of, mapping
from runtime.runner import (
    AwaitCallback,
    ClientError,
    Fault,
    NotAssigned,
    Outcome,
    Runner,
    StepFailed,
    StepRequest,
    Templated,
    new_callback,
)

_CREATE, _WAIT = "create", "wait"


@attrs.frozen(kw_only=True)
class CallbackConfig:
    """What to do.

    Attributes:
        action: ``create`` or ``wait``, in any case.
        schema: for ``create``, the JSON Schema that the body of the call has to fit, as a text.
        id: for ``wait``, the id that ``create`` gave.
    """

    action: str
    schema: str = ""
    id: str = ""


class Callback(Runner[CallbackConfig]):
    """Makes an address that somebody outside calls once, or waits for the call."""

    name = "callback"
    config = CallbackConfig

    def validate(self, config: CallbackConfig) -> Iterator[Fault]:
        """Refuse what is neither of the two, and to wait for nothing."""
        if isinstance(config.action, Templated):
            return
        if config.action.lower() not in {_CREATE, _WAIT}:
            yield Fault("action", f"must be {_CREATE} or {_WAIT}")
        if config.action.lower() == _WAIT and not config.id:
            yield Fault("id", "is missing", "it is in the output of the step that made the callback")
        yield from faults_of(config, {"schema": mapping})

    async def run(self, request: StepRequest[CallbackConfig]) -> Outcome:
        """Make a callback, or say what it was called with.

        Raises:
            NotAssigned: it was not called yet.
            ClientError: there is no such callback, the schema is none, or no address is configured.
        """
        config = request.config
        match config.action.lower():
            case "create":
                return self._create(request)
            case "wait":
                return _wait(request)
            case action:
                raise ClientError(f'action "{action}" is neither {_CREATE} nor {_WAIT}')

    def _create(self, request: StepRequest[CallbackConfig]) -> Outcome:
        try:
            settings = callback_settings(self.settings.config)
            schema = mapping(request.config.schema, "schema") or None
        except (ValueError, StepFailed) as fault:
            raise ClientError(str(fault)) from None
        wish = new_callback(request.task_id, schema)
        output = {"id": wish.id, "url": settings.url(wish.id, wish.secret), "token": wish.secret, "schema": schema}
        return Outcome(output=output, wishes=[wish])


def _wait(request: StepRequest[CallbackConfig]) -> Outcome:
    callback = request.callbacks.get(request.config.id)
    if callback is None:
        raise ClientError(f'this task has no callback "{request.config.id}"')
    if callback.called_at is None:
        raise NotAssigned("the callback was not called yet", wishes=[AwaitCallback(id=callback.id)])
    called = datetime.fromtimestamp(callback.called_at, UTC).isoformat().replace("+00:00", "Z")
    return Outcome(output={"id": callback.id, "date": called, "body": callback.body})
