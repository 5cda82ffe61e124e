"""How the runtime is talked to: messages in, answers and events out.

Everything a user can do is a message: commands change something (`commands`), queries read (`queries`), events tell
what happened (`messages`). The in-process client, the command line and the server carry the same ones.

Modules
    commands, queries   what users say: one tagged union each
    fields, schema      how messages are declared, and the JSON Schemas made of that
    codec, checking     messages to and from JSON; what comes from outside is checked and refused with paths
    messages            what actors are handed: checked, rendered, with who asked; and the events
    client, handle      the in-process client, and what it gives for a task that was accepted
    asking              how what a program asks gets to the runtime, and what it is told where it does not
    templates           templates as users name them, and once they were checked
    submission          what is submitted, before and after it was checked
    operator            what a person does to a task that does not go on by itself
    feed                events in the order of the journal, from any position on
    library             making the templates that are known those of a folder, while the runtime runs
    callables           the names of functions in templates built in Python
    desk, access        does what messages say in the name of who sent them; who may send what
    answers             what the desk answers
    step_edits          steps that somebody sends back as they saw them, but for what they changed
    interventions       the comments that what people do to a task leaves on it
    tally               how many tasks there are of which kind, counted now and then
    views, shapes       what a reader is shown, in Python and as JSON; `showing`, which of it an answer comes to
    standstill          why a task does not move, in words
    flow_client         the part of the client about flows, and `flow_handle` what it gives for one
    flow_commands       ... of the messages (with `flow_queries`), `flow_desk` of the desk, `flow_access` of the rights
    flow_submission     what is submitted as a flow; `flow_checks` sees that its steps can be carried out here
    flow_messages       what the actors of flows are handed, and their events; `flow_views` shows them
"""
