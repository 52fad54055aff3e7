"""HttpxTransport: the conformance suite, and what is its own."""

from vpsbg_async.testing import NetworkTransportConformance
from vpsbg_async.transport import Transport
from vpsbg_async.transport.httpx import HttpxTransport


class TestConformance(NetworkTransportConformance):
    def make_transport(self) -> Transport:
        return HttpxTransport()
