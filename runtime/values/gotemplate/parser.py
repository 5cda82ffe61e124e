"""From tokens to trees, as Go's parser builds them, with its error texts.

Two things newer Go allows are allowed here too: `{{else with}}` inside `with` (and, in the compiler, ranging over an
integer).
"""

from collections.abc import Mapping
from typing import Final, NoReturn

from runtime.values.gotemplate import nodes
from runtime.values.gotemplate.errors import ParseError
from runtime.values.gotemplate.lexer import Kind, Token, lex
from runtime.values.gotemplate.literals import BadLiteral, unquote
from runtime.values.gotemplate.numbers import char_number, complex_number, number
from runtime.values.gotemplate.scope import Scope
from runtime.values.gotemplate.text import SPACES, quote, whole

MAX_NESTING: Final = 60  # blocks and parentheses within one another; each costs several frames of the stack

_OPERANDS: Final = frozenset(
    {
        Kind.BOOL,
        Kind.CHAR_CONSTANT,
        Kind.COMPLEX,
        Kind.DOT,
        Kind.FIELD,
        Kind.IDENTIFIER,
        Kind.NUMBER,
        Kind.NIL,
        Kind.RAW_STRING,
        Kind.STRING,
        Kind.VARIABLE,
        Kind.LEFT_PAREN,
    }
)
_NUMBERS: Final = {Kind.CHAR_CONSTANT: char_number, Kind.COMPLEX: complex_number, Kind.NUMBER: number}
_STRINGS: Final = (Kind.STRING, Kind.RAW_STRING)
_NO_TOKEN: Final = Token(Kind.ERROR, 0, "", 0)
_CONSTANTS: Final = (nodes.Bool, nodes.Text, nodes.Number, nodes.Nil, nodes.Dot)


class _End:
    """What closed a list: {{end}}, or {{else}}."""

    def __init__(self, text: str) -> None:
        self.text = text


_Item = nodes.Statement | _End


class _Source:
    """What the parsers of one source share: its tokens, its functions, the trees found so far."""

    def __init__(self, name: str, source: str, functions: frozenset[str]) -> None:
        self.name = name
        self.functions = functions
        self.trees: dict[str, nodes.Body] = {}
        self.nesting = 0
        self._tokens = iter(lex(source, functions))

    def next(self) -> Token:
        return next(self._tokens, _NO_TOKEN)


class _Parser:
    """The parser of one tree: the whole source, or one define or block inside it."""

    def __init__(self, source: _Source) -> None:
        self.source = source
        self.tokens = [_NO_TOKEN, _NO_TOKEN, _NO_TOKEN]  # three tokens of lookahead
        self.peeked = 0
        self.variables = Scope(0)
        self.action_line = 0
        self.ranges = 0
        self.contexts: list[str] = []

    # Tokens.

    def next(self) -> Token:
        if self.peeked:
            self.peeked -= 1
        else:
            self.tokens[0] = self.source.next()
        return self.tokens[self.peeked]

    def backup(self) -> None:
        self.peeked += 1

    def backup2(self, first: Token) -> None:
        self.tokens[1] = first
        self.peeked = 2

    def backup3(self, first: Token, second: Token) -> None:
        self.tokens[1] = second
        self.tokens[2] = first
        self.peeked = 3

    def peek(self) -> Token:
        if self.peeked:
            return self.tokens[self.peeked - 1]
        self.peeked = 1
        self.tokens[0] = self.source.next()
        return self.tokens[0]

    def next_solid(self) -> Token:
        token = self.next()
        while token.kind is Kind.SPACE:
            token = self.next()
        return token

    def peek_solid(self) -> Token:
        token = self.next_solid()
        self.backup()
        return token

    # Errors.

    def fail(self, message: str) -> NoReturn:
        raise ParseError(whole(f"template: {self.source.name}:{self.tokens[0].line}: {message}"))

    def unexpected(self, token: Token, context: str) -> NoReturn:
        if token.kind is not Kind.ERROR:
            self.fail(f"unexpected {token} in {context}")
        extra = ""
        if self.action_line and self.action_line != token.line:
            extra = f" in action started at {self.source.name}:{self.action_line}"
            if token.text.endswith(" action"):
                extra = extra.removeprefix(" in action")
        self.fail(f"{token}{extra}")

    def expect(self, kinds: tuple[Kind, ...], context: str) -> Token:
        token = self.next_solid()
        if token.kind not in kinds:
            self.unexpected(token, context)
        return token

    def deeper(self) -> None:
        self.source.nesting += 1
        if self.source.nesting > MAX_NESTING:
            self.fail(f"nested more than {MAX_NESTING} deep")

    # Lists.

    def whole(self) -> None:
        """Parse the source to its end, and file its tree."""
        pos = self.peek().pos
        items: list[nodes.Statement] = []
        while self.peek().kind is not Kind.EOF:
            if self.peek().kind is Kind.LEFT_DELIM:
                delim = self.next()
                if self.next_solid().kind is Kind.DEFINE:
                    _Parser(self.source).definition()
                    continue
                self.backup2(delim)
            item = self.text_or_action()
            if isinstance(item, _End):
                self.fail(f"unexpected {item.text}")
            items.append(item)
        self.file(self.source.name, nodes.Body(pos=pos, items=tuple(items)))

    def file(self, name: str, body: nodes.Body) -> None:
        known = self.source.trees.get(name)
        if known is None or is_empty(known):
            self.source.trees[name] = body
        elif not is_empty(body):
            self.fail(f"template: multiple definition of template {quote(name)}")

    def definition(self) -> None:
        context = "define clause"
        name = self.string(self.expect(_STRINGS, context))
        self.expect((Kind.RIGHT_DELIM,), context)
        body, end = self.item_list()
        if end.text != "{{end}}":
            self.fail(f"unexpected {end.text} in {context}")
        self.file(name, body)

    def item_list(self) -> tuple[nodes.Body, _End]:
        self.deeper()
        pos = self.peek_solid().pos
        items: list[nodes.Statement] = []
        while self.peek_solid().kind is not Kind.EOF:
            item = self.text_or_action()
            if isinstance(item, _End):
                self.source.nesting -= 1
                return nodes.Body(pos=pos, items=tuple(items)), item
            items.append(item)
        return self.fail("unexpected EOF")

    def text_or_action(self) -> _Item:
        token = self.next_solid()
        if token.kind is Kind.TEXT:
            return nodes.Literal(pos=token.pos, text=token.text)
        if token.kind is not Kind.LEFT_DELIM:
            self.unexpected(token, "input")
        self.action_line = token.line
        item = self.action()
        self.action_line = 0
        return item

    # Actions.

    def action(self) -> _Item:
        token = self.next_solid()
        match token.kind:
            case Kind.IF | Kind.RANGE | Kind.WITH:
                return self.control(token.text)
            case Kind.END:
                self.expect((Kind.RIGHT_DELIM,), "end")
                return _End("{{end}}")
            case Kind.ELSE:
                return self.otherwise()
            case Kind.BREAK | Kind.CONTINUE:
                return self.jump(token)
            case Kind.TEMPLATE:
                return self.include()
            case Kind.BLOCK:
                return self.block()
        self.backup()
        pos = self.peek().pos
        return nodes.Action(pos=pos, pipe=self.pipeline("command", Kind.RIGHT_DELIM))

    def jump(self, word: Token) -> nodes.Statement:
        token = self.next_solid()
        if token.kind is not Kind.RIGHT_DELIM:
            self.unexpected(token, f"{{{{{word.text}}}}}")
        if not self.ranges:
            self.fail(f"{{{{{word.text}}}}} outside {{{{range}}}}")
        return nodes.Break(pos=word.pos) if word.kind is Kind.BREAK else nodes.Continue(pos=word.pos)

    def otherwise(self) -> _End:
        peeked = self.peek_solid()
        in_with = bool(self.contexts) and self.contexts[-1] == "with"
        if peeked.kind is not Kind.IF and not (peeked.kind is Kind.WITH and in_with):
            self.expect((Kind.RIGHT_DELIM,), "else")
        return _End("{{else}}")

    def control(self, context: str) -> nodes.Statement:
        mark = self.variables.enter()
        self.contexts.append(context)
        arms: list[tuple[nodes.Pipe, nodes.Body]] = []
        otherwise: nodes.Body | None = None
        while True:
            pipe = self.pipeline(context, Kind.RIGHT_DELIM)
            self.ranges += context == "range"
            body, end = self.item_list()
            self.ranges -= context == "range"
            arms.append((pipe, body))
            if end.text == "{{end}}":
                break
            if context != "range" and self.peek().kind is (Kind.IF if context == "if" else Kind.WITH):
                self.next()
                continue
            otherwise, end = self.item_list()
            if end.text != "{{end}}":
                self.fail(f"expected end; found {end.text}")
            break
        self.contexts.pop()
        self.variables.leave(mark)
        return _chain(context, arms, otherwise)

    def string(self, token: Token) -> str:
        try:
            return unquote(token.text)
        except BadLiteral as fault:
            self.fail(str(fault))

    def template_name(self, context: str) -> tuple[Token, str]:
        token = self.next_solid()
        if token.kind not in _STRINGS:
            self.unexpected(token, context)
        return token, self.string(token)

    def include(self) -> nodes.Include:
        context = "template clause"
        token, name = self.template_name(context)
        pipe = None
        if self.next_solid().kind is not Kind.RIGHT_DELIM:
            self.backup()
            pipe = self.pipeline(context, Kind.RIGHT_DELIM)
        return nodes.Include(pos=token.pos, name=name, pipe=pipe)

    def block(self) -> nodes.Include:
        context = "block clause"
        token, name = self.template_name(context)
        pipe = self.pipeline(context, Kind.RIGHT_DELIM)
        inner = _Parser(self.source)
        body, end = inner.item_list()
        if end.text != "{{end}}":
            self.fail(f"unexpected {end.text} in {context}")
        inner.file(name, body)
        return nodes.Include(pos=token.pos, name=name, pipe=pipe)

    # Pipelines.

    def pipeline(self, context: str, end: Kind) -> nodes.Pipe:
        self.deeper()
        pos = self.peek_solid().pos
        declares, assigns = self.declarations(context)
        commands: list[nodes.Command] = []
        while True:
            token = self.next_solid()
            if token.kind is end:
                break
            if token.kind not in _OPERANDS:
                self.unexpected(token, context)
            self.backup()
            commands.append(self.command())
        self.check_pipeline(commands, context)
        self.source.nesting -= 1
        return nodes.Pipe(pos=pos, declares=declares, assigns=assigns, commands=tuple(commands))

    def declarations(self, context: str) -> tuple[tuple[nodes.Variable, ...], bool]:
        declares: list[nodes.Variable] = []
        while self.peek_solid().kind is Kind.VARIABLE:
            variable = self.peek_solid()
            self.next()
            after = self.peek()
            following = self.peek_solid()
            if following.kind in {Kind.ASSIGN, Kind.DECLARE}:
                self.next_solid()
                self.declare(declares, variable)
                return tuple(declares), following.kind is Kind.ASSIGN
            if following.kind is Kind.CHAR and following.text == ",":
                self.next_solid()
                self.declare(declares, variable)
                self.check_second(declares, context)
                continue
            if after.kind is Kind.SPACE:
                self.backup3(variable, after)
            else:
                self.backup2(variable)
            break
        return tuple(declares), False

    def declare(self, declares: list[nodes.Variable], token: Token) -> None:
        declares.append(nodes.Variable(pos=token.pos, name=token.text))
        self.variables.declare(token.text, 0)

    def check_second(self, declares: list[nodes.Variable], context: str) -> None:
        if context != "range" or len(declares) >= 2:
            self.fail(f"too many declarations in {context}")
        if self.peek_solid().kind not in {Kind.VARIABLE, Kind.RIGHT_DELIM, Kind.RIGHT_PAREN}:
            self.fail("range can only initialize variables")

    def check_pipeline(self, commands: list[nodes.Command], context: str) -> None:
        if not commands:
            self.fail(f"missing value for {context}")
        for stage, command in enumerate(commands[1:], 2):
            if isinstance(command.args[0], _CONSTANTS):
                self.fail(f"non executable command in pipeline stage {stage}")

    def command(self) -> nodes.Command:
        pos = self.peek_solid().pos
        args: list[nodes.Node] = []
        while True:
            self.peek_solid()
            operand = self.operand()
            if operand is not None:
                args.append(operand)
            token = self.next()
            if token.kind is Kind.SPACE:
                continue
            if token.kind in {Kind.RIGHT_DELIM, Kind.RIGHT_PAREN}:
                self.backup()
            elif token.kind is not Kind.PIPE:
                self.unexpected(token, "operand")
            break
        if not args:
            self.fail("empty command")
        return nodes.Command(pos=pos, args=tuple(args))

    def operand(self) -> nodes.Node | None:
        node = self.term()
        if node is None or self.peek().kind is not Kind.FIELD:
            return node
        pos = self.peek().pos
        fields: list[str] = []
        while self.peek().kind is Kind.FIELD:
            fields.append(self.next().text[1:])
        if isinstance(node, _CONSTANTS):
            self.fail(f"unexpected . after term {quote(str(node))}")
        if isinstance(node, nodes.Field):
            return nodes.Field(pos=pos, fields=(*node.fields, *fields))
        if isinstance(node, nodes.Variable):
            return nodes.Variable(pos=pos, name=node.name, fields=(*node.fields, *fields))
        return nodes.Chain(pos=pos, node=node, fields=tuple(fields))

    def term(self) -> nodes.Node | None:
        token = self.next_solid()
        match token.kind:
            case Kind.FIELD:
                return nodes.Field(pos=token.pos, fields=(token.text[1:],))
            case Kind.IDENTIFIER:
                if token.text not in self.source.functions:
                    self.fail(f"function {quote(token.text)} not defined")
                return nodes.Identifier(pos=token.pos, name=token.text)
            case Kind.VARIABLE:
                if self.variables.find(token.text) is None:
                    self.fail(f"undefined variable {quote(token.text)}")
                return nodes.Variable(pos=token.pos, name=token.text)
            case Kind.LEFT_PAREN:
                return self.pipeline("parenthesized pipeline", Kind.RIGHT_PAREN)
        return self.constant(token)

    def constant(self, token: Token) -> nodes.Node | None:
        match token.kind:
            case Kind.STRING | Kind.RAW_STRING:
                return nodes.Text(pos=token.pos, quoted=token.text, text=self.string(token))
            case Kind.CHAR_CONSTANT | Kind.COMPLEX | Kind.NUMBER:
                try:
                    return _NUMBERS[token.kind](token.pos, token.text)
                except BadLiteral as fault:
                    self.fail(str(fault))
            case Kind.DOT:
                return nodes.Dot(pos=token.pos)
            case Kind.BOOL:
                return nodes.Bool(pos=token.pos, value=token.text == "true")
            case Kind.NIL:
                return nodes.Nil(pos=token.pos)
        self.backup()
        return None


def _chain(context: str, arms: list[tuple[nodes.Pipe, nodes.Body]], otherwise: nodes.Body | None) -> nodes.Statement:
    made: nodes.Statement | None = None
    for pipe, body in reversed(arms):
        rest = otherwise if made is None else nodes.Body(pos=made.pos, items=(made,))
        match context:
            case "if":
                made = nodes.If(pos=pipe.pos, pipe=pipe, body=body, otherwise=rest)
            case "with":
                made = nodes.With(pos=pipe.pos, pipe=pipe, body=body, otherwise=rest)
            case _:
                made = nodes.Range(pos=pipe.pos, pipe=pipe, body=body, otherwise=rest)
    assert made is not None  # noqa: S101 - there is always a first arm
    return made


def is_empty(body: nodes.Body) -> bool:
    """Tell whether a template holds nothing but space."""
    return all(isinstance(item, nodes.Literal) and not item.text.strip(SPACES) for item in body.items)


def parse(name: str, source: str, functions: frozenset[str]) -> Mapping[str, nodes.Body]:
    """Parse a source: its own tree under its name, and the trees it defines under theirs.

    Raises:
        ParseError: it is not a template; the text is Go's.
    """
    parser = _Source(name, source, functions)
    _Parser(parser).whole()
    return parser.trees
