"""The rate gate in virtual time, against Laravel's fixed window of a minute.

    python -m benchmarks.gate [--creates 300] [--limit 60] [--json]

Tickets are created through the client, as fast as it lets them out, at a server that takes so many
calls a minute. Told is how long that took against the ideal, in which a full load leaves at the
very start of each window, and how many calls were answered 429, each of which wastes an upload.
What another client takes of the limit is counted as work to be done.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import attrs

from vpsbg_async import VPSBG, Attachment, RetryPolicy

from .virtual import LimitedServer, VirtualClock, run

WINDOW = 60.0  # seconds
CONCURRENCY = 16
TEN_MINUTES = 600.0


@attrs.frozen(kw_only=True)
class Measured:
    """What a simulation has shown.

    Attributes:
        name: Which.
        seconds: How long it took.
        ideal: How long it would have taken at best.
        refused: How many calls of ours were answered 429.
        worst: The most of them within one window.
    """

    name: str
    seconds: float
    ideal: float
    refused: int
    worst: int

    @property
    def ratio(self) -> float:
        """Time over the ideal."""
        return self.seconds / self.ideal


async def alone(server: LimitedServer) -> None:
    """Nobody else calls."""
    del server


async def steady(server: LimitedServer) -> None:
    """Another client with the same key makes 20 calls a minute."""
    while True:
        await asyncio.sleep(3.0)
        server.be_called()


async def bursts(server: LimitedServer) -> None:
    """Another client makes 25 calls at a time: early in each window, and each time a bit later.

    Some fall between our own, which cannot know of them: all that are in flight are turned down.
    """
    while True:
        await asyncio.sleep(60.1)
        for _ in range(25):
            server.be_called()


Foreign = Callable[[LimitedServer], Awaitable[None]]


async def simulate(
    name: str,
    *,
    creates: int,
    limit: int,
    foreign: Foreign = alone,
    slow_uploads: int = 0,
    latency: tuple[float, float] = (0.05, 0.15),
) -> Measured:
    """Create tickets, beside another client and slow uploads of ours.

    Args:
        name: What it is called.
        creates: How many tickets.
        limit: How many calls a minute the server takes.
        foreign: What the other client does.
        slow_uploads: How many more tickets there are whose upload takes ten minutes.
        latency: Shortest and longest time to an answer, in seconds.
    """
    server = LimitedServer(limit=limit, latency=latency)
    vps = VPSBG(
        "key",
        transport=server,
        clock=VirtualClock(),
        retry=RetryPolicy(max_attempts=20, budget=None),
    )
    window = asyncio.Semaphore(CONCURRENCY)

    async def create(number: int) -> None:
        async with window:
            await vps.tickets.create(department_id=2, subject=f"Ticket {number}", message="Hello.")

    async def upload_slowly(number: int) -> None:
        stream = Attachment.from_stream(_slow, name="slow.bin")
        await vps.tickets.create(
            department_id=2, subject=f"Slow {number}", message="Hello.", attachments=[stream]
        )

    other = asyncio.ensure_future(foreign(server))
    slow = [asyncio.create_task(upload_slowly(number)) for number in range(slow_uploads)]
    started = asyncio.get_running_loop().time()
    await asyncio.gather(*map(create, range(creates)))
    seconds = asyncio.get_running_loop().time() - started
    refused = len(server.refused)
    windows = Counter(int(time // WINDOW) for time in server.refused)
    calls = creates + server.foreign
    other.cancel()
    await asyncio.gather(other, *slow, return_exceptions=True)
    return Measured(
        name=name,
        seconds=seconds,
        ideal=WINDOW * max(1, math.ceil(calls / limit) - 1),
        refused=refused,
        worst=max(windows.values(), default=0),
    )


async def _slow() -> AsyncIterator[bytes]:
    for _ in range(600):
        await asyncio.sleep(TEN_MINUTES / 600)
        yield bytes(1024)


def measure(creates: int, limit: int) -> list[Measured]:
    """All simulations."""
    simulated = partial(simulate, creates=creates, limit=limit)
    return [
        run(simulated("alone")),
        run(simulated("a steady foreign client", foreign=steady)),
        run(simulated("a foreign client in bursts", foreign=bursts)),
        run(simulated("three ten-minute uploads", slow_uploads=3)),
        run(simulated("answers out of order", latency=(0.05, 5.0))),
    ]


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--creates", type=int, default=300, help="how many tickets")
    parser.add_argument("--limit", type=int, default=60, help="calls a minute")
    parser.add_argument("--json", action="store_true", help="write JSON")
    arguments = parser.parse_args()
    measured = measure(arguments.creates, arguments.limit)
    if arguments.json:
        told = [attrs.asdict(item) | {"ratio": round(item.ratio, 4)} for item in measured]
        print(json.dumps(told, indent=2))
        return
    print(f"{'':28}{'seconds':>9}{'ideal':>9}{'ratio':>9}{'429':>6}{'a window':>10}")
    for item in measured:
        print(
            f"{item.name:28}{item.seconds:9.1f}{item.ideal:9.1f}{item.ratio:9.3f}"
            f"{item.refused:6}{item.worst:10}"
        )


if __name__ == "__main__":
    main()
