"""What somebody may get wrong about flows reads the same in Python, on the command line and over HTTP.

What a generator, a policy or a directive does wrong is recorded, and told where it is read; other steps are unharmed.
"""

import json
import re

import attrs
import pytest
from click.testing import CliRunner

from runtime import (
    Action,
    CelPolicy,
    FlowInvalid,
    GroupSpec,
    Refused,
    Signal,
    Step,
    StepSpec,
    TaskNotDone,
    Template,
    open_runtime,
)
from runtime.cli.commands import cli
from runtime.flow.document import read_flow
from runtime.flows import Flows, Generator
from runtime.values.json import Json
from tests.support.api_server import running_server, server_in_a_thread

PLAN = {"changes": [{"actions": ["update"]}]}


def echo(name, output="x", *, directive="", **fields):
    data = {"output": output, **({"metadata": {"directive": directive}} if directive else {})}
    return StepSpec(name=name, signal=Signal(type="echo", data=data), **fields)


def raises(_flow):
    raise RuntimeError("boom")


KIT = Flows(
    generators=[
        Generator("raises", raises),
        Generator("nothing", lambda _flow: None),
        Generator("twice", lambda _flow: [GroupSpec(group_idx=1, steps=(echo("a"),)), GroupSpec(group_idx=1)]),
        Generator("unnamed", lambda _flow: [echo("a"), echo(" ")]),
        Generator("no-list", lambda _flow: [GroupSpec(steps=(echo("a"),)), GroupSpec(steps=None)]),  # type: ignore[arg-type]
        Generator("nowhere", lambda _flow: [echo("a", group_idx="1")]),
        Generator("huge", lambda _flow: [echo("a", group_idx=10**30)]),
        Generator("unread", lambda _flow: [echo("a"), echo("b", group_idx=1, plan_kind="terraformplan")]),
        Generator("strange", lambda _flow: [echo("a"), "b"]),
        Generator(
            "unknown", lambda _flow: [echo("good", group_idx=1), StepSpec(name="bad", signal=Signal(type="ecko"))]
        ),
        Generator("lost", lambda _flow: [echo("a", directive="sideways", group_idx=1), echo("b", group_idx=2)]),
    ],
    documents=[
        read_flow(
            {
                "kind": "flow",
                "name": "asks",
                "groups": [
                    {
                        "steps": [
                            {
                                "name": "plan",
                                "execution_type": "approval",
                                "approvers": ["ada"],
                                "signal": {"type": "echo", "data": {"output": PLAN}},
                            },
                            {"name": "apply", "signal": {"type": "echo", "data": {"output": "x"}}},
                        ]
                    }
                ],
            }
        )
    ],
    policies=[CelPolicy(id="broken", rule="plan.(", message="no")],
)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("raises", "the generator failed: RuntimeError: boom"),
        ("nothing", "the generator has to give steps or groups, not NoneType"),
        ("twice", "groups[1]: there is another group 1"),
        ("unnamed", "steps[1].name: a step has to have a name"),
        ("no-list", "[1].steps: must be a list of steps, not NoneType"),
        ("nowhere", "steps[0].group_idx: must be 0, 1 or so on, not 1"),
        ("huge", "steps[0].group_idx: must be a number of less than 64 bits, or it could not be read from a store"),
        ("unread", 'steps[1].plan_kind: no reader for plans of kind "terraformplan" (did you mean "terraform_plan"?)'),
        ("strange", "[1]: neither a step nor a group but str"),
        ("lost", 'step "a": it answered "sideways", and nobody knows what that means (known: continue, stop, '),
    ],
)
async def test_what_a_generator_does_wrong_ends_its_flow_and_says_where(kind, says):
    async with running_server(flows=KIT) as server:
        flow = await server.runtime.flow(kind, flow_id="f")
        view = await flow.wait()
        assert (view.ended, view.status.status, says in view.error) == (True, "error", True), view.error
        seen = (await server.client("admin").get("/v1/flows/f")).json()
        assert seen["error"] == view.error


async def test_a_signal_that_nobody_knows_harms_no_other_step():
    async with running_server(flows=KIT) as server:
        view = await (await server.runtime.flow("unknown")).wait()
        assert view.step("bad").status.metadata["reason"] == 'no runner called "ecko" (did you mean "echo"?)'
        await server.runtime.flow_handle(view.id).skip(view.step("bad").id)
        done = await server.runtime.flow_handle(view.id).result()
        assert (done.step("good").status.status, done.status.status) == ("success", "success")


async def test_a_policy_that_does_not_parse_is_recorded_and_asked_about():
    async with running_server(flows=KIT) as server:
        view = await (await server.runtime.flow("asks")).wait()
        assert view.waits == ("s1",)
        assert "policy broken" in view.step("plan").status.metadata["policy_error"]


REFUSED = (
    ("approve", ("f", "s1"), "bob may not answer step s1: ada may"),
    ("approve", ("f", "s9"), 'no step "s9" (flow f has no such step)'),
    ("approve", ("done", "s1"), "the approval of step s1 is answered already: approve by ada"),
    ("approve", ("gone", "s1"), "flow gone is cancelled: step s1 cannot be answered"),
    ("retry", ("f", "s9"), 'no step "s9" (flow f has no such step)'),
    ("retry", ("nope", "s1"), 'no flow "nope"'),
    ("skip", ("f", "s2"), "step s2 cannot be skipped: it is pending"),
)


async def prepare(runtime):
    for flow_id in ("f", "done", "gone"):
        flow = await runtime.flow("asks", flow_id=flow_id, by="bob")
        await flow.wait()
    await runtime.flow_handle("done").approve("s1", by="ada")
    await runtime.flow_handle("done").result()
    await runtime.flow_handle("gone").cancel()


async def test_a_refusal_reads_the_same_in_python_and_over_http():
    async with running_server(flows=KIT) as server:
        await prepare(server.runtime)
        for verb, (flow_id, step_id), says in REFUSED:
            with pytest.raises(Refused) as refusal:
                await getattr(server.runtime.flow_handle(flow_id), verb)(step_id, by="bob")
            assert says in str(refusal.value)
            reply = await server.client("bob").post(f"/v1/flows/{flow_id}/steps/{step_id}/{verb}")
            assert says in reply.json()["error"]
            assert 400 <= reply.status_code < 500


def test_a_refusal_reads_the_same_on_the_command_line(tmp_path):
    store = str(tmp_path / "f.db")
    document = tmp_path / "asks.yaml"
    document.write_text(json.dumps({"kind": "flow", "groups": [{"steps": _steps()}]}))

    def shell(*arguments):
        done = CliRunner().invoke(cli, ["flow", *arguments, "--store", store, "--by", "bob"])
        assert "Traceback" not in done.output
        return done

    for flow_id in ("f", "done", "gone"):
        assert shell("run", str(document), "--id", flow_id).exit_code == 3
    assert CliRunner().invoke(cli, ["flow", "approve", "done", "s1", "--store", store, "--by", "ada"]).exit_code == 0
    shell("cancel", "gone")
    for verb, (flow_id, step_id), says in REFUSED:
        done = shell(verb, flow_id, step_id)
        assert (done.exit_code, done.output.startswith("error: "), says in done.output) == (2, True, True), done.output


def _steps():
    [group] = KIT.documents["asks"].groups
    return [
        {
            "name": one.name,
            "execution_type": str(one.execution_type),
            "approvers": list(one.approvers),
            "signal": {"type": "echo", "data": one.signal.data},
        }
        for one in group.steps
    ]


def test_a_document_that_no_runner_takes_is_refused_with_the_path_by_file_and_over_http(tmp_path):
    document = {"kind": "flow", "groups": [{"steps": [{"name": "a", "signal": {"type": "ecko", "data": {}}}]}]}
    (tmp_path / "bad.yaml").write_text(json.dumps(document))
    says = 'groups[0].steps[0].signal.type: no runner called "ecko" (did you mean "echo"?)'
    local = CliRunner().invoke(cli, ["flow", "run", str(tmp_path / "bad.yaml")])
    assert (local.exit_code, says.replace("(", "(line 1; ") in local.output) == (2, True), local.output
    with server_in_a_thread([], user="admin") as url:
        remote = CliRunner().invoke(cli, ["flow", "run", str(tmp_path / "bad.yaml"), "--server", url])
        assert (remote.exit_code, says in remote.output) == (2, True), remote.output


async def test_a_plan_that_nobody_could_read_is_refused_before_anything_is_done_and_not_once_it_is_made():
    asks = {
        "name": "p",
        "execution_type": "approval",
        "plan_kind": "ours",
        "signal": {"type": "echo", "data": {"output": "x"}},
    }
    document: Json = {"kind": "flow", "groups": [{"steps": [asks]}]}
    says = re.escape('plan_kind: no reader for plans of kind "ours" (known: approve-all, changes, helm_approval, ')
    task = Template(name="runs", steps={"f": Step(action=Action(type="flow", configuration={"flow": document}))})
    async with open_runtime() as runtime:
        with pytest.raises(FlowInvalid, match=rf"groups\[0\]\.steps\[0\]\.{says}"):
            await runtime.flow(document)
        with pytest.raises(FlowInvalid, match=rf"groups\[0\]\.steps\[0\]\.{says}"):
            await runtime.flow(read_flow(document))
        with pytest.raises(TaskNotDone, match=rf"steps\[0\]\.{says}"):
            await (await runtime.submit(task)).result()
    with pytest.raises(FlowInvalid, match=says):
        async with open_runtime(flows=Flows(documents=[attrs.evolve(read_flow(document), name="d")])):
            pass
    async with open_runtime(flows=Flows(plan_readers={"ours": lambda _plan: True})) as runtime:
        assert (await (await runtime.flow(document)).result()).step("p").status.status == "auto-skipped"


def test_a_template_of_tasks_is_no_flow():
    with pytest.raises(FlowInvalid, match="this is a template of tasks, and no flow"):
        read_flow({"name": "hello", "title_format": "hello", "steps": {"one": {"action": {"type": "echo"}}}})


async def test_a_flow_of_groups_that_would_go_on_over_errors_is_refused_by_call_and_by_document():
    says = "on_error: a flow of groups waits for somebody where a step fails"
    async with running_server(flows=KIT) as server:
        with pytest.raises(FlowInvalid, match=says):
            await server.runtime.flow("asks", on_error="continue")
    document = {"kind": "flow", "on_error": "continue", "steps": [{"name": "a"}]}
    with pytest.raises(FlowInvalid, match=says):
        read_flow(document)
    assert read_flow({**document, "mode": "flat"}).on_error == "continue"


EVERYTHING = """kind: flow
mode: sideways
groups:
  - name: one
    steps:
      - {name: a, execution_type: '{{.input.x}}', signal: {type: ecko}}
      - name: b
        signal: {type: http, data: {url: 'http://x', method: [], oops: 1}}
"""


def test_all_that_is_wrong_with_a_flow_is_said_at_once_and_reads_the_same_wherever_it_is_asked(tmp_path):
    (tmp_path / "bad.yaml").write_text(EVERYTHING)
    source = str(tmp_path / "bad.yaml")
    paths = (
        "mode: ",
        "groups[0].steps[0].execution_type: ",
        "groups[0].steps[0].signal.type: ",
        "groups[0].steps[1].signal.data.method: ",
    )
    checked, run = (CliRunner().invoke(cli, [*verb, source]) for verb in (["validate"], ["flow", "run"]))
    assert (checked.exit_code, run.exit_code) == (2, 2)
    said = run.stderr.splitlines()
    assert [line.strip().startswith(path) for line, path in zip(said[1:], paths, strict=True)] == [True] * 4, said
    assert checked.stderr.splitlines()[:5] == said
    assert "(line 6; did you mean" in said[3]
    [warning] = checked.stderr.splitlines()[5:]
    assert warning.startswith(f"warning: {source}: groups[0].steps[1].signal.data.oops: nothing reads this key")
    with server_in_a_thread([], user="admin") as url:
        remote = CliRunner().invoke(cli, ["flow", "run", source, "--server", url])
        assert [path in remote.stderr for path in paths] == [True] * 4, remote.stderr


def test_flows_are_validated_beside_templates(tmp_path):
    (tmp_path / "deploy.yaml").write_text("kind: flow\nsteps: [{name: a, signal: {type: echo}}]\n")
    (tmp_path / "list.yaml").write_text("- {name: a, signal: {type: subtask, data: {template: hello}}}\n")
    (tmp_path / "hello.yaml").write_text(
        "name: hello\ndescription: says so\ntitle_format: hello\nsteps: {one: {action: {type: echo}}}\n"
    )
    done = CliRunner().invoke(cli, ["validate", str(tmp_path)])
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"{tmp_path / name}.yaml: valid" for name in ("deploy", "hello", "list")]


async def test_a_type_of_flows_that_nobody_knows_is_refused_and_the_nearest_is_named():
    async with running_server(flows=KIT) as server:
        with pytest.raises(Refused, match='no type of flows "askss"') as refusal:
            await server.runtime.flow("askss")
        reply = await server.client("admin").post("/v1/flows", json={"flow_type": "askss"})
        assert (reply.status_code, reply.json()["error"]) == (404, str(refusal.value))
        assert 'did you mean "asks"?' in str(refusal.value)


async def test_a_document_with_keys_that_are_no_texts_is_refused_for_that_alone():
    async with running_server(flows=KIT) as server:
        with pytest.raises(FlowInvalid, match=r"^invalid flow: the key 7 is not text$"):
            await server.runtime.flow({"steps": [{"name": "a", "signal": 5}], 7: 8})  # type: ignore[dict-item]
        with pytest.raises(FlowInvalid, match=r"^invalid flow: there are no steps"):
            await server.runtime.flow({"kind": "flow"})
