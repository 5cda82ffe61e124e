"""``understudy send MESSAGE``: a command for every message there is, made of what the message says of its fields.

What it needs is an argument, in order; what it may have is an option. A field that is more than a text, a number or a
choice takes JSON, or ``@FILE`` of JSON or YAML. The command line so says what Python and HTTP say, and is refused with
the same words.
"""

from collections.abc import Callable, Mapping
from enum import EnumType
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

import attrs
import click

from runtime.api.codec import REQUESTS
from runtime.api.fields import ABOUT
from runtime.api.schema import TAG
from runtime.cli.tables import table
from runtime.described import described
from runtime.templates.files import Unreadable, read_text
from runtime.templates.yaml import YamlInvalid, parse_yaml
from runtime.values.json import Json, dumps, loads

if TYPE_CHECKING:
    from runtime.cli.remote import Remote

_REST: Final = "..."
_FIRST: Final = ("id", "name", "state", "status", "title")
"""The columns that come first."""


def names() -> list[str]:
    """Give the names of all messages, as the command line writes them."""
    return sorted(tag.replace("_", "-") for tag in REQUESTS.classes)


def command_of(name: str, talking: Callable[..., Callable[..., None]]) -> click.Command | None:
    """Make the command of a message, which talks to a server as `talking` does; `name` may be as the message is written."""
    tag = name.replace("-", "_")
    cls = REQUESTS.classes.get(tag)
    if cls is None:
        return None

    def send(*, remote: "Remote", as_json: bool, **given: Any) -> None:
        empty: dict[str, Any] = {field.name: [] if _is_list_of_texts(field.type) else {} for field in several}
        fields = {**empty, **{key: _read(value) for key, value in given.items() if value is not None and value != ()}}
        answer = remote.ask(REQUESTS.decode({TAG: tag, **fields}))
        click.echo(dumps(answer) if as_json else shown(answer))

    parameters = [_parameter(field) for field in attrs.fields(cls)]
    several = [field for field in attrs.fields(cls) if field.default is attrs.NOTHING and _is_several(field.type)]
    made: Any = talking(send)
    for parameter in reversed([*parameters, click.option("--json", "as_json", is_flag=True, help="Print JSON.")]):
        made = parameter(made)
    about = described(cls).replace("``", "").replace("`", "")
    return click.command(name, help=about)(made)


def _parameter(field: "attrs.Attribute[Any]") -> Any:
    """Make the argument or the option of a field."""
    kind, needed = _without_null(field.type), field.default is attrs.NOTHING
    about = str(field.metadata.get(ABOUT, ""))
    option = f"--{field.name.replace('_', '-')}"
    if kind is bool or kind == bool | None:
        return click.option(f"{option}/--no-{field.name.replace('_', '-')}", field.name, default=None, help=about)
    converter, metavar = _text_of(kind)
    if needed and metavar is None:
        return click.argument(field.name, type=converter)
    several = _is_several(kind)
    return click.option(
        option,
        field.name,
        type=converter,
        multiple=several,
        required=needed and not several,
        metavar=metavar,
        help=about,
    )


def _without_null(kind: Any) -> Any:
    """Give what a field may be beside null, which is said by not giving it."""
    if get_origin(kind) is not UnionType:
        return kind
    others = [one for one in get_args(kind) if one is not type(None)]
    return others[0] if len(others) == 1 else kind


def _text_of(kind: Any) -> tuple[Any, str | None]:
    """Say how a text becomes a value of a field, and what its help calls it, where that is not plain."""
    if isinstance(kind, EnumType):
        choices: list[Any] = list(kind)
        return click.Choice([str(one) for one in choices]), None
    if kind in {str, int, float}:
        return {str: str, int: int, float: float}[kind], None
    if _is_list_of_texts(kind):
        return str, "TEXT"
    if _is_texts_by_name(kind):
        return _Pair(), "NAME=VALUE"
    return _Document(), "JSON|@FILE"


def _is_several(kind: Any) -> bool:
    return _is_list_of_texts(kind) or _is_texts_by_name(kind)


def _is_list_of_texts(kind: Any) -> bool:
    return get_origin(kind) is tuple and get_args(kind)[0] is str


def _is_texts_by_name(kind: Any) -> bool:
    return get_origin(kind) is Mapping and get_args(kind)[1] is str


class _Pair(click.ParamType[tuple[str, str]]):
    name = "pair"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        name, equals, text = value.partition("=")
        if not equals or not name:
            self.fail(f"{value!r} is not of the form NAME=VALUE", param, ctx)
        return name, text


@attrs.frozen
class _Given:
    """A value that was written as JSON; null is one, too."""

    value: Json


class _Document(click.ParamType[_Given]):
    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> _Given:
        text: str = value
        try:
            if text.startswith("@"):
                return _Given(parse_yaml(read_text(Path(text[1:]))).data)
            return _Given(loads(text))
        except Unreadable as fault:
            self.fail(f"{text[1:]}: {fault}", param, ctx)
        except (ValueError, YamlInvalid) as fault:
            self.fail(f"it is neither JSON nor @FILE: {fault}", param, ctx)


def _read(value: Any) -> Any:
    match value:
        case _Given():
            return value.value
        case tuple() if value and isinstance(value[0], tuple):
            return dict(value)
        case tuple():
            return list(value)
        case _:
            return value


def shown(answer: Any) -> str:
    """Lay an answer out for a reader: a table of what was listed, or of the members of one thing."""
    match answer:
        case None:
            return "done"
        case [dict(), *_]:
            return _listed(answer)
        case []:
            return "nothing"
        case dict() if len(answer) == 1 and isinstance(next(iter(answer.values())), list | dict):
            return shown(next(iter(answer.values())))
        case dict():
            return table(("", ""), [(name, _cell(value)) for name, value in answer.items()])
        case _:
            return _cell(answer)


def _listed(rows: list[dict[str, Any]]) -> str:
    """Show what every row has and is short."""
    short = [
        name
        for name in rows[0]
        if all(name in row and not isinstance(row[name], dict | list | bool | None) for row in rows)
    ]
    head = [name for name in _FIRST if name in short] + [name for name in short if name not in _FIRST]
    return table([name.upper() for name in head], [[_cell(row[name], 60) for name in head] for row in rows])


def _cell(value: Any, longest: int = 2000) -> str:
    text = value if isinstance(value, str) else dumps(value)
    return text if len(text) <= longest else text[: longest - len(_REST)] + _REST
