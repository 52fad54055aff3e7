"""Orders: what was bought, and whether it is paid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from aiohttp import web
from attrs import asdict, frozen

from .forms import chosen, read_query
from .invoices import Invoices
from .lookup import find
from .paginator import paged
from .prices import TAX_RATE, with_vat
from .times import DAY, MONTH, micros
from .validation import nullable, string, validate

__all__ = ["Line", "Orders"]

_DEFAULT: Final = "pending_payment,paid"  # as documented, of which no order ever has the first
_ALIASES: Final = {"pending_payment": "awaiting_payment"}
_NOT_LISTED: Final = {"invoices", "promo", "payment_information", "services"}

_CARD: Final = {"last_4": "4242", "brand": "visa", "expiry_month": "05", "expiry_year": "2028"}
_FIRST: Final = 7399  # the oldest order's id
_FIRST_MOMENT: Final = 1_724_925_600.0  # 2024-08-29T10:00:00Z
_PAST: Final = ("paid", "paid", "cancelled", "paid", "processing", "paid") * 6

_EXAMPLE: Final[dict[str, Any]] = {
    "id": 7801,
    "tax_rate": 1.2,
    "amount": 110,
    "amount_with_vat": 132,
    "amount_from_balance": 0,
    "payment_method": "balance",
    "status": "awaiting_payment",
    "type": "renew-service",
    "auto_pay": True,
    "promo_applicable": True,
    "created_at": "2025-02-10T16:05:29.000000Z",
    "due_at": "2025-06-19T21:00:00.000000Z",
    "payment_date": None,
    "invoices": [
        {
            "id": 8736,
            "invoice_number": "0000007801",
            "created_at": "2025-02-09T22:00:00.000000Z",
            "amount": 180,
            "amount_with_vat": 216,
            "type": "proform",
            "order_ids": [7801],
        }
    ],
    "promo": None,
    "payment_information": None,
    "services": [
        {
            "label": "Renewal: Cloud VPS 2 GB - ubuntu-2gb [87.121.52.159]",
            "sublabel": "87.121.52.159",
            "period_from": 1750366800,
            "period_to": 1758315600,
            "is_period_changeable": True,
            "service_id": 2904,
            "service_billing_cycle": 3,
            "service_minimum_billing_cycle": 1,
            "service_type": "server",
            "amount": 75,
            "amount_with_vat": 90,
            "amount_sublabel": "",
            "promo": None,
        },
        {
            "label": "cPanel & WHM license - up to 30 accounts",
            "sublabel": None,
            "period_from": 1750366800,
            "period_to": 1758315600,
            "is_period_changeable": False,
            "service_id": 1,
            "service_billing_cycle": None,
            "service_minimum_billing_cycle": None,
            "service_type": "server-addon",
            "amount": 105,
            "amount_with_vat": 126,
            "amount_sublabel": "",
            "promo": None,
        },
    ],
}


@frozen
class Line:
    """A service of an order.

    Attributes:
        label: What it is, for people.
        amount: Its price without VAT.
        service_billing_cycle: Months.
    """

    label: str
    amount: float
    service_type: str | None = None
    service_id: int | None = None
    service_billing_cycle: int | None = None
    sublabel: str | None = None

    def tell(self, moment: float) -> dict[str, Any]:
        """What the API tells of it when it was bought at ``moment``."""
        return asdict(self) | {
            "period_from": int(moment),
            "period_to": int(moment) + (self.service_billing_cycle or 1) * MONTH,
            "is_period_changeable": False,
            "service_minimum_billing_cycle": None if self.service_billing_cycle is None else 1,
            "amount_with_vat": with_vat(self.amount),
            "amount_sublabel": "",
            "promo": None,
        }


class Orders:
    """The orders of the account, and what a client can do with them.

    Args:
        clock: Unix seconds.
        invoices: Each order adds one.
    """

    def __init__(self, clock: Callable[[], float], invoices: Invoices) -> None:
        self._clock = clock
        self._invoices = invoices
        self._orders: dict[int, dict[str, Any]] = {}
        for index, status in enumerate(_PAST):
            self._keep(_FIRST + index, _FIRST_MOMENT + index * 4 * DAY, **_past(index, status))
        example = _EXAMPLE | {"invoices": [invoices.keep(dict(_EXAMPLE["invoices"][0]))]}
        self._orders[example["id"]] = example

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """The routes, each path after ``prefix``."""
        return [
            web.get(f"{prefix}/orders", self.list),
            web.get(f"{prefix}/orders/{{id}}", self.get),
        ]

    def all(self) -> tuple[dict[str, Any], ...]:
        """The orders, oldest first."""
        return tuple(self._orders.values())

    def add(self, kind: str, *lines: Line) -> dict[str, Any]:
        """A new order, which is being processed."""
        return self._keep(max(self._orders) + 1, self._clock(), kind=kind, lines=lines)

    async def list(self, request: web.Request) -> web.Response:
        """A page of orders, the newest first, without all of their fields."""
        query = validate(read_query(request), {"filter.status": [nullable, string]})
        statuses = {_ALIASES.get(one, one) for one in chosen(query["filter.status"], _DEFAULT)}
        told = [
            {name: value for name, value in order.items() if name not in _NOT_LISTED}
            for order in reversed(self._orders.values())
            if order["status"] in statuses
        ]
        return paged(request, told)

    async def get(self, request: web.Request) -> web.Response:
        """One order."""
        return web.json_response(find(request, "Order", self._orders.get))

    def _keep(
        self, number: int, moment: float, *, kind: str, lines: tuple[Line, ...], **more: Any
    ) -> dict[str, Any]:
        amount = round(sum(line.amount for line in lines), 2)
        self._orders[number] = {
            "id": number,
            "tax_rate": TAX_RATE,
            "amount": amount,
            "amount_with_vat": with_vat(amount),
            "amount_from_balance": 0,
            "payment_method": "balance",
            "status": "processing",
            "type": kind,
            "auto_pay": True,
            "promo_applicable": True,
            "created_at": micros(moment),
            "due_at": micros(moment + MONTH),
            "payment_date": None,
            "invoices": [self._invoices.add(number, amount, moment)],
            "promo": None,
            "payment_information": None,
            "services": [line.tell(moment) for line in lines],
            **more,
        }
        return self._orders[number]


def _past(index: int, status: str) -> dict[str, Any]:
    """One of the orders that there are from the beginning, every other one paid by card."""
    facts: dict[str, Any] = {
        "kind": "renew-service",
        "lines": (Line("Renewal: Cloud VPS 4 GB - ubuntu-2gb", 39, "server", 2864, 1),),
        "status": status,
    }
    if status == "paid":
        facts["payment_date"] = micros(_FIRST_MOMENT + index * 4 * DAY + 3600)
        if index % 2:
            facts |= {"payment_method": "card", "payment_information": dict(_CARD)}
    return facts
