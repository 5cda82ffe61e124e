"""The template engine knows nothing of the rest: it could be published alone."""

import subprocess
import sys

PROGRAM = """
import sys
from runtime.values.gotemplate import Template

assert Template("{{.a | upper}}").render({"a": "x"}) == "X"
ours = {name for name in sys.modules if name.split(".")[0] in {"actors", "runtime", "runners"}}
print(sorted(name for name in ours if not name.startswith("runtime.values.gotemplate")))
print(sorted({"attr", "cryptography", "bcrypt", "msgspec", "re2", "rpds", "trio", "yaml"} & set(sys.modules)))
"""


def test_a_program_that_renders_templates_loads_nothing_else() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["['runtime', 'runtime.values']", "['attr', 're2']"]
