"""Messages and views as JSON: cattrs does all the (un)structuring.

A message in JSON is an object with its tag, the name of its class in snake case, as ``type`` (``{"type": "run_task",
"task_id": "..."}``), and its fields as members. What comes from outside is checked against the schema of its message
first (`runtime.api.checking`): a tag, a member or a type that is not known is refused with the path to it, and nothing
is guessed or converted.
"""

from collections.abc import Mapping
from enum import Enum
from types import UnionType
from typing import Final, Generic, TypeVar, cast, get_args

import attrs
import cattrs

from runtime.api.checking import Checker, MessageInvalid, shown_tag
from runtime.api.commands import Command
from runtime.api.messages import Event
from runtime.api.queries import Query, Subscribe
from runtime.api.schema import DRAFT, TAG, schema_of, tag_of
from runtime.errors import Fault, did_you_mean
from runtime.values.json import Json, NotJson, Number, normalise

_converter = cattrs.Converter(detailed_validation=False, forbid_extra_keys=True)
_converter.register_unstructure_hook(Number, lambda number: number)
_converter.register_unstructure_hook_func(lambda kind: isinstance(kind, type) and issubclass(kind, Enum), str)

M = TypeVar("M")


def to_json(value: object) -> Json:
    """Give a view as JSON data."""
    return cast("Json", _converter.unstructure(value))


class Codec(Generic[M]):
    """One tagged union of messages: its schemas, and its messages to and from JSON. Built once; checks are lazy."""

    def __init__(self, kind: str, union: object) -> None:
        self.kind = kind
        classes: tuple[type[M], ...] = get_args(union) if isinstance(union, UnionType) else (union,)
        self.classes: Mapping[str, type[M]] = {tag_of(cls): cls for cls in classes}
        self.schemas: Mapping[str, Mapping[str, Json]] = {
            tag: {"$schema": DRAFT, **schema_of(cls, tag)} for tag, cls in self.classes.items()
        }
        taken = [
            cls.__name__
            for cls in classes
            if TAG in [one.name for one in attrs.fields(cast("type[attrs.AttrsInstance]", cls))]
        ]
        if taken:
            raise TypeError(f"{', '.join(taken)}: a message has no field called {TAG!r}, where its tag is")
        self._checkers: dict[str, Checker] = {}

    def encode(self, message: M) -> dict[str, Json]:
        """Give a message as JSON."""
        return {TAG: tag_of(type(message)), **cast("dict[str, Json]", _converter.unstructure(message))}

    def decode(self, data: object) -> M:
        """Read a message from JSON.

        Raises:
            MessageInvalid: with every fault and its path.
        """
        try:
            value = normalise(data)
        except NotJson as fault:
            raise MessageInvalid([Fault(fault.path.removeprefix("."), fault.problem)]) from None
        if not isinstance(value, dict):
            raise MessageInvalid([Fault("", "a message is an object")])
        tag = value.get(TAG)
        if not isinstance(tag, str) or tag not in self.classes:
            raise MessageInvalid([self._unknown(tag)])
        faults = self._checker(tag).faults(value)
        if faults:
            raise MessageInvalid(faults, tag)
        return _converter.structure({key: item for key, item in value.items() if key != TAG}, self.classes[tag])

    def schema(self) -> dict[str, Json]:
        """Give the schema of the union."""
        return {
            "$schema": DRAFT,
            "title": self.kind,
            "oneOf": [{"$ref": f"#/$defs/{cls.__name__}"} for cls in self.classes.values()],
            "$defs": {cls.__name__: schema_of(cls, tag) for tag, cls in self.classes.items()},
        }

    def _unknown(self, tag: Json) -> Fault:
        if tag is None:
            return Fault(TAG, f"it is missing: it says which {self.kind} this is")
        text = shown_tag(tag)
        if not isinstance(tag, str):
            return Fault(TAG, f"must be text, not {text}")
        return Fault(TAG, f"there is no {self.kind} {text}", did_you_mean(str(tag), list(self.classes)))

    def _checker(self, tag: str) -> Checker:
        checker = self._checkers.get(tag)
        if checker is None:
            checker = self._checkers[tag] = Checker(self.schemas[tag])
        return checker


COMMANDS: Final = Codec[Command]("command", Command)
QUERIES: Final = Codec[Query]("query", Query)
EVENTS: Final = Codec[Event]("event", Event)
REQUESTS: Final = Codec[Command | Query]("message", Command | Query)
"""What may be sent to a runtime, and is answered once."""
SUBSCRIPTIONS: Final = Codec[Subscribe]("subscription", Subscribe)
"""What is answered with events."""
