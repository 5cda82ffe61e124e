"""What holds for every test: how long one takes depends on what else the machine does, and proves nothing."""

from hypothesis import HealthCheck, settings

settings.register_profile("no_clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no_clock")
