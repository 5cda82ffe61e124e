"""Statements as closures: each writes."""

from __future__ import annotations  # as texts, they cost nothing whenever a closure is made

from collections.abc import Callable, Iterable, Iterator, Sequence

from runtime.values.gotemplate import nodes
from runtime.values.gotemplate.errors import Exhausted, LimitExceeded
from runtime.values.gotemplate.frames import (
    DOT_IS_INTERFACE,
    STATE,
    WRITE,
    Break,
    Continue,
    Eval,
    Exec,
    Frame,
    Last,
    Tree,
)
from runtime.values.gotemplate.limits import Budget
from runtime.values.gotemplate.places import Places
from runtime.values.gotemplate.printing import sprintf, text_of
from runtime.values.gotemplate.sorting import sorted_keys
from runtime.values.gotemplate.values import INTS, MISSING, UINTS, Int, Kind, NoGoType, Value, go_type, truth


def literal(text: str) -> Exec:
    """Write a text."""

    def write(_dot: Value, frame: Frame) -> None:
        frame[WRITE](text)

    return write


def pair(first: Exec, second: Exec) -> Exec:
    """Run two statements."""

    def run(dot: Value, frame: Frame) -> None:
        first(dot, frame)
        second(dot, frame)

    return run


def sequence(steps: tuple[Exec, ...]) -> Exec:
    """Run statements in turn."""

    def run(dot: Value, frame: Frame) -> None:
        for step in steps:
            step(dot, frame)

    return run


def printing(evaluate: Eval, places: Places, item: nodes.Action) -> Exec:
    """Print what an expression gives."""

    def write(dot: Value, frame: Frame) -> None:
        value = evaluate(dot, frame)
        if type(value) is str:
            frame[WRITE](value)
        elif value is MISSING or value is None:
            frame[WRITE]("<no value>")
        else:
            try:
                frame[WRITE](text_of(frame[STATE].budget, value))
            except (Exhausted, NoGoType, RecursionError) as fault:
                raise places.fault(item, "print", fault) from None

    return write


def choose(arms: tuple[tuple[Eval, Exec], ...], otherwise: Exec | None) -> Exec:
    """Run the first arm whose test is true, or else the last one."""
    if len(arms) == 1:
        test, body = arms[0]

        def choose_one(dot: Value, frame: Frame) -> None:
            value = test(dot, frame)
            if value is True or (value is not False and truth(value)):
                body(dot, frame)
            elif otherwise is not None:
                otherwise(dot, frame)

        return choose_one

    def choose(dot: Value, frame: Frame) -> None:
        for test, body in arms:
            if truth(test(dot, frame)):
                body(dot, frame)
                return
        if otherwise is not None:
            otherwise(dot, frame)

    return choose


def scope(evaluate: Eval, body: Exec, otherwise: Exec) -> Exec:
    """Run the body with the value as the cursor if it is true, or else the other."""

    def run(dot: Value, frame: Frame) -> None:
        value = evaluate(dot, frame)
        if not truth(value):
            otherwise(dot, frame)
            return
        before = frame[DOT_IS_INTERFACE]
        frame[DOT_IS_INTERFACE] = False
        body(value, frame)
        frame[DOT_IS_INTERFACE] = before

    return run


def include(tree: Tree, evaluate: Eval, places: Places, item: nodes.Include) -> Exec:
    """Run a named template."""

    def run(dot: Value, frame: Frame) -> None:
        state = frame[STATE]
        value = evaluate(dot, frame)
        if not state.depth:
            message = f"exceeded maximum template depth ({state.budget.limits.depth})"
            raise LimitExceeded(places.describe(item, message), limit="depth")
        try:
            state.budget.spend(tree.cost)
        except Exhausted as fault:
            raise places.fault(item, item.name, fault) from None
        state.depth -= 1
        tree.run(value, tree.frame(state, frame[WRITE], value))
        state.depth += 1

    return run


def leave(_dot: Value, _frame: Frame) -> None:
    """Leave the loop."""
    raise Break


def skip(_dot: Value, _frame: Frame) -> None:
    """Leave the round of the loop."""
    raise Continue


class Loop:
    """A range: over a list, a map by its sorted keys, or an integer (which only newer Go allows).

    `targets` are the places of the index, the element, and the flag of the element.
    """

    def __init__(
        self,
        *,
        places: Places,
        item: nodes.Range,
        evaluate: Eval,
        last: Last,
        targets: tuple[int | None, int | None, int | None],
        body: Exec,
        otherwise: Exec,
        cost: int,
    ) -> None:
        self.places = places
        self.item = item
        self.evaluate = evaluate
        self.last = last
        self.index, self.element, self.flag = targets
        self.body = body
        self.otherwise = otherwise
        self.cost = cost
        self.wants_two = len(item.pipe.declares) > 1

    def __call__(self, dot: Value, frame: Frame) -> None:
        """Go through a value."""
        value = self.evaluate(dot, frame)
        if self.flag is not None:
            frame[self.flag] = False
        if value is None or value is MISSING:
            self.otherwise(dot, frame)
            return
        kind = go_type(value)
        interfaces = kind.holds_interfaces
        pairs: Iterable[tuple[Value, Value]]
        if kind.kind is Kind.SLICE:
            pairs = self._numbered(value)
        elif kind.kind is Kind.MAP:
            pairs = [(key, value[key]) for key in sorted_keys(frame[STATE].budget, value)]
        elif kind.kind in INTS or kind.kind in UINTS:
            pairs = _count(value, self.wants_two, lambda message: self._fail(frame, message))
        else:
            budget = frame[STATE].budget
            self._fail(frame, f"range can't iterate over {sprintf(budget, '%v', [value])}")
        before = frame[DOT_IS_INTERFACE]
        if value:
            frame[DOT_IS_INTERFACE] = interfaces
        if not self._rounds(pairs, frame):
            frame[DOT_IS_INTERFACE] = before
            self.otherwise(dot, frame)
        frame[DOT_IS_INTERFACE] = before

    def _numbered(self, value: Sequence[Value]) -> Iterator[tuple[Value, Value]]:
        return zip(map(Int, range(len(value))) if self.index is not None else range(len(value)), value, strict=True)

    def _fail(self, frame: Frame, message: str) -> None:
        self.places.fail(self.last or frame[STATE].at, message)

    def _pause(self, budget: Budget) -> None:
        try:
            budget.refill()
        except Exhausted as fault:
            raise self.places.fault(self.item.pipe, "range", fault) from None

    def _rounds(self, pairs: Iterable[tuple[Value, Value]], frame: Frame) -> bool:
        index_at, element_at, body, cost = self.index, self.element, self.body, self.cost
        budget = frame[STATE].budget
        any_round = False
        interfaces = frame[DOT_IS_INTERFACE]
        for index, element in pairs:
            any_round = True
            budget.steps -= cost
            if budget.steps < 0:
                self._pause(budget)
            if element_at is not None:
                frame[element_at] = element
                if self.flag is not None:
                    frame[self.flag] = interfaces
                if index_at is not None:
                    frame[index_at] = index
                elif self.wants_two:
                    self._fail(frame, "range has no variable for the index")
            try:
                body(element, frame)
            except Continue:
                frame[DOT_IS_INTERFACE] = interfaces
            except Break:
                break
        return any_round


def _count(value: int, wants_two: bool, fail: Callable[[str], None]) -> Iterator[tuple[Value, Value]]:
    if wants_two:
        fail(f"can't use {value} to iterate over more than one variable")
    kind = type(value)
    return ((kind(index), kind(index)) for index in range(value))
