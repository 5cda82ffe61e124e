"""Policies: rules that a plan has to keep before anybody is asked about it (spec section 9).

A `Policy` says which plans it is about and finds what breaks it. Two kinds are built in, `SchemaPolicy` (assertions in
JSON Schema) and `CelPolicy` (expressions in CEL, with the extra ``understudy[policies]``); a program may bring its own.

All policies that apply to a plan are evaluated side by side, once each, with two minutes at most. The built-in kinds are
evaluated in a process of their own, that is killed when its time is over: whatever a rule does, it harms nobody else. A
policy that breaks is recorded, and does not keep the others from counting.

Modules
    protocol    `Policy` and the plan it is shown
    schema      assertions in JSON Schema
    cel         expressions in CEL
    isolated    the process they are evaluated in, and `judges`, what it does there
    evaluation  all that apply, side by side
    files       policies as a file
"""
