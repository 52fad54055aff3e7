"""One error of each class, as full as a call makes it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest

from vpsbg_async import (
    APIError,
    Attachment,
    AttachmentError,
    Attempt,
    ConfigurationError,
    Headers,
    InvalidInputError,
    JournalError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    ResponseError,
    ResponseReadError,
    TicketDraft,
    TransportError,
    ValidationError,
    VPSBGError,
    WaitTimeoutError,
)
from vpsbg_async.core.answer import Answer, error_for

__all__ = [
    "ATTEMPT",
    "METHODS",
    "NO_HEADERS",
    "READS",
    "REMARKS",
    "SAMPLES",
    "api_error",
    "each_sample",
]

NO_HEADERS = Headers()
READS = ("GET", "HEAD", "OPTIONS")
METHODS = (*READS, "POST", "PUT", "PATCH", "DELETE")
REMARKS = ("given up after 2 attempts", "an earlier attempt may have been acted on")
ATTEMPT = Attempt(
    number=1,
    started_at=datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC),
    seconds=1.5,
    bytes_sent=12345,
    outcome=Outcome.UNKNOWN,
    error="OutcomeUnknownError",
)

HISTORY = (
    ATTEMPT,
    attrs.evolve(ATTEMPT, number=2, error="ServerError", status=500, bytes_sent=678),
)


def api_error(status: int, body: bytes = b"", **headers: str) -> APIError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return error_for(Answer(status, Headers(named), body))


def samples() -> list[VPSBGError]:
    """One error of each class, as full as a call makes it."""
    attachment = Attachment.from_bytes(b"data", name="log.txt")
    unknown = OutcomeUnknownError("the server closed the connection")
    unknown.draft = TicketDraft(department_id=2, subject="Down", message="It is down.")
    refused = api_error(422, b'{"message":"No.","errors":{"attachments.1":["Too large."]}}')
    assert isinstance(refused, ValidationError)
    refused.attachments = {"attachments.1": Path("log.txt")}
    found: list[VPSBGError] = [
        VPSBGError("something"),
        ConfigurationError("there is no API key"),
        InvalidInputError({"subject": ("is too short",), "attachments.1": ("is gone", "is odd")}),
        JournalError("run.journal is in use by another run"),
        AttachmentError("shrank while it was being sent", attachment=Path(attachment.name)),
        WaitTimeoutError("not seen stopped within 12 s: it was last seen running"),
        TransportError("something"),
        NotSentError("nothing listens"),
        unknown,
        ResponseReadError("broke off", status=200, headers=Headers({"X-Request-Id": "r1"})),
        ResponseError("the answer is not JSON.", status=200, body=b"<html>"),
        api_error(418, b"{}", X_Request_Id="r1"),
        api_error(401, b'{"message":"Unauthenticated."}'),
        api_error(403),
        api_error(404),
        api_error(409),
        api_error(413),
        refused,
        api_error(423),
        api_error(429, b"", Retry_After="30"),
        api_error(500, b'{"message":"Server Error"}'),
    ]
    for error in found:
        if not isinstance(error, ConfigurationError):
            error.method, error.path, error.history = "POST", "/support/tickets", HISTORY
            error.remarks = REMARKS
    return found


SAMPLES = samples()
each_sample = pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
