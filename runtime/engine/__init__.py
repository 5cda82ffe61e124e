"""The task engine: pure decisions over one task (spec sections 5 to 7).

`decide(task, event)` is synchronous, pure and total. It looks at nothing but its arguments: time arrives inside the
event, and so does everything that a template printed, because rendering happens in the step's own actor. It gives a
`Decision`: the new state, the records that lead to it, and the effects to perform once those are stored. Folding the
records over the old state gives the new one (`apply`), so replaying a journal rebuilds what memory held.

Modules
    states      the names of states and what each of them means
    graph       the static dependency graph: who needs whom, in which states
    persistent  maps of which an old version stays valid
    task        the state of one task, which is made of those
    records     what happened, as stored
    draft       a task being changed: applies records, keeps the derived indexes, O(what changed)
    waits       the part of it that keeps count of what steps wait for
    events      what can happen to a task
    effects     what is to be done about it
    decision    `decide`
    handover    what most events come to, without a draft: a step ended well, and others begin
    family      the part of it about wishes: children, callbacks, parents
    operations  the part of it about operators: pause, extend, start over, edits
    interrupts  the part of it about attempts that somebody has cut
    edits       the part of a draft that takes in what operators changed; `comments`, what people say
    birth       the task that a submission begins
    infos       what templates see of the task itself
    turn        a decision in the making: a draft, and what is to be stored and done
    rights      who may do what to a task
    conditions  the ten operators
    retry       the delays between runs

Rules that differ from the original on purpose
    * What a step sees is fixed when its attempt begins: its templates, conditions included, are rendered with the values
      of that moment plus its own result, so that the final states do not depend on the order in which parallel steps
      happen to finish.
    * A task keeps the template it was submitted with, until it is started over; a template that changed meanwhile can
      make no running task invalid.
    * Nothing is polled. A step that waits for children, flows or callbacks sleeps until what it waits for has happened,
      and is not tried again before; a child, or a flow, tells its parent that it ended, or is blocked (Q55), until the
      parent has recorded it. Only a step in WAITING of which nobody knows what it waits for is tried once more before
      its run ends.
    * A blocked task is woken by a child only when that child's step is all that blocks it.
    * Operators may act while a task runs: cancel at once, pause with force (Q22), have an attempt cut that hangs. A
      task that was cancelled, cut, paused or edited records who wanted it and why.
    * A task that is cancelled before anybody has taken it on is WONTFIX.

Quirks of the original that are not reproduced (sections 17.2 to 17.4): Q1 (a skipped step that no condition moved is
DONE), Q2 (a run that was cut is followed by the next at once), Q3 (no non-final state lets a task end DONE), Q4 (an
AFTERRUN_ERROR step gets the state of its action back before its checks are asked again), Q5 and Q6 (formats and messages
are rendered anew each time, and what came out is never rendered), Q7 and Q8 (the ordering operators compare decimal
numbers, in either case), Q9 (a pattern that does not compile is an evaluation error), Q10 (a shortage of resources leaves
the output alone), Q11 (the children of a loop have its pre-hook and its delay, and are children whatever their item),
Q12 (the arguments of a function are seen in its pre-hook too, and nowhere outside the call), Q13 (a pre-hook that fails
gives the step the state that a failing action would), Q14 (delays are texts too, and are cancelled with their step), Q15
(what templates see of a step is always complete), Q16 (dependencies may name the states that functions contribute, and
conditions of functions are checked like others), Q17 (what cannot be stored is not done), Q22, Q24 and Q25 (registries
belong to a runtime and stay usable), Q26 (a step skipped once may run later), Q31 and Q32 (defaults of inputs are there
before the title is rendered, and for resolvers too), Q33 (an edit leaves alone what it does not name), Q35 (a delay is
kept for whoever takes the task on), Q53 (a call that comes while the task runs wakes it afterwards), Q55 and Q56 (a batch
slides, and tells what its children came to).
"""
