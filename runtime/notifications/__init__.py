"""Notifications: telling people's tools what becomes of tasks and flows (spec section 10).

    settings    what is configured: backends, strategies, which events; checked at once, with paths
    notice      what is said about a task: pure, from the records of one turn; `flow_notice`, about a flow
    shapes      what each kind of backend wants to be sent, and which replies it takes for an answer: pure
    delivery    one HTTP exchange
    figures     how deliveries stand
    notifier    the actor that delivers: supervised, bounded, with retries
    setup       its place in a runtime's tree

The events: ``task_state_update``, ``task_step_update`` and ``task_validation`` (somebody has to take the task on);
``flow_state_update``, and ``flow_approval`` (somebody has to answer the plan of a step). A flow whose step failed and
waits to be mended is a failure to strategies, as a BLOCKED task is.

A turn of a task tells the notifier what it stored, after it was stored, and goes on: the notifier decides, by strategy,
who wants to know, and queues. What is said about one task reaches one backend in order; different tasks and different
backends do not wait for each other. Nothing is sent twice on purpose, a reply that got lost excepted; what cannot be
delivered after several tries, or does not fit the queue, is logged and counted. What is still to be delivered when a
process is killed is not told: who has to hear of everything follows the events from a position, or has a `notify` step.

Differences to µTask, on purpose (section 17.4): explicit messages of `notify` steps are always sent (Q50), strategies
for step events look at the step (Q52), and failures are retried.
"""
