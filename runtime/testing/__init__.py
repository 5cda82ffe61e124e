"""What tests and benchmarks of your own need.

* `rehearsal`: one task of a template with fakes in place of what its steps would do, in a few lines and no time
* `laws`: the laws of a runner, as plain functions (they need ``understudy[testing]``)
* `load`: a load of tasks on a runtime, and how it took it
"""

from runtime.runner import ClientError, NotAssigned, NotProvisioned, Outcome, StepFailed
from runtime.testing.load import LoadReport, load
from runtime.testing.rehearsal import Call, FakesInvalid, Rehearsal, rehearse, rehearse_here

__all__ = (
    "Call",
    "ClientError",
    "FakesInvalid",
    "LoadReport",
    "NotAssigned",
    "NotProvisioned",
    "Outcome",
    "Rehearsal",
    "StepFailed",
    "load",
    "rehearse",
    "rehearse_here",
)
