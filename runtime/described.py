"""What the docstring of a class says to users: in JSON Schemas, and on the command line."""

import inspect
import re

_SOURCE = re.compile(r" \((?:spec )?sections? [^()]*\)")


def described(cls: type) -> str:
    """Give a docstring without where its rules come from, which whoever reads the code wants to know, and nobody else."""
    return _SOURCE.sub("", inspect.cleandoc(cls.__doc__ or ""))
