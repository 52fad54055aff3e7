"""How tickets are listed and told, of which nothing is documented."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

from .store import StoredTicket

__all__ = ["Listing", "arranged", "retold"]

_TAG: Final = re.compile(r"<[^>]*>")
_TRIMMED: Final = 20  # characters


class Listing(StrEnum):
    """What the list of tickets is like, and one ticket when it is asked for.

    What creating and replying answer is not affected.
    """

    NEWEST_FIRST = "newest-first"
    """Whole tickets by their time, the newest first."""
    OLDEST_FIRST = "oldest-first"
    """The same, the oldest first."""
    BY_UPDATE = "by-update"
    """The same by the time of the last change, the latest first."""
    SHUFFLED = "shuffled"
    """In an order that means nothing, though always the same."""
    TRIMMED = "trimmed"
    """Messages are cut to 20 characters, their white space made single blanks."""
    STRIPPED = "stripped"
    """Messages have lost their HTML tags, and their entities are decoded."""
    BARE = "bare"
    """The list has no messages; one ticket has."""
    MUTE = "mute"
    """Neither the list nor one ticket has messages."""
    MISSING = "missing"
    """There is neither a list nor one ticket."""


def arranged(tickets: Iterable[StoredTicket], listing: Listing) -> list[StoredTicket]:
    """The tickets in the order of a list."""
    match listing:
        case Listing.OLDEST_FIRST:
            return sorted(tickets, key=_age)
        case Listing.BY_UPDATE:
            return sorted(tickets, key=lambda ticket: (ticket.updated_at, ticket.id), reverse=True)
        case Listing.SHUFFLED:
            return sorted(tickets, key=lambda ticket: hashlib.sha256(b"%d" % ticket.id).digest())
        case _:
            return sorted(tickets, key=_age, reverse=True)


def retold(ticket: dict[str, Any], listing: Listing, *, in_list: bool) -> dict[str, Any]:
    """A ticket, as JSON has it, in the way it is told.

    Args:
        ticket: The whole ticket.
        listing: The way.
        in_list: Whether it is one of a list.
    """
    if listing is Listing.MUTE or (listing is Listing.BARE and in_list):
        return {name: value for name, value in ticket.items() if name != "messages"}
    messages = [
        {**message, "content": _reworded(message["content"], listing)}
        for message in ticket["messages"]
    ]
    return {**ticket, "messages": messages}


def _age(ticket: StoredTicket) -> tuple[object, int]:
    return ticket.created_at, ticket.id


def _reworded(content: str, listing: Listing) -> str:
    if listing is Listing.STRIPPED:
        return html.unescape(_TAG.sub("", content))
    if listing is Listing.TRIMMED:
        content = " ".join(content.split())
        return content if len(content) <= _TRIMMED else f"{content[:_TRIMMED]}..."
    return content
