"""``vpsbg demo``: the SDK at work, against the sandbox, with proof of what arrived."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import attrs
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.text import Text

from ..client import VPSBG
from . import demo_files, output
from .demo_files import Source
from .exits import FailedError

if TYPE_CHECKING:
    from ..sandbox import Sandbox

__all__ = ["demo"]

_MIB = 1024 * 1024


@attrs.frozen(kw_only=True)
class Sent:
    """A message that the sandbox was sent.

    Attributes:
        ticket: Id of its ticket.
        subject: Subject of its ticket.
        place: Which message of the ticket it is, counted from 0.
        sources: What was attached.
    """

    ticket: int
    subject: str
    place: int
    sources: Sequence[Source]


@attrs.frozen(kw_only=True)
class Arrival:
    """A file at the far end, held against its source.

    Attributes:
        ticket: Id of its ticket.
        subject: Subject of its ticket.
        message: Which message of the ticket it came with, counted from 0.
        sent_as: Name that it was sent under, None for a file that was not.
        name: Name that it arrived under, None for a file that did not.
        size: Its length in bytes.
        sha256: Its checksum.
        same: Whether it is what was sent.
    """

    ticket: int
    subject: str
    message: int
    sent_as: str | None
    name: str | None = None
    size: int | None = None
    sha256: str | None = None
    same: bool = False


async def demo(
    *,
    large_mib: Annotated[int, Parameter(validator=Number(gte=0))] = 64,
    as_json: Annotated[bool, Parameter(name="--json", negative=(), show_default=False)] = False,
) -> None:
    """Send files of every kind to a stand-in for the API, and compare what arrived.

    No key is needed, and nothing leaves this machine: a sandbox is started for it. Sent are a log
    that is being written to meanwhile, a picture with a Cyrillic name, bytes from memory, a stream
    of unknown length and one large file. What the sandbox received is held against the sources,
    without asking the SDK.

    Args:
        large_mib: Size of the large file in MiB; 0 leaves it out.
        as_json: Write the result as JSON.
    """
    from ..sandbox import Sandbox  # noqa: PLC0415 - a web server, of no use to the other commands

    with TemporaryDirectory(prefix="vpsbg-demo-") as folder:
        async with Sandbox() as sandbox, _client(sandbox) as vps:
            sent = await _send_all(vps, Path(folder), large_mib)
            arrivals = await asyncio.to_thread(_compare, sent, sandbox.tickets)
    peak = peak_memory()
    if as_json:
        _print_json(arrivals, peak)
    else:
        _print_table(arrivals, peak)
    if wrong := sum(not arrival.same for arrival in arrivals):
        raise FailedError(f"{wrong} of {len(arrivals)} files did not arrive as they were sent")


def _client(sandbox: Sandbox) -> VPSBG:
    """A client of the sandbox, and of nothing that the environment may name."""
    return VPSBG(sandbox.api_key, base_url=sandbox.url)


async def _send_all(vps: VPSBG, folder: Path, large_mib: int) -> list[Sent]:
    picture = demo_files.picture(folder)
    async with demo_files.growing_log(folder) as log:
        first = await _create(vps, "A log that keeps growing", log(), picture)
    sent = [
        first,
        await _create(vps, "Bytes from memory, a stream", demo_files.memory(), demo_files.stream()),
    ]
    if large_mib:
        large = await asyncio.to_thread(demo_files.large_file, folder, large_mib)
        sent.append(await _create(vps, f"A file of {large_mib} MiB", large))
    reply = demo_files.text_file(folder)
    await vps.tickets.reply(
        first.ticket, message="The route at that time.", attachments=[reply.attachment]
    )
    return [*sent, attrs.evolve(first, place=1, sources=[reply])]


async def _create(vps: VPSBG, subject: str, *sources: Source) -> Sent:
    ticket = await vps.tickets.create(
        department_id=2,
        subject=subject,
        message="<p>Sent by <b>vpsbg demo</b>.</p>",
        attachments=[source.attachment for source in sources],
    )
    return Sent(ticket=ticket.id, subject=subject, place=0, sources=sources)


def _compare(sent: Iterable[Sent], stored: Iterable[Any]) -> list[Arrival]:
    """Hold what the sandbox has (its `StoredTicket` objects) against what it was sent."""
    tickets = {ticket.id: ticket for ticket in stored}
    return [
        arrival
        for message in sent
        for arrival in _arrivals(
            message, tickets[message.ticket].messages[message.place].attachments
        )
    ]


def _arrivals(message: Sent, stored: Iterable[Any]) -> Iterable[Arrival]:
    for source, file in zip_longest(message.sources, stored):
        arrival = Arrival(
            ticket=message.ticket,
            subject=message.subject,
            message=message.place,
            sent_as=None if source is None else source.name,
        )
        if file is None:
            yield arrival
            continue
        same = source is not None and source.is_same(file)
        yield attrs.evolve(arrival, name=file.name, size=file.size, sha256=file.sha256, same=same)


def _print_table(arrivals: Sequence[Arrival], peak: int | None) -> None:
    listing = output.table(
        "Ticket", "Subject", "File as received", "Bytes", "SHA-256", numbers=["Ticket", "Bytes"]
    )
    before = None
    for arrival in arrivals:
        subject = "(reply)" if arrival.message else output.shown(arrival.subject)
        heading = (str(arrival.ticket), subject)
        listing.add_row(
            *(("", "") if heading == before else heading),
            output.shown(arrival.name or f"(not {arrival.sent_as})"),
            "" if arrival.size is None else f"{arrival.size:,}",
            Text("same", "green") if arrival.same else Text("DIFFERS", "bold red"),
        )
        before = heading
    out = output.console()
    out.print(listing)
    out.print()
    if all(arrival.same for arrival in arrivals):
        out.print(f"All {len(arrivals)} files arrived as they were sent, byte for byte.")
    told = "not known here" if peak is None else f"{peak / _MIB:.1f} MiB, sandbox included"
    out.print(f"Peak memory: {told}")


def _print_json(arrivals: Sequence[Arrival], peak: int | None) -> None:
    output.print_json(
        {
            "same": all(arrival.same for arrival in arrivals),
            "files": output.plain(arrivals),
            "peak_memory_bytes": peak,
        }
    )


def peak_memory() -> int | None:
    """The most memory that this process has had at a time, in bytes; None where none can tell."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        status = ""
    if found := re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE):
        return int(found[1]) * 1024
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415 - Windows has none

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # bytes there, KiB elsewhere
