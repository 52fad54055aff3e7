"""What a run is handed by those who know what is to be created."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import attrs

from ..core.call import Recorder

__all__ = ["Doubt", "Job", "Made", "Past", "Witness", "Work"]


@attrs.frozen(kw_only=True)
class Doubt:
    """That something was sent by an earlier run, and may have been created.

    Attributes:
        began: When it was first sent, in Unix seconds.
        ended: By when that run had heard no answer.
        words: What `Job.words` told of it then.
        was_judged: Whether that run has ended the attempt itself, and could not tell; else it was
            ended in mid-attempt.
    """

    began: float
    ended: float
    words: str
    was_judged: bool


@attrs.frozen
class Witness:
    """Something that earlier runs have created.

    Attributes:
        ticket: Its id.
        began: When it was first sent, in Unix seconds.
        ended: When its answer came.
        words: What `Job.words` told of it.
    """

    ticket: int
    began: float
    ended: float
    words: str


@attrs.frozen(kw_only=True)
class Past:
    """What earlier runs with the same journal know that matters for what may be in doubt.

    Attributes:
        created: What was created, as far as it may matter, in that order: the id of each ticket,
            and when its answer came.
        witnesses: The last that were created, with their words.
        doubts: What is in doubt.
    """

    created: Sequence[tuple[int, float]] = ()
    witnesses: Sequence[Witness] = ()
    doubts: Sequence[Doubt] = ()


@attrs.frozen(kw_only=True)
class Made:
    """What a job has created.

    Attributes:
        ticket: Id of the ticket.
        mismatches: How its files differ from what was sent, None if nothing was compared.
    """

    ticket: int
    mismatches: tuple[object, ...] | None


class Job(Protocol):
    """One draft, to be created."""

    @property
    def reference(self) -> str | None:
        """What tells it from others, None if nothing but its content does."""
        ...

    @property
    def words(self) -> str:
        """What is needed to look for it, as text."""
        ...

    def digest(self) -> bytes:
        """Of its content.

        Raises:
            InvalidInputError: It has no content that could be told.
        """
        ...

    async def run(self, recorder: Recorder, doubt: Doubt | None) -> Made:
        """Create it, or find out whether it was created.

        Args:
            recorder: Told of each attempt.
            doubt: That it may have been created by an earlier run, None if it was not.

        Raises:
            VPSBGError: It failed.
        """
        ...


class Work(Protocol):
    """What is to be done in a run, and where."""

    @property
    def base_url(self) -> str:
        """Where it is done."""
        ...

    def fingerprint(self, salt: bytes) -> bytes:
        """Of the key by which it is done; nobody can tell the key by it."""
        ...

    async def check_key(self) -> None:
        """Make a call that changes nothing, to see whether the key is accepted.

        Raises:
            AuthenticationError: It is not.
            PermissionDeniedError: It is not.
            TransportError: The network failed.
        """
        ...

    async def can_see(self, ticket: int) -> bool:
        """Whether a ticket belongs to the account of the key."""
        ...

    @property
    def has_witness(self) -> bool:
        """Whether anything is known that was created, by which to tell what is not found."""
        ...

    def remember(self, past: Past) -> None:
        """Take in what earlier runs know."""
        ...

    def job(self, draft: object) -> Job:
        """What is to be done for a draft.

        Raises:
            InvalidInputError: Nothing can be.
        """
        ...
