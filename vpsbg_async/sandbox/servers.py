"""The servers group of the API, but for what `readings` has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler

from .forms import chosen, read_form, read_query
from .keys import Keys
from .machines import AT_ONCE, Machine, Machines
from .orders import Line, Orders
from .paginator import paged
from .plans import PLANS
from .validation import (
    Rule,
    array,
    at_least,
    at_most,
    boolean,
    exists,
    integer,
    min_length,
    nullable,
    one_of,
    required,
    sometimes,
    string,
    truth,
    validate,
)

__all__ = ["Servers"]

_CYCLE: Final = [required, integer, at_least(1), at_most(24)]
_COUNT: Final = [nullable, integer, at_least(0)]
_TEXT: Final = [nullable, string]

_LIST_RULES: Final = {
    "per_page": [nullable, integer, at_least(1), at_most(50)],
    "filter.ip": _TEXT,
    "filter.search": _TEXT,
    "filter.status": _TEXT,
    "sort.created_at": [nullable, one_of("asc", "desc")],
    "sort.expiry_at": [nullable, one_of("asc", "desc")],
}
_DEPLOY_RULES: Final = {
    "name": [
        required,
        Rule(lambda value: isinstance(value, str | list), "The :attribute field must be a string."),
    ],
    "name.*": [required, string],
    "plan": [required, one_of(*(name for name, plan in PLANS.items() if plan["available"]))],
    "billing_cycle": _CYCLE,
    "image_id": _COUNT,
    "snapshot_id": _COUNT,
    "backup_id": _COUNT,
    "primary_iso_id": _COUNT,
    "secondary_iso_id": _COUNT,
    "password": _TEXT,
    "ssh_keys": [nullable, array],
    "backups": [nullable, boolean],
    "extra_ipv4": _COUNT,
    "extra_ipv4_ddos": _COUNT,
    "extra_ipv6": _COUNT,
    "cpanel": _TEXT,
    "bandwidth": _TEXT,
    "microsoft_rds_sal": _COUNT,
    "microsoft_office_sal": _COUNT,
    "promo_code": _TEXT,
}
_CANCEL_RULES: Final = {"reason": [sometimes, string], "now": [sometimes, boolean]}
_PASSWORD_RULES: Final = {
    "password": [required, string, min_length(6)],
    "reboot": [sometimes, boolean],
}
_RENEW_RULES: Final = {
    "server_ids": [required, array],
    "billing_cycle": _CYCLE,
    "promo_code": [sometimes, string],
}
_RENEWAL: Final = {  # the documentation's example
    "amount": 99.67,
    "amount_with_vat": 104.67,
    "discount": 25,
    "discount_with_vat": 30,
    "promo_code": {"code": "fall2403", "percentage": 33.33, "minimum_billing_cycle": 3},
    "due_today_amount": 74.67,
    "due_today_amount_with_vat": 89.61,
}


class Servers:
    """What a client can do with servers.

    Args:
        machines: The servers.
        keys: The SSH keys that a new one is opened by.
        orders: A new one adds one.
    """

    def __init__(self, machines: Machines, keys: Keys, orders: Orders) -> None:
        self._machines = machines
        self._keys = keys
        self._orders = orders

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """The routes, each path after ``prefix``."""
        servers = f"{prefix}/servers"
        server = f"{servers}/{{id}}"
        return [
            web.get(servers, self.list),
            web.post(servers, self.deploy),
            web.get(server, self.get),
            web.post(f"{server}/start", self._power(self._machines.start)),
            web.post(f"{server}/restart", self._power(self._machines.restart)),
            web.post(f"{server}/stop", self._power(self._machines.stop)),
            web.post(f"{server}/cancel", self.cancel),
            web.delete(f"{server}/cancel", self.undo_cancel),
            web.put(f"{server}/password", self.change_password),
            web.post(f"{server}/primary-ip", self.change_primary_ip),
            web.post(f"{servers}/renew/calculate", self.calculate_renew),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """A page of servers, of those that are not terminated by default."""
        query = validate(read_query(request), _LIST_RULES)
        told = [machine.tell() for machine in self._machines.all() if _is_wanted(machine, query)]
        for name in ("created_at", "expiry_at"):
            if order := query[f"sort.{name}"]:
                told.sort(key=lambda server: str(server[name]), reverse=order == "desc")
        return paged(request, told)

    async def get(self, request: web.Request) -> web.Response:
        """One server."""
        query = validate(read_query(request), {"include": [nullable, array], "include.*": [string]})
        told = self._machines.find(request).tell()
        if "app_getting_started" in (query["include"] or ()):
            told["app_getting_started"] = None  # what it holds is not known
        return web.json_response(told)

    async def deploy(self, request: web.Request) -> web.Response:
        """A new server, or several by a list of names, answered as nobody knows with 201."""
        rules = {**_DEPLOY_RULES, "ssh_keys.*": [integer, exists(self._keys.numbers())]}
        fields = validate(await read_form(request), rules)
        name, plan, cycle = fields["name"], fields["plan"], int(fields["billing_cycle"])
        names = name if isinstance(name, list) else [name]
        deployed = [self._machines.deploy(name, plan, cycle) for name in names]
        self._keys.open(fields["ssh_keys"] or (), deployed)
        price = PLANS[plan]["price"] * cycle
        self._orders.add(
            "new-service",
            *(
                Line(f"{plan} - {one.facts['hostname']}", price, "server", one.id, cycle)
                for one in deployed
            ),
        )
        told = [machine.tell() for machine in deployed]
        return web.json_response({"data": told} if names is name else told[0], status=201)

    async def cancel(self, request: web.Request) -> web.Response:
        """Ask for the end of a server, which is suspended at once if it is to end now."""
        machine = self._machines.find(request)
        fields = validate(await read_form(request), _CANCEL_RULES)
        self._machines.claim(machine)
        now = truth(fields["now"])
        machine.cancel_request = self._machines.cancel_request(fields["reason"], now=now)
        if now:
            machine.facts["status"] = "suspended"
            machine.running = False
        return web.Response(status=204)

    async def undo_cancel(self, request: web.Request) -> web.Response:
        """Take that back, and with it the suspension that it brought."""
        machine = self._machines.find(request)
        await read_form(request)
        self._machines.claim(machine)
        if machine.cancel_request is not None and machine.cancel_request["type"] == AT_ONCE:
            machine.facts["status"] = "active"
        machine.cancel_request = None
        return web.Response(status=204)

    async def change_password(self, request: web.Request) -> web.Response:
        """A new password, which nobody will ask for, and a reboot if that is wanted."""
        machine = self._machines.find(request)
        fields = validate(await read_form(request), _PASSWORD_RULES)
        self._machines.claim(machine)
        if truth(fields["reboot"]):
            self._machines.restart(machine)
        return web.Response(status=204)

    async def change_primary_ip(self, request: web.Request) -> web.Response:
        """Another main address, and a reboot."""
        machine = self._machines.find(request)
        numbers = {address["id"] for address in machine.addresses}
        rules = {"ip_id": [required, integer, exists(numbers)]}
        chosen_id = int(validate(await read_form(request), rules)["ip_id"])
        self._machines.restart(machine)
        for address in machine.addresses:
            address["main"] = address["id"] == chosen_id
        return web.json_response(machine.tell())

    async def calculate_renew(self, request: web.Request) -> web.Response:
        """What renewing servers would cost, which is always the same."""
        known = exists(self._machines.numbers())
        validate(await read_form(request), {**_RENEW_RULES, "server_ids.*": [integer, known]})
        return web.json_response(_RENEWAL)

    def _power(self, act: Callable[[Machine], None]) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            machine = self._machines.find(request)
            await read_form(request)
            act(machine)
            return web.Response(status=204)

        return handler


def _is_wanted(machine: Machine, query: Mapping[str, Any]) -> bool:
    ips = [address["ip_address"] for address in machine.addresses]
    text = query["filter.search"]
    return (
        machine.facts["status"] in chosen(query["filter.status"], "active,suspended")
        and query["filter.ip"] in (None, *ips)
        and (text is None or any(text in name for name in (machine.facts["hostname"], *ips)))
    )
