"""A deployment that writes files: planned, held against a policy, approved, applied, retried as a whole, rolled back.

    python examples/deploy_tree.py [FOLDER]

A flow of type ``deploy`` compares a folder with what it should hold, asks for an approval of what would change, and
writes the files. One of type ``rollback`` does the same with the files as they were before. Needs
``understudy[policies]``.
"""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import attrs
import trio

from runtime import CelPolicy, Flows, FlowView, GroupSpec, RetryRule, Signal, StepSpec, generator, open_runtime
from runtime.flow.records import FlowCreated
from runtime.runner import ClientError, Outcome, Runner, StepFailed, StepRequest

BEFORE = ".before"
LOCK = ".lock"


@attrs.frozen(kw_only=True)
class TreeConfig:
    """What to do to a folder: ``plan`` or ``apply``; `files` are texts by name, none of them means those of before."""

    do: str
    folder: str
    files: Mapping[str, str] | None = None


class Tree(Runner[TreeConfig]):
    """Makes a folder hold certain files, and no others."""

    name = "tree"
    config = TreeConfig

    async def run(self, request: StepRequest[TreeConfig]) -> Outcome:
        """Plan or apply."""
        config, folder = request.config, trio.Path(request.config.folder)
        wanted = await read(folder / BEFORE) if config.files is None else dict(config.files)
        present = await read(folder)
        if config.do == "plan":
            changes = [
                {"path": name, "actions": [action(name, present, wanted)]} for name in sorted({*present, *wanted})
            ]
            return Outcome(output={"changes": changes}, metadata={"target": {"type": "tree", "id": config.folder}})
        if await (folder / LOCK).exists():
            raise StepFailed("somebody else is at work in the folder")
        await write(folder / BEFORE, present)
        await write(folder, wanted)
        return Outcome(output={"files": sorted(wanted)})


def action(name: str, present: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    """Say what has to be done to a file."""
    if name not in wanted:
        return "delete"
    if name not in present:
        return "create"
    return "no-op" if present[name] == wanted[name] else "update"


async def read(folder: trio.Path) -> dict[str, str]:
    """Read the files of a folder, those with a dot in front left out."""
    if not await folder.is_dir():
        raise ClientError(f"there is no folder {folder}")
    files = [path for path in await folder.iterdir() if await path.is_file() and not path.name.startswith(".")]
    return {path.name: await path.read_text() for path in files}


async def write(folder: trio.Path, files: Mapping[str, str]) -> None:
    """Make a folder hold these files."""
    await folder.mkdir(exist_ok=True)
    for name in {*await read(folder)} - set(files):
        await (folder / name).unlink()
    for name, text in files.items():
        await (folder / name).write_text(text)


def plan_and_apply(folder: str, files: Mapping[str, str] | None) -> GroupSpec:
    """A plan, and what applies it; one is not tried again without the other."""
    data = {"folder": folder, "files": files}
    together = RetryRule(group=True)
    return GroupSpec(
        name="files",
        steps=(
            StepSpec(
                name="plan",
                execution_type="approval",
                signal=Signal(type="tree", data={"do": "plan", **data}),
                retry=together,
                idempotent=True,
            ),
            StepSpec(name="apply", signal=Signal(type="tree", data={"do": "apply", **data}), retry=together),
        ),
        after=(StepSpec(name="tell", signal=Signal(type="echo", data={"output": "{{.step.apply.output.files}}"})),),
    )


@generator("deploy", present="Deploying the tree", past="Deployed the tree")
def deploy(flow: FlowCreated) -> list[GroupSpec]:
    """Have the folder hold the files of the input."""
    return [plan_and_apply(flow.metadata["folder"], flow.inputs["files"])]


@generator("rollback", present="Rolling the tree back", past="Rolled the tree back")
async def rollback(flow: FlowCreated) -> list[GroupSpec]:
    """Have the folder hold the files that it held before the last time."""
    await trio.lowlevel.checkpoint()
    return [plan_and_apply(flow.metadata["folder"], None)]


POLICIES = [
    CelPolicy(
        id="no-deletes",
        rule='plan.changes.all(change, !("delete" in change.actions))',
        message="a deployment deletes nothing",
    )
]


def tell(what: str, view: FlowView) -> None:
    """Print where a flow stands."""
    steps = ", ".join(f"{step.name} {step.status.status}" for step in view.steps)
    print(f"{what}: {view.status.status} ({steps})")


async def main(folder: Path) -> None:
    """Deploy, be denied a delete, fail, try again, roll back."""
    metadata = {"folder": str(folder)}
    async with open_runtime(runners=[Tree()], flows=Flows(generators=[deploy, rollback], policies=POLICIES)) as rt:
        flow = await rt.flow("deploy", {"files": {"app": "one", "readme": "hello"}}, metadata=metadata)
        view = await flow.wait()
        print((await flow.approval(view.waits[0])).contents)
        await flow.approve(view.waits[0], "looks good", by="ada")
        tell("first version", await flow.result())

        flow = await rt.flow("deploy", {"files": {"app": "two"}}, metadata=metadata)
        view = await flow.wait()
        tell("without the readme", view)
        print(view.step("plan").status.metadata["deny_violations"])
        await flow.cancel("not like this", by="ada")

        (folder / LOCK).touch()
        flow = await rt.flow("deploy", {"files": {"app": "two", "readme": "hello"}}, metadata=metadata)
        await flow.approve((await flow.wait()).waits[0], by="ada")
        view = await flow.wait()
        tell("while it is locked", view)
        (folder / LOCK).unlink()
        await flow.retry(view.failed[0], by="ada")  # the plan is made again too
        await flow.approve((await flow.wait()).waits[0], by="ada")
        tell("second version", await flow.result())

        flow = await rt.flow("rollback", metadata=metadata, approval_option="approve-all")
        tell("rolled back", await flow.result())


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp()))
