"""The command as a whole: its commands, and what becomes of their errors."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from cyclopts import App, CycloptsError, Group

from .._version import __version__
from ..errors import VPSBGError
from . import output
from .demo import demo
from .doctor import doctor
from .exits import (
    Exit,
    FailedError,
    ImportExit,
    StoppedError,
    UnfinishedError,
    deeds,
    exit_for,
    facts_of,
)
from .sandbox import sandbox

__all__ = ["app", "run"]

_HELP = """
VPSBG from the shell: support tickets with attachments of any size, servers, and the account.

The API key comes from the environment variable VPSBG_API_KEY, and from nowhere else: what stands
on a command line can be read by every user of the machine, and stays in the shell's history.
VPSBG_BASE_URL calls another address than VPSBG's own, such as that of `vpsbg sandbox`.

With `--json` a command writes one JSON document to stdout and nothing else, in which amounts of
money are texts with all their digits, and a list is in `items`. An error is one line
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

_TICKETS = Group.create_ordered("Tickets")
_SERVERS = Group.create_ordered("Servers")
_ACCOUNT = Group.create_ordered("Account")
_NETWORK = Group.create_ordered("Network")
_TOOLS = Group.create_ordered("Tools")
_OPTIONS = Group.create_ordered("Options")

# Each is loaded when it is used, so that no other command waits for it.
_LOADED_LATER = {
    _TICKETS: {
        "tickets": ("tickets:app", "Open, read and answer support tickets."),
    },
    _SERVERS: {
        "servers": ("groups.servers:app", "Read servers, and start and stop them."),
        "plans": ("groups.plans:app", "What servers can be deployed with."),
        "ssh-keys": ("groups.ssh_keys:app", "Public keys that are kept in the account."),
        "snapshots": ("groups.copies:snapshots", "Snapshots of servers."),
        "backups": ("groups.copies:backups", "Backups of servers."),
        "boot-images": ("groups.copies:boot_images", "Boot images of one's own."),
    },
    _ACCOUNT: {
        "balance": ("groups.account:balance", "Show the balance of the account."),
        "user": ("groups.account:user", "Show the account holder."),
        "affiliate": ("groups.account:affiliate", "Show what referring others has brought."),
        "orders": ("groups.orders:orders", "Orders and their payment."),
        "invoices": ("groups.orders:invoices", "VAT invoices."),
    },
    _NETWORK: {
        "floating-ips": ("groups.addresses:floating_ips", "Addresses that can move."),
        "ptr": ("groups.addresses:ptr", "Names of addresses in reverse DNS."),
        "protection": ("groups.protection:app", "Protection of addresses against attacks."),
    },
    _TOOLS: {
        "completion": ("completion:app", "Have the shell complete commands and options."),
    },
}

app = App(
    name="vpsbg",
    help=_HELP,
    version=f"vpsbg_async {__version__}",
    suppress_keyboard_interrupt=False,  # it is `run` that says how it ends
)
for group, commands in _LOADED_LATER.items():
    for name, (place, summary) in commands.items():
        app.command(f"{__package__}.{place}", name=name, help=summary, group=group)
for tool in (sandbox, demo, doctor):
    app.command(tool, group=_TOOLS)
for flag in ("--help", "--version"):
    app[flag].group = _OPTIONS


def run(argv: Sequence[str]) -> int:
    """Run one command, to an exit code; no exception comes out.

    Args:
        argv: What the user typed after ``vpsbg``.
    """
    _make_streams_safe()
    deeds.are_unclear = False
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
    if isinstance(error, UnfinishedError):
        return Exit.UNCLEAR, str(error), facts_of(error.__cause__)
    # Such as a full disk behind stdout. It may have come after a ticket was opened.
    code = Exit.UNCLEAR if deeds.are_unclear else Exit.FAILED
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    return code, f"unexpected {type(error).__name__}: {error} ({where})", {}


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
