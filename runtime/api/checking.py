"""Checking what comes from outside against the schema of its message, in words that say what to do.

`jsonschema` says what is wrong. Where ``jsonschema-rs`` is installed it is asked first, which costs a hundredth, and
what it finds right is right; what it refuses or cannot read is for `jsonschema` to judge, so that the verdicts and the
words are the same with and without it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from runtime.errors import Fault, Invalid, did_you_mean
from runtime.values.json import Json

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

_MOST_FAULTS: Final = 20
_LONGEST: Final = 100
"""How many characters of a value from outside a fault shows."""

_KINDS: Final[Mapping[str, str]] = {
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


class MessageInvalid(Invalid):
    """What was sent is no message of ours."""

    subject = "message"


class Checker:
    """One compiled schema."""

    def __init__(self, schema: Mapping[str, Json], *, fast: bool = True) -> None:
        from jsonschema import Draft202012Validator  # noqa: PLC0415 - it takes a tenth of a second to load

        self._schema = schema
        self._validator: Validator = Draft202012Validator(schema)
        self._is_valid = _fast(schema) if fast else None

    def faults(self, value: Json) -> list[Fault]:
        """Give what is wrong with a value: the first faults in its own order, or none."""
        if self._is_valid is not None and self._is_valid(value):
            return []
        found: list[Fault] = []
        for error in self._validator.iter_errors(value):
            found += _faults_of(error)
            if len(found) >= _MOST_FAULTS:
                break
        return found[:_MOST_FAULTS]


def _fast(schema: Mapping[str, Json]) -> Callable[[Json], bool] | None:
    try:
        import jsonschema_rs  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        return None
    validator = jsonschema_rs.Draft202012Validator(dict(schema))

    def is_valid(value: Json) -> bool:
        try:
            return validator.is_valid(value)
        except ValueError:  # a value it has no form for: an integer of many digits, for one
            return False

    return is_valid


def _faults_of(error: "ValidationError") -> Iterator[Fault]:
    path = _path(error.absolute_path)
    rule: Any = error.validator_value
    match error.validator:
        case "required":
            if isinstance(error.instance, Mapping):
                missing = [name for name in rule if name not in error.instance]
                # One error comes for each of them, in their order, and each tells its own in quotes.
                yield from (
                    Fault(_under(path, name), "it is missing") for name in missing if repr(name) in error.message
                )
        case "additionalProperties":
            known = list(error.schema.get("properties", ())) if isinstance(error.schema, Mapping) else []
            unknown = (
                [name for name in error.instance if name not in known] if isinstance(error.instance, Mapping) else []
            )
            for name in unknown[:_MOST_FAULTS]:
                yield Fault(_under(path, name[:_LONGEST]), "there is no such field", did_you_mean(name, known))
        case "type":
            yield Fault(path, f"must be {_KINDS.get(rule, rule)}, not {_kind(error.instance)}")
        case "enum":
            choices = list(map(str, rule))
            yield Fault(
                path, f"must be one of {', '.join(choices)}", did_you_mean(str(error.instance)[:_LONGEST], choices)
            )
        case "anyOf":
            wanted = [_KINDS.get(str(one.get("type", "")), "one of its values") for one in rule]
            inner = [one for one in error.context or () if one.validator != "type"]
            if inner:
                yield from _faults_of(inner[0])
            else:
                yield Fault(path, f"must be {' or '.join(wanted)}, not {_kind(error.instance)}")
        case "minLength" | "minItems":
            yield Fault(path, f"must have at least {rule} {_counted(error)}" if rule > 1 else "must not be empty")
        case "maxLength" | "maxItems":
            yield Fault(path, f"must have at most {rule:,} {_counted(error)}")
        case "minimum":
            yield Fault(path, f"must be at least {rule}")
        case "maximum":
            yield Fault(path, f"must be at most {rule}")
        case _:
            yield Fault(path, error.message[:1000])


def _counted(error: "ValidationError") -> str:
    return "characters" if isinstance(error.instance, str) else "items"


def _path(parts: Any) -> str:
    path = ""
    for part in parts:
        path = f"{path}[{part}]" if isinstance(part, int) else _under(path, part[:_LONGEST])
    return path


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case Mapping():
            return "an object"
        case _:
            return "a list"


def shown_tag(tag: object) -> str:
    """Show a tag that is not known."""
    return f'"{tag[:_LONGEST]}"' if isinstance(tag, str) else _kind(tag)
