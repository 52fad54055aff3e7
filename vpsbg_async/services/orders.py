"""Orders and their payment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import attrs

from ..core.caller import Caller
from ..core.endpoint import Endpoint
from ..core.fields import Fields
from ..core.model import Model, OpenEnum
from ..core.pages import Pages
from .invoices import Invoice

__all__ = [
    "Order",
    "OrderStatus",
    "OrderType",
    "OrderedService",
    "OrderedServiceType",
    "Orders",
    "PaymentInformation",
    "PaymentMethod",
    "Promo",
]


class OrderStatus(OpenEnum):
    """State of an order.

    Orders themselves say ``awaiting_payment``, the documentation of the list's filter says
    ``pending_payment``; whether the filter takes both is not known.
    """

    PENDING_PAYMENT = "pending_payment"
    AWAITING_PAYMENT = "awaiting_payment"
    PROCESSING = "processing"
    PAID = "paid"
    CANCELLED = "cancelled"


class OrderType(OpenEnum):
    """What an order is for."""

    NEW_SERVICE = "new-service"
    RENEW_SERVICE = "renew-service"
    SCALE_SERVICE = "scale-service"
    NEW_ADDON = "new-addon"
    SCALE_ADDON = "scale-addon"
    NEW_FLOATING_IP = "new-floating-ip"
    COMBINED = "combined"
    DEPOSIT = "deposit"
    CUSTOM = "custom"


class PaymentMethod(OpenEnum):
    """How an order is paid."""

    BALANCE = "balance"
    CARD = "card"
    BANK = "bank"
    BITCOIN = "bitcoin"
    BITCOIN_LIGHTNING = "bitcoin-ln"


class OrderedServiceType(OpenEnum):
    """Kind of a service in an order."""

    SERVER = "server"
    SERVER_ADDON = "server-addon"


@attrs.frozen(kw_only=True, slots=False)
class Promo(Model):
    """A promo code.

    Attributes:
        code: The code.
        percentage: What it takes off, in percent.
        minimum_billing_cycle: The shortest billing cycle that it is good for, presumably in months.
    """

    code: str | None = None
    percentage: Decimal | None = None
    minimum_billing_cycle: int | None = None


@attrs.frozen(kw_only=True, slots=False)
class PaymentInformation(Model):
    """How an order was paid: the first four by card, the last three in Bitcoin.

    Attributes:
        last_4: The last four digits of the card, with the zeros that they begin with.
        brand: The card's brand, such as ``visa``.
        expiry_month: Month in which the card ends, two digits.
        expiry_year: Year in which the card ends, four digits.
        tx_hash: Hash of the transaction.
        tx_amount: Its amount in Bitcoin.
        confirmed_at: When it was confirmed.
    """

    last_4: str | None = None
    brand: str | None = None
    expiry_month: str | None = None
    expiry_year: str | None = None
    tx_hash: str | None = None
    tx_amount: Decimal | None = None
    confirmed_at: datetime | None = None


@attrs.frozen(kw_only=True, slots=False)
class OrderedService(Model):
    """A service in an order, one line of it.

    Attributes:
        label: What it is, for people.
        sublabel: More of that, such as an address.
        period_from: Begin of the time that is paid for.
        period_to: End of the time that is paid for.
        is_period_changeable: Whether that time can be changed.
        service_id: Id of the service.
        service_billing_cycle: Its billing cycle, presumably in months.
        service_minimum_billing_cycle: The shortest that it can have, presumably in months.
        service_type: Kind of the service.
        amount: Without VAT.
        amount_with_vat: With VAT.
        amount_sublabel: What there is to say of the amount, for people.
        promo: The promo code that is used.
    """

    label: str | None = None
    sublabel: str | None = None
    period_from: datetime | None = None
    period_to: datetime | None = None
    is_period_changeable: bool | None = None
    service_id: int | None = None
    service_billing_cycle: int | None = None
    service_minimum_billing_cycle: int | None = None
    service_type: OrderedServiceType | None = None
    amount: Decimal | None = None
    amount_with_vat: Decimal | None = None
    amount_sublabel: str | None = None
    promo: Promo | None = None


@attrs.frozen(kw_only=True, slots=False)
class Order(Model):
    """An order. What an answer left out is None.

    Its amounts are in the currency of the account, see `Balance`.

    Attributes:
        id: Its id.
        tax_rate: What an amount is multiplied by to have VAT in it: 1.2 for 20 %.
        amount: Without VAT.
        amount_with_vat: With VAT.
        amount_from_balance: The part that the balance covers once it is paid.
        payment_method: How it is paid.
        status: Its state.
        type: What it is for.
        auto_pay: Whether it will try to pay itself.
        promo_applicable: Whether a promo code can be used.
        created_at: When it was made.
        due_at: When it is due.
        payment_date: When it was paid, None if it was not.
        invoices: Its invoices; a list may leave them out.
        promo: The promo code that is used.
        payment_information: How it was paid.
        services: What it is made of; a list may leave them out.
    """

    id: int
    tax_rate: Decimal | None = None
    amount: Decimal | None = None
    amount_with_vat: Decimal | None = None
    amount_from_balance: Decimal | None = None
    payment_method: PaymentMethod | None = None
    status: OrderStatus | None = None
    type: OrderType | None = None
    auto_pay: bool | None = None
    promo_applicable: bool | None = None
    created_at: datetime | None = None
    due_at: datetime | None = None
    payment_date: datetime | None = None
    invoices: tuple[Invoice, ...] | None = None
    promo: Promo | None = None
    payment_information: PaymentInformation | None = None
    services: tuple[OrderedService, ...] | None = None


_LIST = Endpoint("GET", "/orders", Order)
_GET = Endpoint("GET", "/orders/{id}", Order, "partial")


class Orders:
    """Orders and their payment: ``vps.orders``."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        page: int | None = None,
        per_page: int | None = None,
        status: OrderStatus | str | Sequence[OrderStatus | str] | None = None,
    ) -> Pages[Order]:
        """The orders of the account: await it for one page, iterate it for all.

        Without ``status`` these are not all of them. ``status=tuple(OrderStatus)`` asks for all
        states that are known.

        ``GET /orders``, documented at https://dev.vpsbg.eu/api-3644442.

        Args:
            page: Number of the page to get or to begin with; the first is 1.
            per_page: How many orders a page has, 1 or more; no maximum is documented.
            status: State of the orders, or several; None leaves it to the server, which is
                documented to choose ``pending_payment`` and ``paid``.

        Returns:
            The pages; nothing is sent until they are awaited or iterated.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: When fetched: the network failed.
            ResponseError: When fetched: the answer is not what was promised.
            APIError: When fetched: the server answered with an error; see its subclasses.
        """
        query = Fields().whole("per_page", per_page, least=1)
        query.choices("status", status, field="filter[status]")
        return self._caller.pages(_LIST, page, query)

    async def get(self, order_id: int | str) -> Order:
        """Read one order, with its invoices and services.

        ``GET /orders/{id}``, documented in part at https://dev.vpsbg.eu/api-3644443: the last four
        fields are known from an example.

        Args:
            order_id: Id of the order.

        Returns:
            The order.

        Raises:
            InvalidInputError: The id cannot be sent.
            TransportError: The network failed.
            ResponseError: The answer is not what was promised.
            NotFoundError: There is no such order.
            APIError: The server answered with another error; see its subclasses.
        """
        return await self._caller.call(_GET, id=order_id)
