"""The ``vpsbg`` command, which comes with the extra ``cli``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

_NEEDED = {"cyclopts", "rich"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: Its arguments; those of the process by default.

    Returns:
        The exit code, see `vpsbg_async.cli.exits.Exit`.
    """
    try:
        from .app import run  # noqa: PLC0415 - what it imports may not be installed
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _NEEDED:
            raise
        sys.stderr.write("the vpsbg command needs: pip install 'vpsbg_async[cli]'\n")
        return 2
    return run(sys.argv[1:] if argv is None else argv)
