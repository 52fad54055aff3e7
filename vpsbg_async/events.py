"""What a call tells while it runs, one event at a time.

Event                 .call  .method  .path  .attempt
├── AttemptStarted    .length: it is being sent
├── BytesSent         .sent  .length: some of its body has gone out
├── Answered          .status  .seconds  .request_id: the head of an answer has come
├── Waiting           .reason  .seconds: nothing is under way, for the time being
├── Retried           .failed: it is about to be sent again
├── Reconciled        .found  .absent  .reason: what looking for it has shown
├── GaveUp            .error: it ended in an error
├── AttachmentClipped .name  .added: a file grew while it was sent, and the surplus was left out
└── AttachmentsDiffer .mismatches: the answer tells of other files than were sent

Give a function to ``on_event=`` to get them. It is called between the steps of the call, so it has
to be quick; what it raises is logged and does the call no harm.

The same goes to the logger ``vpsbg_async``, in a line each that holds neither keys nor anything
that was sent or answered.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import ClassVar

import attrs

from .errors import Attempt, VPSBGError

__all__ = [
    "Answered",
    "AttachmentClipped",
    "AttachmentsDiffer",
    "AttemptStarted",
    "BytesSent",
    "Event",
    "GaveUp",
    "Listener",
    "Reconciled",
    "Retried",
    "Waiting",
]

_FINEST = 5  # below DEBUG, whose readers want no line for every chunk


@attrs.frozen(kw_only=True)
class Event:
    """Something that happened to a call.

    Attributes:
        call: A number that the events of one call share, and no other call in the process has.
        method: HTTP method of the call.
        path: Path of the call below the API's base URL.
        attempt: Which attempt it happened to, or after which; 0 before the first.
    """

    level: ClassVar[int] = logging.DEBUG

    call: int
    method: str
    path: str
    attempt: int

    def __str__(self) -> str:
        return (
            f"call {self.call}, {self.method} {self.path}, attempt {self.attempt}: {self._told()}"
        )

    def _told(self) -> str:
        """What happened, without anything that was sent or answered."""
        raise NotImplementedError


@attrs.frozen(kw_only=True)
class AttemptStarted(Event):
    """It is being sent.

    Attributes:
        length: Length of the body in bytes, None if it has none or only the end will tell.
    """

    length: int | None

    def _told(self) -> str:
        return "started"


@attrs.frozen(kw_only=True)
class BytesSent(Event):
    """Some of its body has gone out: was given to the network, that is.

    Attributes:
        sent: How many bytes of the body, in this attempt.
        length: Length of the body in bytes, None if only the end will tell.
    """

    level: ClassVar[int] = _FINEST

    sent: int
    length: int | None

    def _told(self) -> str:
        return f"{self.sent} bytes sent" + ("" if self.length is None else f" of {self.length}")


@attrs.frozen(kw_only=True)
class Answered(Event):
    """The head of an answer has come.

    Attributes:
        status: HTTP status.
        seconds: Since the attempt began.
        request_id: The answer's ``X-Request-Id``, None if it has none.
    """

    status: int
    seconds: float
    request_id: str | None

    def _told(self) -> str:
        return f"answered {self.status} after {self.seconds:.3f} s"


@attrs.frozen(kw_only=True)
class Waiting(Event):
    """Nothing is under way, for the time being.

    Attributes:
        reason: What is waited for: ``rate limit``, ``retry``, ``settling`` (until a server that
            may still be at it must be done) or ``twin`` (another call that creates the same).
        seconds: How long at the most, None if that is not known.
    """

    level: ClassVar[int] = logging.INFO

    reason: str
    seconds: float | None

    def _told(self) -> str:
        time = "" if self.seconds is None else f", {self.seconds:.1f} s at the most"
        return f"waits ({self.reason}{time})"


@attrs.frozen(kw_only=True)
class Retried(Event):
    """It is about to be sent again.

    Attributes:
        failed: The attempt before.
    """

    level: ClassVar[int] = logging.INFO

    failed: Attempt

    def _told(self) -> str:
        return f"is tried again after {_told_of(self.failed)}"


@attrs.frozen(kw_only=True)
class Reconciled(Event):
    """It was not known whether it was done, so it was looked for.

    Attributes:
        found: Id of the ticket that it created or answered, None if it was not found.
        absent: Whether it is proved that it was not done.
        reason: Why it is not known still, empty if it is.
    """

    level: ClassVar[int] = logging.INFO

    found: int | None
    absent: bool
    reason: str

    def _told(self) -> str:
        if self.found is not None:
            return f"was found to be done: ticket {self.found}"
        return "was found not to be done" if self.absent else f"is still unknown: {self.reason}"


@attrs.frozen(kw_only=True)
class GaveUp(Event):
    """It ended in an error.

    Attributes:
        error: The error, which the caller gets; for a cancelled call, the one behind that.
    """

    level: ClassVar[int] = logging.INFO

    error: VPSBGError

    def _told(self) -> str:
        if self.error.history:
            return f"gave up with {_told_of(self.error.history[-1])}"
        return f"gave up with {type(self.error).__name__} ({self.error.outcome})"


@attrs.frozen(kw_only=True)
class AttachmentClipped(Event):
    """A file grew while it was sent, and the surplus was left out.

    Attributes:
        name: Name that it was sent under.
        added: How many bytes it had more when all was sent.
    """

    level: ClassVar[int] = logging.INFO

    name: str
    added: int

    def _told(self) -> str:
        return f"{self.added} bytes were added to a file while it was sent, and left out"


@attrs.frozen(kw_only=True)
class AttachmentsDiffer(Event):
    """The answer tells of other files than were sent.

    Attributes:
        mismatches: Each difference, an `AttachmentMismatch`; its text is for people.
    """

    level: ClassVar[int] = logging.WARNING

    mismatches: Sequence[object]

    def _told(self) -> str:
        return f"the answer differs from what was sent in {len(self.mismatches)} files"


Listener = Callable[[Event], object]
"""What ``on_event=`` takes; what it returns is not looked at."""


def _told_of(attempt: Attempt) -> str:
    status = "" if attempt.status is None else f" {attempt.status}"
    return f"{attempt.error}{status} ({attempt.outcome})"
