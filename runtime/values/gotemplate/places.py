"""Where in a template something goes wrong, and the errors that say so."""

from typing import NoReturn

from runtime.values.gotemplate.errors import ExecutionError, Exhausted, FunctionError, LimitExceeded
from runtime.values.gotemplate.nodes import Action, Command, Include, Node
from runtime.values.gotemplate.text import quote, whole
from runtime.values.gotemplate.values import NoGoType

Place = Node | Command | Include | Action


class Places:
    """The places of one tree: its source, the name it was parsed under, the name it goes by."""

    __slots__ = ("name", "parse_name", "source")

    def __init__(self, source: str, parse_name: str, name: str) -> None:
        self.source = source
        self.parse_name = parse_name
        self.name = name

    def describe(self, place: Place, message: str) -> str:
        """Write what Go writes for an error at a place."""
        start = self.source.rfind("\n", 0, place.pos) + 1
        line = 1 + self.source.count("\n", 0, place.pos)
        column = len(self.source[start : place.pos].encode("utf-8", "surrogatepass"))
        where = f"template: {self.parse_name}:{line}:{column}: executing {quote(self.name)} at <{place}>"
        return whole(f"{where}: {message}")

    def fail(self, place: Place, message: str) -> NoReturn:
        """Raise the execution error for a place."""
        raise ExecutionError(self.describe(place, message))

    def fault(self, place: Place, name: str, fault: Exception) -> ExecutionError:
        """Make of what a function raised the error to raise instead."""
        match fault:
            case ExecutionError():
                return fault
            case FunctionError():
                return ExecutionError(self.describe(place, f"error calling {name}: {fault}"))
            case Exhausted():
                return LimitExceeded(self.describe(place, str(fault)), limit=fault.limit)
            case NoGoType():
                return ExecutionError(self.describe(place, str(fault)))
            case RecursionError():
                return LimitExceeded(self.describe(place, "nested too deeply"), limit="depth")
            case MemoryError():
                return LimitExceeded(self.describe(place, "out of memory"), limit="memory")
        return ExecutionError(self.describe(place, f"error calling {name}: {type(fault).__name__}: {str(fault)[:200]}"))
