"""The referral programme."""

from __future__ import annotations

from decimal import Decimal
from types import NoneType

import attrs

from ..core.caller import Caller
from ..core.endpoint import Effect, Endpoint
from ..core.fields import Fields
from ..core.model import Model

__all__ = ["Affiliate", "AffiliateService"]

_CODE_MIN, _CODE_MAX = 5, 20  # characters


@attrs.frozen(kw_only=True, slots=False)
class Affiliate(Model):
    """The referral account. What an answer left out is None.

    Its amounts are presumably in the currency of the account, see `Balance`.

    Attributes:
        referral_code: The code.
        referral_url: A link with the code, to be passed on.
        referrals_turnover: What those who came by it have paid; of which time is not documented.
        commission: The share of it that is earned, in percent.
        estimated_earnings: What is about to be earned.
        all_time_earnings: What was earned in all.
        next_payout_in_days: In how many days it is paid out.
    """

    referral_code: str | None = None
    referral_url: str | None = None
    referrals_turnover: Decimal | None = None
    commission: Decimal | None = None
    estimated_earnings: Decimal | None = None
    all_time_earnings: Decimal | None = None
    next_payout_in_days: int | None = None


_GET = Endpoint("GET", "/affiliate", Affiliate, "convention")
_ACTIVATE = Endpoint("POST", "/affiliate", NoneType, "convention", frozenset({Effect.CREATES}))
_UPDATE_REFERRAL_CODE = Endpoint("PUT", "/affiliate", Affiliate)


class AffiliateService:
    """The referral programme: ``vps.affiliate``."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def get(self) -> Affiliate:
        """Read the referral account.

        ``GET /affiliate``, a *convention*: the path is that of the documented code update
        (https://dev.vpsbg.eu/api-3586623), and the answer is taken to be the same.

        Returns:
            The referral account.

        Raises:
            TransportError: The network failed.
            ResponseError: The answer is not what was promised.
            APIError: The server answered with an error; see its subclasses.
        """
        return await self._caller.call(_GET)

    async def activate(self, *, referral_code: str | None = None) -> None:
        """Take part in the referral programme. It is never sent again blindly.

        ``POST /affiliate``, a *convention*: the path is that of the documented code update
        (https://dev.vpsbg.eu/api-3586623). What is sent and answered is not known; `get` shows
        what came of it.

        Args:
            referral_code: 5 to 20 characters; that the server takes it here as it does in the
                update is a guess. None sends no body.

        Raises:
            InvalidInputError: The argument cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have happened.
            APIError: The server answered with an error; see its subclasses.
        """
        body = None if referral_code is None else _code(referral_code)
        await self._caller.call(_ACTIVATE, body=body)

    async def update_referral_code(self, *, referral_code: str) -> Affiliate:
        """Set another referral code. Links made with the old one go on working.

        ``PUT /affiliate``, documented at https://dev.vpsbg.eu/api-3586623.

        Args:
            referral_code: 5 to 20 characters.

        Returns:
            The referral account after the change.

        Raises:
            InvalidInputError: The argument cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have happened.
            ResponseError: It was changed, and the answer is not what was promised.
            APIError: The server answered with an error; see its subclasses.
        """
        body = _code(referral_code).require("referral_code")
        return await self._caller.call(_UPDATE_REFERRAL_CODE, body=body)


def _code(referral_code: str) -> Fields:
    return Fields().text("referral_code", referral_code, least=_CODE_MIN, most=_CODE_MAX)
