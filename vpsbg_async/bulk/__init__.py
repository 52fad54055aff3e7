"""Many creations in one run: a bounded window, outcomes as they come, a journal to resume by.

What is created is no matter here: a run is handed `Work`, which makes a `Job` of each draft. The
`BulkRun` takes draft after draft, and each `Item` has its job done. `Records` tell which need not
be done, and remember what became of the others: a `Scratchpad` while the run lasts, a `Journal` for
the next one. A journal is a `Book` in a file, and a `Writer`, the thread in which it is written.
"""

from .outcomes import BulkOutcome, BulkStatus, BulkSummary
from .run import BulkRun
from .work import Doubt, Job, Made, Past, Work

__all__ = [
    "BulkOutcome",
    "BulkRun",
    "BulkStatus",
    "BulkSummary",
    "Doubt",
    "Job",
    "Made",
    "Past",
    "Work",
]
