"""`function`: a plain ``async def`` of the embedding program, called with its rendered arguments.

The callable is found by the name under which the runtime registered it. What it returns is the step's output, unless
it returns an `Outcome`; what it raises chooses the step's state like any runner's error does. It is cancelled with its
step.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from runtime.runner import Fault, Json, Outcome, Runner, StepFailed, StepRequest, normalise


@attrs.frozen(kw_only=True)
class FunctionConfig:
    """`name` is the registered name; `arguments` are keyword arguments.

    A parameter called `request` that no argument fills receives the `StepRequest`.
    """

    name: str
    arguments: Mapping[str, Json] = attrs.field(factory=dict)


class Function(Runner[FunctionConfig]):
    """Calls functions of the embedding program."""

    name = "function"
    config = FunctionConfig

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
        """Call the function."""
        config = request.config
        try:
            known = self.settings.functions.get(config.name)
        except LookupError as unknown:
            raise StepFailed(str(unknown)) from unknown
        arguments: dict[str, Any] = {name: normalise(value) for name, value in config.arguments.items()}  # its own copy
        if known.wants_request:
            arguments.setdefault("request", request)
        returned = await known.function(**arguments)
        return returned if isinstance(returned, Outcome) else Outcome(output=returned)
