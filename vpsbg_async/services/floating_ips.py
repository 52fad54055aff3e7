"""Floating IPs: addresses that can move from one server to another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import NoneType

import attrs

from ..core.caller import Caller
from ..core.endpoint import Effect, Endpoint
from ..core.fields import Fields
from ..core.model import Model, OpenEnum
from ..core.pages import Pages
from .ip_addresses import FloatingIPStatus, IPAddress
from .plans import Plan
from .servers import CancelRequest

__all__ = ["FloatingIP", "FloatingIPs", "LockReason"]


class LockReason(OpenEnum):
    """What a Floating IP is busy with; only one value is known."""

    ATTACH = "floating-ip-attach"


@attrs.frozen(kw_only=True, slots=False)
class FloatingIP(Model):
    """A Floating IP. What an answer left out is None.

    Attributes:
        id: Its id. That of its address is ``ip_address.id``.
        status: State of the service.
        server_id: Id of the server that it is attached to.
        server_hostname: Name of that server.
        server_main_ip: Main address of that server.
        locked: Whether it is busy.
        locked_at: Since when.
        lock_reason: With what.
        billing_cycle: For how many months, presumably, it is paid at a time.
        expiry_at: Until when it is paid.
        plan: Its plan.
        ip_address: The address.
        cancel_request: That it is to end, None if it is not.
    """

    id: int | None = None
    status: FloatingIPStatus | None = None
    server_id: int | None = None
    server_hostname: str | None = None
    server_main_ip: str | None = None
    locked: bool | None = None
    locked_at: datetime | None = None
    lock_reason: LockReason | None = None
    billing_cycle: int | None = None
    expiry_at: datetime | None = None
    plan: Plan | None = None
    ip_address: IPAddress | None = None
    cancel_request: CancelRequest | None = None


_LIST = Endpoint("GET", "/floating-ips", FloatingIP)
_PURCHASE = Endpoint(
    "POST",
    "/floating-ips",
    tuple[FloatingIP, ...],
    "partial",
    frozenset({Effect.CHARGES, Effect.REBOOTS}),
)
_CANCEL = Endpoint(
    "POST",
    "/floating-ips/cancel",
    NoneType,
    effects=frozenset({Effect.TERMINATES, Effect.REBOOTS}),
)


class FloatingIPs:
    """Floating IPs: ``vps.floating_ips``."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        page: int | None = None,
        per_page: int | None = None,
        ip: str | None = None,
        search: str | None = None,
        status: FloatingIPStatus | str | Sequence[FloatingIPStatus | str] | None = None,
        ddos: bool | None = None,
    ) -> Pages[FloatingIP]:
        """The Floating IPs of the account: await it for one page, iterate it for all.

        Without ``status`` these are not all of them.

        ``GET /floating-ips``, documented at https://dev.vpsbg.eu/api-3487380.

        Args:
            page: Number of the page to get or to begin with; the first is 1.
            per_page: How many a page has, 1 or more; no maximum is documented.
            ip: Only the one that is this address.
            search: Only those whose address matches, or the hostname of their server.
            status: State of the services, or several; None leaves it to the server, which is
                documented to choose ``active`` and ``suspended``.
            ddos: Only those with protection against attacks, or only those without. It is sent as 1
                or 0; how it is to be spelled is not documented.

        Returns:
            The pages; nothing is sent until they are awaited or iterated.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: When fetched: the network failed.
            ResponseError: When fetched: the answer is not what was promised.
            APIError: When fetched: the server answered with an error; see its subclasses.
        """
        query = Fields().whole("per_page", per_page, least=1)
        query.text("ip", ip, field="filter[ip]").text("search", search, field="filter[search]")
        query.choices("status", status, field="filter[status]")
        query.flag("ddos", ddos, field="filter[ddos]")
        return self._caller.pages(_LIST, page, query)

    async def purchase(
        self,
        *,
        billing_cycle: int | None = None,
        ipv4: int | None = None,
        ipv4_ddos: int | None = None,
        ipv6: int | None = None,
        server_id: int | None = None,
    ) -> tuple[FloatingIP, ...]:
        """Buy Floating IPs, which costs money, and attach them to a server, which reboots it.

        It is never sent again blindly.

        ``POST /floating-ips``, documented in part at https://dev.vpsbg.eu/api-3487381: what the
        fields mean is not said, and of the answer the leading fields are known.

        Args:
            billing_cycle: For how many months, presumably, they are paid at a time.
            ipv4: How many IPv4 addresses.
            ipv4_ddos: How many IPv4 addresses with protection against attacks.
            ipv6: How many IPv6 addresses.
            server_id: Id of the server to attach them to; None attaches them to none.

        Returns:
            What was bought, as far as the answer tells; it may tell nothing.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have happened.
            ResponseError: They were bought, and the answer is not what was promised.
            LockedError: The server is busy. It may still happen.
            APIError: The server answered with another error; see its subclasses.
        """
        body = Fields().whole("billing_cycle", billing_cycle).whole("ipv4", ipv4)
        body.whole("ipv4_ddos", ipv4_ddos).whole("ipv6", ipv6).whole("server_id", server_id)
        return await self._caller.call(_PURCHASE, body=body.require_any())

    async def cancel(self, *, ids: Sequence[int], now: bool, reason: str | None = None) -> None:
        """End Floating IPs, which reboots the servers that they are attached to.

        It is never sent again blindly.

        ``POST /floating-ips/cancel``, documented at https://dev.vpsbg.eu/api-3487384.

        Args:
            ids: Ids of Floating IPs, not of their addresses; one or more.
            now: Whether they end at once; otherwise when the time that is paid for is over.
            reason: Why, for VPSBG.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have happened.
            LockedError: One of them or its server is busy. It may still happen.
            APIError: The server answered with another error; see its subclasses.
        """
        body = Fields().wholes("ids", ids, least=1).flag("now", now).text("reason", reason)
        await self._caller.call(_CANCEL, body=body.require("ids", "now"))
