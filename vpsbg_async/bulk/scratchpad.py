"""What does for a run without a journal."""

from __future__ import annotations

import sqlite3

from .states import Admission, State, Verdict
from .work import Job

__all__ = ["Scratchpad"]

_IN_MEMORY = 10_000  # references


class Scratchpad:
    """For a run that nothing is to be left of: knows which references it has met."""

    def __init__(self) -> None:
        self._first: set[str] = set()
        self._database: sqlite3.Connection | None = None  # of the others

    async def admit(self, job: Job, position: int) -> Admission:  # noqa: ARG002
        """See `Records.admit`."""
        is_new = job.reference is None or self._is_new(job.reference)
        return Admission(identity="", verdict=Verdict.SEND if is_new else Verdict.REPEATED)

    async def send(self, identity: str, words: str, now: float) -> None:
        """See `Records.send`."""

    def settle(
        self,
        identity: str,
        state: State,
        now: float,
        *,
        ticket: int | None = None,
        reason: str | None = None,
    ) -> None:
        """See `Records.settle`."""

    async def close(self) -> None:
        """See `Records.close`."""
        if self._database is not None:
            self._database.close()

    def _is_new(self, reference: str) -> bool:
        if reference in self._first:
            return False
        if len(self._first) < _IN_MEMORY:
            self._first.add(reference)
            return True
        if self._database is None:
            self._database = _temporary()
        added = self._database.execute("INSERT OR IGNORE INTO met VALUES (?)", (reference,))
        return added.rowcount == 1


def _temporary() -> sqlite3.Connection:
    """A database in a temporary file, which SQLite writes to when its share of memory is full."""
    database = sqlite3.connect("", isolation_level=None)
    database.execute("CREATE TABLE met (reference TEXT PRIMARY KEY) WITHOUT ROWID")
    database.execute("BEGIN")
    return database
