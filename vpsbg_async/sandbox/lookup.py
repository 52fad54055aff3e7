"""What the path of a request is about."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeVar

from aiohttp import web

from .refusals import RefusedError

__all__ = ["find", "not_found"]

_T = TypeVar("_T")
_NUMBER: Final = re.compile(r"[0-9]{1,19}")


def find(
    request: web.Request, model: str, get: Callable[[int], _T | None], *, name: str = "id"
) -> _T:
    """The thing whose number is in the path.

    Args:
        request: The request.
        model: What Laravel calls the thing.
        get: Gives it by its number, or None.
        name: The part of the path that is the number.

    Raises:
        RefusedError: There is none (404).
    """
    text = request.match_info[name]
    thing = get(int(text)) if _NUMBER.fullmatch(text) else None
    if thing is None:
        raise not_found(model, text)
    return thing


def not_found(model: str, text: str) -> RefusedError:
    """What is said of a thing that is not there."""
    return RefusedError(404, f"No query results for model [App\\Models\\{model}] {text}")
