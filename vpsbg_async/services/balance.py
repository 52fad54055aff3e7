"""The balance of the account."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import attrs

from ..core.caller import Caller
from ..core.endpoint import Endpoint
from ..core.model import Model, OpenEnum

__all__ = ["Balance", "BalanceDeposit", "BalanceService", "BitcoinDeposit", "DepositMethod"]


class DepositMethod(OpenEnum):
    """How money came in; only one value is known."""

    CARD = "card"


@attrs.frozen(kw_only=True, slots=False)
class BalanceDeposit(Model):
    """A deposit.

    Attributes:
        amount: Without VAT.
        amount_with_vat: With VAT.
        payment_method: How it was paid.
        payment_date: When.
    """

    amount: Decimal | None = None
    amount_with_vat: Decimal | None = None
    payment_method: DepositMethod | None = None
    payment_date: datetime | None = None


@attrs.frozen(kw_only=True, slots=False)
class BitcoinDeposit(Model):
    """A deposit in Bitcoin that is not confirmed yet.

    Attributes:
        tx_hash: Hash of the transaction.
        tx_amount: Its amount in Bitcoin.
        amount: Its worth without VAT.
        amount_with_vat: Its worth with VAT.
        noticed_on: When it was noticed, as the API tells it; the form is not documented.
    """

    tx_hash: str | None = None
    tx_amount: Decimal | None = None
    amount: Decimal | None = None
    amount_with_vat: Decimal | None = None
    noticed_on: str | None = None


@attrs.frozen(kw_only=True, slots=False)
class Balance(Model):
    """The balance, in ``currency``.

    Attributes:
        balance: The balance.
        shortfall: What is missing; of what is not documented.
        currency: The currency, such as ``EUR``; no other answer of the API names one.
        has_valid_card: Whether there is a card that can be charged.
        last_deposit: The last deposit, None if there was none.
        unconfirmed_bitcoin_deposits: Deposits that are under way.
        balance_limit: A limit; of what is not documented, nor does the documentation's example have
            it.
        estimated_expenses: Likewise in the documentation's schema only.
        estimated_funds: In the documentation's example only, in place of the expenses.
    """

    balance: Decimal | None = None
    shortfall: Decimal | None = None
    currency: str | None = None
    has_valid_card: bool | None = None
    last_deposit: BalanceDeposit | None = None
    unconfirmed_bitcoin_deposits: tuple[BitcoinDeposit, ...] | None = None
    balance_limit: Decimal | None = None
    estimated_expenses: Decimal | None = None
    estimated_funds: Decimal | None = None


_GET = Endpoint("GET", "/balance", Balance)


class BalanceService:
    """The balance of the account: ``vps.balance``."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def get(self) -> Balance:
        """Read the balance.

        ``GET /balance``, documented at https://dev.vpsbg.eu/api-3487355.

        Returns:
            The balance.

        Raises:
            TransportError: The network failed.
            ResponseError: The answer is not what was promised.
            APIError: The server answered with an error; see its subclasses.
        """
        return await self._caller.call(_GET)
