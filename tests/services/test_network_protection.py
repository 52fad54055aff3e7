"""The protection of addresses against attacks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from tests.contract.spec import operation, schema_of
from tests.services.contract import (
    check_answers,
    check_as_contracted,
    check_is_sent_again,
    check_is_sent_once,
    check_refused,
    framed,
    sent,
    service,
    specimen,
)
from vpsbg_async.services.ip_addresses import IPAddress, IPAddressType
from vpsbg_async.services.network_protection import (
    Attack,
    AttackASN,
    AttackDetail,
    AttackDetector,
    AttackPorts,
    AttackProtocol,
    AttackSeverity,
    AttackSourceIP,
    Blacklist,
    GeoAction,
    GeoFilter,
    NetworkProtection,
    NetworkProtectionService,
    ProtectedService,
    ProtectedServiceType,
)
from vpsbg_async.testing import Reply

Service = NetworkProtectionService
EXAMPLE = schema_of("Attack")["examples"][0]
ATTACK = Attack(
    id="qAEbdFBBluE9bYI",
    ongoing=False,
    started_at=datetime(2024, 9, 23, 23, 53, 15, tzinfo=UTC),
    ended_at=datetime(2024, 9, 24, 0, 10, 30, tzinfo=UTC),
    detector=AttackDetector.BPS,
    severity=AttackSeverity.MIDDLE,
    reason="BPS threshold 50.000M is exceeded (1.214G)",
    description="UDP ANY:123 to ANY:[0-65535]",
    peak_bandwidth=23197.292503,
    peak_pps=3142007,
)
DETAIL: dict[str, Any] = {
    **EXAMPLE,
    "initial_bandwidth": 1303.609805,
    "initial_pps": 117936,
    "top_protocols": [specimen("AttackProtocol")],
    "top_source_asns": [specimen("AttackAsn")],
    "top_source_ips": [specimen("AttackSourceIp")],
    "top_ports": {"tcp": {"80": {"pps": 1.5}}, "udp": []},
}


async def set_blacklist(protection: Service) -> Blacklist:
    return await protection.set_blacklist(2816, networks=["192.0.2.1"])


def test_they_are_as_contracted() -> None:
    check_as_contracted(Service)


class TestGet:
    @pytest.mark.parametrize("ip_address_id", [2816, "2816"])
    async def test_the_documented_answer_on_a_path_with_its_slash(
        self, ip_address_id: int | str
    ) -> None:
        answer = operation("network_protection_get").example
        protection, transport = service(Service, Reply(json=answer))
        assert await protection.get(ip_address_id) == NetworkProtection(
            under_attack=False,
            ip_address=IPAddress(
                id=2816,
                ip_address="10.10.10.10",
                prefix=32,
                version=4,
                type=IPAddressType.PUBLIC,
                main=False,
                ddos_protected=True,
                floating_ip=True,
                assigned_on=datetime(2024, 9, 7, 14, 18, 19, tzinfo=UTC),
            ),
            floating_ip_id=25963458,
            expiry_at=datetime(2024, 11, 6, 22, tzinfo=UTC),
            protected_service=ProtectedService(
                id=55667788, type=ProtectedServiceType.SERVER, label="my.server.com"
            ),
        )
        assert sent(transport) == [("GET", "/network-protection/2816/", None)]

    async def test_any_field_may_lack_but_the_id_of_the_address(self) -> None:
        await check_answers(
            Service,
            lambda protection: protection.get(1),
            "NetworkProtection",
            needed=("ip_address.id",),
        )

    async def test_it_is_read_again_where_no_answer_came(self) -> None:
        await check_is_sent_again(Service, lambda protection: protection.get(1), Reply(json={}))


class TestAttacks:
    async def test_the_documented_answer(self) -> None:
        protection, transport = service(Service, framed(EXAMPLE))
        assert (await protection.list_attacks(2816)).items == (ATTACK,)
        assert sent(transport) == [("GET", "/network-protection/2816/attacks", None)]

    async def test_any_field_may_lack_but_the_id(self) -> None:
        await check_answers(
            Service,
            lambda protection: protection.list_attacks(1),
            "Attack",
            needed=("id",),
            listed=True,
        )

    async def test_one_that_goes_on(self) -> None:
        item = {"id": "a", "ongoing": True, "ended_at": None, "severity": "high"}
        protection, _ = service(Service, framed(item))
        (attack,) = await protection.list_attacks(1)
        assert (attack.ongoing, attack.ended_at, attack.severity) == (True, None, "high")

    async def test_of_some_days(self) -> None:
        pages = [framed({"id": id_}, page=page, last=3) for page, id_ in ((2, "a"), (3, "b"))]
        protection, transport = service(Service, *pages)
        start = datetime.fromtimestamp(1725963656.75, timezone(timedelta(hours=3)))
        end = datetime(2024, 9, 30, tzinfo=UTC)
        found = protection.list_attacks(2816, start=start, end=end, page=2, per_page=10)
        assert [attack.id async for attack in found] == ["a", "b"]
        query = "filter%5Bstart%5D=1725963656&filter%5Bend%5D=1727654400&per_page=10"
        assert [path for _, path, _ in sent(transport)] == [
            f"/network-protection/2816/attacks?{query}&page=2",
            f"/network-protection/2816/attacks?{query}&page=3",
        ]

    async def test_what_cannot_be_sent(self) -> None:
        naive = datetime(2024, 9, 30)  # noqa: DTZ001
        wrong: Any = 1725963656
        await check_refused(
            Service,
            lambda protection: protection.list_attacks(
                "", start=naive, end=wrong, page=0, per_page=0
            ),
            *("id", "start", "end", "page", "per_page"),
        )


class TestAttack:
    async def test_all_that_is_told(self) -> None:
        protection, transport = service(Service, Reply(json=DETAIL))
        attack = await protection.get_attack(2816, "Ws8PeaCFn4bZ4Rf")
        assert attack == AttackDetail(
            **{name: getattr(ATTACK, name) for name in schema_of("Attack")["properties"]},
            initial_bandwidth=1303.609805,
            initial_pps=117936,
            top_protocols=(
                AttackProtocol(
                    name="0.5",
                    number=1,
                    peak_bandwidth=1.5,
                    peak_pps=1,
                    total_bandwidth=1.5,
                    total_pps=1,
                ),
            ),
            top_source_asns=(
                AttackASN(
                    asn=1,
                    name="0.5",
                    country="0.5",
                    peak_bandwidth=1.5,
                    peak_pps=1,
                    total_bandwidth=1.5,
                    total_pps=1,
                ),
            ),
            top_source_ips=(
                AttackSourceIP(
                    ip="0.5",
                    country="0.5",
                    peak_bandwidth=1.5,
                    peak_pps=1,
                    total_bandwidth=1.5,
                    total_pps=1,
                ),
            ),
            top_ports=AttackPorts(tcp={"80": {"pps": 1.5}}, udp={}),
        )
        path = "/network-protection/2816/attacks/Ws8PeaCFn4bZ4Rf"
        assert sent(transport) == [("GET", path, None)]

    async def test_any_field_may_lack_but_the_id(self) -> None:
        for name in DETAIL:
            for answer in (
                {**DETAIL, name: None},
                {key: value for key, value in DETAIL.items() if key != name},
            ):
                if name != "id":
                    protection, _ = service(Service, Reply(json=answer))
                    attack = await protection.get_attack(1, "a")
                    assert getattr(attack, name) is None
                    assert attack.extra == {}

    async def test_an_id_is_one_part_of_the_path(self) -> None:
        protection, transport = service(Service, Reply(json={"id": "a/b?c"}))
        await protection.get_attack(1, "a/b?c")
        assert sent(transport)[0][1] == "/network-protection/1/attacks/a%2Fb%3Fc"

    @pytest.mark.parametrize("attack_id", ["", "..", None, True, "\ud800"], ids=repr)
    async def test_what_cannot_be_sent(self, attack_id: Any) -> None:
        await check_refused(
            Service,
            lambda protection: protection.get_attack(-1, attack_id),
            *("id", "attack_id"),
        )


class TestBlacklist:
    async def test_the_documented_answer(self) -> None:
        one = operation("network_protection_set_blacklist")
        protection, transport = service(Service, Reply(json=one.example))
        assert await protection.set_blacklist(2816, **one.request["example"]) == Blacklist(
            active=True, networks=("100.100.100.0/24", "100.100.200.100/32")
        )
        path = "/network-protection/2816/blacklist"
        assert sent(transport) == [("POST", path, one.request["example"])]

    async def test_any_field_may_lack(self) -> None:
        await check_answers(Service, set_blacklist, "Blacklist")

    async def test_it_replaces_the_list_and_is_never_sent_again_blindly(self) -> None:
        await check_is_sent_once(Service, set_blacklist)

    @pytest.mark.parametrize(
        "networks",
        [None, [], ["192.0.2.1"] * 1001, "192.0.2.1", [1], [""], ("192.0.2.1", None)],
        ids=lambda networks: str(networks)[:20],
    )
    async def test_what_cannot_be_sent(self, networks: Any) -> None:
        await check_refused(
            Service,
            lambda protection: protection.set_blacklist("", networks=networks),
            *("id", "networks"),
        )

    async def test_as_many_as_there_may_be(self) -> None:
        networks = [f"10.0.{number // 256}.{number % 256}" for number in range(1000)]
        protection, transport = service(Service, Reply(json={}))
        await protection.set_blacklist(1, networks=tuple(networks))
        assert sent(transport)[0][2] == {"networks": networks}


class TestGeoFilter:
    async def test_the_documented_answer(self) -> None:
        answer = operation("network_protection_get_geo_filter").example
        protection, transport = service(Service, Reply(json=answer))
        assert await protection.get_geo_filter(2816) == GeoFilter(
            active=True, action=GeoAction.ALLOW, countries=("BG",)
        )
        assert sent(transport) == [("GET", "/network-protection/2816/geo", None)]

    async def test_any_field_may_lack(self) -> None:
        await check_answers(Service, lambda protection: protection.get_geo_filter(1), "GeoFilter")
