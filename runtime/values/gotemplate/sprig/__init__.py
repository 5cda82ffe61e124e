"""Sprig's functions: one module a subject, each with a table from names to functions.

Left out are the three that reach the host: env, expandenv and getHostByName.
"""

from collections.abc import Mapping
from typing import Final

from runtime.values.gotemplate.functions import Function
from runtime.values.gotemplate.sprig import (
    crypto,
    dates,
    defaults,
    dicts,
    encoding,
    lists,
    names,
    numbers,
    paths,
    randomness,
    reflection,
    regexes,
    strings,
    urls,
    versions,
)

FUNCTIONS: Final[Mapping[str, Function]] = {
    name: function
    for module in (
        crypto,
        dates,
        defaults,
        dicts,
        encoding,
        lists,
        names,
        numbers,
        paths,
        randomness,
        reflection,
        regexes,
        strings,
        urls,
        versions,
    )
    for name, function in module.FUNCTIONS.items()
}
