"""The command as a whole: its commands, and what becomes of their errors."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from cyclopts import App, CycloptsError

from .._version import __version__
from ..errors import VPSBGError
from . import output, tickets
from .demo import demo
from .doctor import doctor
from .exits import Exit, FailedError, ImportExit, StoppedError, exit_for, facts_of
from .sandbox import sandbox

__all__ = ["app", "run"]

_HELP = """
Support tickets at VPSBG, with attachments of any size.

The API key comes from the environment variable VPSBG_API_KEY, and from nowhere else: what stands
on a command line can be read by every user of the machine, and stays in the shell's history.
VPSBG_BASE_URL calls another address than VPSBG's own, such as that of `vpsbg sandbox`.

With `--json` a command writes one JSON document to stdout and nothing else. An error is one line
on stderr, with `--json` a JSON object: error is its text; type, outcome, method, path and attempts
tell of the call that failed, if one did.

Exit codes:

* 0: done
* 1: failed: it did not happen
* 2: not tried: wrong usage, settings or input
* 3: it happened or may have happened: look before you repeat it
* 130: interrupted by Ctrl-C
* 141: whoever read the output went away

`vpsbg tickets import` has its own for 1 to 3: see its help.
"""

app = App(
    name="vpsbg",
    help=_HELP,
    version=f"vpsbg_async {__version__}",
    suppress_keyboard_interrupt=False,  # it is `run` that says how it ends
)
app.command(tickets.app)
app.command(sandbox)
app.command(demo)
app.command(doctor)


def run(argv: Sequence[str]) -> int:
    """Run one command, to an exit code; no exception comes out.

    Args:
        argv: What the user typed after ``vpsbg``.
    """
    _make_streams_safe()
    as_json = "--json" in argv  # looked for by hand, as the error may be that argv makes no sense
    try:
        code = app(
            argv,
            console=output.help_console(),
            print_error=False,
            exit_on_error=False,
            result_action="return_value",
        )
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        return Exit.BROKEN_PIPE
    except KeyboardInterrupt:
        output.tell("error", "interrupted", as_json=as_json)
        return Exit.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - a command ends in a line, not in a traceback
        code, text, facts = _judged(error)
        output.tell("error", text, as_json=as_json, **facts)
        _drop_output()
        return code
    return Exit.OK if code is None else int(code)


def _judged(error: Exception) -> tuple[int, str, dict[str, Any]]:
    """Exit code, text for people and facts for machines."""
    if isinstance(error, CycloptsError):
        command = " ".join(("vpsbg", *(error.command_chain or ()), "--help"))
        return Exit.USAGE, f"{error} (see {command})", {}
    if isinstance(error, FailedError):
        return Exit.FAILED, str(error), {}
    if isinstance(error, VPSBGError):
        return exit_for(error), str(error), facts_of(error)
    if isinstance(error, StoppedError):
        return ImportExit.STOPPED, str(error), facts_of(error.__cause__)
    # Such as a full disk behind stdout. It may have come after a ticket was opened.
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    return Exit.UNCLEAR, f"unexpected {type(error).__name__}: {error} ({where})", {}


def _make_streams_safe() -> None:
    """See to it that showing what was done cannot fail for want of a stream or of a letter."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started the process
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, PTH123 - to the end
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """Drop what cannot be written to stdout: the interpreter would fail on it at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        os.close(devnull)
