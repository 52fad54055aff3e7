"""Memory of a bulk run, whose length must not matter.

    python -m benchmarks.flat [--tickets 100000] [--json]

So many tickets with a file each come from an async generator, half of them with a reference, and go
to a server that takes no time: with a journal and without one, each run in a process of its own.
Told is the resident memory when 1,000 tickets are done, and by how much it has grown beyond that at
its highest. What a client remembers of its last 20,000 tickets, to tell them apart, is part of it.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import attrs

from vpsbg_async import VPSBG, Attachment, Headers, Request, Response, TicketDraft

__all__ = ["Measured", "measure"]

_CONCURRENCY = 8
_FILE = 1000  # bytes
_GLANCE = 500  # tickets between two looks
_WARM = 1000  # tickets, after which everything is loaded that ever is
_TICKET = (
    b'{"id": %d, "subject": "A subject", "status": "opened", "messages": [{"id": %d,'
    b' "content": "A message", "attachments": [{"id": %d, "name": "log.txt", "size": %d}]}]}'
)


@attrs.frozen(kw_only=True)
class Measured:
    """What a run has shown.

    Attributes:
        journal: Whether it had one.
        created: How many tickets were created.
        warm_mib: Resident memory when it was warm.
        grown_mib: By how much it has grown from there, at its highest.
        seconds: How long it took.
    """

    journal: bool
    created: int
    warm_mib: float
    grown_mib: float
    seconds: float


class InstantServer:
    """A transport that ends in a server which takes all, at once, and keeps nothing."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    @asynccontextmanager
    async def send(self, request: Request, /) -> AsyncIterator[Response]:
        """See `Transport.send`."""
        if request.body is not None:
            async with request.body.open() as chunks:
                async for _ in chunks:
                    pass
        number = next(self._numbers)
        yield Response(200, Headers(), _once(_TICKET % (number, number, number, _FILE)))

    async def aclose(self) -> None:
        """See `Transport.aclose`."""


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def make_drafts(tickets: int) -> AsyncIterator[TicketDraft]:
    """Tickets that all differ."""
    for number in range(tickets):
        yield TicketDraft(
            department_id=2,
            subject=f"Ticket {number}",
            message=f"Of many, this is number {number}.",
            attachments=[Attachment.from_bytes(b"%0*d" % (_FILE, number), name="log.txt")],
            reference=f"case {number}" if number % 2 else None,
        )


def resident_mib() -> float:
    """Resident memory of this process, in MiB."""
    with suppress(FileNotFoundError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
    raise SystemExit("resident memory is told by Linux only")


async def create(tickets: int, journal: Path | None) -> Measured:
    """Create so many, and look at the memory meanwhile."""
    began = time.perf_counter()
    warm = highest = 0.0
    async with (
        VPSBG("key", transport=InstantServer()) as vps,
        vps.tickets.create_many(
            make_drafts(tickets), journal=journal, concurrency=_CONCURRENCY
        ) as run,
    ):
        async for _ in run:
            done = run.summary.total
            if done == _WARM:
                warm = resident_mib()
            if done >= _WARM and (done % _GLANCE == 0 or done == tickets):
                highest = max(highest, resident_mib())
    return Measured(
        journal=journal is not None,
        created=run.summary.created,
        warm_mib=warm,
        grown_mib=highest - warm,
        seconds=time.perf_counter() - began,
    )


async def measure(tickets: int, *, journal: bool) -> Measured:
    """Have it done by another process."""
    with tempfile.TemporaryDirectory() as name:
        place = ["--journal", str(Path(name, "run.journal"))] if journal else []
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.flat", "--run", "--tickets", str(tickets), *place),
            cwd=Path(__file__).parent.parent,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
    return Measured(**json.loads(out))


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tickets", type=int, default=100_000, help="how many tickets")
    parser.add_argument("--json", action="store_true", help="write JSON")
    parser.add_argument("--run", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--journal", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        measured = asyncio.run(create(arguments.tickets, arguments.journal))
        print(json.dumps(attrs.asdict(measured)))
        return
    both = [asyncio.run(measure(arguments.tickets, journal=journal)) for journal in (False, True)]
    if arguments.json:
        print(json.dumps([attrs.asdict(item) for item in both], indent=2))
        return
    print(f"{'':16}{'tickets':>9}{'MiB':>9}{'grown by':>10}{'seconds':>9}")
    for item in both:
        name = "with a journal" if item.journal else "without one"
        print(
            f"{name:16}{item.created:9}{item.warm_mib:9.1f}{item.grown_mib:10.2f}{item.seconds:9.1f}"
        )


if __name__ == "__main__":
    main()
