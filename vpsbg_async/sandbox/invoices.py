"""Invoices, each made by an order."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from .paginator import paged
from .prices import with_vat
from .times import micros

__all__ = ["Invoices"]

_A_PAGE: Final = 30  # as in the documentation's example, and not to be changed by a query
_EXAMPLES: Final = (
    {
        "id": 8425,
        "invoice_number": "0000001594",
        "created_at": "2024-08-04T21:00:00.000000Z",
        "amount": 0,
        "amount_with_vat": 0,
        "type": "original",
        "order_ids": [7390],
    },
    {
        "id": 8431,
        "invoice_number": "0000007398",
        "created_at": "2024-08-27T21:00:00.000000Z",
        "amount": 90,
        "amount_with_vat": 108,
        "type": "proform",
        "order_ids": [7398],
    },
)


class Invoices:
    """The invoices of the account, and what a client can do with them."""

    def __init__(self) -> None:
        self._invoices: list[dict[str, Any]] = [dict(example) for example in _EXAMPLES]

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """The routes, each path after ``prefix``."""
        return [web.get(f"{prefix}/invoices", self.list)]

    def add(self, order_id: int, amount: float, moment: float) -> dict[str, Any]:
        """A new invoice for an order."""
        return self.keep(
            {
                "id": self._invoices[-1]["id"] + 1,
                "invoice_number": f"{order_id:010}",
                "created_at": micros(moment),
                "amount": amount,
                "amount_with_vat": with_vat(amount),
                "type": "proform",
                "order_ids": [order_id],
            }
        )

    def keep(self, invoice: dict[str, Any]) -> dict[str, Any]:
        """Take an invoice that is newer than all others."""
        self._invoices.append(invoice)
        return invoice

    async def list(self, request: web.Request) -> web.Response:
        """A page of invoices, the newest first."""
        return paged(request, self._invoices[::-1], size=_A_PAGE, fixed=True)
