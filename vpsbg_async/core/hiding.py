"""Keeping the key out of errors, even where a server tells it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import VPSBGError
from ..transport import Headers

__all__ = ["hide"]

_HIDDEN = "***"
_SHORTEST = 8  # characters: what is shorter is no key, and stands in many a text


def hide(key: str, error: VPSBGError) -> None:
    """Have nothing that an error tells hold the key."""
    if len(key) >= _SHORTEST:
        error.args = _without(error.args, key)
        for name, value in vars(error).items():
            setattr(error, name, _without(value, key))


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
