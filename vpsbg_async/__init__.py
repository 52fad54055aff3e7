"""Async SDK for the VPSBG API: support tickets with streamed attachments.

```python
async with VPSBG() as vps:
    ticket = await vps.tickets.create(
        department_id=2,
        subject="Server misbehaves",
        message="<p>It stopped answering pings.</p>",
        attachments=["mtr.txt", Attachment.from_bytes(png, name="снимка.png")],
    )
```
"""

import importlib
import typing

from ._version import __version__
from .attachments import Attachment, AttachmentLike, Limits
from .client import VPSBG
from .core.capture import CapturedCall
from .core.finding import Finding, ReconcilePolicy
from .core.gate import Gate, RateGate
from .core.pages import Page, Pages
from .core.rate_limit import RateLimit
from .core.retry import RetryPolicy
from .errors import (
    APIError,
    AttachmentError,
    Attempt,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    InvalidInputError,
    JournalError,
    LockedError,
    NotFoundError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitedError,
    ResponseError,
    ResponseReadError,
    ServerError,
    TransportError,
    ValidationError,
    VPSBGError,
    WaitTimeoutError,
    error_of,
    is_safe_to_retry,
    outcome_of,
)
from .events import Event
from .transport import Body, Headers, Request, Response, Timeouts, Transport
from .transport.aiohttp import AiohttpTransport

if typing.TYPE_CHECKING:
    from .bulk import BulkOutcome, BulkRun, BulkStatus, BulkSummary
    from .core.preview import PreviewPart, RequestPreview
    from .services.tickets import (
        AttachmentMismatch,
        ServiceType,
        Ticket,
        TicketAttachment,
        TicketDraft,
        TicketMessage,
        TicketStatus,
    )

__all__ = [
    "VPSBG",
    "APIError",
    "AiohttpTransport",
    "Attachment",
    "AttachmentError",
    "AttachmentLike",
    "AttachmentMismatch",
    "Attempt",
    "AuthenticationError",
    "Body",
    "BulkOutcome",
    "BulkRun",
    "BulkStatus",
    "BulkSummary",
    "CapturedCall",
    "ConfigurationError",
    "ConflictError",
    "Event",
    "Finding",
    "Gate",
    "Headers",
    "InvalidInputError",
    "JournalError",
    "Limits",
    "LockedError",
    "NotFoundError",
    "NotSentError",
    "Outcome",
    "OutcomeUnknownError",
    "Page",
    "Pages",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "PreviewPart",
    "RateGate",
    "RateLimit",
    "RateLimitedError",
    "ReconcilePolicy",
    "Request",
    "RequestPreview",
    "Response",
    "ResponseError",
    "ResponseReadError",
    "RetryPolicy",
    "ServerError",
    "ServiceType",
    "Ticket",
    "TicketAttachment",
    "TicketDraft",
    "TicketMessage",
    "TicketStatus",
    "Timeouts",
    "Transport",
    "TransportError",
    "VPSBGError",
    "ValidationError",
    "WaitTimeoutError",
    "__version__",
    "error_of",
    "is_safe_to_retry",
    "outcome_of",
]

_LATER = {
    **dict.fromkeys(("BulkOutcome", "BulkRun", "BulkStatus", "BulkSummary"), "bulk"),
    **dict.fromkeys(("PreviewPart", "RequestPreview"), "core.preview"),
    **dict.fromkeys(
        (
            *("AttachmentMismatch", "ServiceType", "Ticket", "TicketAttachment", "TicketDraft"),
            *("TicketMessage", "TicketStatus"),
        ),
        "services.tickets",
    ),
}


def __getattr__(name: str) -> object:
    """Load what not everybody needs when it is first asked for."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_LATER[name]}", __name__), name)
    globals()[name] = value
    return value
