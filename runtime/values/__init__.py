"""What ``{{ }}`` sees, and how it is rendered (spec sections 3.3 and 4).

    json          JSON as plain Python whose number literals survive
    snapshot      `Values`: the data tree of a task at one moment, immutable and shared
    gotemplate    Go's text/template and Sprig, in a package that knows nothing of tasks
    functions     what µTask adds to their functions
    javascript    the expressions of variables, in a small process that can be ended (`javascript_worker`)
    templates     templates kept compiled, rendered against `Values`
    evaluator     the front: what has nothing to render passes, and what renders is loaded for the first that has
    renderer      short things inline, long ones and scripts on one thread
    regex         RE2 patterns, for everything that searches with a pattern from a template

A step renders with the snapshot it was given, so what a template prints depends on nothing that happens meanwhile.
Whatever the text and the data, a rendering ends, soon, in a text or in a `TemplatingError`.
"""
