"""The mark of an argument that was not given, where None means something."""

from __future__ import annotations

from enum import Enum
from typing import Final

__all__ = ["UNSET", "Unset"]


class Unset(Enum):
    """The type of `UNSET`, which is its only value."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "<not given>"


UNSET: Final = Unset.UNSET
