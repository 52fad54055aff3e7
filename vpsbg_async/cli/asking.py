"""Asking before something is done that is not easily undone."""

from __future__ import annotations

import sys
from collections.abc import Callable

from ..errors import ConfigurationError
from . import output
from .exits import FailedError

__all__ = ["confirm"]


def confirm(question: Callable[[], str], *, yes: bool) -> None:
    """Go on if a person wants it.

    It asks outside of an event loop, which would keep Ctrl-C for itself.

    Args:
        question: Gives what to ask, if somebody can be asked.
        yes: Whether the answer was given on the command line.

    Raises:
        ConfigurationError: There is nobody who could answer.
        FailedError: The answer is no.
    """
    if yes:
        return
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        raise ConfigurationError("nobody can be asked without a terminal: give --yes")
    sys.stderr.write(f"{output.shown(question())} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise FailedError("nothing was done")
