"""How a command ends."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import attrs

from ..core.endpoint import READS
from ..errors import APIError, ConfigurationError, InvalidInputError, Outcome, VPSBGError
from ..events import AttemptStarted, Event

__all__ = [
    "Exit",
    "FailedError",
    "ImportExit",
    "StoppedError",
    "UnfinishedError",
    "deeds",
    "exit_for",
    "facts_of",
]


class Exit(IntEnum):
    """The exit codes, by which a script decides what to do next."""

    OK = 0
    FAILED = 1
    """It did not happen."""
    USAGE = 2
    """It was not even tried: wrong usage, settings or input."""
    UNCLEAR = 3
    """It happened, or may have: not to be repeated without a look."""
    INTERRUPTED = 130
    """Ctrl-C, in the number that shells use for it."""
    BROKEN_PIPE = 141
    """Whoever read the output had enough; likewise."""


class ImportExit(IntEnum):
    """The exit codes of an import that has begun: of those that fit, the highest."""

    CREATED = 0
    """Every row was, now or by an earlier run."""
    REJECTED = 1
    """Some rows were."""
    UNKNOWN = 2
    """Of some rows it is not known whether they were created."""
    STOPPED = 3
    """It could not begin, or has ended before the last row."""


@attrs.define
class Deeds:
    """What the command has done so far, for when it fails in a way that nobody has thought of.

    Attributes:
        are_unclear: Whether something was sent that is no read.
    """

    are_unclear: bool = False

    def note(self, event: Event) -> None:
        """Called with each event of a client."""
        if isinstance(event, AttemptStarted) and event.method not in READS:
            self.are_unclear = True


deeds = Deeds()
"""Those of the command that this process runs."""


class FailedError(Exception):
    """A failure of the command itself, told by its text."""


class StoppedError(Exception):
    """An import could not begin, for the reason that is its cause."""


class UnfinishedError(Exception):
    """Something was done, and what was to come of it did not, for the reason that is its cause."""


def exit_for(error: VPSBGError) -> Exit:
    """The exit code for an error of a call."""
    if isinstance(error, ConfigurationError | InvalidInputError):
        return Exit.USAGE
    is_read = error.method is None or error.only_reads  # can be repeated, whatever became of it
    if not is_read and error.outcome in (Outcome.UNKNOWN, Outcome.PROCESSED):
        return Exit.UNCLEAR
    return Exit.FAILED


def facts_of(error: BaseException | None) -> dict[str, Any]:
    """What machines are told of an error of a call, nothing of another."""
    if not isinstance(error, VPSBGError):
        return {}
    facts: dict[str, Any] = {
        "type": type(error).__name__,
        "outcome": error.outcome,
        "method": error.method,
        "path": error.path,
        "attempts": error.attempts,
    }
    if isinstance(error, APIError):
        facts |= {"status": error.status, "errors": error.errors, "request_id": error.request_id}
    return facts
