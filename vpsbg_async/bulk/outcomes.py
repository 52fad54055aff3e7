"""What becomes of the items of a run."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from enum import StrEnum

import attrs

from ..errors import VPSBGError

__all__ = ["BulkOutcome", "BulkStatus", "BulkSummary", "Tally"]


class BulkStatus(StrEnum):
    """What has become of an item."""

    CREATED = "created"
    """It exists."""
    REJECTED = "rejected"
    """It was not created, for the reason that its error tells."""
    UNKNOWN = "unknown"
    """It may exist, and nobody could tell."""
    SKIPPED = "skipped"
    """An earlier run with the same journal has created it."""


@attrs.frozen(kw_only=True)
class BulkOutcome:
    """What has become of one item.

    Attributes:
        position: Which draft of the input it was, from 1.
        reference: The draft's reference, None if it has none.
        status: What has become of it.
        ticket_id: Id of its ticket, None if there is none or it is not known.
        error: Why it was rejected or is unknown.
        attachment_mismatches: What differs from what was sent, each an `AttachmentMismatch`, whose
            text is for people; None if nothing was compared.
        attempts: How many times this run sent it, or tried to.
        started_at: When this run first sent it, None if it did not.
        seconds: How long it took from then on.
    """

    position: int
    reference: str | None
    status: BulkStatus
    ticket_id: int | None = None
    error: VPSBGError | None = None
    attachment_mismatches: tuple[object, ...] | None = None
    attempts: int = 0
    started_at: datetime | None = None
    seconds: float = 0.0


@attrs.frozen(kw_only=True)
class BulkSummary:
    """How a run has gone so far.

    Attributes:
        created: How many items were created.
        rejected: How many were not.
        unknown: Of how many it is not known.
        skipped: How many an earlier run had created.
        mismatched: How many were created with other files than were sent, as the answers tell.
        seconds: How long the run took, or has taken so far.
        is_complete: Whether the input has come to its end, and each item of it has its outcome.
    """

    created: int = 0
    rejected: int = 0
    unknown: int = 0
    skipped: int = 0
    mismatched: int = 0
    seconds: float = 0.0
    is_complete: bool = False

    @property
    def total(self) -> int:
        """How many items have their outcome."""
        return self.created + self.rejected + self.unknown + self.skipped


class Tally:
    """Counts outcomes."""

    def __init__(self) -> None:
        self._counts: Counter[BulkStatus] = Counter()
        self._mismatched = 0

    def count(self, outcome: BulkOutcome) -> None:
        """Add an outcome."""
        self._counts[outcome.status] += 1
        self._mismatched += bool(outcome.attachment_mismatches)

    @property
    def total(self) -> int:
        """How many were counted."""
        return self._counts.total()

    def summary(self, *, seconds: float, is_complete: bool) -> BulkSummary:
        """What was counted so far."""
        return BulkSummary(
            **{status.value: self._counts[status] for status in BulkStatus},
            mismatched=self._mismatched,
            seconds=seconds,
            is_complete=is_complete,
        )
