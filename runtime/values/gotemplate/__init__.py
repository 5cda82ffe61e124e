"""Go's text/template with Sprig's functions, in Python.

    Template("{{.name | upper}} has {{len .items}}").render({"name": "box", "items": [1, 2]})

What it prints is what Go prints, and its two errors, `ParseError` and `ExecutionError`, have Go's texts. The package
stands alone; it knows the data as plain Python values, which it never changes.

Data. None, bool, str, mappings and sequences are what they look like. An int or float is a JSON number, to Go a
`json.Number`: a kind of string that prints its literal, `str()` of the Python value. (So `if` finds it true, zero or
not, and `eq` refuses to compare it with an integer; `int`, `float64` and the arithmetic functions convert it.) Numbers
that a template writes, or that `fromJson` reads, are Go's own and print as Go prints them.

Functions. Go's and Sprig's are there, except the three that reach the host: env, expandenv, getHostByName. More come
in by `Template(source, functions={"name": Function(...)})`, and hide those of the same name; one that asks for a
`Host` sees the data the rendering began with. A template that calls a function which changes maps (set, unset, merge)
works on a copy of the data, so that later parts of it see the change, as in Go, and nobody else does. Time and
randomness are given to `render`; the local zone is UTC.

Bounds. `Limits` says how many steps, how much text, memory and depth a rendering may use. What exceeds them ends in
`LimitExceeded`, an execution error that names the limit. With few steps a rendering is short, so a caller that must
not be held up renders with few first, and elsewhere with more if that was not enough: rendering has no effects.
Parsing is bounded by the source's length, its tokens and its depth. Regular expressions run in RE2, in linear time.

Measured against Go 1.19 and Sprig 3.2.3. From newer ones come `range` over an integer, `else with` and sha512sum.
Newer Go differs in what follows, and this package does as 1.19 does:
- assigning loops (`range $i, $e = .list`) set the variables declared last, whatever their names;
- `js` leaves the back quote alone, and a pattern may not name a group `(?<name>...)`;
- some texts of errors (`undefined variable: $x` is followed by the bare name).
Where Go's result is random, ours is sorted (`keys`, `values`); where Go prints an address, ours is always the same.
`now` carries no monotonic reading. `snakecase` and `kebabcase` differ for text that is not UTF-8. What exceeds a bound
fails here and not, or later, in Go: templates within templates (Go stops at 100,000), a map that holds itself (Go's
process ends). Times, durations, versions and JSON numbers have all the methods that Go's have, but for those that take
or give bytes (`AppendFormat`, `MarshalJSON` and the like).
"""

from runtime.values.gotemplate.errors import ExecutionError, FunctionError, LimitExceeded, ParseError, TemplateError
from runtime.values.gotemplate.functions import Function, Host, Param
from runtime.values.gotemplate.limits import Budget, Limits
from runtime.values.gotemplate.template import Template
from runtime.values.gotemplate.values import MISSING

__all__ = (
    "MISSING",
    "Budget",
    "ExecutionError",
    "Function",
    "FunctionError",
    "Host",
    "LimitExceeded",
    "Limits",
    "Param",
    "ParseError",
    "Template",
    "TemplateError",
)
