"""What becomes of each outcome of an import: it is counted, written down, told or kept."""

from __future__ import annotations

import attrs

from ...bulk import BulkOutcome, BulkStatus
from .. import output
from ..exits import FailedError
from .report import Report
from .standing import Standing

__all__ = ["Failure", "Intake"]

_KEPT = 1000  # failures; nobody reads more of them at a time


@attrs.frozen(kw_only=True)
class Failure:
    """A row that was not created, or of which it is not known.

    Attributes:
        position: Which row it is, from 1.
        reference: Its reference, None if it has none.
        status: Which of the two.
        reason: Why.
    """

    position: int
    reference: str | None
    status: BulkStatus
    reason: str

    def __str__(self) -> str:
        return f"{_row(self.position, self.reference)} {self.status}: {self.reason}"


class Intake:
    """Takes the outcomes of an import in.

    Args:
        standing: Counts them.
        report: Where they are written down, if anywhere.
        as_json: Whether to tell of them in JSON.
        tells_failures: Whether to tell of each failure as it comes. Warnings are told always.

    Attributes:
        failures: The failures, the first 1,000 in the order in which they came.
        more: How many there are beside these.
    """

    def __init__(
        self,
        standing: Standing,
        report: Report | None = None,
        *,
        as_json: bool = False,
        tells_failures: bool = False,
    ) -> None:
        self.failures: list[Failure] = []
        self.more = 0
        self._standing = standing
        self._report = report
        self._as_json = as_json
        self._tells_failures = tells_failures

    def take(self, outcome: BulkOutcome) -> None:
        """Take an outcome in.

        Raises:
            FailedError: It could not be written down; no other is after that.
        """
        self._standing.count(outcome)
        if outcome.status in (BulkStatus.REJECTED, BulkStatus.UNKNOWN):
            self._keep(outcome)
        else:
            self._warn(outcome)
        self._write_down(outcome)

    def _keep(self, outcome: BulkOutcome) -> None:
        failure = Failure(
            position=outcome.position,
            reference=outcome.reference,
            status=outcome.status,
            reason=str(outcome.error),
        )
        if len(self.failures) < _KEPT:
            self.failures.append(failure)
        else:
            self.more += 1
        if self._tells_failures:
            facts = attrs.asdict(failure, filter=attrs.filters.exclude("reason"))
            output.tell("note", str(failure), as_json=self._as_json, **facts)

    def _warn(self, outcome: BulkOutcome) -> None:
        """Tell of what is not as it should be with a ticket that exists."""
        found = outcome.attachment_mismatches or ()
        row = _row(outcome.position, outcome.reference)
        for mismatch in found:
            output.tell(
                "warning",
                f"{row} was created, but not as it should be: {mismatch}",
                as_json=self._as_json,
                position=outcome.position,
                reference=outcome.reference,
                ticket_id=outcome.ticket_id,
            )

    def _write_down(self, outcome: BulkOutcome) -> None:
        if self._report is None:
            return
        try:
            self._report.add(outcome)
        except OSError as error:
            reason = error.strerror or error
            text = f"the report {self._report.path} cannot be written any more ({reason})"
            self._report = None
            raise FailedError(text) from error


def _row(position: int, reference: str | None) -> str:
    return f"row {position}" + ("" if reference is None else f" ({reference})")
