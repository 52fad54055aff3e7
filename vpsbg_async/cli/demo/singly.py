"""Files of every kind, one ticket after the other, and how they arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import attrs

from ...client import VPSBG
from . import files
from .files import Source

__all__ = ["Arrival", "Sent", "arrivals_of", "compare", "send_files"]


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


async def send_files(vps: VPSBG, folder: Path, large_mib: int) -> list[Sent]:
    """Send files of every kind.

    Args:
        vps: The client.
        folder: Where those are to be that lie on disk.
        large_mib: Size of the large file in MiB; 0 leaves it out.
    """
    picture = files.picture(folder)
    async with files.growing_log(folder) as log:
        first = await _create(vps, "A log that keeps growing", log(), picture)
    sent = [
        first,
        await _create(vps, "Bytes from memory, a stream", files.memory(), files.stream()),
    ]
    if large_mib:
        large = await asyncio.to_thread(files.large_file, folder, large_mib)
        sent.append(await _create(vps, f"A file of {large_mib} MiB", large))
    reply = files.text_file(folder)
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


def compare(sent: Iterable[Sent], stored: Iterable[Any]) -> list[Arrival]:
    """Hold what the sandbox has (its `StoredTicket` objects) against what it was sent."""
    tickets = {ticket.id: ticket for ticket in stored}
    return [
        arrival
        for message in sent
        for arrival in arrivals_of(
            message, tickets[message.ticket].messages[message.place].attachments
        )
    ]


def arrivals_of(message: Sent, stored: Iterable[Any]) -> Iterable[Arrival]:
    """What became of the files of a message."""
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
