"""Keeping the templates of a server those of their folder: looked at every second, and whenever SIGHUP asks for it."""

import signal
from pathlib import Path
from typing import Final

import trio

from runtime.api.client import Runtime
from runtime.api.library import Fingerprint, fingerprint
from runtime.cli.voice import Voice
from runtime.errors import Refused
from runtime.threads import BRIEF

LOOK_AGAIN_SECONDS: Final = 1.0


async def follow_templates(
    runtime: Runtime,
    folder: Path,
    voice: Voice,
    *,
    look_again_seconds: float = LOOK_AGAIN_SECONDS,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Have the runtime know the templates that the folder has; `voice` tells what changed. Until it is cancelled.

    Started (for ``nursery.start``) once SIGHUP is heeded.

    What changed is read once it has stayed the same from one look to the next, so that files that are being written are
    not read by halves. Where one has a fault, the templates are left as they were.
    """
    send, told = trio.open_memory_channel[None](1)
    async with trio.open_nursery() as nursery:
        await nursery.start(_heed_hangups, send)
        task_status.started()
        known: Fingerprint | str = ()  # what was there when the templates were loaded is not known
        before = await _look(folder)
        while True:
            asked = False
            with trio.move_on_after(look_again_seconds):
                await told.receive()
                asked = True
            now = await _look(folder)
            if asked or (now != known and now == before):
                await _sync(runtime, folder, voice, asked=asked)
                known = now
            before = now


async def _look(folder: Path) -> Fingerprint | str:
    try:
        return await BRIEF.run(fingerprint, folder)
    except Refused as refusal:
        return str(refusal)


async def _sync(runtime: Runtime, folder: Path, voice: Voice, *, asked: bool) -> None:
    try:
        synced = await runtime.sync_templates(folder)
    except Refused as refusal:
        voice.caution(f"templates: left as they were: {refusal}")
        return
    if not (asked or synced.any):
        return
    for source, warnings in synced.warnings.items():
        voice.warn(source, warnings)
    voice.say(f"templates: {synced}")


async def _heed_hangups(
    send: "trio.MemorySendChannel[None]", *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    with trio.open_signal_receiver(signal.SIGHUP) as signals:
        task_status.started()
        async for _ in signals:
            try:
                send.send_nowait(None)
            except trio.WouldBlock:
                continue  # it will be looked at anyway
