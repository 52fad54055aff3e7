"""What a run asks and tells of its items."""

from __future__ import annotations

from typing import Protocol

from .states import Admission, State
from .work import Job

__all__ = ["Records"]


class Records(Protocol):
    """What is known of the items of a run."""

    async def admit(self, job: Job, position: int) -> Admission:
        """Find out what is to be done with an item.

        Raises:
            InvalidInputError: It cannot be told from others.
            JournalError: Nothing can be found out any more.
        """
        ...

    async def send(self, identity: str, words: str, now: float) -> None:
        """Take down, to last, that an item is being sent.

        Raises:
            JournalError: It could not be.
        """
        ...

    def settle(
        self,
        identity: str,
        state: State,
        now: float,
        *,
        ticket: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Take down what has come of an item; see `Book.settle`."""
        ...

    async def close(self) -> None:
        """Have all of it last."""
        ...
