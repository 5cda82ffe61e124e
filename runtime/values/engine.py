"""Go templates. The only module that knows which library renders them, and all that it does not do as Go does.

The library (gotpl) is imported when the first template is compiled: it takes longer to import than all the rest.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import datetime
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Final

import attrs

from runtime.errors import TemplatingError
from runtime.values.functions import Function, Rendering, functions
from runtime.values.guards import ESTIMATES, HOST_FUNCTIONS, SLOW
from runtime.values.meter import LimitExceeded
from runtime.values.views import MISSING, data_view, made_view

if TYPE_CHECKING:
    from gotpl.runtime.linked import LinkedProgram

NAME: Final = "tmpl"
"""What error messages call every template."""

_LONGEST = 1_000_000  # characters of one template
_LONGEST_EXPLANATION = 2_000
_MOST_TOKENS = 100_000
_CACHED = 2_000_000  # characters of templates kept compiled
_SLOWNESS = 32  # units of work for a character, where Python looks at every one
_RENDERING: ContextVar[Rendering] = ContextVar("rendering")
_FIELD: Final = re.compile(r"(?:attribute|method|property) '(.*)' is not allowed", re.DOTALL)
_SYNTAX: Final = re.compile(r"template:(\d+):\d+: (.*)", re.DOTALL)
_PYTHON_NAME: Final = re.compile(r"\b(?:value of type )?(?:_InvalidValue|NoneType|JsonNumber|MapView|ListView)\b")
_GO_NAMES: Final = {"JsonNumber": "json.Number", "MapView": "map[string]interface {}", "ListView": "[]interface {}"}
_QUOTED: Final = re.compile(r"^(function|undefined variable) '(.*?)'")


class Templates:
    """Compiles templates, keeps them compiled by their text, and renders them.

    `now` and `random` are where ``now``, ``uuid`` and the like draw from, so that a run can be repeated. Not to be
    used from two threads at a time.
    """

    def __init__(self, *, now: Callable[[], datetime], random: Random) -> None:
        self._now = now
        self._random = random
        self._library: _Library | None = None
        self._compiled: OrderedDict[str, LinkedProgram] = OrderedDict()
        self._size = 0

    def render(self, text: str, rendering: Rendering) -> str:
        """Render a template. May be called again from inside, by a function of the template.

        Raises:
            TemplatingError: whatever is wrong with the text, or with the data for it.
        """
        if "{{" not in text:
            return text
        token = _RENDERING.set(rendering)
        try:
            rendering.meter.enter()
            library = self._load()
            return library.execute(self._compile(library, text), rendering)
        except TemplatingError:
            raise
        except Exception as error:  # the guard: a template is anybody's text
            explanation = _explanation(error)
            prefix = "" if explanation.startswith("template: ") else f"template: {NAME}: "
            raise TemplatingError((prefix + explanation)[:_LONGEST_EXPLANATION]) from error
        finally:
            rendering.meter.leave()
            _RENDERING.reset(token)

    def _load(self) -> "_Library":
        if self._library is None:
            self._library = _Library.load(self._now, self._random)
        return self._library

    def _compile(self, library: "_Library", text: str) -> "LinkedProgram":
        compiled = self._compiled.get(text)
        if compiled is not None:
            self._compiled.move_to_end(text)
            return compiled
        if len(text) > _LONGEST:
            raise LimitExceeded("characters of text", _LONGEST)
        compiled = self._compiled[text] = library.compile(text)
        self._size += len(text)
        while self._size > _CACHED:
            oldest, _ = self._compiled.popitem(last=False)
            self._size -= len(oldest)
        return compiled


@attrs.frozen
class _Library:
    """What is taken from gotpl, with its functions made ours."""

    compile: Callable[[str], "LinkedProgram"]
    execute: Callable[["LinkedProgram", Rendering], str]

    @classmethod
    def load(cls, now: Callable[[], datetime], random: Random) -> "_Library":
        # Late, and only here: see the module's docstring.
        from gotpl.compile.compiler import compile_template  # noqa: PLC0415
        from gotpl.parse.parser import ParserLimits, parse_template  # noqa: PLC0415
        from gotpl.runtime.callables import PreparedFunctionRegistry  # noqa: PLC0415
        from gotpl.runtime.linked import link_program  # noqa: PLC0415
        from gotpl.runtime.policy import SandboxPolicy  # noqa: PLC0415
        from gotpl.runtime.sync_vm import render_linked_program  # noqa: PLC0415

        known = _all_functions(now, random)
        registry = PreparedFunctionRegistry(known, dict.fromkeys(known))
        limits = ParserLimits(max_source_bytes=4 * _LONGEST, max_tokens=_MOST_TOKENS)
        policy = SandboxPolicy(
            allow_functions=known,
            allow_custom_lookup=True,
            allow_attributes=("Cert", "Key", "Major", "Minor", "Patch"),
            allow_methods=("Compare", "Metadata", "Original", "Prerelease"),
        )

        def compile_text(text: str) -> "LinkedProgram":
            tree = parse_template(text, name=NAME, limits=limits, functions=registry)
            return link_program(compile_template(tree, source=text), registry)

        def execute(program: "LinkedProgram", rendering: Rendering) -> str:
            return render_linked_program(
                program,
                data_view(rendering.values, rendering.meter),
                functions=registry,
                sandbox=policy,
                _budget_state=rendering.meter,  # type: ignore[arg-type]  # has the methods that are called
            )

        return cls(compile_text, execute)


def _all_functions(now: Callable[[], datetime], random: Random) -> Mapping[str, Function]:
    """Give every function that a template can call: Go's, Sprig's and ours, each guarded."""
    from gotpl.funcs.sprig.registry import text_func_map  # noqa: PLC0415
    from gotpl.runtime.sync_vm import _builtin_functions  # noqa: PLC0415

    theirs = text_func_map(clock=now, entropy=random.randbytes, randbelow=random.randrange)
    theirs = {**theirs, **_builtin_functions("go"), **_printing()}
    theirs["slice"] = _slice(theirs["slice"], text_func_map()["slice"])
    known = {name: _guarded(name, each) for name, each in theirs.items() if name not in HOST_FUNCTIONS}
    known.pop("call")  # there is nothing in the data to call
    return known | {name: _guarded(name, each, rendered=True) for name, each in functions(random).items()}


def _slice(builtin: Function, sprig: Function) -> Function:
    """Sprig's ``slice`` replaces Go's, so texts cannot be sliced; here they still can, which no old template minds."""

    def cut(value: object, *indexes: object) -> object:
        return builtin(value, *indexes) if isinstance(value, str) else sprig(value, *indexes)

    return cut


def _printing() -> Mapping[str, Function]:
    """Give ``print`` and its siblings, which show a missing value as ``<nil>`` (section 4.3)."""
    from gotpl._compat.gofmt.go import sprintf  # noqa: PLC0415

    def go_print(*values: object) -> str:
        pieces: list[str] = []
        for before, value in zip((None, *values), values, strict=False):
            if pieces and not isinstance(before, str) and not isinstance(value, str):
                pieces.append(" ")
            pieces.append(sprintf("%v", value))
        return "".join(pieces)

    def go_println(*values: object) -> str:
        return " ".join(sprintf("%v", value) for value in values) + "\n"

    return {"printf": sprintf, "print": go_print, "println": go_println}


def _guarded(name: str, function: Function, *, rendered: bool = False) -> Function:
    """Make a function that checks its arguments, charges the meter before and after, and fails as Go's templates do.

    `rendered` functions are given the rendering before the template's arguments.
    """
    from gotpl.errors import TemplateExecutionError  # noqa: PLC0415
    from gotpl.runtime.callables import call_spec  # noqa: PLC0415
    from gotpl.runtime.results import unwrap_function_result  # noqa: PLC0415
    from gotpl.runtime.values import INVALID, UNTYPED_NIL  # noqa: PLC0415

    spec = call_spec(partial(function, None) if rendered else function)
    estimate = ESTIMATES.get(name)
    slowness = _SLOWNESS if name in SLOW else 1
    nothing = {id(INVALID), id(UNTYPED_NIL), id(MISSING)}

    def guarded(*given: object) -> object:
        rendering = _RENDERING.get()
        meter = rendering.meter
        arguments = [None if id(value) in nothing else value for value in given]
        if spec is not None:
            fault = spec.arity_error(name, len(arguments)) or spec.type_error(name, arguments)
            if fault is not None:
                raise TemplateExecutionError(fault)
        try:
            meter.charge(slowness * sum(len(value) for value in arguments if isinstance(value, str)))
            if estimate is not None:
                meter.charge(estimate(*arguments))
            result = function(rendering, *arguments) if rendered else function(*arguments)
            value = unwrap_function_result(result)
            meter.charge(len(value) if isinstance(value, str) else 0)
        except Exception as error:  # the guard: what a function raises is the template's error
            raise TemplateExecutionError(f"error calling {name}: {_explanation(error)}") from error
        return None if value is INVALID else made_view(value, meter)

    return guarded


def _explanation(error: Exception) -> str:
    """Give Go's words for what went wrong, as far as they are known."""
    match error:
        case TemplatingError():
            return error.cause
        case RecursionError():
            return "nested too deeply"
        case KeyError():
            return f"no such key: {error}"
    text = str(error)
    syntax = _SYNTAX.match(text)
    if syntax is not None:
        message = _QUOTED.sub(r'\1 "\2"', syntax[2])
        return f"template: {NAME}:{syntax[1]}: {message}"
    text = _FIELD.sub(r"can't evaluate field \1 in type interface {}", text)
    text = _PYTHON_NAME.sub(lambda name: _GO_NAMES.get(name[0].rpartition(" ")[2], "untyped nil"), text)
    return text or type(error).__name__
