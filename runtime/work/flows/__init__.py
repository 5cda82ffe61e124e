"""What is special about flows among the actors: how their effects are performed. All else they share with tasks.

Modules
    actor       one flow: its messages as events (`requests`), its effects as children
    late        what is still recorded of flows while a runtime shuts down
    labour      the work of one step: the attempt of a task's step, and what it says to the flow
    children    the tasks that a step wishes for
    asking      what is asked on the way: generators, plans, policies, hooks
    birth       the first records of a flow
    door        flows that steps of tasks want run
    turns       of the flows of one owner one runs at a time
    news        what stored records mean to those who watch
"""
