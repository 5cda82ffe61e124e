"""A short run of ``python -m tests.overload``: what has to hold of a server of which too much is asked, holds."""

import trio

from tests.overload.__main__ import overload


async def test_a_server_that_is_asked_for_too_much_bends_and_does_not_break(tmp_path):
    with trio.fail_after(120):
        figures = await overload(tmp_path, connections=80, seconds=1.5, factor=10)
    assert figures["problems"] == [], figures
    assert figures["acknowledged"] > 0
