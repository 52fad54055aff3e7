"""The rate limit, as Laravel's throttle middleware keeps it."""

from __future__ import annotations

from collections.abc import Callable

from .refusals import RefusedError

__all__ = ["Throttle"]

_WINDOW = 60  # seconds


class Throttle:
    """Counts requests by key in windows of a minute, each begun by its first request.

    Args:
        limit: Requests that one window admits.
        clock: Unix seconds. Laravel counts in whole ones, so the headers are exact.
    """

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._clock = clock
        self._windows: dict[str, tuple[int, int]] = {}  # key: (end, requests so far)

    def admit(self, key: str) -> dict[str, str]:
        """Count a request and return the headers for its answer.

        Raises:
            RefusedError: The window is full. The request is not counted.
        """
        now = int(self._clock())
        end, count = self._window(key, now)
        if count >= self._limit:
            headers = {"Retry-After": str(end - now), "X-RateLimit-Reset": str(end)}
            raise RefusedError(429, "Too Many Attempts.", headers=headers | self._headers(0))
        self._windows[key] = end, count + 1
        return self._headers(self._limit - count - 1)

    def use_up(self, key: str) -> None:
        """Count as many requests as the window has left."""
        end, _ = self._window(key, int(self._clock()))
        self._windows[key] = end, self._limit

    def _window(self, key: str, now: int) -> tuple[int, int]:
        end, count = self._windows.get(key, (now, 0))
        return (end, count) if now < end else (now + _WINDOW, 0)

    def _headers(self, remaining: int) -> dict[str, str]:
        return {"X-RateLimit-Limit": str(self._limit), "X-RateLimit-Remaining": str(remaining)}
