"""What does for a run without a journal."""

from __future__ import annotations

import sqlite3

from .states import Admission, State, Verdict
from .work import Job

__all__ = ["Scratchpad"]


class Scratchpad:
    """For a run that nothing is to be left of: knows which references it has met."""

    def __init__(self) -> None:
        # A temporary file, which SQLite writes to as soon as its share of memory is used up.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("CREATE TABLE met (reference TEXT PRIMARY KEY) WITHOUT ROWID")
        self._database.execute("BEGIN")

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
        self._database.close()

    def _is_new(self, reference: str) -> bool:
        added = self._database.execute("INSERT OR IGNORE INTO met VALUES (?)", (reference,))
        return added.rowcount == 1
