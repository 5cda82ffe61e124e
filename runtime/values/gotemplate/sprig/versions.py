"""Sprig's functions on semantic versions."""

from typing import Final

from runtime.values.gotemplate.errors import FunctionError
from runtime.values.gotemplate.functions import STRING, Table
from runtime.values.gotemplate.semver import BadVersion, Version, check, parse_version

_TABLE: Final = Table()
FUNCTIONS: Final = _TABLE.functions


@_TABLE.add("semver", params=(STRING,))
def _semver(text: str) -> Version:
    try:
        return parse_version(text)
    except BadVersion as fault:
        raise FunctionError(str(fault)) from None


@_TABLE.add("semverCompare", params=(STRING, STRING))
def _semver_compare(constraint: str, version: str) -> bool:
    try:
        return check(constraint, version)
    except BadVersion as fault:
        raise FunctionError(str(fault)) from None
