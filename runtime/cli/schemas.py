"""``understudy schema``: what is sent and told, as JSON Schema."""

from typing import Any, Final

import msgspec

from runtime.api.codec import COMMANDS, EVENTS, QUERIES, SUBSCRIPTIONS, Codec
from runtime.errors import NotFound, did_you_mean
from runtime.values.json import Json

_CODECS: Final[tuple[Codec[Any], ...]] = (COMMANDS, QUERIES, SUBSCRIPTIONS, EVENTS)


def schema_of_messages(tag: str | None) -> str:
    """Give the schema of the message of that tag, or those of the unions by their kind.

    Raises:
        NotFound: there is no such message.
    """
    if tag is None:
        return _written({codec.kind: codec.schema() for codec in _CODECS})
    known = {one: schema for codec in _CODECS for one, schema in codec.schemas.items()}
    if tag not in known:
        raise NotFound("message", tag, did_you_mean(tag, list(known)))
    return _written(known[tag])


def _written(schema: Json) -> str:
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode()


def schema_of_documents(kind: str) -> str:
    """Give the schema of files of this kind, ``template`` or ``function``, with the configurations of all runners."""
    # The templates' side is loaded for these alone, as the messages' side is for the others.
    from runtime.runner import Runners  # noqa: PLC0415 - as said
    from runtime.templates.editor import MAKERS  # noqa: PLC0415 - as said

    return _written(MAKERS[kind](Runners()))
