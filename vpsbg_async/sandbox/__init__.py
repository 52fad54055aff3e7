"""A local stand-in for the VPSBG API: to try things, to test against, to break.

    async with Sandbox() as sandbox:
        ...                                   # call sandbox.url with sandbox.api_key
        assert sandbox.tickets[0].subject == "Server misbehaves"

It answers as a Laravel application behind PHP does, on the loopback address only, and keeps every
ticket with the files that came along, so that a test can compare them byte for byte. All the other
calls that are known of the API work on an account that has some servers, Floating IPs, SSH keys and
orders to begin with, most of them those of the documentation's examples; what is not documented is
made up. Servers start, stop and reboot, and are locked for the time of it. Told to, it
fails in the ways of `Fault`, lists tickets in those of `Listing`, and answers in those of `Drift`:

    sandbox.faults.add(Fault.HALF_ANSWER, None, Fault.ERROR_504_AFTER)    # the next three requests
    sandbox.timing.lock = 0.5                                       # seconds that a server reboots
"""

from .boot import StoredImage
from .drift import Drift
from .faults import Fault, Faults, Incident
from .listing import Listing
from .machines import Timing
from .server import Sandbox
from .store import StoredAttachment, StoredMessage, StoredTicket

__all__ = [
    "Drift",
    "Fault",
    "Faults",
    "Incident",
    "Listing",
    "Sandbox",
    "StoredAttachment",
    "StoredImage",
    "StoredMessage",
    "StoredTicket",
    "Timing",
]
