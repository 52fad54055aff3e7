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
from .client import VPSBG
from .core.pages import Page, Pages
from .errors import (
    APIError,
    AttachmentError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    InvalidInputError,
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
    outcome_of,
)
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
    "AuthenticationError",
    "Body",
    "ConfigurationError",
    "ConflictError",
    "Headers",
    "InvalidInputError",
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
    "RateLimitedError",
    "Request",
    "Response",
    "ResponseError",
    "ResponseReadError",
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
    "outcome_of",
]
