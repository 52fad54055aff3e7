"""``vpsbg tickets import`` and ``vpsbg tickets journal``: many tickets from a file.

The `command` has the file checked (`inputs`), or shows what it would send (`preview`). An `Import`
sends it through a bulk run. Meanwhile a `Standing` counts and a display shows it, a `Report` keeps
what became of each row, and in the end an `Ending` tells the rest. `journals` shows what an earlier
run has left.
"""

from .command import import_tickets
from .journals import journal

__all__ = ["import_tickets", "journal"]
