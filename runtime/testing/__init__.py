"""What tests and benchmarks of your own need.

* `laws`: the laws of a runner, as plain functions (they need ``understudy[testing]``)
* `load`: a load of tasks on a runtime, and how it took it
"""

from runtime.testing.load import LoadReport, load

__all__ = ("LoadReport", "load")
