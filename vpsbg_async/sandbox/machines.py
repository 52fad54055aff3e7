"""Servers and what becomes of them: started, stopped, busy for a while, cancelled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from itertools import count
from typing import Any, Final

from aiohttp import web
from attrs import define, field

from .lookup import find
from .plans import PLANS
from .prices import with_vat
from .refusals import RefusedError
from .times import MONTH, micros, sql

__all__ = ["AT_ONCE", "Machine", "Machines", "Timing", "new_addon", "new_address"]

AT_ONCE: Final = 2  # the type that the sandbox gives a request to end a service at once
_AT_EXPIRY: Final = 1  # the example's, whose meaning is not documented

_SEV_SNP: Final = 3
_IMAGE: Final = {
    "id": 73,
    "name": "Ubuntu 22.04",
    "eol": False,
    "group": {"name": "Ubuntu", "type": "os", "key": "ubuntu"},
}


@define
class Timing:
    """How long things take, by the sandbox's clock.

    Attributes:
        lock: Seconds for which a server is locked while it starts, stops or reboots.
        late_stop: Seconds after which a stop that was answered 423 happens all the same.
    """

    lock: float = 3.0
    late_stop: float = 20.0


@define(eq=False)
class Machine:
    """A server.

    Attributes:
        facts: What the API tells of it, but for what the other attributes say.
        addresses: Its addresses as the API tells them. A Floating IP's is the very object that the
            Floating IP has.
        addons: Its extras, as the API tells them.
        running: Whether it runs.
        kernel_image: The measured boot image that it boots from, as the API tells it.
        locked_at: Since when it is locked.
    """

    facts: dict[str, Any]
    addresses: list[dict[str, Any]]
    addons: list[dict[str, Any]] = field(factory=list)
    running: bool = True
    kernel_image: Mapping[str, Any] | None = None
    cancel_request: dict[str, Any] | None = None
    locked_at: float | None = None
    _free_at: float = 0.0
    _to_come: list[tuple[float, bool]] = field(factory=list)  # when, and whether it runs then

    @property
    def id(self) -> int:
        """Its number."""
        number: int = self.facts["id"]
        return number

    @property
    def main_address(self) -> str | None:
        """Its main address, if it has one."""
        mains = (address["ip_address"] for address in self.addresses if address["main"])
        return next(mains, None)

    def settle(self, now: float) -> None:
        """Let happen what was to happen until ``now``."""
        for moment, running in sorted(self._to_come):
            if moment <= now:
                self.running = running
        self._to_come = [change for change in self._to_come if change[0] > now]
        if self.locked_at is not None and self._free_at <= now:
            self.locked_at = None
            if self.facts["status"] == "processing":
                self.facts["status"] = "active"

    def occupy(self, now: float, seconds: float, *, running: bool) -> None:
        """Lock it for a while, at the end of which it runs or does not."""
        self.locked_at = now
        self._free_at = now + seconds
        self.change_later(self._free_at, running=running)

    def change_later(self, moment: float, *, running: bool) -> None:
        """Start or stop it at some time, whatever else happens to it."""
        self._to_come.append((moment, running))

    def tell(self) -> dict[str, Any]:
        """What the API tells of it."""
        image = self.kernel_image
        return {
            **self.facts,
            "locked": self.locked_at is not None,
            "locked_at": None if self.locked_at is None else micros(self.locked_at),
            "ip_addresses": self.addresses,
            "addons": self.addons,
            "cancel_request": self.cancel_request,
            "state": {
                "running": self.running,
                "node_reachable": True,
                "amd_sev_level": _SEV_SNP,
                "cpu": {"used": 2.7 if self.running else 0},
                "measured_boot": None if image is None else {"kernel_image": image},
            },
        }


class Machines:
    """The servers of the account.

    Args:
        clock: Unix seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.timing = Timing()
        self.clock = clock
        self._machines = {machine.id: machine for machine in _seeds()}
        self._requests = count(234)

    def all(self) -> list[Machine]:
        """The servers as they are now, those with the highest number first."""
        now = self.clock()
        for machine in self._machines.values():
            machine.settle(now)
        return sorted(self._machines.values(), key=lambda machine: machine.id, reverse=True)

    def numbers(self) -> set[int]:
        """The numbers of the servers."""
        return set(self._machines)

    def get(self, number: int) -> Machine | None:
        """The server of that number as it is now."""
        machine = self._machines.get(number)
        if machine is not None:
            machine.settle(self.clock())
        return machine

    def find(self, request: web.Request, *, name: str = "id") -> Machine:
        """The server whose number is in the path.

        Raises:
            RefusedError: There is none (404).
        """
        return find(request, "Server", self.get, name=name)

    def claim(self, machine: Machine) -> None:
        """Make sure that a server can be changed.

        Raises:
            RefusedError: It is terminated (403), or locked (423).
        """
        machine.settle(self.clock())
        if machine.facts["status"] == "terminated":
            raise RefusedError(403, "This action is unauthorized.")
        if machine.locked_at is not None:
            raise RefusedError(423, "Locked")

    def start(self, machine: Machine) -> None:
        """Start a server."""
        self.claim(machine)
        machine.occupy(self.clock(), self.timing.lock, running=True)

    def stop(self, machine: Machine) -> None:
        """Stop a server. One that is locked is stopped as well, only later, as was observed."""
        try:
            self.claim(machine)
        except RefusedError as refused:
            if refused.status == HTTPStatus.LOCKED:
                machine.change_later(self.clock() + self.timing.late_stop, running=False)
            raise
        machine.occupy(self.clock(), self.timing.lock, running=False)

    def restart(self, machine: Machine, *, stays_off: bool = False) -> None:
        """Stop a server at once and start it, or not, when it is free again."""
        self.claim(machine)
        machine.running = False
        machine.occupy(self.clock(), self.timing.lock, running=not stays_off)

    def deploy(self, hostname: str, plan: str, billing_cycle: int) -> Machine:
        """A new server, which is locked until it runs."""
        now = self.clock()
        number = max(self._machines) + 1
        facts = _facts(number, hostname, plan) | {
            "billing_cycle": billing_cycle,
            "status": "processing",
            "created_at": micros(now),
            "expiry_at": micros(now + billing_cycle * MONTH),
            "potential_expiry_at": None,
        }
        address = new_address(number * 10, f"87.120.50.{number % 255}", now, main=True)
        machine = Machine(facts, [address], running=False)
        machine.occupy(now, self.timing.lock, running=True)
        self._machines[number] = machine
        return machine

    def cancel_request(self, reason: str | None, *, now: bool) -> dict[str, Any]:
        """A new request to end a service, as the API tells it."""
        return {
            "id": next(self._requests),
            "type": AT_ONCE if now else _AT_EXPIRY,
            "reason": reason,
            "created_at": micros(self.clock()),
        }


def new_address(
    number: int, ip: str, moment: float | str, *, main: bool = False, **more: Any
) -> dict[str, Any]:
    """An address, as the API tells it."""
    version = 6 if ":" in ip else 4
    return {
        "id": number,
        "ip_address": ip,
        "prefix": 64 if version == 6 else 32,  # noqa: PLR2004 - IPv6
        "version": version,
        "type": "public",
        "main": main,
        "ddos_protected": False,
        "floating_ip": False,
        "floating_ip_id": None,
        "ptr": None,
        "assigned_on": moment if isinstance(moment, str) else micros(moment),
        **more,
    }


def _facts(
    number: int, hostname: str, plan: str, month: int = 8, status: str = "active"
) -> dict[str, Any]:
    price = PLANS[plan]["price"]
    return {
        "id": number,
        "hostname": hostname,
        "billing_cycle": 1,
        "plan": PLANS[plan],
        "status": status,
        "virtualization": "kvm",
        "promo_code": None,
        "renew_amount": price,
        "renew_amount_with_vat": with_vat(price),
        "created_at": f"2024-{month:02}-29T14:21:54.000000Z",
        "expiry_at": f"2024-{month + 2:02}-27T11:03:10.000000Z",
        "potential_expiry_at": f"2024-{month + 3:02}-27T11:03:10.000000Z",
        "auto_renew": True,
        "show_smtp_form": True,
        "server_image": _IMAGE,
        "settings": {"renew_enabled": True, "snapshots_enabled": True},
    }


def new_addon(
    number: int, name: str, quantity: int, amount: float, moment: float | str
) -> dict[str, Any]:
    """An extra of a server, as the API tells it."""
    return {
        "id": number,
        "name": name,
        "status": "active",
        "quantity": quantity,
        "amount": amount,
        "amount_with_vat": with_vat(amount),
        "created_at": moment if isinstance(moment, str) else sql(moment),
        "ended_at": None,
    }


def _seeds() -> list[Machine]:
    """Servers with the numbers of the documentation's examples; the first has extras."""
    then = "2021-01-22T11:43:54.000000Z"
    floating = {"floating_ip": True}
    return [
        Machine(
            _facts(2864, "ubuntu-2gb", "cloud-vps-4gb"),
            [
                new_address(10, "87.120.37.9", then, floating_ip_id=637, **floating),
                new_address(48, "87.120.37.47", "2025-03-14T11:52:22.000000Z", main=True),
                new_address(33112, "87.120.37.48", "2025-03-14T11:52:22.000000Z"),
            ],
            [
                new_addon(801, "backups", 60, 36, "2025-01-10 11:45:31"),
                new_addon(802, "100mbps-unmetered", 1, 300, "2025-01-16 14:29:56"),
            ],
        ),
        Machine(
            _facts(2478, "ubuntu-4gb", "cloud-vps-4gb", 9),
            [
                new_address(416, "87.121.52.159", then, main=True),
                new_address(417, "2001:0:130f::", then),
                new_address(2817, "87.120.37.50", then, floating_ip_id=608, **floating),
            ],
        ),
        Machine(
            _facts(2922, "ubuntu-1gb", "cloud-vps-1gb"),
            [new_address(418, "87.121.52.160", then, main=True)],
            running=False,
        ),
        Machine(
            _facts(2930, "debian-1gb", "cloud-vps-1gb", status="suspended"),
            [new_address(419, "87.121.52.161", then, main=True)],
            running=False,
        ),
        Machine(
            _facts(2448, "old.server.com", "cloud-vps-2gb", status="terminated"), [], running=False
        ),
        Machine(
            _facts(152414, "my.server.com", "cloud-vps-8gb", 7),
            [
                new_address(420, "87.121.52.162", then, main=True),
                new_address(
                    2816,
                    "10.10.10.10",
                    "2024-09-07T14:18:19.000000Z",
                    ddos_protected=True,
                    floating_ip_id=25963458,
                    **floating,
                ),
            ],
        ),
    ]
