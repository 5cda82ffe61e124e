"""The ``understudy`` command.

Modules
    commands    the commands and their options
    schemas     prints what is sent and told, as JSON Schema
    opening     what the commands take that open a runtime, and how they open it; `options`, how it is said
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

Variables stand for options that are not given: ``UNDERSTUDY_SERVER``, ``UNDERSTUDY_TOKEN`` and ``UNDERSTUDY_USER`` for
those of what asks a server, ``UNDERSTUDY_CONFIG``, ``UNDERSTUDY_REGION``, ``UNDERSTUDY_LOG_FORMAT`` and
``UNDERSTUDY_LOG_LEVEL`` for those of what runs here. ``UNDERSTUDY_KEYS_FILE`` is ``--keys``, ``UNDERSTUDY_KEYS`` what is in
that file; both are for `open_runtime`, too.

==============================  ================================================================================
file of                         what is in it
==============================  ================================================================================
--tokens                        ``{"<SHA-256 of a token>": {"username": "ann", "groups": ["ops"]}}``; the hash is
                                what ``printf %s TOKEN | sha256sum`` prints
--passwords, --groups           ``{"ann": "a password"}``, ``{"ops": ["ann"]}``
--keys                          a ring of keys, as ``understudy store new-key`` writes it
--policies                      `runtime.policies.files`
--templates, --functions        what ``understudy schema`` prints a schema of
==============================  ================================================================================

==============================  ================================================================================
item of --config                what is in it
==============================  ================================================================================
utask-cfg                       how the host is set up, as JSON; see below
basic-auth, groups-auth         as for ``--passwords``, ``--groups``
callback-config                 ``{"base_url": "https://here"}``: where callbacks are called from outside;
                                ``"path_prefix"`` where that is not ``/unsecured/callback``
notify-webhook-credentials      ``{"<name>": {"username": "me", "password": "a password"}}``, for ``notify_config``
dask                            ``{"scheduler": "tls://there:8786"}``, and files: `runners._cluster.ClusterSettings`
database, encryption-key        nothing reads these of µTask; here they are ``--store`` and ``--keys``
any other                       what templates read as ``.config.NAME``, or credentials that they name
==============================  ================================================================================

==============================  ================================================================================
member of utask-cfg             what it says
==============================  ================================================================================
application_name                what the server calls itself
admin_usernames, admin_groups   as ``--admin``, ``--admin-group``
base_url                        where this server is reached: for callbacks, and pages that notifications name;
                                ``dashboard_path_prefix`` goes before their paths
completed_task_expiration       how long tasks that ended are kept: ``"720h"``
concealed_secrets               which items templates do not see
server_options                  ``{"max_body_bytes": 262144}``
resource_limits,                `runtime.work.limits.Limits`, as are ``resource_acquire_timeout``,
global_resource_limits          ``max_concurrent_executions``, ``max_concurrent_executions_from_crashed`` and
                                ``max_result_size``; global ones are for all instances together
notify_config, notify_actions   `runtime.notifications.settings`
others of µTask                 nothing here: ``dashboard_api_path_prefix``, ``dashboard_sentry_dsn``,
                                ``database_config``, ``debug``, ``delay_between_crashed_tasks_resolution``,
                                ``editor_path_prefix``, ``instance_collector_wait_duration``,
                                ``steps_compression_algorithm``
==============================  ================================================================================

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
            import rich  # noqa: F401, PLC0415 - of all that needs it, nothing is loaded yet; others bring click alone

            from runtime.cli.commands import cli  # noqa: PLC0415 - its libraries are an extra
    except KeyboardInterrupt:  # while it loads
        sys.exit(130)
    except ExtraMissing as missing:
        print(f"error: {missing}", file=sys.stderr)
        sys.exit(2)
    cli()
