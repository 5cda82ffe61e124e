"""What is left when the world ends in the middle: crashes, scenarios   the scenarios of flows x every fault point: ``python -m tests.crash.scenarios``
kills and power cuts.

product     every fault point x every record of flows that use each feature of the engine, in one process
kills       a real process, killed at random moments: ``python -m tests.crash --rounds N --seed S``
power       the writes to a store's files since they were last synced, dropped and torn
"""
