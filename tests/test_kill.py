"""A bulk run whose process is killed again and again: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

import pytest

from benchmarks.kill import CONCURRENCY, Moment, Verdict, measure
from vpsbg_async.bulk.states import State

TICKETS, KILLS = 120, 8
SEED = 69  # by which the first kill comes late enough for something to be created before it

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    return asyncio.run(measure(tickets=TICKETS, kills=KILLS, seed=SEED))


def test_each_moment_was_met_twice(verdict: Verdict) -> None:
    """Or what is measured is something else."""
    assert Counter(kill.moment for kill in verdict.kills) == dict.fromkeys(Moment, 2)
    assert verdict.escaped == 0
    assert verdict.faults > TICKETS // 10


def test_every_ticket_exists_once_with_its_files(verdict: Verdict) -> None:
    assert verdict.once == TICKETS
    assert (verdict.lost, verdict.duplicated, verdict.mangled) == (0, 0, 0)


def test_the_journal_knows_all_of_them(verdict: Verdict) -> None:
    assert verdict.counts == dict.fromkeys(State, 0) | {State.CREATED: TICKETS}
    assert verdict.summary["is_complete"]
    assert verdict.summary["created"] + verdict.summary["skipped"] == TICKETS
    assert verdict.summary["troubles"] == []


def test_no_more_than_what_was_under_way_is_in_doubt(verdict: Verdict) -> None:
    assert max(kill.sent + kill.unknown for kill in verdict.kills) <= CONCURRENCY


def test_what_exists_is_known_or_in_doubt(verdict: Verdict) -> None:
    for kill in verdict.kills:
        assert kill.created <= kill.exist <= kill.created + kill.sent + kill.unknown


def test_what_is_about_to_leave_is_in_doubt(verdict: Verdict) -> None:
    for kill in verdict.kills:
        assert kill.sent or kill.moment is Moment.ANSWERED


def test_what_was_done_and_not_answered_exists_beyond_what_is_known(verdict: Verdict) -> None:
    for kill in verdict.kills:
        assert kill.exist > kill.created or kill.moment is not Moment.PROCESSED
