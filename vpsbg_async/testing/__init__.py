"""For tests: a transport without a network, and the conformance suite for transports.

`FakeTransport` stands in for the network in the tests of an application. `TransportConformance`
and `NetworkTransportConformance` are classes of tests for those who write a transport: subclass
one, name the subclass ``Test…``, and run pytest.
"""

from ..core.clock import Clock
from .conformance import Peer, TransportConformance
from .fake import Call, FakeTransport, Reply, SentFile
from .network import NetworkTransportConformance
from .raw import RawConnection, RawServer, Received

__all__ = [
    "Call",
    "Clock",
    "FakeTransport",
    "NetworkTransportConformance",
    "Peer",
    "RawConnection",
    "RawServer",
    "Received",
    "Reply",
    "SentFile",
    "TransportConformance",
]
