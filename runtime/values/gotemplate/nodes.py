"""The parsed template: what each part is, where it starts, and how Go writes it in an error."""

from typing import TypeAlias

import attrs

from runtime.values.gotemplate.text import quote


@attrs.frozen(kw_only=True)
class Number:
    """A number literal; each reading is None if the literal cannot be read so."""

    pos: int
    text: str
    as_int: int | None = None
    as_uint: int | None = None
    as_float: float | None = None
    as_complex: complex | None = None

    def __str__(self) -> str:
        return self.text


@attrs.frozen(kw_only=True)
class Text:
    """A string literal: `quoted` as it was written."""

    pos: int
    quoted: str
    text: str

    def __str__(self) -> str:
        return self.quoted


@attrs.frozen(kw_only=True)
class Bool:
    """The constant true or false."""

    pos: int
    value: bool

    def __str__(self) -> str:
        return "true" if self.value else "false"


@attrs.frozen(kw_only=True)
class Nil:
    """The constant nil."""

    pos: int

    def __str__(self) -> str:
        return "nil"


@attrs.frozen(kw_only=True)
class Dot:
    """The cursor."""

    pos: int

    def __str__(self) -> str:
        return "."


@attrs.frozen(kw_only=True)
class Identifier:
    """A function's name."""

    pos: int
    name: str

    def __str__(self) -> str:
        return self.name


@attrs.frozen(kw_only=True)
class Variable:
    """A variable, with the fields asked of it."""

    pos: int
    name: str
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ".".join((self.name, *self.fields))


@attrs.frozen(kw_only=True)
class Field:
    """Fields asked of the cursor."""

    pos: int
    fields: tuple[str, ...]

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.fields)


@attrs.frozen(kw_only=True)
class Chain:
    """Fields asked of a parenthesised pipeline, or of a function's result."""

    pos: int
    node: "Node"
    fields: tuple[str, ...]

    def __str__(self) -> str:
        inner = f"({self.node})" if isinstance(self.node, Pipe) else str(self.node)
        return inner + "".join(f".{name}" for name in self.fields)


@attrs.frozen(kw_only=True)
class Command:
    """A term and its arguments."""

    pos: int
    args: tuple["Node", ...]

    def __str__(self) -> str:
        return " ".join(f"({arg})" if isinstance(arg, Pipe) else str(arg) for arg in self.args)


@attrs.frozen(kw_only=True)
class Pipe:
    """Commands, each fed to the next, and the variables that take the result."""

    pos: int
    declares: tuple[Variable, ...]
    assigns: bool
    commands: tuple[Command, ...]

    def __str__(self) -> str:
        names = ", ".join(map(str, self.declares))
        return (f"{names} := " if names else "") + " | ".join(map(str, self.commands))


Node: TypeAlias = Number | Text | Bool | Nil | Dot | Identifier | Variable | Field | Chain | Pipe


@attrs.frozen(kw_only=True)
class Literal:
    """Text outside of actions."""

    pos: int
    text: str


@attrs.frozen(kw_only=True)
class Action:
    """A pipeline whose result is printed, unless it goes into a variable."""

    pos: int
    pipe: Pipe

    def __str__(self) -> str:
        return f"{{{{{self.pipe}}}}}"


@attrs.frozen(kw_only=True)
class Body:
    """A list of statements."""

    pos: int
    items: tuple["Statement", ...]


@attrs.frozen(kw_only=True)
class If:
    """A choice."""

    pos: int
    pipe: Pipe
    body: Body
    otherwise: Body | None


@attrs.frozen(kw_only=True)
class With:
    """A choice that moves the cursor."""

    pos: int
    pipe: Pipe
    body: Body
    otherwise: Body | None


@attrs.frozen(kw_only=True)
class Range:
    """A loop."""

    pos: int
    pipe: Pipe
    body: Body
    otherwise: Body | None


@attrs.frozen(kw_only=True)
class Break:
    """The end of a loop."""

    pos: int


@attrs.frozen(kw_only=True)
class Continue:
    """The end of a round of a loop."""

    pos: int


@attrs.frozen(kw_only=True)
class Include:
    """The use of a named template."""

    pos: int
    name: str
    pipe: Pipe | None

    def __str__(self) -> str:
        return f"{{{{template {quote(self.name)}{f' {self.pipe}' if self.pipe else ''}}}}}"


Statement: TypeAlias = Literal | Action | If | With | Range | Break | Continue | Include
