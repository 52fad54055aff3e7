"""Extras of one server, and what another plan or other extras would cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Final

from aiohttp import web

from .forms import read_form
from .lookup import find
from .machines import Machine, Machines, new_addon
from .orders import Line, Orders
from .plans import ADDON_PRICES, PLANS
from .prices import with_vat
from .times import sql
from .validation import (
    at_least,
    boolean,
    integer,
    invalid,
    nullable,
    one_of,
    required,
    sometimes,
    string,
    truth,
    validate,
)

__all__ = ["Addons"]

_UNTIL_EXPIRY: Final = 4  # months that are left, as in the documentation's example

_CPANEL: Final = one_of(*(key for key in ADDON_PRICES if key.startswith("cpanel")))
_BANDWIDTH: Final = one_of("100mbps-unmetered", "1gbps-unmetered")
# Can be bought, and is in no list of the documentation: key and price are made up.
_PRICES: Final = {**ADDON_PRICES, "microsoft-rds-sal": 8}
_COUNTS: Final = ("microsoft_rds_sal", "microsoft_office_sal")
_PURCHASE_RULES: Final = {
    "backups": [nullable, boolean],
    "cpanel": [nullable, _CPANEL],
    "bandwidth": [nullable, _BANDWIDTH],
    **{name: [nullable, integer, at_least(0)] for name in _COUNTS},
}
_CALCULATE_RULES: Final = {
    "cpanel": [sometimes, _CPANEL],
    **{name: [sometimes, integer, at_least(0)] for name in _COUNTS},
}
_CANCEL_RULES: Final = {"reason": [required, string], "now": [required, boolean]}
_SCALE_RULES: Final = {
    "plan": [required, string, one_of(*PLANS)],
    "scale_disk": [required, boolean],
}

# The documentation's examples. Of these two the first has strings.
_ADDON_COST: Final = {"amount": "15.33", "amount_with_vat": "18.40"}
_SCALE_COST: Final = {"amount": 44.44, "amount_with_vat": 53.33, "estimated_downtime": "short"}


class Addons:
    """What a client can do with the extras and the size of a server.

    Args:
        clock: Unix seconds.
        machines: The servers.
        orders: A purchase adds one.
    """

    def __init__(self, clock: Callable[[], float], machines: Machines, orders: Orders) -> None:
        self._clock = clock
        self._machines = machines
        self._orders = orders
        self._numbers = count(803)

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """The routes, each path after ``prefix``."""
        addons = f"{prefix}/servers/{{server_id}}/addons"
        return [
            web.get(addons, self.list_available),
            web.post(addons, self.purchase),
            web.post(f"{addons}/scale/calculate", self.calculate_scale),
            web.post(f"{addons}/{{server_addon_id}}", self.cancel),
            web.post(f"{prefix}/servers/{{id}}/scale/calculate", self.calculate_plan),
        ]

    async def list_available(self, request: web.Request) -> web.Response:
        """The extras that a server has not."""
        has = _active(self._find(request))
        return web.json_response(
            {
                "data": [
                    {
                        "key": key,
                        "price": price,
                        "price_with_vat": with_vat(price),
                        "price_until_expiry": price * _UNTIL_EXPIRY,
                        "price_until_expiry_with_vat": with_vat(price * _UNTIL_EXPIRY),
                    }
                    for key, price in ADDON_PRICES.items()
                    if key not in has
                ]
            }
        )

    async def purchase(self, request: web.Request) -> web.Response:
        """More extras, answered with the server."""
        machine = self._find(request)
        asked = _asked(validate(await read_form(request), _PURCHASE_RULES))
        has = _active(machine)
        for name, (key, _) in asked.items():
            if key in has:
                raise invalid(name)
        self._machines.claim(machine)
        lines = []
        for key, quantity in asked.values():
            number, amount = next(self._numbers), _PRICES[key] * quantity
            machine.addons.append(new_addon(number, key, quantity, amount, self._clock()))
            lines.append(Line(key, amount, "server-addon", number))
        if lines:
            self._orders.add("new-addon", *lines)
        return web.json_response(machine.tell())

    async def cancel(self, request: web.Request) -> web.Response:
        """End an extra, now or when its server expires."""
        machine = self._find(request)
        addon = find(request, "ServerAddon", _active(machine, by="id").get, name="server_addon_id")
        fields = validate(await read_form(request), _CANCEL_RULES)
        self._machines.claim(machine)
        if truth(fields["now"]):
            addon["status"] = "terminated"
            addon["ended_at"] = sql(self._clock())
        else:
            addon["ended_at"] = machine.facts["expiry_at"][:19].replace("T", " ")
        return web.Response(status=204)

    async def calculate_scale(self, request: web.Request) -> web.Response:
        """What more or fewer extras would cost, which is always the same."""
        self._find(request)
        validate(await read_form(request), _CALCULATE_RULES)
        return web.json_response(_ADDON_COST)

    async def calculate_plan(self, request: web.Request) -> web.Response:
        """What another plan would cost, which is always the same."""
        self._machines.find(request)
        validate(await read_form(request), _SCALE_RULES)
        return web.json_response(_SCALE_COST)

    def _find(self, request: web.Request) -> Machine:
        return self._machines.find(request, name="server_id")


def _active(machine: Machine, *, by: str = "name") -> dict[Any, dict[str, Any]]:
    return {addon[by]: addon for addon in machine.addons if addon["status"] == "active"}


def _asked(fields: Mapping[str, Any]) -> dict[str, tuple[str, int]]:
    """By the field that asks for it: the key of an extra, and how many of it."""
    asked = {name: (fields[name], 1) for name in ("cpanel", "bandwidth") if fields[name]}
    if truth(fields["backups"]):
        asked["backups"] = ("backups", 1)
    for name in _COUNTS:
        if quantity := int(fields[name] or 0):
            asked[name] = (name.replace("_", "-"), quantity)
    return asked
