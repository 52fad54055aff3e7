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

from ._version import __version__
from .attachments import Attachment, AttachmentLike, Limits
from .bulk import BulkOutcome, BulkRun, BulkStatus, BulkSummary
from .client import VPSBG
from .core.finding import Finding, ReconcilePolicy
from .core.gate import Gate, RateGate
from .core.pages import Page, Pages
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
    error_of,
    is_safe_to_retry,
    outcome_of,
)
from .events import Event
from .services.tickets import (
    AttachmentMismatch,
    ServiceType,
    Ticket,
    TicketAttachment,
    TicketDraft,
    TicketMessage,
    TicketStatus,
)
from .transport import Body, Headers, Request, Response, Timeouts, Transport
from .transport.aiohttp import AiohttpTransport

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
    "RateGate",
    "RateLimitedError",
    "ReconcilePolicy",
    "Request",
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
    "__version__",
    "error_of",
    "is_safe_to_retry",
    "outcome_of",
]
