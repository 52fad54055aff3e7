"""How a command ends."""

from __future__ import annotations

from enum import IntEnum

from ..errors import ConfigurationError, InvalidInputError, Outcome, VPSBGError

__all__ = ["Exit", "FailedError", "exit_for"]


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


class FailedError(Exception):
    """A failure of the command itself, told by its text."""


def exit_for(error: VPSBGError) -> Exit:
    """The exit code for an error of a call."""
    if isinstance(error, ConfigurationError | InvalidInputError):
        return Exit.USAGE
    is_read = error.method in (None, "GET")  # can be repeated, whatever became of it
    if not is_read and error.outcome in (Outcome.UNKNOWN, Outcome.PROCESSED):
        return Exit.UNCLEAR
    return Exit.FAILED
