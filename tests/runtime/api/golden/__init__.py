"""What messages look like in JSON, kept: `messages.json` holds one of each, `schema.json` the schemas of all.

``python -m tests.runtime.api.golden`` writes the schemas anew, and an example for each message that has none. A change
here is a change of the interface that programs of others rely on.
"""
