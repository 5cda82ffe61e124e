"""What is handed over to the thread of a runtime."""

import inspect
from typing import get_type_hints

from runtime.api.client import Runtime
from runtime.hosts.crossing import SubmitOptions


def test_what_submit_takes_by_name_is_what_a_type_checker_is_told():
    by_name = {
        name for name, one in inspect.signature(Runtime.submit).parameters.items() if one.kind is one.KEYWORD_ONLY
    }
    hints = get_type_hints(Runtime.submit)
    assert get_type_hints(SubmitOptions) == {name: hints[name] for name in by_name}
