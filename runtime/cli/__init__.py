"""The ``understudy`` command.

Modules
    commands    the commands and their options
    schemas     prints what is sent and told, as JSON Schema
    opening     what the commands take that open a runtime, and how they open it
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

Every message (`runtime.api.commands`, `runtime.api.queries`) is ``understudy send MESSAGE`` to a server, and
``POST /v1/messages``. These have a form of their own; those of ``flow`` take a store, too:

=========================  ==============================  =====================================================
message                    command                         over HTTP
=========================  ==============================  =====================================================
submit_task                submit                          POST /task
resolve_task               resolve                         POST /resolution
list_tasks                 ls                              GET /task
get_task, find_task        show                            GET /task/{id}, GET /resolution/{id}
run_task                   retry                           POST /resolution/{id}/run
cancel_task                cancel                          POST /resolution/{id}/cancel
interrupt_step             interrupt                       POST /resolution/{id}/step/{name}/interrupt
answer_task_approval       approve                         POST /v1/tasks/{task_id}/steps/{step}/respond
submit_flow                flow run                        POST /v1/flows
start_flow                 flow start                      POST /v1/flows/{flow_id}/start
list_flows                 flow ls                         GET /v1/flows
get_flow                   flow show                       GET /v1/flows/{flow_id}
get_flow_step              flow show --step                GET /v1/flows/{flow_id}/steps/{step_id}
get_approval               flow show --plan                GET /v1/flows/{flow_id}/steps/{step_id}/approval
list_policy_reports        flow policies                   GET /v1/flows/{flow_id}/policy-reports
answer_approval            flow approve, deny, respond     POST /v1/flows/{flow_id}/steps/{step_id}/respond
set_approval_option        flow option                     PUT /v1/flows/{flow_id}/approval-option
retry_step                 flow retry                      POST /v1/flows/{flow_id}/steps/{step_id}/retry
retry_group                flow retry-group                POST /v1/flows/{flow_id}/steps/{step_id}/retry-group
skip_step                  flow skip                       POST /v1/flows/{flow_id}/steps/{step_id}/skip
rerun_flow                 flow rerun                      POST /v1/flows/{flow_id}/rerun
interrupt_flow_step        flow interrupt                  POST /v1/flows/{flow_id}/steps/{step_id}/interrupt
pause_flow, unpause_flow   flow pause, unpause             POST /v1/flows/{flow_id}/pause, unpause
cancel_flow                flow cancel                     POST /v1/flows/{flow_id}/cancel
delete_flow                flow delete                     DELETE /v1/flows/{flow_id}
=========================  ==============================  =====================================================

Exit status: 0 the task is DONE (or the files are valid); 1 it ended otherwise; 2 the request was refused; 3 it waits
for somebody; 4 it went well, and its output could not be written; 130 after Ctrl-C, 143 after SIGTERM. Nothing a user can
cause prints a traceback.
"""

import sys


def main() -> None:
    """Run the command line; the entry point of the console script."""
    try:
        from runtime.extras import ExtraMissing, needed_by  # noqa: PLC0415 - Ctrl-C may come meanwhile

        with needed_by("the command line"):
            from runtime.cli.commands import cli  # noqa: PLC0415 - its libraries are an extra
    except KeyboardInterrupt:  # while it loads
        sys.exit(130)
    except ExtraMissing as missing:
        print(f"error: {missing}", file=sys.stderr)
        sys.exit(2)
    cli()
