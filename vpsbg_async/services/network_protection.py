"""The protection of addresses against attacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import attrs

from ..core.caller import Caller
from ..core.endpoint import Effect, Endpoint
from ..core.fields import Fields
from ..core.model import Model, OpenEnum, unsure_field
from ..core.pages import Pages
from .ip_addresses import IPAddress

__all__ = [
    "Attack",
    "AttackASN",
    "AttackDetail",
    "AttackDetector",
    "AttackPorts",
    "AttackProtocol",
    "AttackSeverity",
    "AttackSourceIP",
    "Blacklist",
    "GeoAction",
    "GeoFilter",
    "NetworkProtection",
    "NetworkProtectionService",
    "ProtectedService",
    "ProtectedServiceType",
]

_NETWORKS_MAX = 1000


class ProtectedServiceType(OpenEnum):
    """Kind of a service whose address is protected; only one value is known."""

    SERVER = "server"


class AttackDetector(OpenEnum):
    """What an attack was noticed by: packets or bits per second."""

    PPS = "PPS"
    BPS = "BPS"
    BPS_LIMIT = "BPS_LIMIT"


class AttackSeverity(OpenEnum):
    """How bad an attack is; there may be more than these."""

    LOW = "low"
    MIDDLE = "middle"


class GeoAction(OpenEnum):
    """What a filter does with the countries that it names."""

    ALLOW = "allow"
    DENY = "deny"


@attrs.frozen(kw_only=True, slots=False)
class ProtectedService(Model):
    """The service that a protected address belongs to.

    Attributes:
        id: Its id.
        type: Its kind.
        label: Its name for people; of a server the hostname.
    """

    id: int | None = None
    type: ProtectedServiceType | None = None
    label: str | None = None


@attrs.frozen(kw_only=True, slots=False)
class NetworkProtection(Model):
    """The protection of an address.

    Attributes:
        under_attack: Whether it is being attacked.
        ip_address: The address.
        floating_ip_id: Id of the Floating IP that it is.
        expiry_at: Until when it is protected.
        protected_service: The service that it belongs to.
    """

    under_attack: bool | None = None
    ip_address: IPAddress | None = None
    floating_ip_id: int | None = None
    expiry_at: datetime | None = None
    protected_service: ProtectedService | None = None


@attrs.frozen(kw_only=True, slots=False)
class Attack(Model):
    """An attack on an address. What an answer left out is None.

    Attributes:
        id: Its id, a short text.
        ongoing: Whether it is still going on.
        started_at: When it began.
        ended_at: When it ended. What it is while the attack goes on is not documented: if it is no
            time, it is in ``.extra`` as it came.
        detector: What it was noticed by.
        severity: How bad it is.
        reason: Why it was taken for one, for people.
        description: What it is made of, for people.
        peak_bandwidth: Mbps at its height.
        peak_pps: Packets per second at its height.
    """

    id: str
    ongoing: bool | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = unsure_field()
    detector: AttackDetector | None = None
    severity: AttackSeverity | None = None
    reason: str | None = None
    description: str | None = None
    peak_bandwidth: float | None = None
    peak_pps: float | None = None


@attrs.frozen(kw_only=True, slots=False)
class AttackProtocol(Model):
    """A protocol that an attack uses.

    Attributes:
        name: Its name.
        number: Its number.
        peak_bandwidth: Mbps at the height.
        peak_pps: Packets per second at the height.
        total_bandwidth: MB in all.
        total_pps: Documented without a word on what it is; packets in all, by its name.
    """

    name: str | None = None
    number: int | None = None
    peak_bandwidth: float | None = None
    peak_pps: float | None = None
    total_bandwidth: float | None = None
    total_pps: float | None = None


@attrs.frozen(kw_only=True, slots=False)
class AttackASN(Model):
    """A network that an attack comes from.

    Attributes:
        asn: Its number.
        name: Its name.
        country: Its country.
        peak_bandwidth: Mbps at the height.
        peak_pps: Packets per second at the height.
        total_bandwidth: MB in all.
        total_pps: Documented without a word on what it is; packets in all, by its name.
    """

    asn: int | None = None
    name: str | None = None
    country: str | None = None
    peak_bandwidth: float | None = None
    peak_pps: float | None = None
    total_bandwidth: float | None = None
    total_pps: float | None = None


@attrs.frozen(kw_only=True, slots=False)
class AttackSourceIP(Model):
    """An address that an attack comes from.

    Attributes:
        ip: The address.
        country: Its country.
        peak_bandwidth: Mbps at the height.
        peak_pps: Packets per second at the height.
        total_bandwidth: MB in all.
        total_pps: Documented without a word on what it is; packets in all, by its name.
    """

    ip: str | None = None
    country: str | None = None
    peak_bandwidth: float | None = None
    peak_pps: float | None = None
    total_bandwidth: float | None = None
    total_pps: float | None = None


@attrs.frozen(kw_only=True, slots=False)
class AttackPorts(Model):
    """Ports that an attack uses, as raw JSON; what is in it is not documented.

    What is no object is in ``.extra`` as it came.

    Attributes:
        tcp: Of TCP.
        udp: Of UDP.
    """

    tcp: Mapping[str, object] | None = unsure_field()
    udp: Mapping[str, object] | None = unsure_field()


@attrs.frozen(kw_only=True, slots=False)
class AttackDetail(Attack):
    """An attack with where it comes from and what it uses.

    Attributes:
        initial_bandwidth: Mbps when it was noticed.
        initial_pps: Packets per second when it was noticed.
        top_protocols: Protocols that it uses most.
        top_source_asns: Networks that it comes from most.
        top_source_ips: Addresses that it comes from most.
        top_ports: Ports that it uses most.
    """

    initial_bandwidth: float | None = None
    initial_pps: float | None = None
    top_protocols: tuple[AttackProtocol, ...] | None = None
    top_source_asns: tuple[AttackASN, ...] | None = None
    top_source_ips: tuple[AttackSourceIP, ...] | None = None
    top_ports: AttackPorts | None = unsure_field()


@attrs.frozen(kw_only=True, slots=False)
class Blacklist(Model):
    """Networks that an address gets nothing from.

    Attributes:
        active: Whether it is in force.
        networks: The networks, in the form and order in which they are kept: 192.0.2.1 becomes
            192.0.2.1/32.
    """

    active: bool | None = None
    networks: tuple[str, ...] | None = None


@attrs.frozen(kw_only=True, slots=False)
class GeoFilter(Model):
    """A filter by country.

    Attributes:
        active: Whether it is in force.
        action: What it does with the countries.
        countries: The countries; codes of two letters, by the documentation's example.
    """

    active: bool | None = None
    action: GeoAction | None = None
    countries: tuple[str, ...] | None = None


_GET = Endpoint("GET", "/network-protection/{id}/", NetworkProtection)  # the slash is documented
_LIST_ATTACKS = Endpoint("GET", "/network-protection/{id}/attacks", Attack)
_GET_ATTACK = Endpoint(
    "GET", "/network-protection/{id}/attacks/{attack_id}", AttackDetail, "partial"
)
_SET_BLACKLIST = Endpoint(
    "POST",
    "/network-protection/{id}/blacklist",
    Blacklist,
    effects=frozenset({Effect.REPLACES_LIST}),
)
_GET_GEO_FILTER = Endpoint("GET", "/network-protection/{id}/geo", GeoFilter)


class NetworkProtectionService:
    """The protection of addresses against attacks: ``vps.network_protection``.

    All calls take the id of the IP address, ``IPAddress.id``, not of the Floating IP that it is.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def get(self, ip_address_id: int | str) -> NetworkProtection:
        """Read whether an address is under attack, and what is known of its protection.

        ``GET /network-protection/{id}/``, documented at https://dev.vpsbg.eu/api-3596831, with a
        slash at its end.

        Args:
            ip_address_id: Id of the address, not of the Floating IP.

        Returns:
            The protection.

        Raises:
            InvalidInputError: The id cannot be sent.
            TransportError: The network failed.
            ResponseError: The answer is not what was promised.
            NotFoundError: There is no such address, or it is not protected.
            APIError: The server answered with another error; see its subclasses.
        """
        return await self._caller.call(_GET, id=ip_address_id)

    def list_attacks(
        self,
        ip_address_id: int | str,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        page: int | None = None,
        per_page: int | None = None,
    ) -> Pages[Attack]:
        """The attacks on an address: await it for one page, iterate it for all.

        ``GET /network-protection/{id}/attacks``, documented at https://dev.vpsbg.eu/api-3593101.

        Args:
            ip_address_id: Id of the address, not of the Floating IP.
            start: From this moment on, with a time zone; None for seven days ago.
            end: Up to this moment, with a time zone; None for now.
            page: Number of the page to get or to begin with; the first is 1.
            per_page: How many a page has, 1 or more; no maximum is documented.

        Returns:
            The pages; nothing is sent until they are awaited or iterated.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: When fetched: the network failed.
            ResponseError: When fetched: the answer is not what was promised.
            NotFoundError: When fetched: there is no such address, or it is not protected.
            APIError: When fetched: the server answered with another error; see its subclasses.
        """
        query = Fields().moment("start", start, field="filter[start]")
        query.moment("end", end, field="filter[end]").whole("per_page", per_page, least=1)
        return self._caller.pages(_LIST_ATTACKS, page, query, id=ip_address_id)

    async def get_attack(self, ip_address_id: int | str, attack_id: str) -> AttackDetail:
        """Read one attack, with where it comes from and what it uses.

        ``GET /network-protection/{id}/attacks/{attack_id}``, documented in part at
        https://dev.vpsbg.eu/api-3593141: what the ports hold is not known.

        Args:
            ip_address_id: Id of the address, not of the Floating IP.
            attack_id: Id of the attack, a short text.

        Returns:
            The attack.

        Raises:
            InvalidInputError: An id cannot be sent.
            TransportError: The network failed.
            ResponseError: The answer is not what was promised.
            NotFoundError: There is no such attack.
            APIError: The server answered with another error; see its subclasses.
        """
        return await self._caller.call(_GET_ATTACK, id=ip_address_id, attack_id=attack_id)

    async def set_blacklist(
        self, ip_address_id: int | str, *, networks: Sequence[str]
    ) -> Blacklist:
        """Replace the networks that an address gets nothing from, all of them.

        What is not given is dropped from the list. A list that was empty before is put in force.
        How to read the list alone, or to empty it, is not known. It is never sent again blindly.

        ``POST /network-protection/{id}/blacklist``, documented at
        https://dev.vpsbg.eu/api-3595285.

        Args:
            ip_address_id: Id of the address, not of the Floating IP.
            networks: The whole new list: 1 to 1000 addresses, or networks such as 192.0.2.0/24.

        Returns:
            The list as it is kept, in another form and order.

        Raises:
            InvalidInputError: The arguments cannot be sent.
            TransportError: The network failed; ``.outcome`` tells whether it may have happened.
            ResponseError: It was replaced, and the answer is not what was promised.
            NotFoundError: There is no such address, or it is not protected.
            APIError: The server answered with another error; see its subclasses.
        """
        body = Fields().networks("networks", networks, most=_NETWORKS_MAX).require("networks")
        return await self._caller.call(_SET_BLACKLIST, id=ip_address_id, body=body)

    async def get_geo_filter(self, ip_address_id: int | str) -> GeoFilter:
        """Read the filter by country of an address.

        ``GET /network-protection/{id}/geo``, documented at https://dev.vpsbg.eu/api-3593615.

        Args:
            ip_address_id: Id of the address, not of the Floating IP.

        Returns:
            The filter.

        Raises:
            InvalidInputError: The id cannot be sent.
            TransportError: The network failed.
            ResponseError: The answer is not what was promised.
            NotFoundError: There is no such address, or it is not protected.
            APIError: The server answered with another error; see its subclasses.
        """
        return await self._caller.call(_GET_GEO_FILTER, id=ip_address_id)
