"""Opening a supervision tree: its root, the block it lives in, and the shutdown that ends both."""

import math
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import trio

from actors.clock import Clock, SystemClock
from actors.errors import Draining, SpecInvalid
from actors.guard import cancelled_from_outside
from actors.mailbox import Mailbox
from actors.observer import Observer, shielded
from actors.reason import StopReason
from actors.shutdown import ShutdownContext
from actors.spec import GROUP_WINDOW, AutoShutdown, ChildSpec, Nested, Strategy, check_set
from actors.supervisor import Supervisor
from actors.window import RestartWindow

__all__ = ("open_supervisor",)


@asynccontextmanager
async def open_supervisor(
    name: str,
    specs: Iterable[ChildSpec] = (),
    *,
    strategy: Strategy = Strategy.ONE_FOR_ONE,
    window: RestartWindow = GROUP_WINDOW,
    auto_shutdown: AutoShutdown = AutoShutdown.NEVER,
    shutdown: ShutdownContext | None = None,
    clock: Clock | None = None,
    observer: Observer | None = None,
    chance: random.Random | None = None,
) -> AsyncIterator[Supervisor]:
    """Run a supervision tree for the length of a block.

    Enters when every static child has been started. When the block ends, by
    itself or by an exception, the shutdown begins (if nobody began it yet) and
    the tree is stopped in order; the block is left when everything has ended.
    ``sys.exit()`` and Ctrl-C in the block cancel every child at once, and leave it as they are, in no group.
    At the hard deadline of the shutdown all that still runs, the block
    included, is cancelled and named in `shutdown.cut`. A cancel from outside
    cancels every child at once and waits only for them to clean up.

    `chance` seeds the jitter of restarts.

    Raises:
        SpecInvalid: before anything is started, with every fault.
        Draining: the hard deadline of `shutdown` passed before the children were up.
        SupervisorFailed: the group gave up restarting (the block is cancelled), or a handshake failed at the start.
    """
    if not name or "/" in name:
        raise SpecInvalid((f"supervisor name {name!r} must be a non-empty string without '/'",))
    group = Nested(specs=tuple(specs), strategy=strategy, window=window, auto_shutdown=auto_shutdown)
    check_set(group)
    shutdown = shutdown or ShutdownContext(math.inf)
    observer = shielded(observer)
    supervisor = Supervisor(
        group,
        mailbox=Mailbox(name, 1, observer),
        path=name,
        clock=clock or SystemClock(),
        shutdown=shutdown,
        observer=observer,
        chance=chance or random.Random(),  # noqa: S311 - jitter needs no secrecy
    )
    crash: BaseException | None = None
    entered = False
    async with trio.open_nursery() as nursery:
        shutdown.attach(nursery.cancel_scope)
        nursery.start_soon(_run_root, supervisor, nursery, name=name)
        await supervisor.wait_open()
        try:
            if supervisor.failure is None:
                entered = True
                yield supervisor
        except Exception as error:  # noqa: BLE001 - only carried past the nursery, which would wrap it
            crash = error
        except (KeyboardInterrupt, SystemExit) as error:  # the program is to end now, and not after a grace
            crash = error
            nursery.cancel_scope.cancel()
        finally:
            cancelled = trio.current_effective_deadline() == -math.inf
            ended = cancelled_from_outside(name) if cancelled else StopReason.shutdown(name, "its block has ended")
            reason = shutdown.reason or ended
            shutdown.begin(reason)
            supervisor.stop(reason)
    shutdown.detach(nursery.cancel_scope)
    if crash is not None:
        raise crash
    supervisor.raise_failure()
    if not entered:  # the hard deadline had passed before the children were up
        raise Draining(name, shutdown.reason or StopReason.shutdown(name))


async def _run_root(supervisor: Supervisor, nursery: trio.Nursery) -> None:
    await supervisor.run(nursery)
    if supervisor.failure is not None:
        nursery.cancel_scope.cancel()
