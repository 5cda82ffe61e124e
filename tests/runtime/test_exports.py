"""What a program imports from `runtime`."""

import ast
from pathlib import Path
from typing import get_args

import pytest

import runtime
from runtime.templates import model


def test_the_exported_names_are_the_same_at_run_time_and_for_type_checkers():
    tree = ast.parse(Path(runtime.__file__).read_text())
    hidden, shown = [node for node in tree.body if isinstance(node, ast.If)][::-1]
    imported = {alias.name for node in shown.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert set(runtime.__all__) == imported
    assert all(getattr(runtime, name) is not None for name in runtime.__all__)
    assert ast.unparse(hidden.test) == "not TYPE_CHECKING"  # or a type checker would take every misspelt name
    with pytest.raises(AttributeError, match="Runtme"):
        runtime.Runtme  # noqa: B018 - looking it up is what is tested


def test_whatever_a_subscriber_is_told_and_a_template_is_made_of_can_be_imported_from_there():
    parts = {one.__name__ for one in get_args(runtime.Event)}
    parts |= {name for name, one in vars(model).items() if isinstance(one, type) and one.__module__ == model.__name__}
    assert parts - {"Function"} <= set(runtime.__all__)  # functions are files
