"""A local stand-in for the VPSBG API: to try things, to test against, to break.

    async with Sandbox() as sandbox:
        ...                                   # call sandbox.url with sandbox.api_key
        assert sandbox.tickets[0].subject == "Server misbehaves"

It answers as a Laravel application behind PHP does, on the loopback address only, and keeps every
ticket with the files that came along, so that a test can compare them byte for byte.
"""

from .server import Sandbox
from .store import StoredAttachment, StoredMessage, StoredTicket

__all__ = ["Sandbox", "StoredAttachment", "StoredMessage", "StoredTicket"]
