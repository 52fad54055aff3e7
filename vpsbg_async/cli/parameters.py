"""What the parameters of several commands have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, Token

__all__ = ["WHOLE_NUMBER", "AsJSON", "Files", "Flag"]


def _whole_number(_: Any, tokens: Sequence[Token]) -> int:
    """An id as it is typed. Cyclopts itself would round 2.7, to the department next door."""
    text = tokens[0].value
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


WHOLE_NUMBER = Parameter(converter=_whole_number)

Files = Annotated[tuple[Path, ...], Parameter(negative=(), show_default=False)]
AsJSON = Annotated[bool, Parameter(name="--json", negative=(), show_default=False)]
Flag = Annotated[bool, Parameter(negative=(), show_default=False)]
