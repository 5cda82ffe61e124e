"""How what a program asks gets to the parts of the runtime, and what it is told where it does not."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import trio

from actors import ActorStopped, AskExpired, ChildUnknown, MailboxFull
from runtime.api.flow_messages import DeleteFlow, FlowCommand, StartFlow, SubmitFlow
from runtime.api.messages import Command, GetTask, ResolveTask, RunTask, SubmitTask, SubmitTasks
from runtime.arguments import check, check_text
from runtime.errors import Refused, Unavailable, UnderMaintenance
from runtime.work.tree import Tree
from runtime.work.unit import Services

T = TypeVar("T")

_SUBMISSIONS: Final = (SubmitTask, SubmitTasks)
"""What begins tasks. A tuple, for an `|` would be worked out for every message."""

_CHECKED: Final = (*_SUBMISSIONS, SubmitFlow)
"""What was checked where it was made."""

_BEGINNINGS: Final = (*_SUBMISSIONS, ResolveTask, RunTask, SubmitFlow, StartFlow)
"""What is not asked of a runtime any more that shuts down."""

_ASK_AGAIN_SECONDS: Final = 0.05
"""How long a reader waits for a part of the runtime that is being restarted."""


class Asking:
    """What a program asks of the runtime with these services."""

    def __init__(self, services: Services, tree: Tree, *, answer_within_seconds: float, maintenance: bool) -> None:
        self._intake = tree.intake
        self._broadcast = services.broadcast
        self._clock = services.tools.clock
        self._shutdown = services.shutdown
        self._hands_over = services.post is not None  # what it takes on while it shuts down goes on in others
        self._answer_within = answer_within_seconds
        self._maintenance = maintenance
        self._home = trio.lowlevel.current_trio_token()

    def check_home(self) -> None:
        """See that it is called where it runs: from elsewhere it would be changed under its own hands."""
        try:
            here = trio.lowlevel.current_trio_token() is self._home
        except RuntimeError:  # no loop of trio's at all
            here = False
        if not here:
            raise Refused(
                "the runtime runs in another event loop: from a thread of it, call it with `trio.from_thread.run`;"
                " from asyncio or a plain program, open it with `runtime.hosts.aio` or `runtime.hosts.sync`"
            )

    async def ask(self, message: Command | FlowCommand | SubmitFlow | DeleteFlow | GetTask) -> object:
        """Ask the intake, and give its answer; see `runtime.api.client` for what is raised."""
        if isinstance(message, GetTask):
            check_text(message.task_id, "task_id")
            present = self._broadcast.present(message.task_id)
            if present is not None:  # a value, as it is stored: to read it costs its actor nothing
                await trio.lowlevel.checkpoint()
                return present
        elif self._maintenance:
            raise UnderMaintenance("the runtime is under maintenance: what is there can be read, and nothing changed")
        if not isinstance(message, _CHECKED):
            self.check_home()
            check(message)
        if self._shutdown.reason is not None and isinstance(message, _BEGINNINGS) and not self._hands_over:
            raise Unavailable(f"the runtime is shutting down ({self._shutdown.reason}): submit elsewhere, or later")
        deadline = self._clock.monotonic() + self._answer_within
        while True:
            try:
                return await self._intake().ask(message, deadline=deadline)
            except (ActorStopped, ChildUnknown) as gone:
                if self._shutdown.reason is not None:
                    raise Unavailable("the runtime is closed") from gone
                if not isinstance(message, GetTask):
                    raise Unavailable("a part of the runtime failed and is restarted: it may still be done") from gone
            except MailboxFull as full:
                raise Unavailable(f"the runtime is busy ({full}): nothing was done, try again later") from full
            except AskExpired as late:
                raise Unavailable(f"no answer within {self._answer_within:g} s: it may still be done") from late
            await trio.sleep(_ASK_AGAIN_SECONDS)  # only reading is repeated, and the answer is soon there again

    async def figures(self, of_part: Callable[[float], Awaitable[T]]) -> T:
        """Ask another part how things stand; it takes a deadline."""
        try:
            return await of_part(self._clock.monotonic() + self._answer_within)
        except (ActorStopped, ChildUnknown, AskExpired) as gone:
            raise Unavailable("the runtime is closed") from gone
