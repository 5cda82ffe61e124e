"""The tables of section 18 as pairs of statuses, written down independently of the engine.

Besides the rows of the table: a rerun skips steps that go with the skipped one, and discards what is left of a group
that is planned again (Q13); plan-only passes through ``auto-skipped``; a group's cancellation takes its waiting steps.
"""

_BEGUN = ("in-progress", "checking-plan", "approval-awaiting")
_UNREACHED = ("pending", "queued", "not-attempted")

ALLOWED = {
    *((was, "queued") for was in ("pending", "not-attempted")),
    *((was, "in-progress") for was in _UNREACHED),
    *((was, end) for was in ("pending", "queued") for end in ("not-attempted", "discarded", "cancelled")),
    *((was, "user-skipped") for was in _UNREACHED),
    *((was, "auto-skipped") for was in _UNREACHED),
    *((was, "cancelled") for was in _BEGUN),
    *(("in-progress", end) for end in ("success", "error", "checking-plan", "user-skipped", "auto-skipped")),
    ("in-progress", "approval-awaiting"),
    *(("checking-plan", end) for end in ("error", "auto-skipped", "approved", "approval-awaiting")),
    ("auto-skipped", "approved"),
    *(
        ("approval-awaiting", end)
        for end in ("approved", "approval-denied", "approval-retry", "discarded", "approval-expired", "error")
    ),
    ("approval-awaiting", "user-skipped"),
    ("approval-retry", "user-skipped"),
    ("error", "discarded"),
    ("error", "user-skipped"),
    ("not-attempted", "pending"),
    ("not-attempted", "discarded"),
    # A group that is retried takes all that it did with it.
    *((was, "discarded") for was in ("approved", "success", "auto-skipped", "user-skipped", "approval-denied")),
    *((was, "discarded") for was in ("approval-expired", "cancelled", "approval-retry")),
}

FLOW_ALLOWED = {
    ("pending", "in-progress"),
    ("pending", "cancelled"),
    *(("in-progress", end) for end in ("approval-awaiting", "success", "error", "cancelled")),
    *(("approval-awaiting", end) for end in ("in-progress", "error", "failed-pending-retry", "cancelled")),
    *(("error", end) for end in ("retrying", "in-progress", "approval-awaiting", "failed-pending-retry", "cancelled")),
    # Section 3: the automatic retries are spent, and a person is waited for.
    ("in-progress", "failed-pending-retry"),
    *(("failed-pending-retry", end) for end in ("in-progress", "approval-awaiting", "error", "cancelled")),
    ("success", "retrying"),  # of a flow that goes on over errors
    *(("retrying", end) for end in ("in-progress", "error", "cancelled")),
}

GROUP_ALLOWED = {
    *(("pending", end) for end in ("in-progress", "discarded", "cancelled")),
    *(("in-progress", end) for end in ("success", "error", "cancelled", "discarded")),
    *(("error", end) for end in ("in-progress", "discarded")),  # a step or the group is retried
    ("in-progress", "failed-pending-retry"),
    *(("failed-pending-retry", end) for end in ("in-progress", "error", "cancelled", "discarded")),
    ("success", "discarded"),
}
