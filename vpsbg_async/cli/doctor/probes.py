"""What ``vpsbg doctor`` asks: every operation of the API that only reads.

To ask one more, write it into `READINGS`, and what its model does not tell into ``documented``.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Generic, TypeGuard, TypeVar

import attrs

from ...core.answer import Answer
from ...core.endpoint import is_positive
from ...core.model import Model
from ...core.pages import Page
from ...services.affiliate import Affiliate
from ...services.backups import Backup
from ...services.balance import Balance
from ...services.floating_ips import FloatingIP
from ...services.invoices import Invoice
from ...services.ip_addresses import IPAddress
from ...services.measured_boot import MeasuredBootImage
from ...services.network_protection import Attack, AttackDetail, GeoFilter, NetworkProtection
from ...services.orders import Order
from ...services.plans import Plan, PlanAddon
from ...services.server_addons import AvailableAddon
from ...services.servers import Server, ServerBandwidth, ServerMetric, ServerStatus
from ...services.snapshots import Snapshot
from ...services.ssh_keys import SSHKey
from ...services.tickets import Ticket
from ...services.user import User
from .documented import Frame, Refusal, Whole

__all__ = [
    "LEFT_OUT",
    "READINGS",
    "TICKET",
    "WRONG_ID",
    "WRONG_KEY",
    "WRONG_PATH",
    "Known",
    "Probe",
    "tickets",
]

T = TypeVar("T")

_NO_PATH = "/vpsbg-doctor-has-no-path"
_NO_ID = 0
_TEXT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@attrs.frozen(kw_only=True)
class Probe(Generic[T]):
    """A question, and what is documented of its answer.

    Attributes:
        area: What the report calls it.
        ask: Asks it, given the ids of what it is about.
        kind: Type of the answer.
        of: Kinds of the things that it is about.
        status: Status of the answer; 200 stands for every success.
    """

    area: str
    ask: Callable[..., Awaitable[T]]
    kind: Any
    of: tuple[type[Model], ...] = ()
    status: int = HTTPStatus.OK

    def accepts(self, answer: Answer) -> bool:
        """Whether an answer has the status that it should have."""
        return answer.succeeded if self.status == HTTPStatus.OK else answer.status == self.status

    def is_about(self, answer: Answer) -> bool:
        """Whether an answer can be looked into: a success for one, a refusal for a refusal."""
        return answer.succeeded == (self.status == HTTPStatus.OK)


_NOUNS: Mapping[type[Model], str] = {
    Ticket: "ticket",
    Server: "server",
    Plan: "plan",
    SSHKey: "SSH key",
    Order: "order",
    IPAddress: "address",
    Attack: "attack",
}


class Known:
    """What there is to be asked for: the first thing of each kind that was met.

    Attributes:
        is_protected: Whether the address is protected against attacks.
    """

    def __init__(self) -> None:
        self._ids: dict[type[Model], int | str] = {}
        self.is_protected = False

    def note(self, answer: object) -> None:
        """Take down what an answer tells of."""
        for thing in answer if isinstance(answer, Page) else (answer,):
            self._keep(thing)
            for address in _addresses(thing):
                self._keep(address)

    def ids(self, probe: Probe[Any]) -> list[int | str]:
        """The ids of what a question is about; fewer than it needs if they are not all known."""
        return [self._ids[kind] for kind in probe.of if kind in self._ids]

    def lacks(self, probe: Probe[Any]) -> str:
        """What a question is about and was not met; nothing if all was."""
        lacking = [_NOUNS[kind] for kind in probe.of if kind not in self._ids]
        return f"no {lacking[0]} was seen" if lacking else ""

    def _keep(self, thing: object) -> None:
        number = getattr(thing, "id", None)
        if not isinstance(thing, Model) or not _is_id(number):
            return
        is_better = isinstance(thing, IPAddress) and thing.ddos_protected is True
        if type(thing) not in self._ids or (is_better and not self.is_protected):
            self._ids[type(thing)] = number
            self.is_protected = self.is_protected or is_better


def _is_id(value: object) -> TypeGuard[int | str]:
    return bool(_TEXT_ID.fullmatch(value)) if isinstance(value, str) else is_positive(value)


def _addresses(thing: object) -> Iterator[IPAddress]:
    if isinstance(thing, Server):
        yield from thing.ip_addresses or ()
    elif isinstance(thing, FloatingIP) and thing.ip_address is not None:
        yield thing.ip_address


def tickets(page: int | None = None) -> Probe[Page[Ticket]]:
    """The question for a page of tickets."""
    return Probe(
        area="GET /support/tickets",
        ask=lambda vps: vps.tickets.list(page=page),
        kind=Frame[Ticket],
    )


TICKET: Probe[Ticket] = Probe(
    area="GET /support/tickets/{id}",
    ask=lambda vps, ticket: vps.tickets.get(ticket),
    kind=Ticket,
    of=(Ticket,),
)
READINGS: tuple[Probe[Any], ...] = (
    Probe(area="GET /user", ask=lambda vps: vps.user.get(), kind=User),
    Probe(area="GET /balance", ask=lambda vps: vps.balance.get(), kind=Balance),
    Probe(area="GET /affiliate", ask=lambda vps: vps.affiliate.get(), kind=Affiliate),
    Probe(area="GET /invoices", ask=lambda vps: vps.invoices.list(), kind=Frame[Invoice]),
    Probe(area="GET /orders", ask=lambda vps: vps.orders.list(), kind=Frame[Order]),
    Probe(
        area="GET /orders/{id}",
        ask=lambda vps, order: vps.orders.get(order),
        kind=Order,
        of=(Order,),
    ),
    Probe(area="GET /ssh-keys", ask=lambda vps: vps.ssh_keys.list(), kind=Frame[SSHKey]),
    Probe(
        area="GET /ssh-keys/{id}",
        ask=lambda vps, key: vps.ssh_keys.get(key),
        kind=SSHKey,
        of=(SSHKey,),
    ),
    Probe(area="GET /plans", ask=lambda vps: vps.plans.list(), kind=Frame[Plan]),
    Probe(
        area="GET /plans/{id}/addons",
        ask=lambda vps, plan: vps.plans.list_addons(plan),
        kind=Whole[PlanAddon],
        of=(Plan,),
    ),
    Probe(area="GET /servers", ask=lambda vps: vps.servers.list(), kind=Frame[Server]),
    Probe(
        area="GET /servers/{id}",
        ask=lambda vps, server: vps.servers.get(server),
        kind=Server,
        of=(Server,),
    ),
    Probe(
        area="GET /servers/{id}/status",
        ask=lambda vps, server: vps.servers.get_status(server),
        kind=ServerStatus,
        of=(Server,),
    ),
    Probe(
        area="GET /servers/{id}/metrics",
        ask=lambda vps, server: vps.servers.get_metrics(server),
        kind=Whole[ServerMetric],
        of=(Server,),
    ),
    Probe(
        area="GET /servers/{id}/bandwidth",
        ask=lambda vps, server: vps.servers.get_bandwidth(server),
        kind=ServerBandwidth,
        of=(Server,),
    ),
    Probe(
        area="GET /servers/{server_id}/addons",
        ask=lambda vps, server: vps.server_addons.list_available(server),
        kind=Whole[AvailableAddon],
        of=(Server,),
    ),
    Probe(
        area="GET /measured-boot-images",
        ask=lambda vps: vps.measured_boot.list_images(),
        kind=Whole[MeasuredBootImage],
    ),
    Probe(area="GET /snapshots", ask=lambda vps: vps.snapshots.list(), kind=Frame[Snapshot]),
    Probe(area="GET /backups", ask=lambda vps: vps.backups.list(), kind=Frame[Backup]),
    Probe(
        area="GET /floating-ips", ask=lambda vps: vps.floating_ips.list(), kind=Frame[FloatingIP]
    ),
    Probe(
        area="GET /network-protection/{id}/",
        ask=lambda vps, address: vps.network_protection.get(address),
        kind=NetworkProtection,
        of=(IPAddress,),
    ),
    Probe(
        area="GET /network-protection/{id}/geo",
        ask=lambda vps, address: vps.network_protection.get_geo_filter(address),
        kind=GeoFilter,
        of=(IPAddress,),
    ),
    Probe(
        area="GET /network-protection/{id}/attacks",
        ask=lambda vps, address: vps.network_protection.list_attacks(address),
        kind=Frame[Attack],
        of=(IPAddress,),
    ),
    Probe(
        area="GET /network-protection/{id}/attacks/{attack_id}",
        ask=lambda vps, address, attack: vps.network_protection.get_attack(address, attack),
        kind=AttackDetail,
        of=(IPAddress, Attack),
    ),
)
"""What is asked after the tickets; what is about a thing comes after a list of such things."""

LEFT_OUT: Mapping[str, str] = {"GET /user/2fa": "it does not only read"}
"""What is not asked, and why."""

WRONG_PATH: Probe[Any] = Probe(
    area="a path that does not exist",
    ask=lambda vps: vps.request("GET", _NO_PATH),
    kind=Refusal,
    status=HTTPStatus.NOT_FOUND,
)
WRONG_ID: Probe[Any] = attrs.evolve(
    WRONG_PATH, area="a ticket that does not exist", ask=lambda vps: vps.tickets.get(_NO_ID)
)
WRONG_KEY: Probe[Any] = attrs.evolve(
    WRONG_PATH,
    area="a key that is not valid",
    ask=lambda vps: vps.tickets.list(),
    status=HTTPStatus.UNAUTHORIZED,
)
