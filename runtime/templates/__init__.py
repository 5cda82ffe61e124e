"""Task templates: the model, how it is read from YAML, and what is wrong with a bad one.

::

    file ──files──> text ──yaml (scalars)──> JSON data ──loading (fields)──> model ──validation──> template to run
                                                 ^                             ^
                                       a mapping in Python          objects built in Python (plain)

    validation ── step_rules ── condition_rules      each rule reports to one Check (checking), which knows the
               ── inputs (declarations)              template, the action types (actions) and what could not be read
               ── lint ── handles, schema_paths
               ── syntax                             each text, compiled
    functions (files)                                the functions that steps may call, checked by the same rules
    editor                                               the same model as JSON Schemas, for editors
    catalogue                                            the templates that a runtime knows by name
    calls                                            what follows from a call: conditions, states, the way to the runner
    graph, schemas, paths, faults                    tools that know no rule

`validation.check_file` and `check_data` read and check at once; `validate` checks objects built in Python. All give
the template to run, in which what the rules fill in is filled in (the functions that it uses among it), and warnings;
or raise `TemplateInvalid`.

Rules
    * Every fault at once, in document order, each with its path, and its line where there is a text. A part that could
      not be read is reported once: what it would break further on is kept quiet (`faults.Doubts`).
    * A thousand faults are enough, and ten hints: both bound what a hostile document can cost.
    * No document can hang or exhaust the program. Files, nodes, depth, aliases and patterns have limits, every walk
      over what an author controls is linear, and nothing recurses deeper than the 200 levels that JSON may have here.
    * What µTask takes is taken, so that old templates run: what looks like a mistake there is a warning, and a fault
      only under `strict`. Refused against its custom are duplicate keys, second documents, unknown tags, and what the
      list of its own faults (section 17.3) calls one.
"""
