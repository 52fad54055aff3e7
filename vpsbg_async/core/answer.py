"""From an answer's status and body to the error it stands for: the status first, then the body."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import attrs

from ..errors import (
    APIError,
    AuthenticationError,
    ConflictError,
    LockedError,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    ValidationError,
)

__all__ = ["Answer", "error_for", "http_date", "number_in", "retry_after"]

_ERRORS: Mapping[int, type[APIError]] = {
    HTTPStatus.UNAUTHORIZED: AuthenticationError,
    HTTPStatus.FORBIDDEN: PermissionDeniedError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.CONFLICT: ConflictError,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: PayloadTooLargeError,
    HTTPStatus.UNPROCESSABLE_ENTITY: ValidationError,
    HTTPStatus.LOCKED: LockedError,
    HTTPStatus.TOO_MANY_REQUESTS: RateLimitedError,
}

_DIGITS = 11  # of a number in a header: no count, and no time in Unix seconds, has more
_SECONDS = re.compile(r"\+?([0-9]+(?:\.[0-9]*)?)\s*(?:,|$)")


@attrs.frozen
class Answer:
    """What came back: status, headers, and the body as far as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def succeeded(self) -> bool:
        """Any 2xx is a success: the API's documentation errs on which."""
        return 200 <= self.status < 300  # noqa: PLR2004 - said by the docstring


def error_for(answer: Answer, *, deduced: bool = False) -> APIError:
    """The error that an answer without success stands for.

    Args:
        answer: The answer.
        deduced: Whether the path of the call is deduced rather than documented.
    """
    kind = _ERRORS.get(answer.status, APIError)
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        kind = ServerError
    message, errors = _told(answer.body)
    error = kind(
        status=answer.status,
        message=message,
        errors=errors,
        headers=answer.headers,
        body=answer.body,
    )
    error.deduced = deduced
    error.retry_after = retry_after(answer.headers)
    return error


def _told(body: bytes) -> tuple[str, dict[str, tuple[str, ...]]]:
    """Laravel's ``{message, errors: {field: [text]}}``, as much of it as is there."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return "", {}
    if not isinstance(data, dict):
        return "", {}
    message = data.get("message")
    errors = data.get("errors")
    return (
        message if isinstance(message, str) else "",
        {field: _texts(errors[field]) for field in errors} if isinstance(errors, dict) else {},
    )


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def number_in(headers: Mapping[str, str], name: str) -> int | None:
    """The whole number that a header tells, None if it tells none."""
    told = headers.get(name, "")
    return int(told) if told.isdecimal() and len(told) <= _DIGITS else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that ``Retry-After`` asks to wait, be it a number or a date; None if it does not.

    A date is held against the server's own, where the answer has it. The first of several counts.
    """
    told = headers.get("Retry-After", "").strip()
    if number := _SECONDS.match(told):
        return min(float(number[1]), sys.float_info.max)
    until = http_date(told)
    if until is None:
        return None
    now = http_date(headers.get("Date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def http_date(text: str) -> datetime | None:
    """A time as HTTP writes it, None if it is none."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
