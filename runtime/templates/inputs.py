"""Inputs: are they declared well, do the given ones fit, and what the texts of a command line stand for (section 3).

Messages never show the value of a password.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, assert_never

from runtime.errors import Fault, InputInvalid, did_you_mean
from runtime.templates.faults import Faults
from runtime.templates.model import Input, InputType
from runtime.templates.paths import item, member, shown
from runtime.values.json import Json, NotJson, dumps, loads, normalise
from runtime.values.regex import PatternInvalid, RegexError, compile_pattern

_LONGEST: Final = 100_000
_MOST_NAMED: Final = 10


def check_declaration(declared: Input) -> Iterator[Fault]:
    """Name what is wrong with a declaration (section 3.1). Paths start at the declaration."""
    if declared.legal_values and declared.regex is not None:
        yield Fault("regex", "regex and legal_values cannot both be configured")
    if declared.regex is not None:
        try:
            compile_pattern(declared.regex)
        except PatternInvalid as cause:
            yield Fault("regex", f"invalid regex: {cause}")
            return
    ill_typed = False
    for index, value in enumerate(declared.legal_values or ()):
        problem = _type_problem(declared, value)
        if problem:
            ill_typed = True
            yield Fault(item("legal_values", index), f"wrong type for a legal value: {problem}")
    if declared.default is not None and not ill_typed:
        yield from _Rule(declared).judge(declared.default, "default")


def check_inputs(
    declared: Iterable[Input], given: Mapping[str, object], *, keep_undeclared: bool = False, root: str = "input"
) -> dict[str, Json]:
    """Give the inputs of a task: the given ones, with the defaults of those that are missing (section 3.2).

    Absent, null and ``""`` all mean missing. Inputs that are not declared are dropped, or kept as they are with
    `keep_undeclared` (resolver inputs).

    Raises:
        InputInvalid: every fault at once, under ``<root>.<name>``: ``input``, or ``resolver_inputs``.
    """
    if given == {} and not declared:
        return {}
    try:
        plain = normalise(given)
    except NotJson as cause:
        raise InputInvalid([Fault(f"{root}{cause.path}", cause.problem)]) from None
    if not isinstance(plain, Mapping):
        raise InputInvalid([Fault(root, f"must be an object, not {shown(plain)}")])
    inputs = {**plain} if keep_undeclared else {}
    faults = Faults()
    for one in declared:
        value = plain.get(one.name)
        path = member(root, one.name)
        if value is not None and value != "":
            faults.extend(_Rule(one).judge(value, path))
        elif one.default is not None:
            value = one.default
        elif not one.optional:
            faults.add(path, f"missing input {one.name}")
        if value is not None:
            inputs[one.name] = value
    if faults:
        raise InputInvalid(faults.placed())
    return inputs


def inputs_of_texts(declared: Sequence[Input], texts: Iterable[str], *, root: str = "input") -> dict[str, Json]:
    """Turn the ``name=value`` texts of a command line into the values that the declarations call for.

    Text stays as it is, ``true`` and ``false`` are booleans, numbers are read as JSON. For a collection, a text that
    is a JSON list is that list, any other is one item, and a name given again adds to it.

    Raises:
        InputInvalid: every fault at once; an undeclared name is one, with the nearest declared name.
    """
    known = {one.name: one for one in declared}
    inputs: dict[str, Json] = {}
    collected: dict[str, list[Json]] = {}
    faults = Faults()
    for text in texts:
        name, equals, value = text.partition("=")
        one = known.get(name)
        path = member(root, name)
        if not equals:
            faults.add(path, "an input is written name=value")
        elif one is None:
            faults.add(path, *_undeclared(name, known))
        elif one.collection:
            collected.setdefault(name, []).extend(_items(one, value))
        elif name in inputs:
            faults.add(path, "given twice", "only a collection takes several values")
        else:
            inputs[name] = _value(one, value)
    if faults:
        raise InputInvalid(faults.placed())
    return inputs | collected


def check_declared(declared: Sequence[Input], given: Mapping[str, object], *, root: str = "input") -> None:
    """See that all inputs that are given are declared.

    Raises:
        InputInvalid: every one that is not, with the nearest declared name.
    """
    known = [one.name for one in declared]
    faults = Faults()
    for name in given:
        if name not in known:
            faults.add(member(root, str(name)), *_undeclared(str(name), known))
    if faults:
        raise InputInvalid(faults.placed())


def _undeclared(name: str, known: Iterable[str]) -> tuple[str, str]:
    """Give what is wrong with an input, and the hint."""
    known = list(known)
    return f"there is no input called {shown(name)}", did_you_mean(
        name, known
    ) or f"declared: {', '.join(known) or 'none'}"


def _items(declared: Input, text: str) -> Sequence[Json]:
    listed = _json(text) if text.startswith("[") else None
    return listed if isinstance(listed, list) else [_value(declared, text)]


def _value(declared: Input, text: str) -> Json:
    """Give the value that a text stands for; one that stands for none stays text, for `check_inputs` to refuse."""
    match declared.type:
        case InputType.STRING | InputType.PASSWORD:
            return text
        case InputType.BOOL:
            return {"true": True, "false": False}.get(text.lower(), text)
        case InputType.NUMBER:
            number = _json(text.strip())
            return number if isinstance(number, (int, float)) and not isinstance(number, bool) else text
        case _:
            assert_never(declared.type)


def _json(text: str) -> Json:
    try:
        return loads(text)
    except ValueError:
        return None


class _Rule:
    """One declaration, made ready to judge many values."""

    def __init__(self, declared: Input) -> None:
        self._declared = declared
        self._legal = {dumps(one) for one in declared.legal_values or ()}

    def judge(self, value: Json, path: str) -> Iterator[Fault]:
        """Name what is wrong with a given value."""
        if not self._declared.collection:
            yield from self._faults(value, path)
        elif isinstance(value, (list, tuple)):
            for index, one in enumerate(value):
                yield from self._faults(one, item(path, index))
        else:
            yield Fault(path, f"must be a list, not {_shown(self._declared, value)}")

    def _faults(self, value: Json, path: str) -> Iterator[Fault]:
        problem = _type_problem(self._declared, value) or self._problem(value)
        if problem:
            yield Fault(path, problem)

    def _problem(self, value: Json) -> str:
        declared = self._declared
        text = value if isinstance(value, str) else dumps(value)
        if len(text) > _LONGEST:
            return f"must have at most {_LONGEST} characters, not {len(text)}"
        if self._legal:  # numbers are compared by their literals, and never with texts or booleans
            return "" if dumps(value) in self._legal else _illegal(declared, value)
        if declared.regex is not None:
            return _regex_problem(declared, declared.regex, text)
        return 'a double quote (") is not allowed in it' if '"' in text else ""


def _type_problem(declared: Input, value: Json) -> str:
    match declared.type:
        case InputType.STRING | InputType.PASSWORD:
            fits, wanted = isinstance(value, str), "text"
        case InputType.BOOL:
            fits, wanted = isinstance(value, bool), "true or false"
        case InputType.NUMBER:
            fits, wanted = isinstance(value, (int, float)) and not isinstance(value, bool), "a number"
        case _:
            assert_never(declared.type)
    return "" if fits else f"must be {wanted}, not {_shown(declared, value)}"


def _illegal(declared: Input, value: Json) -> str:
    legal = declared.legal_values or ()
    choices = ", ".join(shown(one) for one in legal[:_MOST_NAMED])
    more = ", …" if len(legal) > _MOST_NAMED else ""
    among = "" if declared.type is InputType.PASSWORD else f": {choices}{more}"
    return f"{_shown(declared, value)} is not one of the legal values{among}"


def _regex_problem(declared: Input, regex: str, text: str) -> str:
    try:
        if compile_pattern(regex).search(text):
            return ""
    except RegexError as cause:
        return str(cause)
    return f"{_shown(declared, text)} does not match the regex {shown(regex)}"


def _shown(declared: Input, value: Json) -> str:
    return "this value" if declared.type is InputType.PASSWORD else shown(value)
