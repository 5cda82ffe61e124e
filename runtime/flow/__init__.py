"""The flow engine: pure decisions over one flow (the conductor's model).

A flow is one run of a procedure made of steps: a generator gives them once, in groups, and they are carried out in
order. A step may make a plan that people, or policies, have to agree to before the next one applies it. What fails can
be retried, skipped, or done again as a whole group; what happened stays visible, for a step that is tried again is
cloned, and no row is executed twice.

`decide(flow, *events)` has the shape of the task engine's: synchronous, pure and total, state and events in, and out
come the new state, the records that lead to it, the effects to perform once those are stored, and the refusal of each
event. Folding records over nothing gives the state (`history.replay`), so a journal rebuilds what memory held.

Three layers talk upward with directives, in notes that one decision settles (`turn`): a step answers its group, a group
its flow. Two modes have no groups: `flat` walks one list, `child` too, and its steps answer with directives.

Modules
    states      every word: statuses, directives, answers, and what each means; the only lists of statuses there are
    status      a status is a record with a history
    rows        what a generator gives, and the rows that are kept of it
    order       the order of steps, persistent
    flow        the state of one flow
    records     what happened, as stored; `history` folds it
    events      what can happen to a flow
    effects     what a decision wants done
    outcomes    how a flow ends, as its callers see it
    turn        one decision in the making
    generation  steps are generated once
    lifecycle   one step from its start to its end, and its automatic retry
    approval    plans: no-op check, policies, the question and its answer; `noop` reads plans, `policies` judges them
    flat        flows without groups
    groups      groups dispatch steps; `segments`: flows dispatch groups
    cloning     clones of steps and groups; `naming` names them, and flows
    interrupts  work that somebody has cut
    manual      what people ask for: retry, skip, retry a group, pause; and giving up for a newer flow
    rerun       running a flow without groups again; `rerun_input`, what is asked for
    document    flows as YAML files, and as what a signal gave
    cancellation, cleanup, ends, resuming    how it stops, what becomes of the rest, and how it goes on
    chains      what may be shown of an error
    decision    `decide`

Where the specification leaves a choice, or the original is not to be followed, this is what holds here:

* Cuts. A segment is five steps (groups); it ends with a record and an effect that lets others have their turn. Nothing
  is reloaded, because replaying the records gives what memory holds anyway.
* Work that a crash or a shutdown cut is begun again on the same row if the step is `idempotent`; otherwise the step
  failed, and its retries are what mends it. Everything else a step may wait for is asked again, and so is a generator.
* A cancel is stored at once; a step that runs is cancelled when what runs has stopped, and then the flow has ended. A
  flow that waits to be retried can be cancelled too.
* A rerun brings back the steps that were not attempted, and only those: a row that was executed is never reset. A stale
  plan clones what is left of its group, from the plan on (Q13); in a flow of groups, the whole group.
* The apply of a plan is the next system step behind it in its unit (a user step, without one), up to the next plan: what
  stands between them is bookkeeping. A step that is retried as several others, one of which is tried again, is retried as
  all of them again, and the rest of the first time is discarded: no apply goes with another plan than its own.
* Nothing is applied that nobody approved. A plan that skips itself, or whose failure is passed over, takes its apply along;
  a flow that goes on over errors (``on_error``) ends before the apply of a plan that failed, was denied or expired, also
  where a rerun brings it there.
* In a parallel group a lane is a step and its clones: skipping the group, retrying it, and what goes with a plan all
  stay within the lane (Q10).
* A plan-only flow never applies, whatever its generator thought. A directive that nobody knows means stop.
* Of the flows of one owner one runs at a time, in the order in which they were asked to start. Who waits, has the turn or
  had it and may want it again is in the records, and listed: nobody else keeps a queue. A newer flow takes the retry
  from those before it.
* An answer is somebody's: whoever sets ``approve-all`` approves what they may answer, and nothing else. A plan that is
  approved more than 72 h after it was made is made again, with its group. What is said after the time of an approval is
  refused, and the approval expires, whether its timer was in time or not; so is asking for a plan again too often.
* Eager groups begin while the generator goes on. One that fails then fails its flow once they have ended; one that is
  asked again, after a crash, gives them again, and they are not stored twice. A flow that ends before it cuts it.
* A plan without changes is skipped unless an earlier attempt in its group failed: nobody knows then what was applied.
* A step whose automatic retries are spent, while a person may still retry it, makes its flow and its group
  ``failed-pending-retry``; of a parallel group, whose other lanes go on, only the flow. A failure that nothing would have
  retried by itself is an ``error`` with ``awaiting_retry``.
* A paused flow is ``in-progress``, though its run waits; behind the last group there is nothing to hold, and it ends.
* An answer beside a lane that waits to be mended opens no run: the flow waits before and after it.
* A group is cancelled with all that is left of it, and its answer is stop: its flow ends stopped, and takes no retry.
* Where a group asks for more tries than it has, and may not be tried again as a whole, which a parallel one never may,
  its flow ends stopped: nothing but a cancel would be left. What else failed waits, and says what may be done about it.
* The tasks and flows that a step has started, and theirs, are cancelled when it is: by a person, by an interrupt, or by
  its time; or when it fails because its work was lost. It ends, or is retried, once all of them have taken that. (A task
  that somebody cancels leaves its tasks alone.)
* Errors that a retry superseded do not keep a flow from being complete; denied plans keep their status (Q16).

Of what the specification leaves open these are not there: a step cannot say that no policy is to look at its plan (which
plans a policy applies to is the policy's to say); whether plans without changes are skipped is said by step, and not by
organisation (a generator knows whose flow it is); a seventh directive ``await-retry`` and a target's ``warning``, which
nothing would do anything about; errors of a group that is retried are discarded with it, and stay in their history.
"""
