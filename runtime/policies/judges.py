"""What the process of a policy does. Nothing is imported that it does not need: it is started for each question."""

from collections.abc import Mapping
from itertools import islice
from typing import Final

from runtime.values.json import Json

MOST: Final = 20
"""How many violations of one policy are told."""

_MOST_TEXT: Final = 1000


def judge_schema(schema: Mapping[str, Json], plan: Json) -> list[list[str]]:
    """Name the places of a plan that a schema does not accept, and why."""
    from runtime.templates.schemas import compile_schema  # noqa: PLC0415 - as said

    errors = islice(compile_schema(schema).iter_errors(plan), MOST)
    return [[one.json_path.removeprefix("$").removeprefix("."), one.message[:_MOST_TEXT]] for one in errors]


def judge_rule(rule: str, context: dict[str, Json]) -> list[str]:
    """Give the violations of a rule, an empty text for one that it has no words for.

    Raises:
        ValueError: it does not parse, cannot be evaluated, or gives something else.
    """
    import cel  # noqa: PLC0415 - as said

    try:
        found = cel.compile(rule).execute(context)
    except Exception as fault:  # noqa: BLE001 - the library raises whatever fits
        raise ValueError(f"{type(fault).__name__}: {fault}"[:_MOST_TEXT]) from None
    if isinstance(found, bool):
        return [] if found else [""]
    if isinstance(found, list) and all(isinstance(one, str) for one in found):
        return [one[:_MOST_TEXT] for one in found[:MOST]]
    raise ValueError(f"a rule has to give true, false or a list of texts, not {type(found).__name__}")
