"""What the parameters of several commands have in common."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import attrs
from cyclopts import Parameter, Token

__all__ = [
    "AS_USUAL",
    "WHOLE_NUMBER",
    "AddressID",
    "AsJSON",
    "Files",
    "Flag",
    "KeyID",
    "Options",
    "PageNumber",
    "PlanID",
    "ServerID",
    "Yes",
    "all_of_stdin",
]


def _whole_number(_: Any, tokens: Sequence[Token]) -> int:
    """An id as it is typed. Cyclopts itself would round 2.7, to the department next door."""
    text = tokens[0].value
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


def all_of_stdin() -> str:
    """What stands on standard input, to its end.

    It is read while the arguments are, before there is an event loop: Ctrl-C ends it.

    Raises:
        ValueError: There is nothing to read, or it is not text.
    """
    if sys.stdin is None:
        raise ValueError("standard input is closed")
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise ValueError("standard input is not UTF-8") from None


_FLAG = Parameter(negative=(), show_default=False)
WHOLE_NUMBER = Parameter(converter=_whole_number)

Files = Annotated[tuple[Path, ...], _FLAG]
AsJSON = Annotated[bool, _FLAG, Parameter(name="--json")]
Flag = Annotated[bool, _FLAG]
Yes = Annotated[bool, _FLAG, Parameter(help="Do it without asking.")]

ServerID = Annotated[int, WHOLE_NUMBER, Parameter(help="Id of the server.")]
KeyID = Annotated[int, WHOLE_NUMBER, Parameter(help="Id of the key.")]
PlanID = Annotated[int, WHOLE_NUMBER, Parameter(help="Id of the plan.")]
AddressID = Annotated[
    int, WHOLE_NUMBER, Parameter(help="Id of the address, not of the Floating IP that it may be.")
]
PageNumber = Annotated[
    int | None,
    WHOLE_NUMBER,
    Parameter(help="Only this page of the list; the first is 1. All pages if it is not given."),
]


@Parameter(name="*")  # its fields are parameters of the command
@attrs.frozen(kw_only=True)
class Options:
    """What every command that calls the API can be told."""

    no_retry: Annotated[Flag, Parameter(help="Send each request once, whatever happens.")] = False
    as_json: Annotated[AsJSON, Parameter(help="Write JSON, with all that was answered.")] = False


AS_USUAL = Options()
