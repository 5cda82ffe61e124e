"""tag: sets and deletes tags of its own task (spec section 9.12)."""

from collections.abc import Iterator, Mapping

import attrs

from runtime.runner import PARENT_TAG, Fault, Outcome, Runner, StepFailed, StepRequest


@attrs.frozen(kw_only=True)
class TagConfig:
    """What to tag the task with.

    Attributes:
        tags: a value for each tag; an empty one, or null, deletes the tag.
    """

    tags: Mapping[str, str | None] = attrs.field(factory=dict)


class Tag(Runner[TagConfig]):
    """Sets and deletes tags of its own task, whatever else becomes of the step."""

    name = "tag"
    config = TagConfig

    def validate(self, config: TagConfig) -> Iterator[Fault]:
        """Refuse the tag that the runtime keeps for itself."""
        if PARENT_TAG in config.tags:
            yield Fault(f"tags.{PARENT_TAG}", "the tag is reserved")
        if "" in config.tags:
            yield Fault("tags", "a tag without a name")

    async def run(self, request: StepRequest[TagConfig]) -> Outcome:
        """Give the tags to the task's own turn."""
        for fault in self.validate(request.config):  # a name may have been rendered since
            raise StepFailed(str(fault))
        return Outcome(tags={name: value or "" for name, value in request.config.tags.items()})
