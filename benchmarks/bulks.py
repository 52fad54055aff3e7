"""Bulk runs, held against their targets: see `benchmarks.bulk` and `benchmarks.limited`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from . import bulk, limited
from .contest import Target, Verdict
from .report import Case, Plan

__all__ = ["measure"]

_TICKETS, _ROUNDS = 2000, 10  # 20,000 for each
_LIMITED, _LIMIT = 300, 60  # tickets, calls a minute


async def measure(plan: Plan) -> AsyncIterator[Case]:
    """A bulk run beside a loop, what a journal adds, and a run under a rate limit."""
    yield await _beside_a_loop(plan)
    yield await asyncio.to_thread(_under_a_limit, plan)  # it has an event loop of its own


async def _beside_a_loop(plan: Plan) -> Case:
    told = await bulk.measure(
        plan.sink.url,
        tickets=plan.scaled(_TICKETS),
        rounds=plan.rounds(_ROUNDS),
        folder=plan.folder,
    )
    name = "create_many, 20,000 tickets"
    many = told.contenders[bulk.MANY]
    return Case(
        name=name,
        verdicts=[
            Verdict(
                case=name,
                figure="tickets a second, of a bounded loop of create",
                measured=many.of_loop,
                target=Target(value=0.9, at_least=True),
            ),
            Verdict(
                case=name,
                figure="processor time that a journal adds to a ticket",
                measured=told.journal_cpu,
                target=Target(value=200),
                unit="µs",
            ),
        ],
    )


def _under_a_limit(plan: Plan) -> Case:
    tickets = _LIMIT + 1 if plan.quick else _LIMITED
    found = limited.virtually(tickets, _LIMIT)
    windows = found.ideal / 60 + 1
    name = f"{tickets} tickets at {_LIMIT} a minute, in virtual time"
    return Case(
        name=name,
        verdicts=[
            Verdict(
                case=name,
                figure="rate, of the ideal",
                measured=found.rate,
                target=Target(value=0.97, at_least=True),
            ),
            Verdict(
                case=name,
                figure="answers 429 a window",
                measured=found.refused / windows,
                target=Target(value=1),
            ),
        ],
    )
