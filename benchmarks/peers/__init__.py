"""What peers do for each workload: scripts that run in environments of their own, and import nothing of ours."""
