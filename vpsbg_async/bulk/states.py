"""How far items have come, and what a run is to do with them."""

from __future__ import annotations

from enum import StrEnum

import attrs

from .work import Doubt

__all__ = ["Admission", "Entry", "State", "Verdict"]


class State(StrEnum):
    """How far an item has come."""

    NEW = "new"
    """It was not sent, or it is certain that it was not acted on."""
    SENT = "sent"
    """It was sent, and what came of it was not written down."""
    UNKNOWN = "unknown"
    """It was sent, and nobody could tell whether it was created."""
    REJECTED = "rejected"
    """It was not created."""
    CREATED = "created"
    """It was created."""


class Verdict(StrEnum):
    """What a run is to do with an item."""

    SEND = "send"
    RESUME = "resume"
    """It is in doubt."""
    SKIP = "skip"
    """It was created."""
    REPEATED = "repeated"
    """This run has met its reference before."""
    CHANGED = "changed"
    """Its reference belongs to something else that was created, or is in doubt."""


@attrs.frozen(kw_only=True)
class Admission:
    """What is known of an item that a run has met.

    Attributes:
        identity: What tells it from others; empty if that is of no interest.
        verdict: What to do with it.
        ticket: Id of the ticket that its identity stands for, None if none is known.
        doubt: What is in doubt, where something is.
    """

    identity: str
    verdict: Verdict
    ticket: int | None = None
    doubt: Doubt | None = None


@attrs.frozen(kw_only=True)
class Entry:
    """An item, for people.

    Attributes:
        reference: The reference of its draft, None if it has none.
        position: Which item of the input it was, in the last run that met it.
        state: How far it has come.
        ticket: Id of its ticket, None if none is known.
        reason: Why it was rejected or is unknown, None if there is nothing to say.
    """

    reference: str | None
    position: int
    state: State
    ticket: int | None
    reason: str | None
