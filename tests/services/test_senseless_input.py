"""Arguments that make no sense are refused before anything leaves, all at once and by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, tzinfo
from typing import Any

import pytest

from tests.services.contract import service
from vpsbg_async import VPSBG, InvalidInputError
from vpsbg_async.services.network_protection import NetworkProtectionService
from vpsbg_async.testing import FakeTransport, Reply

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample"


class NoZone(tzinfo):
    """One that does not know its offset, so that its times are naive."""

    def utcoffset(self, _: datetime | None) -> None:
        return None

    dst = tzname = utcoffset


def deploy(**changes: Any) -> Callable[[VPSBG], Awaitable[object]]:
    given: dict[str, Any] = {"name": "a", "plan": "b", "billing_cycle": 1}
    return lambda vps: vps.servers.deploy(**given | changes)


def ptr(value: Any) -> Callable[[VPSBG], Awaitable[object]]:
    return lambda vps: vps.ip_addresses.update(1, ptr=value)


def networks(*value: Any) -> Callable[[VPSBG], Awaitable[object]]:
    return lambda vps: vps.network_protection.set_blacklist(1, networks=value)


def boot(**changes: Any) -> Callable[[VPSBG], Awaitable[object]]:
    return lambda vps: vps.measured_boot.set(1, kernel_image_id=5, **changes)


REFUSED: list[tuple[Callable[[VPSBG], Awaitable[object]], str]] = [
    *((deploy(name=name), "name") for name in ("", "  ", "a\0", "a\nb", [], [""], ["a", "b\x1b"])),
    *((deploy(plan=""), "plan"), (deploy(cpanel=" "), "cpanel")),
    (lambda vps: vps.servers.calculate_renew(server_ids=[], billing_cycle=1), "server_ids"),
    (lambda vps: vps.support_plans.purchase(plan=" ", billing_cycle=1), "plan"),
    (lambda vps: vps.server_scaling.calculate(1, plan="", scale_disk=True), "plan"),
    (lambda vps: vps.server_addons.cancel(1, 2, reason="\t", now=True), "reason"),
    (lambda vps: vps.server_addons.purchase(1), "arguments"),
    (lambda vps: vps.server_addons.purchase(1, bandwidth=""), "bandwidth"),
    (lambda vps: vps.floating_ips.purchase(), "arguments"),
    (lambda vps: vps.floating_ips.cancel(ids=[], now=True), "ids"),
    (lambda vps: vps.user.update(), "arguments"),
    (lambda vps: vps.user.enable_2fa(otp="", secret_key="a"), "otp"),
    (lambda vps: vps.user.enable_2fa(otp=1, secret_key=""), "secret_key"),
    (lambda vps: vps.ssh_keys.update(1), "arguments"),
    (lambda vps: vps.ssh_keys.add(name="    ", key=KEY), "name"),
    (lambda vps: vps.ssh_keys.add(name="a\nb\0", key=KEY), "name"),
    (lambda vps: vps.ssh_keys.add(name="abc", key=f"{KEY} c\0\x1b"), "key"),
    (lambda vps: vps.affiliate.update_referral_code(referral_code="      "), "referral_code"),
    *(
        (ptr(value), "ptr")
        for value in ("", " ", "a b", "a.b\n", "a\0b", {}, {"1.1.1.1": ""}, {"x": "a.b"})
    ),
    (ptr({1: "a.b"}), "ptr"),
    *((networks(value), "networks") for value in ("junk", " ", "1.2.3.4/99", "1.1.1.1\n", 1, None)),
    *((networks(value), "networks") for value in ("1.2.3.0/255.255.255.0", "1.2.3", "::/129")),
    (networks(), "networks"),
    (boot(otp=object()), "otp"),
    (boot(otp=float("nan")), "otp"),
    (boot(otp=True), "otp"),
    (boot(account_password="\ud800"), "account_password"),
    (boot(account_password=1), "account_password"),
    (boot(initrd_image_id="a"), "initrd_image_id"),
    (lambda vps: vps.servers.get(" "), "id"),
    (lambda vps: vps.network_protection.get_attack(1, "a\nb"), "attack_id"),
]


@pytest.mark.parametrize(("call", "name"), REFUSED)
async def test_it_is_refused(call: Callable[[VPSBG], Awaitable[object]], name: str) -> None:
    transport = FakeTransport()
    async with VPSBG("key", transport=transport) as vps:
        with pytest.raises(InvalidInputError) as caught:
            await call(vps)
    assert caught.value.errors.keys() == {name}
    assert None not in (caught.value.method, caught.value.path)
    assert str(caught.value).isprintable()
    assert transport.calls == []


async def test_all_problems_of_a_call_are_told_together() -> None:
    wrong: Any = object()
    async with VPSBG("key", transport=FakeTransport()) as vps:
        with pytest.raises(InvalidInputError) as caught:
            await vps.measured_boot.set("", kernel_image_id=wrong, otp=wrong, account_password="")
    assert caught.value.errors.keys() == {"id", "kernel_image_id", "otp", "account_password"}
    assert (caught.value.method, caught.value.path) == ("POST", "/servers/{id}/measured-boot")


async def test_a_time_whose_zone_does_not_know_its_offset() -> None:
    moment = datetime(2024, 9, 1, tzinfo=NoZone())
    async with VPSBG("key", transport=FakeTransport()) as vps:
        with pytest.raises(InvalidInputError, match="start: must be a datetime with a time zone"):
            await vps.servers.get_bandwidth(1, start=moment)


@pytest.mark.parametrize(
    "network",
    ["192.0.2.1", "192.0.2.0/24", "192.0.2.7/24", "2001:db8::1", "2001:db8::1/64", "0.0.0.0/0"],
)
async def test_addresses_and_networks_are_sent_as_they_are(network: str) -> None:
    protection, transport = service(NetworkProtectionService, Reply(json={}))
    await protection.set_blacklist(1, networks=(network,))
    assert transport.calls[0].body == f'{{"networks": ["{network}"]}}'.encode()


async def test_what_can_be_sent() -> None:
    transport = FakeTransport(*[Reply(json={"id": 1})] * 4)
    async with VPSBG("key", transport=transport) as vps:
        await vps.ip_addresses.update(1, ptr={"2001:db8::1": "xn--e1afmkfd.example"})
        await vps.ip_addresses.update(1, ptr="снимка.example")
        await vps.ssh_keys.update(1, name="бележник №1")
        await vps.measured_boot.set(
            1, kernel_image_id=None, initrd_image_id=None, account_password=" a\n", otp="012345"
        )
    assert len(transport.calls) == 4
