"""Expressions as closures: each gives a value."""

from __future__ import annotations  # as texts, they cost nothing whenever a closure is made

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import getitem
from typing import Final, TypeAlias

from runtime.values.gotemplate import nodes
from runtime.values.gotemplate.fields import CallError, FieldError, Given, get_field, holds_interfaces
from runtime.values.gotemplate.frames import ROOT, STATE, Eval, Exec, Frame, Last, Undefined
from runtime.values.gotemplate.functions import Function, Param
from runtime.values.gotemplate.parameters import TYPED, describe_mismatch
from runtime.values.gotemplate.places import Place, Places
from runtime.values.gotemplate.values import MISSING, Float, Int, Int64, Missing, Value, truth

_LIGHT: Final = frozenset({bool, Int, Int64, Float, type(None), Missing})  # results that need not be charged
_FREE: Final = 256  # nor do strings up to this length


def dot(dot: Value, _frame: Frame) -> Value:
    """Give the cursor."""
    return dot


def held(dot: Value, _frame: Frame) -> Value:
    """Give what is passed as the cursor: a value that was evaluated before."""
    return dot


def constant(value: Value) -> Eval:
    """Give a constant."""

    def give(_dot: Value, _frame: Frame) -> Value:
        return value

    return give


def failing(places: Places, place: Place, message: str) -> Exec:
    """Make a statement that fails."""

    def fail(_dot: Value, _frame: Frame) -> None:
        places.fail(place, message)

    return fail


def refuse(before: Eval | None, places: Places, place: Last, message: str) -> Eval:
    """Fail when evaluated, after what comes before in the pipeline was."""

    def fail(dot: Value, frame: Frame) -> Value:
        if before is not None:
            before(dot, frame)
        places.fail(place or frame[STATE].at, message)

    return fail


def undefined(evaluate: Eval, places: Places, last: Last, name: str) -> Eval:
    """Fail for a variable that was never declared."""
    return refuse(evaluate, places, last, f"undefined variable: {name}")


def normal(evaluate: Eval) -> Eval:
    """Give what an expression gives; a null counts as no value."""

    def give(dot: Value, frame: Frame) -> Value:
        value = evaluate(dot, frame)
        return MISSING if value is None else value

    return give


def assign(evaluate: Eval, targets: tuple[int, ...], flags: Mapping[int, int]) -> Eval:
    """Put what an expression gives into variables."""
    resets = tuple(flags[target] for target in targets if target in flags)

    def give(dot: Value, frame: Frame) -> Value:
        value = evaluate(dot, frame)
        for target in targets:
            frame[target] = value
        for flag in resets:
            frame[flag] = False
        return value

    return give


def read(place: int, places: Places, node: nodes.Variable) -> Eval:
    """Give a variable."""
    if place == ROOT:

        def give_root(_dot: Value, frame: Frame) -> Value:
            return frame[ROOT]

        return give_root

    def give(_dot: Value, frame: Frame) -> Value:
        value = frame[place]
        if value is Undefined:
            places.fail(node, f"undefined variable: {node.name}")
        return value

    return give


_Slow: TypeAlias = Callable[..., Value]


Variants: TypeAlias = Mapping[Param, Eval]  # an argument, for each type that a method's parameter can have


def slow_path(
    node: nodes.Field | nodes.Chain | nodes.Variable,
    flag: int | None,
    places: Places,
    last: Last,
    *,
    from_interface: bool,
) -> _Slow:
    """Reach in field by field, with Go's errors; the last field may be a method with arguments.

    Whether it starts at what came out of an interface is known beforehand, or is in the frame where `flag` says.
    """
    *inner, last_name = node.fields

    def give(receiver: Value, frame: Frame, given: Given | None = None) -> Value:
        interface = from_interface or (flag is not None and frame[flag] is True)
        try:
            for name in inner:
                found = get_field(receiver, name, from_interface=interface)
                interface = holds_interfaces(receiver)
                receiver = found
            return get_field(receiver, last_name, from_interface=interface, given=given)
        except CallError as fault:
            places.fail(node, str(fault))
        except FieldError as fault:
            places.fail(last or frame[STATE].at, str(fault))

    return give


_UNREACHED: Final = (KeyError, TypeError, IndexError, AttributeError)


def fields_of_dot(fields: tuple[str, ...], slow: _Slow) -> Eval:
    """Reach into the cursor."""
    first = fields[0]
    if len(fields) == 1:

        def give_one(dot: Value, frame: Frame) -> Value:
            try:
                return dot[first]
            except _UNREACHED:
                return slow(dot, frame)

        return give_one
    second = fields[1]
    if len(fields) == 2:

        def give_two(dot: Value, frame: Frame) -> Value:
            try:
                return dot[first][second]
            except _UNREACHED:
                return slow(dot, frame)

        return give_two

    def give(dot: Value, frame: Frame) -> Value:
        try:
            return reduce(getitem, fields, dot)
        except _UNREACHED:
            return slow(dot, frame)

    return give


def fields_of(receiver: Eval, fields: tuple[str, ...], slow: _Slow) -> Eval:
    """Reach into what an expression gives."""
    if len(fields) == 1:
        name = fields[0]

        def give_one(dot: Value, frame: Frame) -> Value:
            value = receiver(dot, frame)
            try:
                return value[name]
            except _UNREACHED:
                return slow(value, frame)

        return give_one

    def give(dot: Value, frame: Frame) -> Value:
        value = receiver(dot, frame)
        try:
            return reduce(getitem, fields, value)
        except _UNREACHED:
            return slow(value, frame)

    return give


def method_call(
    receiver: Eval,
    slow: _Slow,
    *,
    args: Sequence[Variants],
    final: Eval | None,
    check: Variants,
    lasts: tuple[Last, Last],
) -> Eval:
    """Call a method with arguments; the one from the pipeline is evaluated first, and checked last.

    `lasts` are the places evaluated last without the arguments, which only a method evaluates, and with them.
    """
    without, after = lasts

    def give(dot: Value, frame: Frame) -> Value:
        piped = final(dot, frame) if final is not None else None
        state = frame[STATE]

        def evaluate(params: Sequence[Param]) -> list[Value]:
            values = [arg[param](dot, frame) for arg, param in zip(args, params, strict=False)]
            state.at = after or state.at
            return values if final is None else [*values, check[params[-1]](piped, frame)]

        state.at = without or state.at
        return slow(receiver(dot, frame), frame, Given(len(args) + (final is not None), evaluate))

    return give


def as_any(evaluate: Eval) -> Eval:
    """Give a value for a parameter of any type, to which a missing value is a null."""

    def give(dot: Value, frame: Frame) -> Value:
        value = evaluate(dot, frame)
        return None if value is MISSING else value

    return give


def as_string(evaluate: Eval, places: Places, last: Last) -> Eval:
    """Give a value for a string parameter."""

    def give(dot: Value, frame: Frame) -> Value:
        value = evaluate(dot, frame)
        if type(value) is str:
            if len(value) > _FREE:
                frame[STATE].budget.spend(len(value) >> 1 if value.isascii() else 2 * len(value))
            return value
        if isinstance(value, str):
            return str(value)
        return places.fail(last or frame[STATE].at, describe_mismatch(value, Param.STRING))

    return give


def as_typed(evaluate: Eval, param: Param, places: Places, last: Last) -> Eval:
    """Give a value for a parameter of a type."""
    exact, convert = TYPED[param]

    def give(dot: Value, frame: Frame) -> Value:
        value = evaluate(dot, frame)
        if type(value) is exact:
            return value
        converted = convert(value)
        if converted is None:
            places.fail(last or frame[STATE].at, describe_mismatch(value, param))
        return converted

    return give


def _settle(value: Value, frame: Frame) -> Value:
    """Charge for a function's result."""
    if type(value) is str:
        if len(value) > _FREE:
            frame[STATE].budget.hold(value.__sizeof__())
    elif hasattr(value, "__len__"):
        frame[STATE].budget.hold(8 * len(value) + 64)
    return value


def _keep(value: Value, _frame: Frame) -> Value:
    return value


def call(
    function: Function, args: tuple[Eval, ...], places: Places, place: nodes.Command | nodes.Identifier, name: str
) -> Eval:
    """Call a function."""
    call = function.call
    settle = _keep if function.passes else _settle
    only = args[0] if len(args) == 1 else None
    if function.host and only is not None:

        def host_call_one(dot: Value, frame: Frame) -> Value:
            try:
                value = call(frame[STATE], only(dot, frame))
                return value if type(value) in _LIGHT else settle(value, frame)
            except Exception as fault:  # noqa: BLE001 - the guard: whatever a function raises becomes a declared error
                raise places.fault(place, name, fault) from None

        return host_call_one
    if function.host:

        def host_call(dot: Value, frame: Frame) -> Value:
            try:
                value = call(frame[STATE], *[arg(dot, frame) for arg in args])
                return value if type(value) in _LIGHT else settle(value, frame)
            except Exception as fault:  # noqa: BLE001 - the guard: whatever a function raises becomes a declared error
                raise places.fault(place, name, fault) from None

        return host_call
    if only is not None:

        def call_one(dot: Value, frame: Frame) -> Value:
            try:
                value = call(only(dot, frame))
                return value if type(value) in _LIGHT else settle(value, frame)
            except Exception as fault:  # noqa: BLE001 - the guard: whatever a function raises becomes a declared error
                raise places.fault(place, name, fault) from None

        return call_one

    def call_all(dot: Value, frame: Frame) -> Value:
        try:
            value = call(*[arg(dot, frame) for arg in args])
            return value if type(value) in _LIGHT else settle(value, frame)
        except Exception as fault:  # noqa: BLE001 - the guard: whatever a function raises becomes a declared error
            raise places.fault(place, name, fault) from None

    return call_all


def piped_call(
    function: Function,
    *,
    final: Eval,
    args: tuple[Eval, ...],
    check: Eval,
    places: Places,
    place: nodes.Command | nodes.Identifier,
    name: str,
) -> Eval:
    """Call with a last argument that was evaluated before the others, and is checked after them."""
    call = function.call
    host = function.host
    settle = _keep if function.passes else _settle

    def give(dot: Value, frame: Frame) -> Value:
        piped = final(dot, frame)
        try:
            given = [arg(dot, frame) for arg in args]
            given.append(check(piped, frame))
            value = call(frame[STATE], *given) if host else call(*given)
            return value if type(value) in _LIGHT else settle(value, frame)
        except Exception as fault:  # noqa: BLE001 - the guard: whatever a function raises becomes a declared error
            raise places.fault(place, name, fault) from None

    return give


def short_circuit(
    stop_at: bool, args: tuple[tuple[Eval, Last], ...], final: Eval | None, name: nodes.Identifier
) -> Eval:
    """Evaluate arguments until one decides, and give that one; `and` stops at a false one, `or` at a true one."""

    def give(dot: Value, frame: Frame) -> Value:
        piped = final(dot, frame) if final is not None else None
        value: Value = MISSING
        last: Last = name
        for evaluate, last in args:  # noqa: B007 - what was evaluated last is kept
            value = evaluate(dot, frame)
            if truth(value) is stop_at:
                break
        else:
            if final is not None:
                value = piped
        if last is not None:
            frame[STATE].at = last
        return value

    return give
