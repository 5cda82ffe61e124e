"""What ``{{ }}`` sees, and how it is rendered.

::

    snapshot    the immutable data tree of a task; adding a step to it costs nothing that grows with the task
    evaluator   the door: `Evaluator.render`, `render_tree`, `render_result`; says what runs where, and what cancel does
    engine      Go templates; the only module that knows the library behind them
    views       data as that library wants to meet it, converted only where a template looks
    functions   the functions that are ours; patterns: ``regex*``; guards: what the others would cost
    meter       what one rendering may cost
    javascript  expressions, in a process of their own (javascript_worker is all that it runs)
    json, regex numbers that keep their literals; expressions that cannot hang

Rules
    * A template is anybody's text. Whatever it says, rendering it ends, soon, in a text or in a `TemplatingError`.
      Limits are counts of work, not seconds, so that one template on one snapshot always ends the same way.
    * A snapshot never changes. What a template changes (``set``) lasts for that rendering.
    * A number is printed as it was written, wherever it came from.
    * Nothing a template can call reaches the host; time and chance are given to the evaluator.
"""
