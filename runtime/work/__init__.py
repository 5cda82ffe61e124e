"""The actors that do the work: thin shells around pure decisions.

    tree        which actors there are besides those of tasks, who supervises them, and where each is found
    intake      the front door: where all messages to tasks arrive
    submissions tasks and flows taken on: deduped, with their first decisions
    waking      tasks brought back that are due or were left awake, a page at a time
    delivery    what is said to one task: to its actor, which is woken for it, or to another instance
    deletion    tasks that sleep deleted
    beginnings  what those decided: stored in one commit, then begun
    roster      which tasks are in memory, and how their actors start
    unit        one task or flow: folds `decide` over what arrived, stores, then acts; both engines are driven by it
    births      how their actors begin; `duplicates`, when a submission is one that is known
    task        what is special about tasks; `flows`, about flows
    attempt     one attempt of one step, from skip conditions to checks; a child of its task's actor. What it is given,
                says and comes to is a `trial`; it performs its `action`, whose output has to fit a `schema`
    program     what a template alone decides about the attempts of a step
    watch       signs of life, progress, and a grace for runners that want one
    limits      what is limited, and by how much
    resources   hands out limited resources, to steps and to runs; `pools` says who is next
    slots       what a run holds of them, from its beginning to its end
    requests    what the messages to a task mean to its engine
    config      what templates see of the host's configuration
    heeding     the wishes of an attempt, checked and rendered
    family      children and parents: handed over, told
    preparing   what a submission is made of: inputs checked, title and tags rendered
    wakeups     brings back what is due, and what somebody left running
    claims      whose a task is, where other instances have tasks of the journal, too
    sharing     the parts that a runtime has where they do: `post` asks them and is asked, in `letters`; `following` tells
                those who listen here what they commit
    histories   what tasks were after a turn that was stored
    late        what a runtime that shuts down still records for tasks that others go on with
    holdups     names what holds up the end of a runtime; `failures`, what ended an actor that nothing should
    collector   deletes what ended long ago
    plans       what templates in use decide once for all their tasks
    judgement   the conditions of a step, rendered and evaluated
    broadcast   tells subscribers what happened, and waiters that a task came to rest
    durations   sums up how long the tasks of each template took
    news        what stored records mean to them

What flows between them: the intake stores a submission with its first decisions in one commit and starts a `TaskActor`
that owns the state. That actor starts an attempt per `StartStep`, which reports once; a retry is a record and a timer;
a task with nothing running leaves memory, and is brought back from its journal when a timer or a person calls for it.
"""
