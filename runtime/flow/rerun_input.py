"""What somebody asks for who has a flow run again."""

from collections.abc import Mapping

import attrs

from runtime.frozen import frozen
from runtime.values.json import Json


@frozen(kw_only=True)
class RerunInput:
    """What to run again, and how (spec section 12.5); the names are those of its JSON form."""

    flow_id: str
    step_id: str
    operation: str
    stale_plan: bool = False
    replan_step_id: str = ""
    continue_from_idx: int = 0
    additional_skip_step_ids: tuple[str, ...] = ()

    def to_json(self) -> Mapping[str, Json]:
        """Give its JSON form; an empty list is left out."""
        form: dict[str, Json] = attrs.asdict(self)
        form["additional_skip_step_ids"] = list(self.additional_skip_step_ids)
        if not self.additional_skip_step_ids:
            del form["additional_skip_step_ids"]
        return form
