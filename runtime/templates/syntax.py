"""Are the texts of a template templates? What each would fail with when it is rendered, whatever the data, is a warning.

Compiling every text takes longer than all other checks together, and loads what renders: only who asks for it pays.
"""

from runtime.templates.checking import Check
from runtime.templates.handles import handles_of
from runtime.templates.lint import texts_of
from runtime.values.functions import FUNCTIONS
from runtime.values.gotemplate import Template, TemplateError


def check_syntax(check: Check) -> None:
    """Warn of each text that cannot be compiled; what `lint` sees of it is not said twice."""
    for path, text in texts_of(check.template):
        if "{{" in text and not handles_of(text).problem:
            try:
                Template(text, functions=FUNCTIONS)
            except TemplateError as fault:
                check.warn(path, f"not a template: {fault}")
