"""What holds for every test: property tests draw the same examples each time, and no clock judges them.

`pytest --hypothesis-profile=search` draws new ones.
"""

from hypothesis import HealthCheck, settings

settings.register_profile("same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("same")
