"""Paid support plans."""

from __future__ import annotations

from ..core.caller import Caller
from ..core.endpoint import Effect, Endpoint
from ..core.fields import Fields
from ..core.model import OpenEnum
from .orders import Order

__all__ = ["SupportPlanKey", "SupportPlans"]

_CYCLE_MAX = 24


class SupportPlanKey(OpenEnum):
    """What a support plan is asked for by; only one value is known."""

    PROFESSIONAL = "professional"


_PURCHASE = Endpoint(
    "POST", "/support", Order, "partial", frozenset({Effect.CREATES, Effect.CHARGES})
)


class SupportPlans:
    """Paid support plans: ``vps.support_plans``."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def purchase(self, *, plan: SupportPlanKey | str, billing_cycle: int) -> Order:
        """Order a support plan, which costs money. It is never sent again blindly.

        An order whose ``auto_pay`` is True tries to pay itself. How a plan is cancelled is not
        known.

        ``POST /support``, documented in part at https://dev.vpsbg.eu/api-3597276: of the plans one
        is known, and of the answer its example.

        Args:
            plan: Key of the plan.
            billing_cycle: For how long, 1 to 24, presumably months.

        Returns:
            The order that was made.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have been ordered.
                If so, look among the orders of all states, see `Orders.list`.
            ResponseError: It was ordered, and the answer is not what was promised.
            APIError: The server answered with an error; see its subclasses. A `ServerError` and a
                `LockedError` tell in ``.outcome`` whether it may have been ordered.
        """
        body = Fields().text("plan", plan, least=1)
        body.whole("billing_cycle", billing_cycle, least=1, most=_CYCLE_MAX)
        return await self._caller.call(_PURCHASE, body=body.require("plan", "billing_cycle"))
