"""Extras of servers that cost more."""

from __future__ import annotations

from decimal import Decimal
from types import NoneType

import attrs

from ..core.caller import Caller
from ..core.endpoint import Effect, Endpoint
from ..core.fields import Fields
from ..core.model import Model
from ..core.pages import Pages
from .plans import AddonKey
from .servers import Server

__all__ = ["AddonScaleCost", "AvailableAddon", "ServerAddons"]


@attrs.frozen(kw_only=True, slots=False)
class AvailableAddon(Model):
    """An extra that can be bought for a server.

    Its prices are in the currency of the account, see `Balance`.

    Attributes:
        key: What it is.
        price: Without VAT; for how long is not documented.
        price_with_vat: The same with VAT.
        price_until_expiry: For the time that the server is paid for, without VAT; newer answers
            have it.
        price_until_expiry_with_vat: The same with VAT.
        scale_price: Documented without a word on what it is; without VAT.
        scale_price_with_vat: The same with VAT.
    """

    key: AddonKey | None = None
    price: Decimal | None = None
    price_with_vat: Decimal | None = None
    price_until_expiry: Decimal | None = None
    price_until_expiry_with_vat: Decimal | None = None
    scale_price: Decimal | None = None
    scale_price_with_vat: Decimal | None = None


@attrs.frozen(kw_only=True, slots=False)
class AddonScaleCost(Model):
    """What more of an extra costs, or less of it gives back; how that is signed is not known.

    Attributes:
        amount: Without VAT, in the currency of the account, see `Balance`.
        amount_with_vat: The same with VAT.
    """

    amount: Decimal | None = None
    amount_with_vat: Decimal | None = None


_LIST_AVAILABLE = Endpoint("GET", "/servers/{server_id}/addons", AvailableAddon)
_PURCHASE = Endpoint(
    "POST", "/servers/{server_id}/addons", Server, "partial", frozenset({Effect.CHARGES})
)
_CALCULATE_SCALE = Endpoint(
    "POST", "/servers/{server_id}/addons/scale/calculate", AddonScaleCost, harmless=True
)
_CANCEL = Endpoint(
    "POST",
    "/servers/{server_id}/addons/{server_addon_id}",
    NoneType,
    effects=frozenset({Effect.TERMINATES}),
)


class ServerAddons:
    """Extras of servers: ``vps.server_addons``."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list_available(self, server_id: int | str) -> Pages[AvailableAddon]:
        """The extras that can be bought for a server: await it, or iterate it.

        What a server already has is in ``Server.addons``.

        ``GET /servers/{server_id}/addons``, documented at https://dev.vpsbg.eu/api-3620169.

        Args:
            server_id: Id of the server.

        Returns:
            The extras, all on one page; nothing is sent until it is awaited or iterated.

        Raises:
            InvalidInputError: The id cannot be sent.
            TransportError: When fetched: the network failed.
            ResponseError: When fetched: the answer is not what was promised.
            NotFoundError: When fetched: there is no such server.
            APIError: When fetched: the server answered with another error; see its subclasses.
        """
        return self._caller.pages(_LIST_AVAILABLE, server_id=server_id)

    async def purchase(
        self,
        server_id: int | str,
        *,
        backups: bool | None = None,
        cpanel: AddonKey | str | None = None,
        bandwidth: AddonKey | str | None = None,
        microsoft_rds_sal: int | None = None,
        microsoft_office_sal: int | None = None,
    ) -> Server:
        """Buy extras for a server, which costs money. It is never sent again blindly.

        ``POST /servers/{server_id}/addons``, documented in part at
        https://dev.vpsbg.eu/api-3620180: of the answer the leading fields are.

        Args:
            server_id: Id of the server.
            backups: Whether to buy weekly backups, which are kept for three weeks.
            cpanel: The cPanel licence.
            bandwidth: The unmetered bandwidth.
            microsoft_rds_sal: How many RDS user licences.
            microsoft_office_sal: How many Office user licences.

        Returns:
            The server with its extras.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have happened.
            ResponseError: They were bought, and the answer is not what was promised.
            NotFoundError: There is no such server.
            LockedError: The server is busy. It may still happen.
            APIError: The server answered with another error; see its subclasses.
        """
        body = Fields().flag("backups", backups)
        body.text("cpanel", cpanel, least=1).text("bandwidth", bandwidth, least=1)
        body.whole("microsoft_rds_sal", microsoft_rds_sal)
        body.whole("microsoft_office_sal", microsoft_office_sal)
        return await self._caller.call(_PURCHASE, server_id=server_id, body=body.require_any())

    async def calculate_scale(
        self,
        server_id: int | str,
        *,
        cpanel: AddonKey | str | None = None,
        microsoft_rds_sal: int | None = None,
        microsoft_office_sal: int | None = None,
    ) -> AddonScaleCost:
        """Ask what more of an extra would cost, or less of it give back.

        It changes nothing, and needs a Write key.

        ``POST /servers/{server_id}/addons/scale/calculate``, documented at
        https://dev.vpsbg.eu/api-3613904.

        Args:
            server_id: Id of the server.
            cpanel: The cPanel licence that it is to be.
            microsoft_rds_sal: How many RDS user licences there are to be.
            microsoft_office_sal: How many Office user licences there are to be.

        Returns:
            The cost.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: The network failed.
            ResponseError: The answer is not what was promised.
            NotFoundError: There is no such server.
            APIError: The server answered with another error; see its subclasses.
        """
        body = (
            Fields().text("cpanel", cpanel, least=1).whole("microsoft_rds_sal", microsoft_rds_sal)
        )
        body.whole("microsoft_office_sal", microsoft_office_sal)
        return await self._caller.call(_CALCULATE_SCALE, server_id=server_id, body=body)

    async def cancel(
        self, server_id: int | str, server_addon_id: int | str, *, reason: str, now: bool
    ) -> None:
        """Ask for the end of an extra. It is never sent again blindly.

        ``POST /servers/{server_id}/addons/{server_addon_id}``, documented at
        https://dev.vpsbg.eu/api-3621295: the only path to cancel by that does not say so.

        Args:
            server_id: Id of the server.
            server_addon_id: Id of the extra; by its name, that of one of ``Server.addons``.
            reason: Why, for VPSBG.
            now: Whether it ends at once; otherwise when the time that is paid for is over.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have happened.
            NotFoundError: There is no such server, or no such extra of it.
            LockedError: The server is busy. It may still happen.
            APIError: The server answered with another error; see its subclasses.
        """
        body = Fields().text("reason", reason, least=1).flag("now", now).require("reason", "now")
        await self._caller.call(
            _CANCEL, server_id=server_id, server_addon_id=server_addon_id, body=body
        )
