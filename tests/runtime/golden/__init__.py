"""Journals as past versions wrote them. They are added to, never changed: what users have stored looks like them.

``python -m tests.runtime.golden VERSION`` writes ``VERSION.journal``: histories of tasks that use what the engine has,
each with the state it led to, and one filled-in record of every kind; and ``VERSION.db``, a store. Run it once a release.
"""
