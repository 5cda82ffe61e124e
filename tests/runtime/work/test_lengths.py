"""What tasks are found by fits into the indices of every store, whoever says it: a row that does not takes others along."""

import attrs
import pytest
import trio

from runtime import Action, InputInvalid, Step, TaskState, TemplateInvalid, open_runtime
from runtime.journal.listing import Wanted
from runtime.lengths import LONGEST_TITLE
from runtime.runner import ChildTask, NotAssigned, Outcome, Runner, Spawn
from tests.support.plans import echo, plan

ROOMY = {"n" * 251 + "\U0001f600" * 4: "\U0001f600" * 400}
"""The longest that is taken, of characters that nothing makes smaller."""


@attrs.frozen(kw_only=True)
class Nothing:
    """Needs no configuration."""


class Long(Runner[Nothing]):
    name = "long"
    config = Nothing

    async def run(self, request):
        await trio.lowlevel.checkpoint()
        if request.step == "tags":
            return Outcome(tags={"a": "x" * 1001})
        raise NotAssigned("", wishes=[Spawn(tasks=[ChildTask(template="plan", watcher_groups=["x" * 256])])])


@pytest.mark.parametrize(
    ("step", "state", "error"),
    [
        ("tags", "FATAL_ERROR", "cannot be kept: tags.a: must have at most 1,000 characters, not 1,001"),
        ("child", "CLIENT_ERROR", "watcher_groups[0]: must have at most 255 characters, not 256"),
    ],
)
async def test_what_a_step_says_is_bounded_as_what_a_program_says(autojump_clock, step, state, error):
    async with open_runtime(runners=[Long]) as rt:
        await rt.register(plan(a=Step(action=echo("x"))))
        task = await rt.submit(plan(**{step: Step(action=Action(type="long"))}))
        done = (await task.wait()).steps[step]
        assert done.state == state
        assert error in done.error


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (
            {"title_format": "{{repeat 10001 `x`}}"},
            "title_format: must have at most 10,000 characters, not 10,001",
        ),
        ({"tags": {"a": "{{repeat 1001 `x`}}"}}, "tags.a: must have at most 1,000 characters"),
        (
            {"allowed_resolver_groups": ("x" * 256,)},
            "allowed_resolver_groups[0]: must have at most 255 characters, not 256",
        ),
    ],
)
async def test_what_a_template_says_is_bounded_too(autojump_clock, changes, fault):
    async with open_runtime() as rt:
        with pytest.raises(TemplateInvalid) as refusal:
            await rt.submit(attrs.evolve(plan(a=Step(action=echo("x"))), **changes))
    assert fault in str(refusal.value)


async def test_the_longest_that_is_taken_fits_into_the_indices_of_postgresql(postgres_store):
    wide = "\U0001f600" * 255
    template = attrs.evolve(plan(a=Step(action=echo("x"))), title_format=f"{{{{repeat {LONGEST_TITLE} `x`}}}}")
    async with open_runtime(postgres_store) as rt:
        task = await rt.submit(template, task_id=wide, requester=wide, tags=ROOMY)
        assert (await task.wait()).state is TaskState.DONE
        assert [one.task_id for one in await rt.find(Wanted(tags=ROOMY))] == [wide]


async def test_what_is_longer_is_refused_before_it_reaches_a_store(postgres_store):
    """It was refused there, as the store being unavailable, with whatever else was in the same commit."""
    async with open_runtime(postgres_store) as rt:
        with pytest.raises(InputInvalid):
            await rt.submit(plan(a=Step(action=echo("x"))), task_id="x" * 10_000)
        assert rt.trouble() is None
