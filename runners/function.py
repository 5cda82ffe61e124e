"""`function`: a function of the embedding program, called with its rendered arguments.

The callable is found by the name under which the runtime registered it. What it returns is the step's output, unless
it returns an `Outcome`; what it raises chooses the step's state like any runner's error does.

An ``async def`` is called on trio, and is cancelled with its step. Any other function is called in a thread, which
nothing can end from outside: when its step is cancelled, the step ends at once, and the thread when the function
returns, or calls `trio.from_thread.check_cancelled`. A function that may hang belongs in a ``process`` step.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

import attrs
import trio

from runtime.runner import ClientError, Fault, Json, Outcome, Runner, RunnerSettings, StepFailed, StepRequest, normalise

_UNCHANGEABLE: Final = frozenset({str, int, bool, float, type(None)})
"""The types of values that a function cannot change."""

MOST_THREADS = 64
"""How many functions that are no ``async def`` run at once; the others wait. Not those that the runtime itself needs."""


@attrs.frozen(kw_only=True)
class FunctionConfig:
    """What to call.

    Attributes:
        name: the registered name of the function.
        arguments: keyword arguments. A parameter called `request` that none of them fills receives the `StepRequest`.
    """

    name: str
    arguments: Mapping[str, Json] = attrs.field(factory=dict, repr=False)


class Function(Runner[FunctionConfig]):
    """Calls functions of the embedding program."""

    name = "function"
    config = FunctionConfig

    def __init__(self, settings: RunnerSettings | None = None) -> None:
        super().__init__(settings)
        self._threads = trio.CapacityLimiter(MOST_THREADS)

    def validate(self, config: FunctionConfig) -> Iterable[Fault]:
        """Check that the function is known and takes the arguments."""
        try:
            known = self.settings.functions.get(config.name)
        except LookupError as unknown:
            yield Fault("name", str(unknown))
            return
        request = {"request": None} if known.wants_request and "request" not in config.arguments else {}
        try:
            known.signature.bind(**config.arguments, **request)
        except TypeError as misfit:
            yield Fault("arguments", f"{config.name}: {misfit}")

    async def run(self, request: StepRequest[FunctionConfig]) -> Outcome:
        """Call the function.

        Raises:
            ClientError: an argument is not what its parameter is declared as.
        """
        config = request.config
        try:
            known = self.settings.functions.get(config.name)
        except LookupError as unknown:
            raise StepFailed(str(unknown)) from unknown
        try:
            arguments: dict[str, Any] = dict(known.arguments(config.arguments))
        except ValueError as fault:
            raise ClientError(f"{config.name}: {fault}") from None
        for name, value in config.arguments.items():
            if type(value) not in _UNCHANGEABLE:
                arguments[name] = normalise(value)  # its own copy
        if known.wants_request:
            arguments.setdefault("request", request)
        if known.blocking:
            call = partial(known.function, **arguments)
            returned = await trio.to_thread.run_sync(call, abandon_on_cancel=True, limiter=self._threads)
        else:
            returned = await known.function(**arguments)
        # Mostly it is a dict, and to say of one that it is no struct of msgspec's takes ten times as long.
        return Outcome(output=returned) if isinstance(returned, dict) or not isinstance(returned, Outcome) else returned
