"""The ``understudy`` command.

Modules
    commands    the commands and their options
    schemas     prints what is sent and told, as JSON Schema
    run         runs one task and reports how it ended; `resume` goes on with those of a store
    check       checks templates
    flows       the commands about flows; `flow` does what they say to a store, `remote_flow` to a server, and
                `flow_report` prints what came of it
    store       looks after a store
    serve       a runtime behind a server, until a signal ends it; `access` who may use it
    following   keeps the templates of a server those of their folder
    sending     a command for every message; `watching` shows events
    remote, remote_commands   what talks to a server
    voice       how a command talks: in words, or as lines of a log
    items       reads configuration items
    interrupts  what Ctrl-C and SIGTERM do
    output      keeps output that cannot be written from ending what runs
    progress    what a terminal, a pipe or ``--json`` is shown meanwhile; `tables` of texts

Exit status: 0 the task is DONE (or the templates are valid); 1 it ended otherwise; 2 the request was refused; 3 it waits
for somebody; 4 it went well, and its output could not be written; 130 after Ctrl-C, 143 after SIGTERM. Nothing a user can
cause prints a traceback.
"""

import sys


def main() -> None:
    """Run the command line; the entry point of the console script."""
    try:
        from runtime.cli.commands import cli  # noqa: PLC0415 - its libraries are an extra
    except KeyboardInterrupt:  # while it loads
        sys.exit(130)
    except ModuleNotFoundError as missing:
        if missing.name not in {"click", "rich"}:
            raise
        print(f"understudy: the command line needs {missing.name}: pip install 'understudy[cli]'", file=sys.stderr)
        sys.exit(2)
    cli()
