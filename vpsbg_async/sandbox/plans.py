"""Plans that servers are deployed with, what comes extra, and plans of support."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from .forms import read_form
from .lookup import find
from .orders import Line, Orders
from .paginator import paged
from .prices import with_vat
from .validation import at_least, at_most, integer, one_of, required, string, validate

__all__ = ["ADDON_PRICES", "PLANS", "Plans"]


def _plan(number: int, name: str, price: float, **size: int) -> dict[str, Any]:
    return {
        "id": number,
        "type": name.rpartition("-")[0],
        "key": name,
        "name": name,
        **size,
        "minimum_billing_cycle": 1,
        "plan_with_more_disk": 0,
        "plan_with_more_memory": 0,
        "available": True,
        "price": price,
        "price_with_vat": with_vat(price),
    }


PLANS: Final = {  # by name; those of the documentation's examples among them
    plan["name"]: plan
    for plan in (
        _plan(102, "cloud-vps-1gb", 12.5, vcpus=1, memory=1, disk=25, bandwidth=3),
        _plan(103, "cloud-vps-2gb", 25, vcpus=2, memory=2, disk=50, bandwidth=5),
        _plan(104, "cloud-vps-4gb", 39, vcpus=2, memory=4, disk=60, bandwidth=5),
        _plan(105, "cloud-vps-8gb", 69, vcpus=4, memory=8, disk=100, bandwidth=10),
        _plan(116, "vds-8gb", 90, vcpus=2, memory=8, disk=50, bandwidth=10) | {"available": False},
    )
}

ADDON_PRICES: Final = {
    "cpanel-admin-5": 25,
    "cpanel-pro-30": 35,
    "cpanel-premier-100": 70,
    "cpanel-plus-50": 50,
    "backups": 5,
    "100mbps-unmetered": 50,
    "1gbps-unmetered": 450,
    "windows-server-license": 10,
    "microsoft-office-sal": 15,
}

_SUPPORT_PRICES: Final = {"professional": 15}  # a month; others are not known
_SUPPORT_RULES: Final = {
    "billing_cycle": [required, integer, at_least(1), at_most(24)],
    "plan": [required, string, one_of(*_SUPPORT_PRICES)],
}


class Plans:
    """What a client can do with plans.

    Args:
        orders: A purchase adds one.
    """

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._by_id = {plan["id"]: plan for plan in PLANS.values()}

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """The routes, each path after ``prefix``."""
        return [
            web.get(f"{prefix}/plans", self.list),
            web.get(f"{prefix}/plans/{{id}}/addons", self.list_addons),
            web.post(f"{prefix}/support", self.purchase_support),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """A page of plans."""
        return paged(request, list(PLANS.values()))

    async def list_addons(self, request: web.Request) -> web.Response:
        """The extras of a plan; all plans have the same."""
        find(request, "Plan", self._by_id.get)
        return web.json_response(
            {
                "data": [
                    {"key": key, "price": price, "price_with_vat": with_vat(price)}
                    for key, price in ADDON_PRICES.items()
                ]
            }
        )

    async def purchase_support(self, request: web.Request) -> web.Response:
        """A plan of support, answered with the order and 201."""
        fields = validate(await read_form(request), _SUPPORT_RULES)
        cycle = int(fields["billing_cycle"])
        plan = fields["plan"]
        price = _SUPPORT_PRICES[plan] * cycle
        line = Line(f"Support plan - {plan}", price, service_billing_cycle=cycle)
        return web.json_response(self._orders.add("new-service", line), status=201)
