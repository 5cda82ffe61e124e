"""From trees to closures.

Every expression becomes a function of the cursor and the frame that gives a value, every statement one that writes. A
frame is a plain list (see `frames`). Names of variables become places in the frame while compiling, as the order of
declarations is known then; so is, nearly always, which part of the template Go would name in an error.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from runtime.values.gotemplate import constants, expressions, nodes, statements
from runtime.values.gotemplate.frames import (
    DOT_IS_INTERFACE,
    ROOT,
    Eval,
    Exec,
    Last,
    Tree,
    Undefined,
    no_value,
    nothing,
)
from runtime.values.gotemplate.functions import ANY, METHOD_PARAMS, POINTERS, Function, Param
from runtime.values.gotemplate.parameters import LITERALS, literal_fault
from runtime.values.gotemplate.places import Places
from runtime.values.gotemplate.scope import Scope
from runtime.values.gotemplate.text import quote

_STATEMENT_COST: Final = 3
_CALL_COST: Final = 10


class _Compiler:
    """Compiles one tree."""

    def __init__(self, places: Places, functions: Mapping[str, Function], trees: Mapping[str, Tree]) -> None:
        self.places = places
        self.functions = functions
        self.trees = trees
        self.size = ROOT + 1
        self.variables = Scope(ROOT)
        self.flags: dict[int, int] = {}  # variable's place to the place that tells if it came out of an interface
        self.used: set[Function] = set()
        self.cost = 0

    def compile(self, body: nodes.Body, tree: Tree) -> None:
        """Compile a template's body into its tree."""
        tree.run = self.body(body)
        tree.blank = (Undefined,) * (self.size - ROOT - 1)
        tree.cost = self.cost + _CALL_COST

    # Variables.

    def declare(self, name: str) -> int:
        place = self.size
        self.size += 1
        self.variables.declare(name, place)
        return place

    def find(self, name: str) -> int | None:
        return self.variables.find(name)

    # Statements.

    def body(self, body: nodes.Body) -> Exec:
        steps = [self.statement(item) for item in body.items]
        if not steps:
            return nothing
        if len(steps) == 1:
            return steps[0]
        if len(steps) == 2:
            return statements.pair(*steps)
        return statements.sequence(tuple(steps))

    def statement(self, item: nodes.Statement) -> Exec:
        self.cost += _STATEMENT_COST
        match item:
            case nodes.Literal():
                return statements.literal(item.text)
            case nodes.Action():
                return self.action(item)
            case nodes.If():
                return self.choice(item)
            case nodes.With():
                return self.scope(item)
            case nodes.Range():
                return self.loop(item)
            case nodes.Include():
                return self.include(item)
            case nodes.Break():
                return statements.leave
            case nodes.Continue():
                return statements.skip

    def action(self, item: nodes.Action) -> Exec:
        evaluate, _ = self.pipe(item.pipe)
        if item.pipe.declares:
            return evaluate
        return statements.printing(evaluate, self.places, item)

    def choice(self, item: nodes.If) -> Exec:
        mark = self.variables.enter()
        arms: list[tuple[Eval, Exec]] = []
        arm: nodes.If | None = item
        otherwise: Exec | None = None
        while arm is not None:
            test, _ = self.pipe(arm.pipe)
            inner = self.variables.enter()
            arms.append((test, self.body(arm.body)))
            self.variables.leave(inner)
            rest = arm.otherwise
            arm = None
            if rest is not None and len(rest.items) == 1 and isinstance(rest.items[0], nodes.If):
                arm = rest.items[0]
            elif rest is not None:
                otherwise = self.body(rest)
        self.variables.leave(mark)
        return statements.choose(tuple(arms), otherwise)

    def scope(self, item: nodes.With) -> Exec:
        mark = self.variables.enter()
        evaluate, _ = self.pipe(item.pipe)
        inner = self.variables.enter()
        body = self.body(item.body)
        self.variables.leave(inner)
        otherwise = self.body(item.otherwise) if item.otherwise else nothing
        self.variables.leave(mark)
        return statements.scope(evaluate, body, otherwise)

    def include(self, item: nodes.Include) -> Exec:
        tree = self.trees.get(item.name)
        if tree is None:
            message = f"template {quote(item.name)} not defined"
            return expressions.failing(self.places, item, message)
        evaluate = self.normal(item.pipe)[0] if item.pipe else no_value
        return statements.include(tree, evaluate, self.places, item)

    def loop(self, item: nodes.Range) -> Exec:
        mark = self.variables.enter()
        evaluate, last = self.pipe(item.pipe)
        targets = self.targets(item)
        inner = self.variables.enter()
        before = self.cost
        body = self.body(item.body)
        cost = self.cost - before + _CALL_COST
        self.variables.leave(inner)
        otherwise = self.body(item.otherwise) if item.otherwise else nothing
        self.variables.leave(mark)
        return statements.Loop(
            places=self.places,
            item=item,
            evaluate=evaluate,
            last=last,
            targets=targets,
            body=body,
            otherwise=otherwise,
            cost=cost,
        )

    def targets(self, item: nodes.Range) -> tuple[int | None, int | None, int | None]:
        """Give the places of the index, the element, and the flag whether the element came out of an interface.

        Go sets the topmost variables, which are the declared ones unless the loop assigns to known variables.
        """
        wanted = len(item.pipe.declares)
        if not wanted:
            return None, None, None
        *others, element = self.variables.latest(2)
        index = others[0] if wanted > 1 and others else None
        flag = self.size
        self.size += 1
        self.flags[element] = flag
        return index, element, flag

    # Pipelines.

    def normal(self, pipe: nodes.Pipe) -> tuple[Eval, Last]:
        """Compile a pipeline whose result, if it is a null, counts as no value."""
        evaluate, last = self.pipe(pipe)
        return expressions.normal(evaluate), last

    def pipe(self, pipe: nodes.Pipe) -> tuple[Eval, Last]:
        evaluate, last = self.command(pipe.commands[0], None, pipe)
        for command in pipe.commands[1:]:
            evaluate, last = self.command(command, (evaluate, last), pipe)
        if not pipe.declares:
            return evaluate, last
        if pipe.assigns:
            places: list[int] = []
            for variable in pipe.declares:
                place = self.find(variable.name)
                if place is None:
                    return expressions.undefined(evaluate, self.places, last, variable.name), last
                places.append(place)
        else:
            places = [self.declare(variable.name) for variable in pipe.declares]
        return expressions.assign(expressions.normal(evaluate), tuple(places), self.flags), last

    def command(self, command: nodes.Command, final: tuple[Eval, Last] | None, pipe: nodes.Pipe) -> tuple[Eval, Last]:
        first = command.args[0]
        extra = command.args[1:]
        match first:
            case nodes.Identifier():
                return self.call(first, command, extra, final)
            case nodes.Field() | nodes.Chain():
                return self.chain(first, extra, final)
            case nodes.Variable() if first.fields:
                return self.chain(first, extra, final)
        if extra or final:
            place: Last = first
            if isinstance(first, nodes.Pipe):  # Go has not moved on to it yet
                place = final[1] if final else pipe
            message = f"can't give argument to non-function {first}"
            if isinstance(first, nodes.Variable) and self.find(first.name) is None:
                message = f"undefined variable: {first.name}"
            return expressions.refuse(final[0] if final else None, self.places, place, message), place
        return self.plain(first)

    def plain(self, node: nodes.Node) -> tuple[Eval, Last]:
        """Compile a command that is one term."""
        match node:
            case nodes.Pipe():
                return self.pipe(node)
            case nodes.Variable():
                return self.variable(node), node
            case nodes.Nil():
                return expressions.refuse(None, self.places, node, "nil is not a command"), node
            case nodes.Dot():
                return expressions.dot, node
            case nodes.Number() if (fault := constants.number_fault(node)) is not None:
                return expressions.refuse(None, self.places, node, fault), node
        return expressions.constant(constants.constant_value(node)), node

    def variable(self, node: nodes.Variable) -> Eval:
        place = self.find(node.name)
        if place is None:
            return expressions.refuse(None, self.places, node, f"undefined variable: {node.name}")
        return expressions.read(place, self.places, node)

    def chain(
        self,
        node: nodes.Field | nodes.Chain | nodes.Variable,
        extra: Sequence[nodes.Node],
        final: tuple[Eval, Last] | None,
    ) -> tuple[Eval, Last]:
        flag: int | None = None
        last: Last = node
        match node:
            case nodes.Field():
                receiver: Eval = expressions.dot
                flag = DOT_IS_INTERFACE
            case nodes.Variable():
                receiver = self.variable(node)
                place = self.find(node.name)
                flag = self.flags.get(place) if place is not None else None
            case nodes.Chain():
                receiver, last = self.chain_head(node)
        head = node.node if isinstance(node, nodes.Chain) else None
        interface = isinstance(head, nodes.Identifier) and self.gives_interface(head.name)
        slow = expressions.slow_path(node, flag, self.places, last, from_interface=interface)
        if extra or final:
            args = [{param: self.argument(arg, param) for param in METHOD_PARAMS} for arg in extra]
            after = args[-1][Param.STRING][1] if args else last  # what was evaluated last, if it is a method
            check = {param: self.typed(expressions.held, param, after) for param in METHOD_PARAMS}
            variants = [{param: evaluate for param, (evaluate, _) in arg.items()} for arg in args]
            piped = self.piped(final) if final else None
            call = expressions.method_call(receiver, slow, args=variants, final=piped, check=check, lasts=(last, after))
            return call, None
        if isinstance(node, nodes.Field):
            return expressions.fields_of_dot(node.fields, slow), last
        return expressions.fields_of(receiver, node.fields, slow), last

    def gives_interface(self, name: str) -> bool:
        function = self.functions.get(name)
        return function is not None and function.interface

    def chain_head(self, node: nodes.Chain) -> tuple[Eval, Last]:
        match node.node:
            case nodes.Pipe():
                return self.normal(node.node)
            case nodes.Identifier():
                return self.call(node.node, node.node, (), None)
        return expressions.refuse(None, self.places, node, f"indirection through explicit nil in {node}"), node

    # Calls.

    def call(
        self,
        name: nodes.Identifier,
        place: nodes.Command | nodes.Identifier,
        args: Sequence[nodes.Node],
        final: tuple[Eval, Last] | None,
    ) -> tuple[Eval, Last]:
        self.cost += _CALL_COST
        if name.name in {"and", "or"} and name.name not in self.functions:
            return self.short_circuit(name, args, final)
        function = self.functions[name.name]
        self.used.add(function)
        params = function.params
        given = len(args) + (final is not None)
        if function.variadic and given < len(params) - 1:
            fault = f"want at least {len(params) - 1} got {len(args)}"
        elif not function.variadic and given != len(params):
            fault = f"want {len(params)} got {given}"
        else:
            return self.good_call(name, place, function, args, final)
        before = final[0] if final else None
        return expressions.refuse(before, self.places, name, f"wrong number of args for {name.name}: {fault}"), name

    def good_call(
        self,
        name: nodes.Identifier,
        place: nodes.Command | nodes.Identifier,
        function: Function,
        args: Sequence[nodes.Node],
        final: tuple[Eval, Last] | None,
    ) -> tuple[Eval, Last]:
        params = function.params
        last: Last = name
        compiled: list[Eval] = []
        for index, arg in enumerate(args):
            evaluate, last = self.argument(arg, params[min(index, len(params) - 1)])
            compiled.append(evaluate)
        if final is None:
            return expressions.call(function, tuple(compiled), self.places, place, name.name), last
        param = params[min(len(args), len(params) - 1)]
        if compiled:
            return (
                expressions.piped_call(
                    function,
                    final=self.piped(final, param),
                    args=tuple(compiled),
                    check=self.typed(expressions.held, param, last),
                    places=self.places,
                    place=place,
                    name=name.name,
                ),
                last,
            )
        compiled.append(self.typed(self.piped(final, param), param, last))
        return expressions.call(function, tuple(compiled), self.places, place, name.name), last

    def short_circuit(
        self, name: nodes.Identifier, args: Sequence[nodes.Node], final: tuple[Eval, Last] | None
    ) -> tuple[Eval, Last]:
        if not args and final is None:
            message = f"wrong number of args for {name.name}: want at least 1 got 0"
            return expressions.refuse(None, self.places, name, message), name
        compiled = tuple(self.argument(arg, Param.VALUE) for arg in args)
        return expressions.short_circuit(name.name == "or", compiled, self.piped(final) if final else None, name), None

    @staticmethod
    def piped(final: tuple[Eval, Last], param: Param = Param.VALUE) -> Eval:
        """Give the value from the pipeline; a null in it counts as no value. To a parameter of any type both are one."""
        return final[0] if param is ANY else expressions.normal(final[0])

    def typed(self, evaluate: Eval, param: Param, last: Last) -> Eval:
        """Check a value against the type of the parameter it is for."""
        if param is Param.VALUE:
            return evaluate
        if param is ANY:
            return expressions.as_any(evaluate)
        if param is Param.STRING:
            return expressions.as_string(evaluate, self.places, last)
        return expressions.as_typed(evaluate, param, self.places, last)

    def argument(self, node: nodes.Node, param: Param) -> tuple[Eval, Last]:
        """Compile an argument for a parameter of some type."""
        match node:
            case nodes.Dot():
                return self.typed(expressions.dot, param, node), node
            case nodes.Nil():
                return self.nil(node, param), node
            case nodes.Field() | nodes.Chain():
                evaluate, last = self.chain(node, (), None)
            case nodes.Variable():
                evaluate = self.chain(node, (), None)[0] if node.fields else self.variable(node)
                last = node
            case nodes.Pipe():
                evaluate, last = self.normal(node)
            case nodes.Identifier():
                evaluate, last = self.call(node, node, (), None)
            case nodes.Number() | nodes.Text() | nodes.Bool():
                return self.literal(node, param), node
        return self.typed(evaluate, param, last), last

    def nil(self, node: nodes.Nil, param: Param) -> Eval:
        if param is Param.VALUE:
            return no_value
        if param is ANY:
            return expressions.constant(None)
        if param in {Param.MAP, Param.LIST}:
            return expressions.as_typed(no_value, param, self.places, node)
        if param in POINTERS:
            return expressions.constant(None)
        return expressions.refuse(None, self.places, node, f"cannot assign nil to {param.value}")

    def literal(self, node: nodes.Number | nodes.Text | nodes.Bool, param: Param) -> Eval:
        if param in {ANY, Param.VALUE}:
            fault = constants.number_fault(node) if isinstance(node, nodes.Number) else None
            if fault is not None:
                return expressions.refuse(None, self.places, node, fault)
            return expressions.constant(constants.constant_value(node))
        read = LITERALS.get(param)
        value = read(node) if read else None
        if value is None:
            return expressions.refuse(None, self.places, node, literal_fault(node, param))
        return expressions.constant(value)


def compile_tree(
    body: nodes.Body, tree: Tree, places: Places, functions: Mapping[str, Function], trees: Mapping[str, Tree]
) -> set[Function]:
    """Compile a template's body into its tree; give the functions it uses. The other trees may still be empty."""
    compiler = _Compiler(places, functions, trees)
    compiler.compile(body, tree)
    return compiler.used
