"""A runner that counts down, tags its task when it is done, and says how far it is meanwhile."""

from collections.abc import Iterator

import attrs
import trio

from runtime.runner import ClientError, Duration, Fault, Outcome, Runner, StepRequest, Templated


@attrs.frozen(kw_only=True)
class CountdownConfig:
    """How long to count, and how loudly.

    Attributes:
        seconds: where to start.
        every: the pause between two numbers.
        tag: a tag to set on the task when it is over, if any.
    """

    seconds: int
    every: Duration = attrs.field(default=Duration(1.0))
    tag: str = ""


class Countdown(Runner[CountdownConfig]):
    """Counts down to zero."""

    name = "countdown"
    config = CountdownConfig
    heartbeat_seconds = 3600.0  # an attempt that says nothing for an hour hangs, and is cut

    def validate(self, config: CountdownConfig) -> Iterator[Fault]:
        """Name what is wrong before anything runs; texts that are still templates pass."""
        if not isinstance(config.seconds, Templated) and config.seconds < 0:
            yield Fault("seconds", "must not be negative", "a countdown ends at 0")

    def resources(self, _config: CountdownConfig) -> tuple[str, ...]:
        """Name what the runtime may limit."""
        return ("loudspeaker",)

    async def run(self, request: StepRequest[CountdownConfig]) -> Outcome:
        """Count. A cancel needs no care here: there is nothing to leave in order."""
        config = request.config
        if config.seconds < 0:  # it may have been a template when it was checked
            raise ClientError("seconds must not be negative")
        for left in range(config.seconds, 0, -1):
            request.life.progress(1 - left / config.seconds, f"{left}...")
            await trio.sleep(config.every)
        return Outcome(
            output={"counted": config.seconds},
            metadata={"task": request.task_id},
            tags={config.tag: "over"} if config.tag else {},
        )
