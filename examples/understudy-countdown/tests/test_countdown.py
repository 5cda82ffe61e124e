import trio.testing
from understudy_countdown import Countdown

from runtime.runner import ClientError
from runtime.testing import laws

RUNNER = Countdown()


def test_any_configuration_is_taken_or_refused():
    laws.check_never_raises(RUNNER)
    laws.structure_builds_or_refuses(RUNNER)


async def test_it_counts(autojump_clock):
    outcome = await laws.gives_json(RUNNER, {"seconds": "3", "every": "10s", "tag": "rocket"})
    assert outcome.output == {"counted": 3}
    assert outcome.tags == {"rocket": "over"}
    assert trio.current_time() == 30


async def test_it_can_be_interrupted():
    await laws.is_cancelled_promptly(RUNNER, {"seconds": 1000}, trio.testing.wait_all_tasks_blocked)


async def test_it_does_not_count_up():
    assert isinstance(await laws.fails_as_declared(RUNNER, {"seconds": -1}), ClientError)
