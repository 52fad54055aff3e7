"""What the server tells of its rate limit, as Laravel's throttle middleware does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus

import attrs

from .answer import number_in, retry_after

__all__ = ["REMAINING", "RateLimit", "RateLimitReader"]

REMAINING = "X-RateLimit-Remaining"
_LIMIT = "X-RateLimit-Limit"
_RESET = "X-RateLimit-Reset"


@attrs.frozen(kw_only=True)
class RateLimit:
    """What an answer has told of the rate limit; None for what it did not tell.

    Attributes:
        limit: How many requests a window takes.
        remaining: How many more this one takes.
        retry_after: How many seconds to wait from ``seen_at`` on; told by a 429 only.
        resets_at: When the next window begins, by the server's clock; told by a 429 only.
        seen_at: When the answer came, by the clock here.
    """

    limit: int | None
    remaining: int | None
    retry_after: float | None
    resets_at: datetime | None
    seen_at: datetime


class RateLimitReader:
    """Keeps what the last answer told of the rate limit."""

    def __init__(self) -> None:
        self._last: tuple[int, Mapping[str, str], float] | None = None

    def note(self, status: int, headers: Mapping[str, str], time: float) -> None:
        """Take down an answer that has just come, if it tells.

        Args:
            status: Its HTTP status.
            headers: Its headers.
            time: Unix seconds.
        """
        if REMAINING in headers or _LIMIT in headers or status == HTTPStatus.TOO_MANY_REQUESTS:
            self._last = status, headers, time

    @property
    def last(self) -> RateLimit | None:
        """What was told last, None if nothing was."""
        if self._last is None:
            return None
        status, headers, time = self._last
        is_refused = status == HTTPStatus.TOO_MANY_REQUESTS
        reset = number_in(headers, _RESET)
        return RateLimit(
            limit=number_in(headers, _LIMIT),
            remaining=number_in(headers, REMAINING),
            retry_after=retry_after(headers) if is_refused else None,
            resets_at=None if reset is None else datetime.fromtimestamp(reset, UTC),
            seen_at=datetime.fromtimestamp(time, UTC),
        )
