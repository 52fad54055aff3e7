"""Every failure of a call, as one tree.

VPSBGError                      .outcome  .permanent  .method  .path  .attempts  .history  .draft
├── ConfigurationError          a setting is wrong
├── InvalidInputError           .errors: caught before anything was sent (also a ValueError)
├── JournalError                the journal of a bulk run cannot be used
├── AttachmentError             .attachment: a file or stream failed on this side
├── WaitTimeoutError            what was waited for has not come in time
├── TransportError
│   ├── NotSentError            nothing that could be acted on reached the server
│   ├── OutcomeUnknownError     .overdue: sent, and no answer came
│   └── ResponseReadError       .status  .headers  .body: the answer broke off
├── ResponseError               .status  .body: done, but the answer is not what was promised
└── APIError                    .status .message .errors .retry_after .request_id .headers .body
    ├── AuthenticationError     401
    ├── PermissionDeniedError   403
    ├── NotFoundError           404
    ├── ConflictError           409
    ├── PayloadTooLargeError    413
    ├── ValidationError         422  .attachments
    ├── LockedError             423
    ├── RateLimitedError        429
    └── ServerError             5xx

What to do next follows from ``.outcome``, not from the class: see `Outcome`. `outcome_of` and
`is_safe_to_retry` judge any exception by it.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any

import attrs

__all__ = [
    "APIError",
    "AttachmentError",
    "Attempt",
    "AuthenticationError",
    "ConfigurationError",
    "ConflictError",
    "InvalidInputError",
    "JournalError",
    "LockedError",
    "NotFoundError",
    "NotSentError",
    "Outcome",
    "OutcomeUnknownError",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "RateLimitedError",
    "ResponseError",
    "ResponseReadError",
    "ServerError",
    "TransportError",
    "VPSBGError",
    "ValidationError",
    "WaitTimeoutError",
    "error_of",
    "is_safe_to_retry",
    "outcome_of",
]

_UNKNOWN_ADVICE = "it may have happened: look before you send it again"
_BODY_SHOWN = 200  # characters of a server's text that a message quotes
_LONG = 24 * 60 * 60.0  # seconds, of which the number tells a person nothing
READS = frozenset({"GET", "HEAD", "OPTIONS"})  # change nothing, so they can be sent at will
_PASSING = frozenset({HTTPStatus.LOCKED, HTTPStatus.TOO_MANY_REQUESTS})


class Outcome(StrEnum):
    """What is known of a call that failed."""

    NOT_SENT = "not_sent"
    """Nothing that could be acted on reached the server."""
    NOT_PROCESSED = "not_processed"
    """The server answered without doing it."""
    PROCESSED = "processed"
    """The server did it; only the answer is lost. Do not send it again."""
    UNKNOWN = "unknown"
    """It may have happened. Look before sending it again."""


@attrs.frozen(kw_only=True)
class Attempt:
    """One attempt of a call that failed.

    Attributes:
        number: Which attempt of the call it was, from 1.
        started_at: When it began.
        seconds: How long it took.
        bytes_sent: How much of the body was given to the network.
        outcome: What was known of it at its end.
        error: Name of the error that ended it.
        status: HTTP status of the answer, None if none came.
    """

    number: int
    started_at: datetime
    seconds: float
    bytes_sent: int
    outcome: Outcome
    error: str
    status: int | None = None


class VPSBGError(Exception):
    """The base of every error this package raises.

    Attributes:
        outcome: What is known of the call.
        permanent: Whether the same call would fail in the same way again.
        method: HTTP method of the call, None where there was no call.
        path: Path of the call below the API's base URL, None where there was no call.
        harmless: Whether the call changes nothing, whatever its method: it calculates a price.
        history: Its attempts, in order.
        draft: What was to be created (a `TicketDraft`), None for other calls.
        remarks: What more there is to say, such as why it was not sent again.
    """

    outcome: Outcome = Outcome.NOT_SENT
    permanent = False

    def __init__(self, text: str, *, permanent: bool | None = None) -> None:
        super().__init__(text)
        if permanent is not None:
            self.permanent = permanent
        self.method: str | None = None
        self.path: str | None = None
        self.harmless = False
        self.history: tuple[Attempt, ...] = ()
        self.draft: object = None
        self.remarks: tuple[str, ...] = ()

    @property
    def attempts(self) -> int:
        """How many times the call was sent, or tried to be."""
        return len(self.history)

    @property
    def only_reads(self) -> bool:
        """Whether the call changes nothing, so that it can be sent at will."""
        return self.harmless or self.method in READS

    def __str__(self) -> str:
        call = f"{self.method} {self.path}: " if self.method else ""
        advice = "; ".join(filter(None, (self._advice(), *self.remarks)))
        return f"{call}{self._text()}{advice and f' ({advice})'}"

    def _text(self) -> str:
        """What happened."""
        return str(self.args[0])

    def _advice(self) -> str:
        """What the caller can do, where there is more to say than the text does."""
        if self.only_reads:
            return ""
        if self.outcome is Outcome.PROCESSED:
            return "it was processed: do not send it again"
        return _UNKNOWN_ADVICE if self.outcome is Outcome.UNKNOWN else ""

    def __reduce__(self) -> tuple[Any, ...]:
        state = {name: _picklable(value) for name, value in self.__dict__.items()}
        return _revive, (type(self), self.args), state


def _revive(cls: type[VPSBGError], args: tuple[Any, ...]) -> VPSBGError:
    """Make an error again without its constructor, whose arguments differ by class."""
    return cls.__new__(cls, *args)


def _picklable(value: object) -> object:
    """The value, or its repr where it holds what cannot be pickled, such as a callable."""
    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001 - pickle raises whatever a __reduce__ raises
        return repr(value)
    return value


class ConfigurationError(VPSBGError):
    """A setting is wrong. Raised when the setting is made, never by a call."""

    permanent = True


class InvalidInputError(VPSBGError, ValueError):
    """The arguments of a call cannot be sent; nothing was.

    Attributes:
        errors: All problems of the call, by argument (``attachments.1`` is the second file).
    """

    permanent = True

    def __init__(self, errors: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__(_told(errors))
        self.errors = dict(errors)


class JournalError(VPSBGError):
    """The journal of a bulk run cannot be used, or written to any more.

    The run does not begin, or sends nothing more; a rerun goes on where it has stopped.
    """

    permanent = True


class AttachmentError(VPSBGError):
    """A file or stream failed while it was being sent; the request was not completed.

    It is permanent where the attachment is not what it was said to be, and not where its source
    failed, which may give its bytes another time.

    Attributes:
        attachment: The `Attachment` that failed, None where the body of another call failed.
    """

    def __init__(self, text: str, *, attachment: object = None, permanent: bool = True) -> None:
        super().__init__(text, permanent=permanent)
        self.attachment = attachment

    def _text(self) -> str:
        return f"{getattr(self.attachment, 'name', 'the body')} {self.args[0]}"


class WaitTimeoutError(VPSBGError):
    """What was waited for has not come in the time that was given.

    Waiting only reads, so nothing has changed by it. ``__cause__`` is the error of the last read,
    if that has failed.
    """


class TransportError(VPSBGError):
    """The network failed; the subclasses tell at which point."""


class NotSentError(TransportError):
    """Nothing that could be acted on reached the server: sending again is safe."""


class OutcomeUnknownError(TransportError):
    """The request left and no answer came: it may have been acted on.

    Attributes:
        overdue: Whether the answer was waited for in vain, so that the server may still be at it.
    """

    outcome = Outcome.UNKNOWN

    def __init__(self, text: str, *, overdue: bool = False) -> None:
        super().__init__(text)
        self.overdue = overdue

    def _text(self) -> str:
        if not self.history or self.only_reads:
            return super()._text()
        doubts = [item for item in self.history if item.outcome is Outcome.UNKNOWN]
        sent = (doubts or self.history)[-1]
        return f"{super()._text()} ({sent.bytes_sent:,} bytes sent at {_moment(sent.started_at)})"


class ResponseReadError(TransportError):
    """The answer broke off after its status line.

    Attributes:
        status: HTTP status of the answer.
        headers: Headers of the answer.
        body: The answer's body as far as it came.
    """

    def __init__(
        self, text: str, *, status: int, headers: Mapping[str, str], permanent: bool = False
    ) -> None:
        super().__init__(text, permanent=permanent)
        self.status = status
        self.headers = headers
        self.body = b""
        self.outcome = _outcome_of_status(status, headers)


class ResponseError(VPSBGError):
    """The server did it, but its answer is not what the API promises.

    Attributes:
        status: HTTP status of the answer (2xx).
        body: The answer as it came.
    """

    outcome = Outcome.PROCESSED

    def __init__(self, text: str, *, status: int, body: bytes, permanent: bool = False) -> None:
        super().__init__(text, permanent=permanent)
        self.status = status
        self.body = body


class APIError(VPSBGError):
    """The server answered with an error; the subclasses stand for the known statuses.

    Attributes:
        status: HTTP status.
        message: The server's message, empty if its body held none.
        errors: The server's messages by field, empty if its body held none.
        retry_after: Seconds to wait as the server told, None if it did not.
        request_id: The answer's ``X-Request-Id``, if it had one.
        headers: Headers of the answer.
        body: The answer's body as far as it came.
        deduced: Whether the path of the call is deduced, not documented.
    """

    deduced = False
    retry_after: float | None = None

    def __init__(
        self,
        *,
        status: int,
        message: str = "",
        errors: Mapping[str, tuple[str, ...]] | None = None,
        headers: Mapping[str, str],
        body: bytes,
    ) -> None:
        passes = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING
        super().__init__(f"answered {_status_line(status)}", permanent=not passes)
        self.status = status
        self.message = message
        self.errors = dict(errors or {})
        self.headers = headers
        self.request_id = headers.get("X-Request-Id")
        self.body = body
        self.outcome = _outcome_of_status(status, headers)

    def __str__(self) -> str:
        told = self._details() or self.message
        if not told:
            text = self.body[: 4 * _BODY_SHOWN].decode(errors="replace").lstrip("\ufeff \t\r\n")
            told = "" if text.startswith("<") else text  # HTML tells a person nothing
        told = _in_one_line(told)
        return f"{super().__str__()}: {told}" if told else super().__str__()

    def _advice(self) -> str:
        if self.deduced and self.status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
            return "this path is deduced, not documented: the API may not have it"
        if location := self.headers.get("Location"):
            return f"a redirect to {_in_one_line(location)}, not followed"
        return super()._advice()

    def _details(self) -> str:
        """The messages by field, of which ``message`` repeats the first."""
        return _told(self.errors)


class AuthenticationError(APIError):
    """401: the API key is missing or not valid."""

    def _advice(self) -> str:
        return "check the API key"


class PermissionDeniedError(APIError):
    """403: the API key may not do this; a Read key may only send GET."""

    def _advice(self) -> str:
        return "a Read key may only read"


class NotFoundError(APIError):
    """404: nothing is there."""


class ConflictError(APIError):
    """409: the request contradicts the state of the resource."""


class PayloadTooLargeError(APIError):
    """413: the attachments are larger than the server takes."""

    def _advice(self) -> str:
        return "send fewer or smaller attachments"


class ValidationError(APIError):
    """422: the server refused the input; ``.errors`` says why, by field.

    Attributes:
        attachments: The caller's `Attachment` for each key of ``.errors`` that names one
            (``attachments.1`` is the second file).
    """

    def __init__(
        self,
        *,
        status: int = 422,
        message: str = "",
        errors: Mapping[str, tuple[str, ...]] | None = None,
        headers: Mapping[str, str],
        body: bytes,
    ) -> None:
        super().__init__(status=status, message=message, errors=errors, headers=headers, body=body)
        self.attachments: dict[str, object] = {}

    def _details(self) -> str:
        return _told({self._named(field): texts for field, texts in self.errors.items()})

    def _named(self, field: str) -> str:
        name = getattr(self.attachments.get(field), "name", None)
        return f"{field} ({name})" if name else field


class LockedError(APIError):
    """423: the resource is busy with another task.

    A stop that was answered so has been seen to happen all the same, so the outcome is unknown.
    """

    def _advice(self) -> str:
        doubt = super()._advice()
        return doubt and "it may still happen: read the state before you try again"


class RateLimitedError(APIError):
    """429: too many calls within the minute."""

    def _advice(self) -> str:
        if self.retry_after is None:
            return ""
        is_long = self.retry_after > _LONG
        return f"try again in {'more than a day' if is_long else f'{self.retry_after:g} s'}"


class ServerError(APIError):
    """5xx: the server failed; what was to be created may exist."""


def outcome_of(error: BaseException) -> Outcome:
    """Judge any exception that came out of a call.

    Looks through ``__cause__`` and ``__context__`` as a traceback does, so that the `TimeoutError`
    of your own ``asyncio.timeout`` around a call can be judged as well.

    Args:
        error: The exception.

    Returns:
        The outcome of the nearest error of ours; `Outcome.UNKNOWN` if there is none.
    """
    ours = error_of(error)
    return Outcome.UNKNOWN if ours is None else ours.outcome


def is_safe_to_retry(error: BaseException) -> bool:
    """Whether the call that ended in this exception may be made again, and it may help.

    For those who bring a retry library of their own, as its predicate. A call that may have been
    acted on is never safe; nor is it of use to repeat what the server has refused, or a stream
    that ran. Looks through the chain of exceptions as `outcome_of` does.

    Args:
        error: The exception.

    Returns:
        True for a read, and for what was not sent or not processed, if its reason may pass; False
        for all else, and for an exception that did not come out of a call.
    """
    ours = error_of(error)
    if ours is None or ours.permanent or ours.method is None:
        return False
    return ours.only_reads or ours.outcome in (Outcome.NOT_SENT, Outcome.NOT_PROCESSED)


def error_of(error: BaseException) -> VPSBGError | None:
    """The nearest error of ours in a chain of exceptions, as a traceback shows it.

    For a `TimeoutError` of your own ``asyncio.timeout`` that is the one that tells of the call that
    it has ended, with its ``history`` and ``draft``.

    Args:
        error: The exception.

    Returns:
        The error, None if there is none of ours.
    """
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        if isinstance(link, VPSBGError):
            return link
        seen.add(id(link))
        hidden = link.__cause__ is not None or link.__suppress_context__
        link = link.__cause__ if hidden else link.__context__
    return None


def _outcome_of_status(status: int, headers: Mapping[str, str]) -> Outcome:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Outcome.PROCESSED
    if status == HTTPStatus.SERVICE_UNAVAILABLE and "Retry-After" in headers:
        return Outcome.NOT_PROCESSED  # maintenance mode answers before the controller
    if status == HTTPStatus.LOCKED:
        return Outcome.UNKNOWN
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Outcome.NOT_PROCESSED
    return Outcome.UNKNOWN  # a redirect can follow success as well as refusal; a 5xx comes late


def _status_line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _moment(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _in_one_line(text: str) -> str:
    """A server's text without line breaks and escapes, trimmed."""
    shown = "".join(char if char.isprintable() else " " for char in text[: 4 * _BODY_SHOWN])
    shown = " ".join(shown.split())
    return shown if len(shown) <= _BODY_SHOWN else f"{shown[:_BODY_SHOWN]}…"


def _told(errors: Mapping[str, tuple[str, ...]]) -> str:
    return "; ".join(f"{field}: {' '.join(texts)}" for field, texts in errors.items())
