"""What understudy writes into logs, and how a program gets it as it wants it.

It writes through `structlog <https://www.structlog.org>`_. A program that has set structlog up (``structlog.configure``) gets
these lines among its own. One that has not gets warnings and errors as text on standard error, and nothing on standard
output. `LogSettings` sets it up for the block of a program, as ``understudy run|serve|flow --log-format json`` does::

    from runtime.logs import LogFormat, LogLevel, LogSettings, log_events

    with LogSettings(LogFormat.JSON, LogLevel.INFO).in_use():
        async with open_runtime() as rt:
            with log_events(rt):
                ...

Programs on asyncio, or without a loop, call `log_event` with the events that they subscribe to.

One line of JSON is one object: ``timestamp`` (ISO 8601, UTC), ``level``, ``logger``, ``event``, and the facts, each
under a key of its own: always ``task``, ``flow`` and ``step`` for their ids. An exception is its traceback, as a text,
in ``exception``; no values of variables are in it. What libraries log with `logging`, from WARNING on, and warnings of
Python are lines, too.

| event | level | when |
|---|---|---|
| task_state, flow_state | info, or warning where it failed | a task or a flow is in another state (`log_events`) |
| step_state, group_state | debug, or warning where it failed | a step of it, or a group (`log_events`) |
| events_missed | warning | what happened was more than a subscriber took (`log_event`) |
| store_unavailable, store_available | error, warning | a store takes nothing, told again where the reason is another; it does again |
| lease_begun | info | which number an instance of a shared store has, in the lines below and in those of others |
| lease_lost, lease_taken_over, links_given_up | error, warning | what became of instances that share a store |
| commits_lost | error | a database server took the place of another and lacks what that one had stored |
| server_clock_jumped | error | the clock that leases run out by is not where it was |
| clock_differs, migration_waits | warning | a clock is not the server's; its tables are read, and so not migrated yet |
| index_built | info | an index of a store's tables is built, while all go on, for the version that they are to be of |
| key_ring_exchanged | warning | the file of keys has not the key any more that was sealed with until now |
| key_ring_open_to_others | warning | anybody on the machine may read a file of keys |
| setting_unknown | warning | nothing reads what ``utask-cfg`` says there |
| functions_pile_up | warning | a program makes a closure for every task, and each takes memory for as long as it runs |
| notification_dropped, notification_given_up, notifications_left | warning | nobody was told, and why |
| actor_failed, actor_given_up | error | a fault of the runtime itself; a part of it was started again, or is not |
| shutdown_held_up | error | a step does not let the program end |
| listener_failed | error | the first error of a function that `Runtime.telling` was given, with its traceback |
| runner_not_closed | warning | what a runner raised as it was closed |
| request_failed, connection_failed, audit_unwritable | error | a fault of the server itself |

* `lines`     how lines are written; the logger that understudy writes with
* `happenings` what becomes of tasks and flows, as lines

Writing a line never raises: one that cannot be written, say as the disk is full, is lost.
"""

from typing import TYPE_CHECKING

from runtime.logs.lines import LogFormat, LogLevel, LogSettings

if TYPE_CHECKING:
    from runtime.logs.happenings import log_event, log_events

__all__ = ("LogFormat", "LogLevel", "LogSettings", "log_event", "log_events")


if not TYPE_CHECKING:  # with it in sight, a type checker would believe in every name

    def __getattr__(name: str) -> object:
        """Load what needs the events of the runtime once it is asked for: what writes a line of its own does not."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from runtime.logs import happenings  # noqa: PLC0415 - see above

        return getattr(happenings, name)
