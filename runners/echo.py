"""echo: gives back what its configuration says, or fails as it says (spec section 9.1)."""

from collections.abc import Iterator, Mapping

import attrs

from runners._thread import decoded
from runtime.runner import (
    ClientError,
    Fault,
    Json,
    Outcome,
    Runner,
    StepFailed,
    StepRequest,
    Templated,
    loads_yaml,
    normalise,
)


@attrs.frozen(kw_only=True)
class EchoConfig:
    """What to give back.

    Attributes:
        output: the step's output.
        metadata: its metadata.
        unmarshal: read `output`, a text, as JSON or YAML: the way to make a list or a number out of a template.
        error_message: fail with this text, unless it is empty; output and metadata are kept all the same.
        error_type: ``client`` to fail with CLIENT_ERROR; ``server``, or nothing, for SERVER_ERROR.
    """

    output: Json = attrs.field(default=None, repr=False)
    metadata: Mapping[str, Json] | None = attrs.field(default=None, repr=False)
    unmarshal: bool = False
    error_message: str = ""
    error_type: str = ""


class Echo(Runner[EchoConfig]):
    """Gives back what its configuration says."""

    name = "echo"
    config = EchoConfig

    def validate(self, config: EchoConfig) -> Iterator[Fault]:
        """Refuse an `error_type` that is neither of the two."""
        if not isinstance(config.error_type, Templated) and config.error_type not in {"", "client", "server"}:
            yield Fault("error_type", "Wrong error type: expecting 'client' or 'server'")

    async def run(self, request: StepRequest[EchoConfig]) -> Outcome:
        """Give back, or raise, what the configuration says."""
        config = request.config
        output = await _unmarshalled(config.output) if config.unmarshal else config.output
        if config.error_message:
            failure = ClientError if config.error_type == "client" else StepFailed
            raise failure(config.error_message, output=output, metadata=config.metadata)
        return Outcome(output=output, metadata=config.metadata)


async def _unmarshalled(output: Json) -> Json:
    if not isinstance(output, str):
        raise StepFailed("output cannot be unmarshalled: it is not a text")
    try:
        return normalise(await decoded(loads_yaml, output))
    except ValueError as fault:
        raise StepFailed(f"output cannot be unmarshalled: {fault}") from fault
