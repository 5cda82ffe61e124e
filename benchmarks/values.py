"""Group `values`: ten typical step templates, compiled and rendered, beside the same ones in Jinja2's sandbox.

A figure a template: microseconds to render it warm, and once to compile it. The limit is Jinja2's sandboxed
environment doing the same with its own syntax.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.util import find_spec
from statistics import median
from time import process_time
from typing import Final

from benchmarks.figures import Figure, Metric, Peer, Workload, figures
from benchmarks.harness import Measures, run_side

ROUNDS: Final = {"small": 5, "full": 9}
RENDERS: Final = {"small": 2_000, "full": 10_000}
_BATCHES: Final = 10
COMPILES: Final = {"small": 50, "full": 300}

DATA: Final = {
    "input": {"name": "web-01", "count": 3, "tags": ["a", "b", "c", "d", "e"], "region": "eu-west", "debug": False},
    "step": {
        "create": {"output": {"id": "i-123", "ip": "10.0.0.1", "ports": [80, 443]}, "state": "DONE"},
        "list": {"output": {"hosts": [{"name": f"h{i}", "ip": f"10.0.0.{i}", "up": i % 2 == 0} for i in range(10)]}},
    },
    "task": {"task_id": "t-1", "requester_username": "someone"},
}

TEMPLATES: Final[Mapping[str, tuple[str, str]]] = {
    "path": ("{{.input.name}}", "{{input.name}}"),
    "url": (
        "https://{{.input.region}}.example.com/{{.input.name}}/{{.step.create.output.id}}",
        "https://{{input.region}}.example.com/{{input.name}}/{{step.create.output.id}}",
    ),
    "choice": (
        '{{if eq .step.create.state "DONE"}}ok {{.step.create.output.ip}}{{else}}waiting{{end}}',
        '{% if step.create.state == "DONE" %}ok {{step.create.output.ip}}{% else %}waiting{% endif %}',
    ),
    "default": ('{{.input.missing | default "none" | upper}}', '{{input.missing | default("none") | upper}}'),
    "loop": ("{{range .input.tags}}{{.}},{{end}}", "{% for t in input.tags %}{{t}},{% endfor %}"),
    "records": (
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


def run(scale: str) -> Iterator[Figure]:
    """Yield every figure of the group. The peer gotpl, where it is installed, renders only."""
    if find_spec("jinja2") is None:
        raise ModuleNotFoundError("it is measured beside jinja2")
    limit = "jinja2, sandboxed"
    for verb in ("render", "compile"):
        metrics = tuple(Metric(name=f"{name}_{verb}_us", limit_name=limit) for name in TEMPLATES)
        workload = Workload(
            name="values",
            ours=f"benchmarks.values:ours_{verb}",
            limit=f"benchmarks.values:jinja2_{verb}",
            metrics=metrics,
            arguments={"times": (RENDERS if verb == "render" else COMPILES)[scale]},
            peers={"gotpl": Peer(measure=_gotpl)} if verb == "render" and find_spec("gotpl") else {},
        )
        yield from figures(workload, ROUNDS[scale])


def _gotpl(_arguments: Mapping[str, float], _seconds: float) -> Measures:
    return run_side("benchmarks.values:gotpl_render", {"times": RENDERS["small"] // 4})


def gotpl_render(times: int) -> Measures:
    """Render each template warm."""
    from gotpl import Environment  # noqa: PLC0415 - each side loads its own
    from gotpl.funcs.sprig.registry import text_func_map  # noqa: PLC0415

    environment = Environment(functions=text_func_map())
    compiled = {name: environment.from_string(go) for name, (go, _) in TEMPLATES.items()}
    return _each("render", times, {name: partial(one.render, DATA) for name, one in compiled.items()})


def ours_render(times: int) -> Measures:
    """Render each template warm."""
    from runtime.values.gotemplate import Template  # noqa: PLC0415 - as above

    return _each("render", times, {name: partial(Template(go).render, DATA) for name, (go, _) in TEMPLATES.items()})


def ours_compile(times: int) -> Measures:
    """Compile each template anew."""
    from runtime.values.gotemplate import Template  # noqa: PLC0415 - as above

    return _each("compile", times, {name: partial(Template, go) for name, (go, _) in TEMPLATES.items()})


def jinja2_render(times: int) -> Measures:
    """Render each template warm."""
    from jinja2.sandbox import SandboxedEnvironment  # noqa: PLC0415 - as above

    environment = SandboxedEnvironment()
    compiled = {name: environment.from_string(jinja) for name, (_, jinja) in TEMPLATES.items()}
    return _each("render", times, {name: partial(one.render, DATA) for name, one in compiled.items()})


def jinja2_compile(times: int) -> Measures:
    """Compile each template anew."""
    from jinja2.sandbox import SandboxedEnvironment  # noqa: PLC0415 - as above

    environment = SandboxedEnvironment(cache_size=0)
    return _each(
        "compile", times, {name: partial(environment.from_string, jinja) for name, (_, jinja) in TEMPLATES.items()}
    )


def _each(verb: str, times: int, jobs: Mapping[str, Callable[[], object]]) -> Measures:
    """Measure each job in processor time, ten batches of it: the median, as other programs disturb some of them."""
    measures: dict[str, float] = {}
    batch = max(times // _BATCHES, 1)
    for name, job in jobs.items():
        job()
        spent: list[float] = []
        for _ in range(_BATCHES):
            began = process_time()
            for _ in range(batch):
                job()
            spent.append(process_time() - began)
        measures[f"{name}_{verb}_us"] = median(spent) / batch * 1e6
    return measures
