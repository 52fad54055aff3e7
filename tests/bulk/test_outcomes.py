"""How outcomes are counted."""

from __future__ import annotations

import pytest

from vpsbg_async.bulk.outcomes import BulkOutcome, BulkStatus, BulkSummary, Tally
from vpsbg_async.bulk.states import State


def outcome(status: BulkStatus, *, mismatches: tuple[object, ...] | None = None) -> BulkOutcome:
    return BulkOutcome(position=1, reference=None, status=status, attachment_mismatches=mismatches)


class TestStatus:
    @pytest.mark.parametrize("state", [State.CREATED, State.REJECTED, State.UNKNOWN])
    def test_is_named_like_the_state_it_comes_of(self, state: State) -> None:
        assert BulkStatus(state) == state.value


class TestTally:
    def test_of_nothing(self) -> None:
        summary = Tally().summary(seconds=0.0, is_complete=False)
        assert summary == BulkSummary()
        assert summary.total == 0

    def test_counts_by_status(self) -> None:
        tally = Tally()
        for times, status in enumerate(BulkStatus, 1):
            for _ in range(times):
                tally.count(outcome(status))
        summary = tally.summary(seconds=1.5, is_complete=True)
        assert summary == BulkSummary(
            created=1, rejected=2, unknown=3, skipped=4, seconds=1.5, is_complete=True
        )
        assert summary.total == 10

    def test_counts_what_differs_and_not_what_was_not_compared(self) -> None:
        tally = Tally()
        for mismatches in (None, (), ("size",), ("size", "name")):
            tally.count(outcome(BulkStatus.CREATED, mismatches=mismatches))
        summary = tally.summary(seconds=0.0, is_complete=True)
        assert (summary.created, summary.mismatched, summary.total) == (4, 2, 4)

    def test_a_summary_stays_as_it_was(self) -> None:
        tally = Tally()
        early = tally.summary(seconds=0.0, is_complete=False)
        tally.count(outcome(BulkStatus.CREATED))
        assert early.total == 0
