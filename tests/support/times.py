"""When tests on a virtual clock begin."""

EPOCH = 1_700_000_000.0
"""In Unix seconds."""
