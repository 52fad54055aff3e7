"""DDoS protection of an address: the attacks on it, who is shut out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any, Final

from aiohttp import web
from attrs import frozen

from .addresses import Addresses
from .forms import read_form, read_query
from .lookup import find, not_found
from .paginator import paged
from .times import DAY, millis
from .validation import Rule, array, integer, max_items, nullable, required, validate

__all__ = ["Protection"]

_WEEK: Final = 7 * DAY
_EVERY: Final = DAY // 4  # seconds between two attacks
_ATTACKS: Final = 40

_LIST_RULES: Final = {"filter.start": [nullable, integer], "filter.end": [nullable, integer]}


def _is_network(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(ip_network(value, strict=False))
    except ValueError:
        return False


_BLACKLIST_RULES: Final = {
    "networks": [required, array, max_items(1000)],
    "networks.*": [Rule(_is_network, "The :attribute field format is invalid.")],
}

# The documentation's examples.
_EXAMPLE_IDS: Final = ("Ws8PeaCFn4bZ4Rf", "qAEbdFBBluE9bYI")
_FACTS: Final = (
    {
        "detector": "PPS",
        "severity": "low",
        "reason": "PPS threshold 50.000k is exceeded (63.839k)",
        "description": "TCP(ALL:ACK) ANY:[0-65535] to ANY:[0-65535]",
        "peak_bandwidth": 157.928618,
        "peak_pps": 117936,
    },
    {
        "detector": "BPS",
        "severity": "middle",
        "reason": "BPS threshold 50.000M is exceeded (1.214G)",
        "description": "UDP ANY:123 to ANY:[0-65535]",
        "peak_bandwidth": 23197.292503,
        "peak_pps": 3142007,
    },
)
_AMOUNT: Final = {
    "peak_bandwidth": 157.928618,
    "peak_pps": 117936,
    "total_bandwidth": 1303.609805,
    "total_pps": 1179360,
}
_DETAIL: Final = {
    "initial_bandwidth": 1303.609805,
    "initial_pps": 63839,
    "top_protocols": [{"name": "TCP", "number": 6, **_AMOUNT}],
    "top_source_asns": [{"asn": 64500, "name": "Example", "country": "BG", **_AMOUNT}],
    "top_source_ips": [{"ip": "192.0.2.1", "country": "BG", **_AMOUNT}],
    "top_ports": {"tcp": {}, "udp": {}},
}


@frozen
class _Attack:
    id: str
    started_at: float
    facts: dict[str, Any]

    def tell(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "ongoing": False,
            "started_at": millis(self.started_at),
            "ended_at": millis(self.started_at + 915),
            **self.facts,
        }


class Protection:
    """What a client can do with the protection of addresses.

    Args:
        clock: Unix seconds.
        addresses: Some of these are protected.
    """

    def __init__(self, clock: Callable[[], float], addresses: Addresses) -> None:
        self._clock = clock
        self._addresses = addresses
        self._attacks = _seeds(clock())

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """The routes, each path after ``prefix``."""
        protection = f"{prefix}/network-protection/{{id}}"
        return [
            web.get(f"{protection}/", self.get),
            web.get(f"{protection}/attacks", self.list_attacks),
            web.get(f"{protection}/attacks/{{attack_id}}", self.get_attack),
            web.post(f"{protection}/blacklist", self.set_blacklist),
            web.get(f"{protection}/geo", self.get_geo_filter),
        ]

    async def get(self, request: web.Request) -> web.Response:
        """What is protected, and until when."""
        address = self._find(request)
        ip = self._addresses.floating(address)
        machine = None if ip is None else ip.machine
        return web.json_response(
            {
                "under_attack": False,
                "ip_address": address,
                "floating_ip_id": address["floating_ip_id"],
                "expiry_at": "2024-11-06T22:00:00.000000Z" if ip is None else ip.expiry_at,
                "protected_service": machine
                and {"id": machine.id, "type": "server", "label": machine.facts["hostname"]},
            }
        )

    async def list_attacks(self, request: web.Request) -> web.Response:
        """A page of attacks, the latest first, of the last seven days by default."""
        self._find(request)
        query = validate(read_query(request), _LIST_RULES)
        start, end = query["filter.start"], query["filter.end"]
        now = self._clock()
        begin = now - _WEEK if start is None else int(start)
        until = now if end is None else int(end)
        return paged(
            request,
            [one.tell() for one in self._attacks.values() if begin <= one.started_at <= until],
        )

    async def get_attack(self, request: web.Request) -> web.Response:
        """One attack, with where it came from."""
        self._find(request)
        number = request.match_info["attack_id"]
        if number not in self._attacks:
            raise not_found("Attack", number)
        return web.json_response({**self._attacks[number].tell(), **_DETAIL})

    async def set_blacklist(self, request: web.Request) -> web.Response:
        """The networks that are shut out from now on, in normal form and in order."""
        self._find(request)
        fields = validate(await read_form(request), _BLACKLIST_RULES)
        networks = {ip_network(text, strict=False) for text in fields["networks"]}
        ordered = sorted(networks, key=lambda network: (network.version, network))
        return web.json_response(
            {"active": True, "networks": [str(network) for network in ordered]}
        )

    async def get_geo_filter(self, request: web.Request) -> web.Response:
        """The countries that are let in, which nothing changes."""
        self._find(request)
        return web.json_response({"active": True, "action": "allow", "countries": ["BG"]})

    def _find(self, request: web.Request) -> dict[str, Any]:
        return find(request, "IpAddress", self._protected)

    def _protected(self, number: int) -> dict[str, Any] | None:
        address = self._addresses.get(number)
        return address if address is not None and address["ddos_protected"] else None


def _seeds(now: float) -> dict[str, _Attack]:
    """Attacks by their ids, each some hours before the one that comes first."""
    attacks = {}
    for index in range(_ATTACKS):
        digest = hashlib.sha256(b"%d" % index).hexdigest()
        number = _EXAMPLE_IDS[index] if index < len(_EXAMPLE_IDS) else digest[:15]
        moment = now - 3600 - index * _EVERY
        attacks[number] = _Attack(number, moment, _FACTS[index % len(_FACTS)])
    return attacks
