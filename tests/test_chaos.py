"""Tickets while one request in five goes wrong: none lost, none twice, none with other files."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from benchmarks.chaos import measure, ours
from benchmarks.workload import Verdict
from vpsbg_async import VPSBG, ReconcilePolicy
from vpsbg_async.sandbox import Fault, Faults, Listing, Sandbox
from vpsbg_async.testing import Clock

RATE = 0.2
SEED = 7

TICKET: dict[str, Any] = {"department_id": 2, "subject": "Down", "message": "It is down."}


def check(verdict: Verdict, creates: int) -> None:
    """What holds whatever the server does."""
    assert verdict.faults > creates * RATE / 2, "too little went wrong to show anything"
    assert (verdict.lost, verdict.duplicated, verdict.mangled) == (0, 0, 0)


async def test_each_exists_once() -> None:
    verdict = await measure(ours(on_unknown="reconcile"), creates=400, rate=RATE, seed=SEED)
    check(verdict, 400)
    assert (verdict.once, verdict.refused, verdict.unknown) == (400, 0, 0)


@pytest.mark.parametrize("listing", [item for item in Listing if item is not Listing.NEWEST_FIRST])
async def test_of_another_listing_nothing_is_believed(listing: Listing) -> None:
    verdict = await measure(
        ours(on_unknown="reconcile"), creates=100, rate=RATE, seed=SEED, listing=listing
    )
    check(verdict, 100)
    assert verdict.refused == 0


async def test_a_marker_sees_through_identical_words() -> None:
    verdict = await measure(
        ours(on_unknown="reconcile", reference_marker=True), creates=100, rate=RATE, seed=SEED
    )
    check(verdict, 100)
    assert (verdict.refused, verdict.unknown) == (0, 0)


async def test_without_reconciliation_every_doubt_is_told() -> None:
    verdict = await measure(ours(on_unknown="raise"), creates=400, rate=RATE, seed=SEED)
    check(verdict, 400)
    assert verdict.refused == 0
    assert verdict.unknown > 0


@pytest.mark.parametrize(("settle_late", "exist"), [(3.0, 1), (0.05, 2)])
async def test_a_creation_after_the_settling_delay_is_the_double_that_is_left(
    settle_late: float, exist: int
) -> None:
    """With a delay that is longer than the server takes, there is none."""
    shift = -3600.0
    clock = Clock()
    async with Sandbox(
        clock=lambda: clock.time() + shift, faults=Faults.scripted(lateness=0.5)
    ) as sandbox:
        async with VPSBG(sandbox.api_key, base_url=sandbox.url) as other:
            await other.tickets.create(department_id=2, subject="Old", message="An hour ago.")
        shift = 0.0
        policy = ReconcilePolicy(settle_late=settle_late, margin=2.0)
        async with VPSBG(sandbox.api_key, base_url=sandbox.url, reconcile=policy) as vps:
            await vps.tickets.create(department_id=2, subject="Known", message="It is known.")
            sandbox.faults.add(Fault.LATE)
            ticket = await vps.tickets.create(**TICKET, on_unknown="reconcile")

        def exist_now() -> list[int]:
            return [item.id for item in sandbox.tickets if item.subject == "Down"]

        while len(exist_now()) < exist:  # noqa: ASYNC110 - the sandbox tells nobody
            await asyncio.sleep(0.01)
        assert len(exist_now()) == exist
        assert ticket.id in exist_now()
