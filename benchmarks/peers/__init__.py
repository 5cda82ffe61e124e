"""What peers do for each workload: scripts that run in environments of their own, and import nothing of ours.

A script is called with the name of one of its functions and its arguments as JSON, and prints what it measured as JSON.
"""
