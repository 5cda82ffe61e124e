"""Templates follow a folder: what is there is known, what is gone is not, and a fault changes nothing."""

from functools import partial

import attrs
import pytest
import trio

from runtime import open_runtime
from runtime.api.commands import SubmitTask
from runtime.api.desk import Desk
from runtime.api.library import SyncedTemplates, fingerprint
from runtime.api.queries import GetTemplate, ListTemplates
from runtime.cli.following import follow_templates
from runtime.engine.rights import Administrators, Identity
from runtime.errors import Conflict, InputInvalid, NotFound, TemplateInvalid

TEXT = """
name: {name}
description: does nothing much
title_format: {title}
auto_runnable: true
allow_all_resolver_usernames: true
steps:
  one:
    description: say it
    action: {{type: {kind}, configuration: {configuration}}}
"""


def write(folder, name, *, title="title", kind="echo", configuration="{output: x}"):
    text = TEXT.format(name=name, title=title, kind=kind, configuration=configuration)
    (folder / f"{name}.yaml").write_text(text)


async def test_the_templates_that_are_known_become_those_of_the_folder(tmp_path):
    write(tmp_path, "stays")
    write(tmp_path, "changes")
    write(tmp_path, "goes")
    async with open_runtime(templates=tmp_path) as rt:
        assert await rt.sync_templates(tmp_path) == SyncedTemplates()
        write(tmp_path, "changes", title="another title")
        write(tmp_path, "comes")
        (tmp_path / "goes.yaml").unlink()
        synced = await rt.sync_templates(tmp_path)
        assert synced == SyncedTemplates(added=("comes",), changed=("changes",), deleted=("goes",))
        assert str(synced) == "comes added; changes changed; goes deleted"
        assert list(rt.templates) == ["changes", "stays", "comes"]
        assert rt.templates.named("changes").title_format == "another title"


async def test_a_template_is_submitted_by_its_name_and_a_path_that_is_none_is_a_path(tmp_path):
    write(tmp_path, "known")
    async with open_runtime(templates=tmp_path) as rt:
        for named in ("known", " Known", tmp_path / "known.yaml", str(tmp_path / "known.yaml")):
            task = await rt.submit(named)
            assert (await task.wait()).template_name == "known"
        with pytest.raises(TemplateInvalid, match="unknown: there is no such file"):
            await rt.submit("unknown")


async def test_one_that_tasks_were_made_from_is_archived_until_they_are_gone(tmp_path):
    write(tmp_path, "used")
    write(tmp_path, "other")
    everybody, admin = Identity("eve"), Identity("admin")
    administrators = Administrators(usernames=["admin"])
    async with open_runtime(templates=tmp_path, administrators=administrators) as rt:
        task = await rt.submit(rt.templates.named("used"))
        await task.wait()
        (tmp_path / "used.yaml").unlink()
        assert (await rt.sync_templates(tmp_path)).archived == ("used",)
        assert (await rt.sync_templates(tmp_path)).archived == ()
        archived = rt.templates.named("used")
        assert (archived.hidden, archived.blocked) == (True, True)
        desk = Desk(rt)
        for who, names in ((everybody, ["other"]), (admin, ["other", "used"])):
            assert [one.name for one in (await desk.handle(ListTemplates(), who)).templates] == names
        with pytest.raises(Conflict, match="blocked"):
            await rt.submit(archived)
        assert (await task.status()).state == "DONE"  # what was made from it goes on as it is
        write(tmp_path, "used")
        assert (await rt.sync_templates(tmp_path)).changed == ("used",)
        (tmp_path / "used.yaml").unlink()
        await rt.delete(task.id)
        assert (await rt.sync_templates(tmp_path)).deleted == ("used",)


async def test_one_that_was_removed_while_nothing_ran_is_archived_too(tmp_path):
    """It is known by the tasks of it alone, and to those who see one of them: so it is on other instances, too."""
    write(tmp_path, "used")
    store, administrators = f"sqlite:///{tmp_path}/tasks.db", Administrators(usernames=["admin"])
    async with open_runtime(store, templates=tmp_path) as rt:
        task = await rt.submit(rt.templates.named("used"), requester="ann")
        await task.wait()
        original = rt.templates.named("used")
    (tmp_path / "used.yaml").unlink()
    async with open_runtime(store, templates=tmp_path, administrators=administrators) as rt:
        desk = Desk(rt)
        for who in (Identity("admin"), Identity("ann")):
            assert await desk.handle(GetTemplate(name=" Used "), who) == attrs.evolve(
                original, hidden=True, blocked=True
            )
            with pytest.raises(InputInvalid, match="blocked"):
                await desk.handle(SubmitTask(template="used"), who)
        with pytest.raises(NotFound):
            await desk.handle(GetTemplate(name="used"), Identity("eve"))
        await rt.delete(task.id)
        with pytest.raises(NotFound):
            await desk.handle(GetTemplate(name="used"), Identity("admin"))


async def test_a_folder_with_a_fault_in_it_changes_nothing(tmp_path):
    write(tmp_path, "good")
    async with open_runtime(templates=tmp_path) as rt:
        before = dict(rt.templates)
        write(tmp_path, "good", title="changed")
        write(tmp_path, "bad", kind="no-such-runner")
        with pytest.raises(TemplateInvalid, match="no-such-runner"):
            await rt.sync_templates(tmp_path)
        assert dict(rt.templates) == before
        assert "bad" not in rt.templates
        write(tmp_path, "bad", kind="subtask", configuration="{template: worse}")
        with pytest.raises(TemplateInvalid, match="worse"):
            await rt.sync_templates(tmp_path)
        write(tmp_path, "worse")  # known by the time it is needed, whatever the order
        assert (await rt.sync_templates(tmp_path)).added == ("bad", "worse")


async def test_what_is_wrong_with_every_file_is_said_at_once_and_where(tmp_path):
    """A server with one wrong template does not start (section 2): who mends them is not told of one after the other."""
    (tmp_path / "broken.yaml").write_text("steps: [")
    write(tmp_path, "good")
    write(tmp_path, "names", kind="subtask", configuration="{template: good}")
    write(tmp_path, "wrong", kind="no-such-runner")
    (tmp_path / "zz.yaml").write_text((tmp_path / "good.yaml").read_text())
    with pytest.raises(TemplateInvalid) as refusal:
        async with open_runtime(templates=tmp_path):
            raise AssertionError
    assert [fault.path.partition(":")[0] for fault in refusal.value.faults] == [
        str(tmp_path / name) for name in ("broken.yaml", "wrong.yaml", "zz.yaml")
    ]
    assert f"{tmp_path}/wrong.yaml: steps." in str(refusal.value)
    assert f"{tmp_path}/zz.yaml: name: the template in {tmp_path}/good.yaml is called so too" in str(refusal.value)


def test_the_fingerprint_of_a_folder_tells_whether_anything_changed(tmp_path):
    write(tmp_path, "a")
    seen = [fingerprint(tmp_path)]
    assert fingerprint(tmp_path) == seen[0]
    (tmp_path / "notes.txt").write_text("no template")
    assert fingerprint(tmp_path) == seen[0]
    write(tmp_path, "b")
    seen.append(fingerprint(tmp_path))
    write(tmp_path, "a", title="a longer title")
    seen.append(fingerprint(tmp_path))
    (tmp_path / "b.yaml").unlink()
    seen.append(fingerprint(tmp_path))
    (tmp_path / "c.yaml").symlink_to("nowhere")
    assert all(one not in seen[:number] for number, one in enumerate(seen))
    fingerprint(tmp_path)


@attrs.define
class Said:
    """What was said, and a way to wait for the next of it."""

    send: "trio.MemorySendChannel[str]"

    def say(self, text):
        self.send.send_nowait(text)

    def caution(self, text):
        self.send.send_nowait(f"caution: {text}")


async def test_a_server_follows_its_folder_and_says_what_changed(tmp_path):
    write(tmp_path, "first")
    send, said = trio.open_memory_channel[str](10)
    async with open_runtime(templates=tmp_path) as rt, trio.open_nursery() as nursery:
        follow = partial(follow_templates, look_again_seconds=0.01)
        await nursery.start(follow, rt, tmp_path, Said(send))
        with trio.fail_after(20):
            write(tmp_path, "second")
            assert await said.receive() == "templates: second added"
            write(tmp_path, "second", kind="nothing")
            assert (await said.receive()).startswith("caution: templates: left as they were: ")
            assert "second" in rt.templates
            write(tmp_path, "second", title="other")
            assert await said.receive() == "templates: second changed"
            write(tmp_path, "third")  # nothing is said without a change
            assert await said.receive() == "templates: third added"
        nursery.cancel_scope.cancel()
