"""Records as bytes: tagged, versioned, strict.

One *turn* - the records that one task stored in one commit - is one MessagePack array of ``[tag, format, fields]``:
the name of the record's class, the number of the format its fields are in, and the fields by name, encoded by msgspec
straight from the attrs class. Every member of `Record` is known by itself; a tag, a format or a field that is not known
is an error, never skipped. A journal written by any past version is read by every later one (``tests/runtime/golden``):
a new field needs a default, and any other change of a record a new format number with an entry in `_UPGRADES`.

Templates are large and shared, so a submission holds the hash of its template, and the journal stores each once. The
one that a task is started over with is rare, and stored in its record.

Numbers keep their literals (`runtime.values.json.Number`), integers their digits: what MessagePack has no form for is
an extension.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Any, Final, TypeAlias, get_args

import attrs
import msgspec
from msgspec import msgpack

from runtime.engine.records import TaskStartedOver, TaskSubmitted
from runtime.errors import UnderstudyError
from runtime.journal.protocol import LaterRecord, Record
from runtime.templates.model import Template
from runtime.values.json import Number

_NUMBER: Final = 1
"""The extension type of a JSON number whose literal Python would not print."""

_INTEGER: Final = 2
"""The extension type of an integer of more than 64 bits, as decimal text."""

RECORDS_FORMAT: Final = 3
"""Raised with every format that is added, and every new record: instances that know a lower one leave a task alone."""

_FORMATS: Final[Mapping[str, int]] = {}
"""The format that records of a tag are written in, where it is not 1."""

_UPGRADES: Final[Mapping[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]]] = {}
"""How the fields of an older format become those of the next one."""

FindTemplate: TypeAlias = Callable[[bytes], Template]
"""Gives the template of a hash."""


class RecordUnreadable(UnderstudyError):
    """Stored bytes are not records that this version knows."""


def _beyond_msgpack(value: object) -> object:
    match value:
        case Number():
            return msgpack.Ext(_NUMBER, value.literal.encode())
        case Mapping():
            return dict(value)
        case Sequence():
            return list(value)
        case _:
            raise TypeError(f"a value of type {type(value).__name__} cannot be stored")


def _extension(code: int, data: memoryview) -> object:
    match code:
        case 1:
            return Number(str(data, "ascii"))
        case 2:
            return int(str(data, "ascii"))
        case _:
            raise ValueError(f"unknown extension {code}")


def _no_callable(_type: type, value: object) -> object:
    """Decode a field that holds a callable in memory, and nothing in the store."""
    if value is not None:
        raise ValueError("a callable cannot be stored")
    return None


_encoder: Final = msgpack.Encoder(enc_hook=_beyond_msgpack)
_turn: Final = msgpack.Decoder(list[tuple[str, int, msgspec.Raw]])


@attrs.frozen
class _Written:
    """What every record has, whatever else it says."""

    at: float = 0.0


_written: Final = msgpack.Decoder(_Written, ext_hook=_extension)


def encode_value(value: object) -> bytes:
    """Encode an attrs object, or anything that is made of such and of JSON values."""
    try:
        return _encoder.encode(value)
    except OverflowError:
        return _encoder.encode(_without_large_integers(value))


def _without_large_integers(value: object) -> object:
    """Give the same value in a form that msgspec encodes: rarely needed, and then O(value)."""
    match value:
        case bool():
            return value
        case int() if not -(2**63) <= value < 2**64:
            return msgpack.Ext(_INTEGER, str(value).encode())
        case Mapping():
            return {key: _without_large_integers(item) for key, item in value.items()}
        case list() | tuple():
            return [_without_large_integers(item) for item in value]
        case _ if attrs.has(type(value)):
            return {name: _without_large_integers(item) for name, item in _fields(value).items()}
        case _:
            return value


class Form:
    """How one attrs class is read: strictly, and for a class that msgspec cannot build itself, by a stand-in.

    The decoder is made when there is something to read: most programs meet few of the classes, and all start.
    """

    def __init__(self, cls: type, **types: Any) -> None:
        self._cls = cls
        self._types = types

    @cached_property
    def _fitting(self) -> "msgpack.Decoder[Any]":
        """What fails at a field that the class has not: where msgspec builds attrs classes, it lets that pass."""
        fields = [(field.name, msgspec.Raw, msgspec.Raw()) for field in attrs.fields(self._cls)]
        names_only = msgspec.defstruct(self._cls.__name__, fields, forbid_unknown_fields=True)
        return msgpack.Decoder(names_only)

    @cached_property
    def _decoder(self) -> "msgpack.Decoder[Any]":
        target = self._cls
        if self._types:
            fields = {field.name: _plain(field, self._types) for field in attrs.fields(target)}
            target = attrs.make_class(target.__name__, fields, frozen=True, kw_only=True)
        return msgpack.Decoder(target, dec_hook=_no_callable, ext_hook=_extension)

    def decode(self, raw: bytes | msgspec.Raw) -> Any:
        """Read one.

        Raises:
            msgspec.MsgspecError, ValueError: it is none.
        """
        self._fitting.decode(raw)
        return self._decoder.decode(raw)


def _plain(field: "attrs.Attribute[Any]", types: Mapping[str, Any]) -> Any:
    default: Any = field.default
    if getattr(default, "takes_self", False):  # msgspec cannot call it; what is stored has the field
        default = attrs.NOTHING
    return attrs.field(default=default, type=types.get(field.name, field.type))


_RECORDS: Final[Mapping[str, type]] = {record.__name__: record for record in get_args(Record)}
_STAND_INS: Final[Mapping[type, Mapping[str, Any]]] = {
    TaskSubmitted: {"template": bytes},
    TaskStartedOver: {"template": bytes | None},
}
_FORMS: Final = {tag: Form(record, **_STAND_INS.get(record, {})) for tag, record in _RECORDS.items()}
_TEMPLATE: Final = Form(Template, name=str)
_WRITTEN: Final = {record: (tag, _FORMATS.get(tag, 1), record in _STAND_INS) for tag, record in _RECORDS.items()}
"""How the records of each class are written: by what name, in which format, and whether as something else."""


def encode_template(template: Template) -> tuple[bytes, bytes]:
    """Give the hash of a template, by which submissions name it, and its bytes."""
    body = encode_value(template)
    return hashlib.sha256(body).digest(), body


def decode_template(body: bytes) -> Template:
    """Read a template.

    Raises:
        RecordUnreadable: the bytes are none.
    """
    try:
        return Template(**_fields(_TEMPLATE.decode(body)))
    except (msgspec.MsgspecError, ValueError, TypeError) as fault:
        raise RecordUnreadable(f"a stored template cannot be read: {fault}") from fault


def as_stored(template: Template) -> Template:
    """Give the template as it will be read: a tuple in a configuration, for one, becomes a list."""
    return decode_template(encode_template(template)[1])


def encode_turn(records: Sequence[Record], template: bytes = b"") -> bytes:
    """Encode the records of one turn; `template` is the hash of the one that a submission among them names."""
    turn: list[tuple[str, int, object]] = []
    for record in records:
        tag, number, stands_in = _WRITTEN[record.__class__]
        turn.append((tag, number, _standing_in(record, template) if stands_in else record))
    return encode_value(turn)


def _standing_in(record: Record, template: bytes) -> object:
    if isinstance(record, TaskSubmitted):
        return {**_fields_of_submission(record), "template": template}
    if isinstance(record, TaskStartedOver) and record.template is not None:
        return {**_fields(record), "template": encode_template(record.template)[1]}
    return record


def decode_turn(body: bytes, find_template: FindTemplate) -> Sequence[Record]:
    """Read the records of one turn.

    Raises:
        RecordUnreadable: they were written by a later version, or are damaged.
    """
    try:
        return [_decode(tag, number, raw, find_template) for tag, number, raw in _turn.decode(body)]
    except (msgspec.MsgspecError, ValueError, TypeError) as fault:
        raise RecordUnreadable(f"a stored record cannot be read: {fault}") from fault


def later_records(body: bytes) -> Sequence[LaterRecord]:
    """Say what can be said of a turn that a later version wrote; nothing if none did.

    Raises:
        RecordUnreadable: it is no turn.
    """
    try:
        turn = _turn.decode(body)
        if all(tag in _FORMS and number <= _FORMATS.get(tag, 1) for tag, number, _ in turn):
            return ()
        return [LaterRecord(_written.decode(raw).at, tag) for tag, _, raw in turn]
    except (msgspec.MsgspecError, ValueError, TypeError) as fault:
        raise RecordUnreadable(f"a stored record cannot be read: {fault}") from fault


def _decode(tag: str, number: int, raw: bytes | msgspec.Raw, find_template: FindTemplate) -> Record:
    form = _FORMS.get(tag)
    newest = _FORMATS.get(tag, 1)
    if form is None or number > newest:
        raise ValueError(f"{tag} in format {number} is not known: it was written by a later version")
    while number < newest:
        fields = msgpack.decode(raw, ext_hook=_extension)
        raw, number = encode_value(_UPGRADES[tag, number](fields)), number + 1
    record = form.decode(raw)
    if tag == TaskSubmitted.__name__:
        fields = _fields_of_submission(record)
        fields["template"] = find_template(fields["template"])
        return TaskSubmitted(**fields)
    if tag == TaskStartedOver.__name__:
        fields = _fields(record)
        body = fields["template"]
        return TaskStartedOver(**{**fields, "template": None if body is None else decode_template(body)})
    return record  # type: ignore[no-any-return] # the forms are those of the union


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in attrs.fields(type(value))}


_SUBMITTED: Final = tuple(field.name for field in attrs.fields(TaskSubmitted))
_read_submitted: Final = attrgetter(*_SUBMITTED)


def _fields_of_submission(record: object) -> dict[str, Any]:
    """Give what `_fields` does, for what there is one of in every task."""
    return dict(zip(_SUBMITTED, _read_submitted(record), strict=True))
