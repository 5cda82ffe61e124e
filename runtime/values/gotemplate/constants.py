"""Literals as values."""

from runtime.values.gotemplate import nodes
from runtime.values.gotemplate.errors import ExecutionError
from runtime.values.gotemplate.text import quote
from runtime.values.gotemplate.values import Float, Int, Value


def number_fault(node: nodes.Number) -> str | None:
    """Say why a number literal is no value of its own, if it is none."""
    if node.as_complex is not None or _is_float(node) or node.as_int is not None:
        return None
    return f"{node.text} overflows int"


def _is_float(node: nodes.Number) -> bool:
    text = node.text
    if node.as_float is None or text[0] == "'":
        return False
    hexadecimal = text[:2] in {"0x", "0X"} and len(text) > 2 and "p" not in text and "P" not in text
    return not hexadecimal and any(mark in text for mark in ".eEpP")


def constant_value(node: nodes.Node) -> Value:
    """Give the value of a literal."""
    match node:
        case nodes.Text():
            return node.text
        case nodes.Bool():
            return node.value
        case nodes.Number():
            if node.as_complex is not None:
                return node.as_complex
            return Float(node.as_float) if _is_float(node) and node.as_float is not None else Int(node.as_int or 0)
    raise ExecutionError(f"can't evaluate command {quote(str(node))}")
