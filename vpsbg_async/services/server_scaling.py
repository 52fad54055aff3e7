"""Moving servers to other plans."""

from __future__ import annotations

from decimal import Decimal

import attrs

from ..core.caller import Caller
from ..core.endpoint import Endpoint
from ..core.fields import Fields
from ..core.model import Model, OpenEnum

__all__ = ["Downtime", "ScaleCost", "ServerScaling"]


class Downtime(OpenEnum):
    """How long a server is away; short is usually one reboot."""

    SHORT = "short"
    EXTENDED = "extended"


@attrs.frozen(kw_only=True, slots=False)
class ScaleCost(Model):
    """What a larger plan costs, or a smaller one gives back; how that is signed is not known.

    Attributes:
        amount: Without VAT, in the currency of the account, see `Balance`. It would be taken from
            the balance or a saved card.
        amount_with_vat: The same with VAT.
        estimated_downtime: How long the server would be away.
    """

    amount: Decimal | None = None
    amount_with_vat: Decimal | None = None
    estimated_downtime: Downtime | None = None


_CALCULATE = Endpoint("POST", "/servers/{id}/scale/calculate", ScaleCost, harmless=True)


class ServerScaling:
    """Moving servers to other plans: ``vps.server_scaling``. How to do it is not known."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def calculate(self, server_id: int | str, *, plan: str, scale_disk: bool) -> ScaleCost:
        """Ask what another plan would cost or give back, and how long the server would be away.

        It changes nothing, and needs a Write key.

        ``POST /servers/{id}/scale/calculate``, documented at https://dev.vpsbg.eu/api-3600501.

        Args:
            server_id: Id of the server.
            plan: Key of the plan to move to, such as ``cloud-vps-2gb``.
            scale_disk: Whether the disk becomes that of the plan. One that is left as it is keeps
                the way back to a smaller plan open.

        Returns:
            The cost.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: The network failed.
            ResponseError: The answer is not what was promised.
            NotFoundError: There is no such server.
            APIError: The server answered with another error; see its subclasses.
        """
        body = Fields().text("plan", plan, least=1).flag("scale_disk", scale_disk)
        body.require("plan", "scale_disk")
        return await self._caller.call(_CALCULATE, id=server_id, body=body)
