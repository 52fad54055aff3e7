"""A bulk run at a server that takes so many calls a minute.

    python -m benchmarks.limited [--tickets 300] [--limit 60] [--speed 20] [--json]

Tickets are created through ``create_many``, with the settings that everybody has: in virtual time,
and at a sandbox on a real socket by a clock that both sides share, which runs faster. Told is the
rate against the ideal, in which a full load leaves at the very start of each window. The call by
which a run sees that its key is accepted counts among them: 300 tickets are 301 calls. Beside it
stand how many calls were answered 429, and how many tickets were not created.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import tempfile
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import attrs

from vpsbg_async import VPSBG, TicketDraft
from vpsbg_async.core.clock import Clock
from vpsbg_async.events import Answered, Event
from vpsbg_async.sandbox import Sandbox

from .virtual import LimitedServer, VirtualClock, run

__all__ = ["Measured", "on_a_socket", "virtually"]

_WINDOW = 60.0  # seconds


@attrs.frozen(kw_only=True)
class Measured:
    """What a run has shown.

    Attributes:
        name: Which.
        created: How many tickets were created.
        failed: How many were not.
        refused: How many calls were answered 429.
        seconds: How long it took.
        ideal: How long it would have taken at best.
    """

    name: str
    created: int
    failed: int
    refused: int
    seconds: float
    ideal: float

    @property
    def rate(self) -> float:
        """The rate, as a part of the ideal."""
        return self.ideal / self.seconds


def virtually(tickets: int, limit: int) -> Measured:
    """Create tickets in virtual time."""

    async def measured() -> Measured:
        server, clock = LimitedServer(limit=limit), VirtualClock()
        async with VPSBG("key", transport=server, clock=clock) as vps:
            return await _create(vps, tickets, limit, "in virtual time")

    return run(measured())


async def on_a_socket(tickets: int, limit: int, speed: float) -> Measured:
    """Create tickets at a sandbox, with a journal, by a clock that runs so many times as fast."""
    clock = Clock(speed)
    with tempfile.TemporaryDirectory() as name:
        async with (
            Sandbox(clock=clock.time, rate_limit=limit) as sandbox,
            VPSBG(sandbox.api_key, base_url=sandbox.url, clock=clock) as vps,
        ):
            journal = Path(name, "run.journal")
            measured = await _create(vps, tickets, limit, "on a socket", journal)
            assert len(sandbox.tickets) == measured.created
            return measured


async def _create(
    vps: VPSBG, tickets: int, limit: int, name: str, journal: Path | None = None
) -> Measured:
    refused = 0

    def count(event: Event) -> None:
        nonlocal refused
        is_refusal = isinstance(event, Answered) and event.status == HTTPStatus.TOO_MANY_REQUESTS
        refused += is_refusal

    async with vps.tickets.create_many(_drafts(tickets), journal=journal, on_event=count) as bulk:
        async for _ in bulk:
            pass
    calls = tickets + 1
    return Measured(
        name=name,
        created=bulk.summary.created,
        failed=bulk.summary.total - bulk.summary.created,
        refused=refused,
        seconds=bulk.summary.seconds,
        ideal=_WINDOW * (math.ceil(calls / limit) - 1),
    )


def _drafts(tickets: int) -> Iterator[TicketDraft]:
    for number in range(tickets):
        yield TicketDraft(department_id=2, subject=f"Ticket {number}", message=f"No. {number}.")


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tickets", type=int, default=300, help="how many tickets")
    parser.add_argument("--limit", type=int, default=60, help="calls a minute")
    parser.add_argument("--speed", type=float, default=20.0, help="of the clock on the socket")
    parser.add_argument("--json", action="store_true", help="write JSON")
    arguments = parser.parse_args()
    tickets, limit = arguments.tickets, arguments.limit
    measured = [
        virtually(tickets, limit),
        asyncio.run(on_a_socket(tickets, limit, arguments.speed)),
    ]
    if arguments.json:
        told = [attrs.asdict(item) | {"rate": round(item.rate, 4)} for item in measured]
        print(json.dumps(told, indent=2))
        return
    columns = ("created", "failed", "429", "seconds", "ideal", "rate")
    print(" " * 16 + "".join(f"{column:>9}" for column in columns))
    for item in measured:
        print(
            f"{item.name:16}{item.created:9}{item.failed:9}{item.refused:9}"
            f"{item.seconds:9.1f}{item.ideal:9.1f}{item.rate:9.3f}"
        )


if __name__ == "__main__":
    main()
