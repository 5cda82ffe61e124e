"""By hand: parse and render times of typical step templates, beside Jinja2's sandbox.

python -m tests.values.oracle.timing
"""

import sys
import timeit

from jinja2.sandbox import SandboxedEnvironment

from runtime.values.gotemplate import Template

DATA = {
    "input": {"name": "web-01", "count": 3, "tags": ["a", "b", "c", "d", "e"], "region": "eu-west", "debug": False},
    "step": {
        "create": {"output": {"id": "i-123", "ip": "10.0.0.1", "ports": [80, 443]}, "state": "DONE"},
        "list": {"output": {"hosts": [{"name": f"h{i}", "ip": f"10.0.0.{i}", "up": i % 2 == 0} for i in range(10)]}},
    },
    "task": {"task_id": "t-1", "requester_username": "someone"},
}

TEMPLATES = {
    "plain path": ("{{.input.name}}", "{{input.name}}"),
    "url": (
        "https://{{.input.region}}.example.com/{{.input.name}}/{{.step.create.output.id}}",
        "https://{{input.region}}.example.com/{{input.name}}/{{step.create.output.id}}",
    ),
    "choice": (
        '{{if eq .step.create.state "DONE"}}ok {{.step.create.output.ip}}{{else}}waiting{{end}}',
        '{% if step.create.state == "DONE" %}ok {{step.create.output.ip}}{% else %}waiting{% endif %}',
    ),
    "default": (
        '{{.input.missing | default "none" | upper}}',
        '{{input.missing | default("none") | upper}}',
    ),
    "loop": ("{{range .input.tags}}{{.}},{{end}}", "{% for t in input.tags %}{{t}},{% endfor %}"),
    "loop over records": (
        "{{range $i, $h := .step.list.output.hosts}}{{$i}} {{$h.name}}={{$h.ip}}{{if $h.up}} up{{end}}\n{{end}}",
        "{% for h in step.list.output.hosts %}{{loop.index0}} {{h.name}}={{h.ip}}{% if h.up %} up{% endif %}\n{% endfor %}",
    ),
    "json": ("{{.step.create.output | toJson}}", "{{step.create.output | tojson}}"),
    "join": ('{{join "," .input.tags}}', '{{input.tags | join(",")}}'),
    "with": (
        "{{with .step.create.output}}{{.id}}@{{.ip}}{{end}}",
        "{% with o = step.create.output %}{{o.id}}@{{o.ip}}{% endwith %}",
    ),
    "printf": ('{{printf "%s-%03d" .input.name 7}}', '{{"%s-%03d" | format(input.name, 7)}}'),
}


def micros(statement: str, names: dict[str, object]) -> float:
    """Give the best time of a statement in microseconds."""
    timer = timeit.Timer(statement, globals=names)
    count, _ = timer.autorange()
    return min(timer.repeat(5, max(count // 4, 1))) / max(count // 4, 1) * 1e6


def main() -> None:
    """Print a table."""
    out = sys.stdout.write
    out(f"{'template':20}{'parse':>8}{'render':>8}{'jinja2':>8}{'ratio':>7}  (microseconds)\n")
    ratios: list[float] = []
    for name, (ours, theirs) in TEMPLATES.items():
        template = Template(ours)
        compiled = SandboxedEnvironment().from_string(theirs)
        parse = micros("Template(ours)", {"Template": Template, "ours": ours})
        render = micros("template.render(data)", {"template": template, "data": DATA})
        jinja = micros("compiled.render(data)", {"compiled": compiled, "data": DATA})
        ratios.append(render / jinja)
        out(f"{name:20}{parse:8.1f}{render:8.2f}{jinja:8.2f}{ratios[-1]:7.2f}\n")
    out(f"worst ratio to Jinja2: {max(ratios):.2f}\n")


if __name__ == "__main__":
    main()
