"""The two errors a template can raise, and the one its functions raise inside.

TemplateError
 +- ParseError      the source is not a template; nothing was rendered
 +- ExecutionError  rendering failed; what had been printed is lost
     +- LimitExceeded  it needed more steps, text, memory or depth than it was given

FunctionError never leaves the package: the call that meets it turns it into an ExecutionError that names the place.
"""


class TemplateError(Exception):
    """A template could not be parsed or rendered; the text is the one Go gives."""


class ParseError(TemplateError):
    """The source is not a valid template. The text names the template and the line."""


class ExecutionError(TemplateError):
    """Rendering failed. The text names the template, the line, the column and the part of the template at fault."""


class LimitExceeded(ExecutionError):
    """Rendering was stopped by a bound. `limit` names the field of `Limits` that was too small."""

    def __init__(self, message: str, *, limit: str) -> None:
        super().__init__(message)
        self.limit = limit


class FunctionError(Exception):
    """A function refuses its arguments; the text is the function's own."""


class Exhausted(Exception):
    """A bound was met, at a place that does not know where in the template it is."""

    def __init__(self, message: str, limit: str) -> None:
        super().__init__(message)
        self.limit = limit
