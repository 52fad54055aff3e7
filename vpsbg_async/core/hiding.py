"""Keeping the key out of errors, even where a server tells it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from ..errors import VPSBGError
from ..transport import Headers

__all__ = ["hide", "without"]

T = TypeVar("T")

_HIDDEN = "***"
_SHORTEST = 8  # characters: what is shorter is no key, and stands in many a text


def hide(key: str, error: VPSBGError) -> None:
    """Have nothing that an error tells hold the key."""
    error.args = without(error.args, key)
    for name, value in vars(error).items():
        setattr(error, name, without(value, key))


def without(value: T, key: str) -> T:
    """The same, with nothing in it that holds the key."""
    hidden: T = _without(value, key) if len(key) >= _SHORTEST else value
    return hidden


def _without(value: Any, key: str) -> Any:
    match value:
        case str():
            return value.replace(key, _HIDDEN) if key in value else value
        case bytes():
            return value.replace(key.encode(), _HIDDEN.encode())
        case Headers():
            return Headers({name: _without(told, key) for name, told in value.items()})
        case Mapping():
            return {_without(name, key): _without(told, key) for name, told in value.items()}
        case tuple():
            return tuple(_without(item, key) for item in value)
        case _:
            return value
