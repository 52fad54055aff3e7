"""Floating IPs, and the addresses of the account whatever they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv6Address, IPv6Network
from itertools import count
from typing import Any, Final

from aiohttp import web
from attrs import define

from .forms import chosen, read_form, read_query
from .lookup import find
from .machines import Machine, Machines, new_address
from .orders import Line, Orders
from .paginator import paged
from .prices import with_vat
from .times import MONTH, micros
from .validation import (
    Rule,
    array,
    at_least,
    at_most,
    boolean,
    exists,
    integer,
    nullable,
    one_of,
    required,
    sometimes,
    string,
    truth,
    validate,
)

__all__ = ["Addresses", "FloatingIP"]

_MOST: Final = 16  # addresses of a kind that one call may buy
_NOT_TOLD: Final = {"floating_ip", "floating_ip_id", "assigned_on"}  # with a Floating IP

_KINDS: Final = {  # by the field that asks for one: its plan, and an address
    "ipv4": (32, "floating-ipv4", 2.5, "87.120.40.{}"),
    "ipv4_ddos": (33, "floating-ipv4-ddos", 12.5, "10.10.20.{}"),
    "ipv6": (34, "floating-ipv6", 1, "2001:db8:{}::"),
}
_LIST_RULES: Final = {
    "filter.ip": [nullable, string],
    "filter.search": [nullable, string],
    "filter.status": [nullable, string],
    "filter.ddos": [nullable, one_of("true", "false", "1", "0")],
}
_PURCHASE_RULES: Final = {
    "billing_cycle": [sometimes, integer, at_least(1), at_most(24)],
    **{kind: [sometimes, integer, at_least(0), at_most(_MOST)] for kind in _KINDS},
}
_CANCEL_RULES: Final = {
    "ids": [required, array],
    "now": [required, boolean],
    "reason": [sometimes, nullable, string],
}


@define(eq=False)
class FloatingIP:
    """A Floating IP.

    Attributes:
        address: Its address as the API tells it, the very object that its server has.
        machine: The server that it is attached to.
        attached_at: When that began, if it was bought together with a reboot.
    """

    id: int
    plan: dict[str, Any]
    address: dict[str, Any]
    machine: Machine | None = None
    status: str = "active"
    billing_cycle: int = 1
    expiry_at: str = "2024-10-15T21:00:00.000000Z"
    attached_at: float | None = None
    cancel_request: dict[str, Any] | None = None

    def tell(self) -> dict[str, Any]:
        """What the API tells of it."""
        machine = self.machine
        since = None if machine is None else machine.locked_at
        since = since if since == self.attached_at else None
        return {
            "id": self.id,
            "status": self.status,
            "server_id": machine and machine.id,
            "server_hostname": machine and machine.facts["hostname"],
            "server_main_ip": machine and machine.main_address,
            "locked": since is not None,
            "locked_at": None if since is None else micros(since),
            "lock_reason": None if since is None else "floating-ip-attach",
            "billing_cycle": self.billing_cycle,
            "expiry_at": self.expiry_at,
            "plan": self.plan,
            "ip_address": {
                name: value for name, value in self.address.items() if name not in _NOT_TOLD
            },
            "cancel_request": self.cancel_request,
        }


class Addresses:
    """The addresses of the account, and what a client can do with them.

    Args:
        machines: The servers, each with addresses of its own.
        orders: A purchase adds one.
    """

    def __init__(self, machines: Machines, orders: Orders) -> None:
        self._machines = machines
        self._orders = orders
        self._floating = {ip.id: ip for ip in _seeds(machines)}
        self._ids = count(25963459)
        self._address_ids = count(40000)

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """The routes, each path after ``prefix``."""
        return [
            web.get(f"{prefix}/floating-ips", self.list),
            web.post(f"{prefix}/floating-ips", self.purchase),
            web.post(f"{prefix}/floating-ips/cancel", self.cancel),
            web.patch(f"{prefix}/ip-addresses/{{id}}", self.update),
        ]

    def all(self) -> list[dict[str, Any]]:
        """The Floating IPs as the API tells them, those with the highest number first."""
        self._machines.all()  # as they are now
        return [self._floating[number].tell() for number in sorted(self._floating, reverse=True)]

    def get(self, number: int) -> dict[str, Any] | None:
        """The address of that number, as the API tells it."""
        return next((one for one in self._addresses() if one["id"] == number), None)

    def floating(self, address: Mapping[str, Any]) -> FloatingIP | None:
        """The Floating IP whose address it is, if it is one's."""
        return self._floating.get(address["floating_ip_id"])

    async def list(self, request: web.Request) -> web.Response:
        """A page of Floating IPs, of those that are not ended by default."""
        query = validate(read_query(request), _LIST_RULES)
        return paged(request, [ip for ip in self.all() if _is_wanted(ip, query)])

    async def purchase(self, request: web.Request) -> web.Response:
        """More Floating IPs, and a reboot of the server that they are to be attached to."""
        rules = {"server_id": [sometimes, integer, exists(self._machines.numbers())]}
        fields = validate(await read_form(request), {**_PURCHASE_RULES, **rules})
        kinds = [kind for kind in _KINDS for _ in range(int(fields[kind] or 0))]
        machine = self._machines.get(int(fields["server_id"] or 0))
        if machine is not None and kinds:
            self._machines.restart(machine)
        cycle = int(fields["billing_cycle"] or 1)
        bought = [self._add(kind, cycle, machine) for kind in kinds]
        if bought:
            self._orders.add("new-floating-ip", *(_line(ip) for ip in bought))
        return web.json_response({"data": [ip.tell() for ip in bought]})

    async def cancel(self, request: web.Request) -> web.Response:
        """Floating IPs less, now or when they expire; answered with an empty object."""
        known = {ip.id for ip in self._floating.values() if ip.status != "terminated"}
        rules = {**_CANCEL_RULES, "ids.*": [integer, exists(known)]}
        fields = validate(await read_form(request), rules)
        ips = [self._floating[int(number)] for number in fields["ids"]]
        machines = {ip.machine for ip in ips if ip.machine is not None}
        for machine in machines:
            self._machines.claim(machine)
        now = truth(fields["now"])
        for ip in ips:
            ip.cancel_request = self._machines.cancel_request(fields["reason"], now=now)
            if now:
                _end(ip)
        for machine in machines if now else ():
            self._machines.restart(machine)
        return web.json_response({})

    async def update(self, request: web.Request) -> web.Response:
        """Another reverse DNS name; of an IPv6 network, one for each address that is given."""
        address = find(request, "IpAddress", self.get)
        body = await read_form(request)
        if address["version"] == 4:  # noqa: PLR2004 - IPv4
            ptr = validate(body, {"ptr": [required, string]})["ptr"]
            address["ptr"] = {address["ip_address"]: ptr}
        else:
            ptr = validate(body, {"ptr": [required, _MAP, _within(address)]})["ptr"]
            address["ptr"] = {**(address["ptr"] or {}), **ptr}
        ip = self.floating(address)
        return web.json_response({**address, "floating_ip": None if ip is None else _reference(ip)})

    def _addresses(self) -> Iterator[dict[str, Any]]:
        for machine in self._machines.all():
            yield from machine.addresses
        for ip in self._floating.values():
            yield ip.address

    def _add(self, kind: str, cycle: int, machine: Machine | None) -> FloatingIP:
        number, now = next(self._ids), self._machines.clock()
        address = new_address(
            next(self._address_ids),
            _KINDS[kind][3].format(number % 255),
            now,
            ddos_protected=kind == "ipv4_ddos",
            floating_ip=True,
            floating_ip_id=number,
        )
        ip = FloatingIP(number, _plan(kind), address, machine, billing_cycle=cycle)
        ip.expiry_at = micros(now + cycle * MONTH)
        if machine is not None:
            machine.addresses.append(address)
            ip.attached_at = machine.locked_at
        self._floating[number] = ip
        return ip


_MAP: Final = Rule(lambda value: isinstance(value, dict), "The :attribute field must be an array.")


def _within(address: Mapping[str, Any]) -> Rule:
    """Names are given to addresses of a network."""
    network = IPv6Network((address["ip_address"], address["prefix"]))

    def passes(names: object) -> bool:
        try:
            return not isinstance(names, dict) or all(
                IPv6Address(ip) in network and isinstance(name, str) for ip, name in names.items()
            )
        except ValueError:
            return False

    return Rule(passes, "The :attribute field format is invalid.")


def _is_wanted(ip: Mapping[str, Any], query: Mapping[str, Any]) -> bool:
    address = ip["ip_address"]["ip_address"]
    text, ddos = query["filter.search"], query["filter.ddos"]
    return (
        ip["status"] in chosen(query["filter.status"], "active,suspended")
        and query["filter.ip"] in (None, address)
        and (text is None or text in address or text in (ip["server_hostname"] or ""))
        and (ddos is None or ip["ip_address"]["ddos_protected"] == (ddos in {"true", "1"}))
    )


def _plan(kind: str) -> dict[str, Any]:
    number, name, price, _ = _KINDS[kind]
    return {
        "id": number,
        "name": name,
        "available": True,
        "price": price,
        "price_with_vat": with_vat(price),
    }


def _line(ip: FloatingIP) -> Line:
    price = ip.plan["price"] * ip.billing_cycle
    label = f"Floating IP - {ip.address['ip_address']}"
    return Line(label, price, "floating-ip", ip.id, ip.billing_cycle)


def _end(ip: FloatingIP) -> None:
    ip.status = "terminated"
    if ip.machine is not None:
        ip.machine.addresses.remove(ip.address)
        ip.machine = None


def _reference(ip: FloatingIP) -> dict[str, Any]:
    return {
        "id": ip.id,
        "status": ip.status,
        "ip": ip.address["ip_address"],
        "server_id": ip.machine and ip.machine.id,
        "expiry": ip.expiry_at,
    }


def _seeds(machines: Machines) -> Iterator[FloatingIP]:
    """The documentation's example, those that servers have, and one that is suspended."""
    then = "2021-01-22T11:43:54.000000Z"
    example = new_address(47, "87.120.37.46", then, floating_ip=True, floating_ip_id=602)
    example["ptr"] = {"87.120.37.46": "example.com"}
    request = {
        "id": 233,
        "type": 1,
        "reason": "Example reason.",
        "created_at": "2024-09-25T14:16:15.000000Z",
    }
    yield FloatingIP(602, _plan("ipv4"), example, cancel_request=request)
    for machine in machines.all():
        for address in machine.addresses:
            if address["floating_ip"]:
                plan = _plan("ipv4_ddos" if address["ddos_protected"] else "ipv4")
                yield FloatingIP(address["floating_ip_id"], plan, address, machine)
    network = new_address(49, "2001:db8:49::", then, floating_ip=True, floating_ip_id=640)
    yield FloatingIP(640, _plan("ipv6"), network, status="suspended")
