"""What a bulk run costs beside a plain loop, and what its journal costs.

    python -m benchmarks.bulk [--tickets 1000] [--rounds 12] [--quick] [--json] [--folder DIR]

Eight tasks that call ``create`` over one iterator, ``create_many``, and ``create_many`` with a
journal take turns in one process, a short block each, so that whatever else the machine does hits
them alike. The server is a process of its own that answers at once and does nothing else. The
tickets have no files: what a run adds weighs the most beside the smallest calls. Told are the
processor time of the client, threads included, and the tickets a second; what it takes to begin and
to end a run is told by itself. A journal waits for the disk: beside it stands what that disk takes
for one write of 4 KiB that lasts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from vpsbg_async import VPSBG, TicketDraft

from .contest import Cost
from .sink import sink

__all__ = ["LOOP", "MANY", "WITH_JOURNAL", "Measured", "Told", "measure"]

CONCURRENCY = 8
LOOP = "a loop of create"
MANY = "create_many"
WITH_JOURNAL = "with a journal"

_QUICK = 50, 3  # tickets, rounds


@attrs.frozen
class Block:
    """One turn of a contender.

    Attributes:
        cost: What its tickets took.
        around: What it took to begin and to end.
    """

    cost: Cost
    around: Cost = attrs.field(factory=Cost)


Contender = Callable[[VPSBG, Iterator[TicketDraft]], Awaitable[Block]]


async def loop(vps: VPSBG, drafts: Iterator[TicketDraft]) -> Block:
    """What is written without this package's help."""

    async def work() -> None:
        for draft in drafts:
            await vps.tickets.create(
                department_id=draft.department_id,
                subject=draft.subject,
                message=draft.message,
                on_unknown="reconcile",  # as the others do
            )

    before = Cost.now()
    await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
    return Block(Cost.now() - before)


def many(journal: Path | None) -> Contender:
    """A bulk run."""

    async def contend(vps: VPSBG, drafts: Iterator[TicketDraft]) -> Block:
        before = Cost.now()
        async with vps.tickets.create_many(drafts, journal=journal, concurrency=CONCURRENCY) as run:
            begun = Cost.now()
            async for outcome in run:
                assert outcome.error is None
            cost = Cost.now() - begun
        around = Cost.now() - before - cost
        return Block(cost, around)

    return contend


def make_drafts(tickets: int, turn: int) -> Iterator[TicketDraft]:
    """Small tickets, all different."""
    for number in range(tickets):
        name = f"{turn}/{number}"
        yield TicketDraft(
            department_id=2,
            subject="Server misbehaves",
            message=f"It does, case {name}.",
            reference=name,
        )


@attrs.frozen(kw_only=True)
class Measured:
    """What a contender takes.

    Attributes:
        cpu: Processor time of the client for a ticket, in microseconds; the median of the blocks.
        rate: Tickets a second; the median of the blocks.
        of_loop: The same as a part of what the loop makes, each block beside that of its round; the
            median.
        around: Milliseconds to begin and to end a run; the median.
    """

    cpu: float
    rate: float
    of_loop: float
    around: float


@attrs.frozen(kw_only=True)
class Told:
    """What was measured.

    Attributes:
        contenders: What each contender takes, by name.
        sync: What the disk takes for a write that lasts, in microseconds; the median.
        syncs: How many of these it makes a second.
        journal_cpu: Processor time that a journal adds to a ticket, in microseconds.
    """

    contenders: Mapping[str, Measured]
    sync: float
    syncs: float
    journal_cpu: float


async def measure(url: str, *, tickets: int, rounds: int, folder: Path) -> Told:
    """Let all contenders take turns.

    Args:
        url: Where they are created.
        tickets: How many a block has.
        rounds: How many blocks each has.
        folder: Where the journal is.
    """
    contenders: dict[str, Contender] = {
        LOOP: loop,
        MANY: many(None),
        WITH_JOURNAL: many(folder / "run.journal"),
    }
    blocks: dict[str, list[Block]] = {name: [] for name in contenders}
    syncs: list[float] = []
    async with VPSBG("key", base_url=url) as vps:
        for turn in range(-1, rounds):  # the first is for nothing but warmth
            names = [*contenders]
            for name in names[turn % 3 :] + names[: turn % 3]:
                block = await contenders[name](vps, make_drafts(tickets, turn))
                if turn >= 0:
                    blocks[name].append(block)
            syncs += await asyncio.to_thread(_sync, folder / "sync")
    found = {name: _measured(mine, blocks[LOOP], tickets=tickets) for name, mine in blocks.items()}
    sync = statistics.median(syncs)
    return Told(
        contenders=found,
        sync=sync * 1e6,
        syncs=1 / sync,
        journal_cpu=found[WITH_JOURNAL].cpu - found[MANY].cpu,
    )


def _measured(mine: Sequence[Block], loops: Sequence[Block], *, tickets: int) -> Measured:
    return Measured(
        cpu=statistics.median(block.cost.cpu for block in mine) / tickets * 1e6,
        rate=tickets / statistics.median(block.cost.seconds for block in mine),
        of_loop=statistics.median(
            theirs.cost.seconds / block.cost.seconds
            for block, theirs in zip(mine, loops, strict=True)
        ),
        around=statistics.median(block.around.seconds for block in mine) * 1e3,
    )


def _sync(path: Path) -> list[float]:
    """How long some writes take that last."""
    taken: list[float] = []
    with path.open("ab", buffering=0) as file:
        for _ in range(20):
            began = time.perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - began)
    return taken


async def _run(tickets: int, rounds: int, folder: Path) -> Told:
    async with sink() as far_end:
        return await measure(far_end.url, tickets=tickets, rounds=rounds, folder=folder)


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tickets", type=int, default=1000, help="how many a block has")
    parser.add_argument("--rounds", type=int, default=12, help="how many blocks each has")
    parser.add_argument("--quick", action="store_true", help="few and small blocks")
    parser.add_argument("--json", action="store_true", help="write JSON")
    parser.add_argument("--folder", type=Path, help="where the journal is to be")
    arguments = parser.parse_args()
    tickets, rounds = _QUICK if arguments.quick else (arguments.tickets, arguments.rounds)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        told = asyncio.run(_run(tickets, rounds, Path(name)))
    if arguments.json:
        print(json.dumps(attrs.asdict(told), indent=2))
        return
    columns = ("cpu us", "tickets/s", "of loop", "around ms")
    print(" " * 20 + "".join(f"{column:>11}" for column in columns))
    for name, item in told.contenders.items():
        print(f"{name:20}{item.cpu:11.0f}{item.rate:11.0f}{item.of_loop:11.3f}{item.around:11.1f}")
    print(
        f"\nA journal adds {told.journal_cpu:.0f} us of processor time to a ticket. "
        f"A write that lasts takes {told.sync:.0f} us here: {told.syncs:.0f} a second."
    )


if __name__ == "__main__":
    main()
