"""Servers: all calls but those that wait."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from tests.contract.spec import Operation, operation
from tests.services.contract import (
    check_answers,
    check_as_contracted,
    check_is_a_read,
    check_is_sent_again,
    check_is_sent_once,
    check_refused,
    framed,
    sent,
    service,
)
from tests.services.tickets.support import failure_of
from vpsbg_async import (
    APIError,
    LockedError,
    NotFoundError,
    NotSentError,
    Outcome,
    ResponseError,
    RetryPolicy,
)
from vpsbg_async.core.endpoint import Endpoint
from vpsbg_async.services import servers as package
from vpsbg_async.services.ip_addresses import IPAddress, IPAddressType
from vpsbg_async.services.orders import Promo
from vpsbg_async.services.plans import AddonKey, Plan, PlanType
from vpsbg_async.services.servers import (
    BandwidthDay,
    CPULoad,
    CPUUsage,
    MeasuredBootImage,
    MeasuredBootImageType,
    RenewAmount,
    Server,
    ServerAddon,
    ServerBandwidth,
    ServerImage,
    ServerImageGroup,
    ServerImageType,
    ServerMeasuredBoot,
    ServerMetric,
    Servers,
    ServerSettings,
    ServerState,
    ServerStatus,
    ServiceStatus,
    Usage,
    Virtualization,
    power,
    reading,
)
from vpsbg_async.testing import Reply

NEEDED = ("id", "ip_addresses.id", "state.measured_boot.kernel_image.id")
LISTED = operation("servers_list").example["data"][0]
CHANGED = operation("servers_change_primary_ip").example
DEPLOYED: dict[str, Any] = operation("servers_deploy").request["example"]


def example_of(name: str) -> dict[str, Any]:
    """The documented request of an operation."""
    example: dict[str, Any] = operation(name).request["example"]
    return example


async def deploy(servers: Servers) -> object:
    return await servers.deploy(**DEPLOYED)


def query_of(one: Operation) -> set[str]:
    """Names of what an operation takes in its query, as arguments have them."""
    names = (part["name"] for part in one.parameters)
    plain = (name.removesuffix("[]").removeprefix("filter[").rstrip("]") for name in names)
    return {name.replace("[", "_") for name in plain}


def test_they_are_as_contracted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Operation, "query", property(query_of))
    for module in (reading, power):  # the endpoints of the package stand where they are used
        for name, value in vars(module).items():
            if isinstance(value, Endpoint):
                monkeypatch.setattr(package, name, value, raising=False)
    check_as_contracted(Servers)


class TestList:
    async def test_the_documented_answer(self) -> None:
        servers, transport = service(Servers, Reply(json={"data": [LISTED]}))
        assert (await servers.list()).items == (
            Server(
                id=2864,
                hostname="ubuntu-2gb",
                billing_cycle=1,
                plan=Plan(
                    id=104,
                    type=PlanType.CLOUD_VPS,
                    name="cloud-vps-4gb",
                    vcpus=2,
                    memory=4,
                    disk=60,
                    bandwidth=5,
                    minimum_billing_cycle=1,
                    available=True,
                    price=Decimal(39),
                    price_with_vat=Decimal("46.8"),
                ),
                status=ServiceStatus.ACTIVE,
                locked=True,
                created_at=datetime(2024, 8, 29, 14, 21, 54, tzinfo=UTC),
                expiry_at=datetime(2024, 9, 28, 21, tzinfo=UTC),
                auto_renew=True,
                server_image=ServerImage(
                    id=73,
                    name="Ubuntu 22.04",
                    group=ServerImageGroup(name="Ubuntu", type=ServerImageType.OS, key="ubuntu"),
                ),
                ip_addresses=(
                    IPAddress(
                        id=416,
                        ip_address="87.121.52.159",
                        gateway="87.121.52.1",
                        mask="255.255.255.0",
                        version=4,
                        type=IPAddressType.PUBLIC,
                        main=True,
                        ddos_protected=False,
                    ),
                ),
                addons=(ServerAddon(name=AddonKey.BACKUPS, quantity=60),),
            ),
        )
        assert sent(transport) == [("GET", "/servers", None)]

    async def test_any_field_may_lack_but_the_ids(self) -> None:
        await check_answers(
            Servers, lambda servers: servers.list(), "Server", needed=NEEDED, listed=True
        )

    async def test_all_filters(self) -> None:
        pages = [framed({"id": number}, page=number, last=3) for number in (2, 3)]
        servers, transport = service(Servers, *pages)
        found = servers.list(
            page=2,
            per_page=50,
            ip="2001:db8::1",
            search="web & db",
            status=[ServiceStatus.SUSPENDED, "terminated"],
            sort_created_at="desc",
            sort_expiry_at="asc",
        )
        assert [server.id async for server in found] == [2, 3]
        query = (
            "per_page=50&filter%5Bip%5D=2001%3Adb8%3A%3A1&filter%5Bsearch%5D=web%20%26%20db"
            "&filter%5Bstatus%5D=suspended,terminated"
            "&sort%5Bcreated_at%5D=desc&sort%5Bexpiry_at%5D=asc"
        )
        assert [path for _, path, _ in sent(transport)] == [
            f"/servers?{query}&page=2",
            f"/servers?{query}&page=3",
        ]

    @pytest.mark.parametrize("meta", [{}, {"links": None, "meta": None}, {"links": {}}])
    async def test_one_page_without_meta_is_the_last(self, meta: dict[str, Any]) -> None:
        servers, transport = service(Servers, Reply(json={"data": [LISTED], **meta}))
        assert [server.id async for server in servers.list()] == [2864]
        assert len(transport.calls) == 1

    async def test_data_that_is_an_object_as_its_schema_says(self) -> None:
        servers, _ = service(Servers, Reply(json={"data": {"0": LISTED}}))
        assert [server.id async for server in servers.list()] == [2864]

    @pytest.mark.parametrize("per_page", [0, 51, -1, True, 1.0, "10"])
    async def test_pages_of_a_size_that_cannot_be(self, per_page: Any) -> None:
        call = lambda servers: servers.list(per_page=per_page)  # noqa: E731
        refused = await check_refused(Servers, call, "per_page")
        assert refused["per_page"] == ("must be a whole number from 1 to 50",)

    async def test_what_cannot_be_sent(self) -> None:
        wrong: Any = 1
        await check_refused(
            Servers,
            lambda servers: servers.list(
                page=0, ip=wrong, search="\ud800", status=[], sort_created_at=wrong
            ),
            *("page", "ip", "search", "status", "sort_created_at"),
        )


class TestGet:
    async def test_any_field_may_lack_but_the_ids(self) -> None:
        await check_answers(Servers, lambda servers: servers.get(1), "Server", needed=NEEDED)

    @pytest.mark.parametrize("server_id", [2864, "2864"])
    async def test_by_an_id_of_either_kind(self, server_id: int | str) -> None:
        servers, transport = service(Servers, Reply(json={"id": 2864}))
        assert await servers.get(server_id) == Server(id=2864)
        assert sent(transport) == [("GET", "/servers/2864", None)]

    async def test_what_it_is_doing(self) -> None:
        state = {
            "running": True,
            "node_reachable": True,
            "amd_sev_level": 3,
            "cpu": {"used": 2.7},
            "measured_boot": {
                "kernel_image": {
                    "id": 229,
                    "name": "uki.efi",
                    "size": 12345,
                    "in_use": True,
                    "type": "kernel",
                    "created_at": "2026-08-12T00:00:00Z",
                }
            },
        }
        servers, _ = service(Servers, Reply(json={"id": 1, "state": state}))
        image = MeasuredBootImage(
            id=229,
            name="uki.efi",
            size=12345,
            in_use=True,
            type=MeasuredBootImageType.KERNEL,
            created_at=datetime(2026, 8, 12, tzinfo=UTC),
        )
        assert (await servers.get(1)).state == ServerState(
            running=True,
            node_reachable=True,
            amd_sev_level=3,
            cpu=CPULoad(used=2.7),
            measured_boot=ServerMeasuredBoot(kernel_image=image),
        )

    @pytest.mark.parametrize(
        ("include", "query"),
        [
            (None, ""),
            ([], ""),
            (["app_getting_started"], "?include%5B%5D=app_getting_started"),
            (("one", "two"), "?include%5B0%5D=one&include%5B1%5D=two"),
        ],
    )
    async def test_more_parts(self, include: Any, query: str) -> None:
        servers, transport = service(Servers, Reply(json={"id": 1, "app_getting_started": "<p>"}))
        server = await servers.get(1, include=include)
        assert server.extra == {"app_getting_started": "<p>"}
        assert sent(transport) == [("GET", f"/servers/1{query}", None)]

    async def test_no_such_server(self) -> None:
        servers, _ = service(Servers, Reply(status=404))
        error = await failure_of(servers.get(1))
        assert isinstance(error, NotFoundError)
        assert "deduced" not in str(error)

    async def test_it_is_read_again_where_no_answer_came(self) -> None:
        await check_is_sent_again(Servers, lambda servers: servers.get(1), Reply(json={"id": 1}))

    async def test_what_cannot_be_sent(self) -> None:
        wrong: Any = "app_getting_started"
        await check_refused(
            Servers, lambda servers: servers.get("", include=wrong), "id", "include"
        )


class TestStatus:
    async def test_the_documented_answer(self) -> None:
        answer = operation("servers_get_status").example
        servers, transport = service(Servers, Reply(json=answer))
        assert await servers.get_status("7") == ServerStatus(
            running=True,
            suspended=False,
            network_suspended=False,
            rescue_mode=True,
            dns_resolvers=("9.9.9.9", "208.67.222.222"),
            cpu=CPUUsage(used=2, free=98),
            disk=Usage(used=3.8271484375, limit=50),
            bandwidth=Usage(used=6.13, limit=5000),
        )
        assert sent(transport) == [("GET", "/servers/7/status", None)]

    async def test_any_field_may_lack(self) -> None:
        await check_answers(Servers, lambda servers: servers.get_status(1), "ServerStatus")

    async def test_percentages_with_fractions(self) -> None:
        servers, _ = service(Servers, Reply(json={"cpu": {"used": 2.7, "free": 97.3}}))
        assert (await servers.get_status(1)).cpu == CPUUsage(used=2.7, free=97.3)


class TestMetrics:
    async def test_the_documented_answer(self) -> None:
        answer = operation("servers_get_metrics").example
        servers, transport = service(Servers, Reply(json=answer))
        assert [sample async for sample in servers.get_metrics(7, month=10, year=2023)] == [
            ServerMetric(
                timestamp=datetime.fromtimestamp(1696888806, UTC),
                running=True,
                cpu=2,
                network_in=0.006080078125,
                network_out=0.000115234375,
                disk=3.8271484375,
                io_read=0,
                io_write=0.0106669921875,
            )
        ]
        path = "/servers/7/metrics?filter%5Bmonth%5D=10&filter%5Byear%5D=2023"
        assert sent(transport) == [("GET", path, None)]

    async def test_any_field_may_lack(self) -> None:
        await check_answers(
            Servers, lambda servers: servers.get_metrics(1), "ServerMetric", listed=True
        )

    async def test_reads_with_fractions(self) -> None:
        servers, _ = service(Servers, Reply(json={"data": [{"io_read": 0.25}]}))
        (sample,) = await servers.get_metrics(1)
        assert sample.io_read == 0.25


class TestBandwidth:
    async def test_the_documented_answer(self) -> None:
        answer = operation("servers_get_bandwidth").example
        servers, transport = service(Servers, Reply(json=answer))
        start = datetime.fromtimestamp(1725963656, timezone(timedelta(hours=3)))
        end = datetime(2024, 9, 30, tzinfo=UTC)
        assert await servers.get_bandwidth(7, start=start, end=end) == ServerBandwidth(
            limit=5000,
            used=12.96,
            daily_usage=(
                BandwidthDay(
                    timestamp=datetime.fromtimestamp(1724792400, UTC),
                    incoming=1.4180859375,
                    outgoing=0.00109375,
                ),
                BandwidthDay(
                    timestamp=datetime.fromtimestamp(1724878800, UTC),
                    incoming=1.40078125,
                    outgoing=0.001103515625,
                ),
            ),
        )
        path = "/servers/7/bandwidth?filter%5Bstart%5D=1725963656&filter%5Bend%5D=1727654400"
        assert sent(transport) == [("GET", path, None)]

    async def test_any_field_may_lack(self) -> None:
        await check_answers(Servers, lambda servers: servers.get_bandwidth(1), "ServerBandwidth")

    async def test_times_that_cannot_be(self) -> None:
        naive, text = datetime(2024, 9, 30), "2024-09-30"  # noqa: DTZ001
        wrong: Any = text
        await check_refused(
            Servers,
            lambda servers: servers.get_bandwidth(1, start=naive, end=wrong),
            "start",
            "end",
        )


class TestDeploy:
    async def test_the_documented_request(self) -> None:
        servers, transport = service(Servers, Reply(status=202, json={"order": {"id": 1.5}}))
        assert await deploy(servers) == {"order": {"id": 1.5}}
        assert sent(transport) == [("POST", "/servers", DEPLOYED)]

    async def test_everything(self) -> None:
        everything: dict[str, Any] = {
            "name": ["one", "two"],
            "plan": "vds-8gb",
            "billing_cycle": 24,
            "image_id": 73,
            "snapshot_id": 1,
            "backup_id": 2,
            "primary_iso_id": 3,
            "secondary_iso_id": 4,
            "password": "secret",
            "ssh_keys": [5, 6],
            "backups": False,
            "extra_ipv4": 0,
            "extra_ipv4_ddos": 2,
            "extra_ipv6": 1,
            "cpanel": "cpanel-pro-30",
            "bandwidth": "1gbps-unmetered",
            "microsoft_rds_sal": 0,
            "microsoft_office_sal": 7,
            "promo_code": "fall2406",
        }
        schema = operation("servers_deploy").request["schema"]["$ref"].rpartition("/")[2]
        assert schema == "ServerDeploy"
        servers, transport = service(Servers, Reply(json=[]), Reply(json=[]))
        await servers.deploy(**everything)
        enums = {"cpanel": AddonKey.CPANEL_PRO_30, "bandwidth": AddonKey.UNMETERED_1GBPS}
        await servers.deploy(**everything | enums)
        assert sent(transport) == [("POST", "/servers", everything)] * 2

    @pytest.mark.parametrize(
        ("body", "given"),
        [(b"", None), (b"null", None), (b"[]", []), (b'"ok"', "ok"), (b'{"id": 1}', {"id": 1})],
    )
    async def test_any_json_is_passed_on(self, body: bytes, given: object) -> None:
        servers, _ = service(Servers, Reply(status=201, body=body))
        assert await deploy(servers) == given

    async def test_an_answer_that_is_no_json(self) -> None:
        servers, transport = service(Servers, Reply(body=b"<html>"), retry=RetryPolicy())
        error = await failure_of(deploy(servers))
        assert isinstance(error, ResponseError)
        assert (error.outcome, error.body) == (Outcome.PROCESSED, b"<html>")
        assert len(transport.calls) == 1

    async def test_it_is_never_paid_twice(self) -> None:
        await check_is_sent_once(Servers, deploy)

    async def test_it_is_sent_again_if_nothing_was_sent(self) -> None:
        servers, transport = service(
            Servers, NotSentError("refused"), Reply(json={}), retry=RetryPolicy()
        )
        assert await deploy(servers) == {}
        assert len(transport.calls) == 2

    async def test_all_that_is_wrong_is_told_at_once(self) -> None:
        nothing: Any = None
        wrong: Any = "1"
        await check_refused(
            Servers,
            lambda servers: servers.deploy(
                name=nothing,
                plan=nothing,
                billing_cycle=25,
                image_id=-1,
                ssh_keys=wrong,
                backups=wrong,
                extra_ipv4=wrong,
                promo_code="\udfff",
            ),
            *("name", "plan", "billing_cycle", "image_id", "ssh_keys", "backups", "extra_ipv4"),
            "promo_code",
        )

    @pytest.mark.parametrize("name", [1, ["one", ""], [None], {"one": 1}], ids=str)
    async def test_names_that_cannot_be(self, name: Any) -> None:
        await check_refused(
            Servers,
            lambda servers: servers.deploy(name=name, plan="a", billing_cycle=1),
            "name",
        )

    async def test_a_password_shows_in_no_error(self) -> None:
        servers, _ = service(Servers, Reply(status=500))
        error = await failure_of(servers.deploy(**DEPLOYED, password="hunter22"))
        assert "hunter22" not in f"{error}{error!r}{vars(error)}"


class TestPower:
    @pytest.mark.parametrize("name", ["start", "restart", "stop"])
    @pytest.mark.parametrize(
        "reply", [Reply(status=204), Reply(json=[]), Reply(status=202, body=b"OK")], ids=str
    )
    async def test_any_success_will_do(self, name: str, reply: Reply) -> None:
        servers, transport = service(Servers, reply)
        assert await getattr(servers, name)("7") is None
        assert sent(transport) == [("POST", f"/servers/7/{name}", {})]

    @pytest.mark.parametrize("name", ["start", "restart", "stop"])
    async def test_it_is_never_sent_again_blindly(self, name: str) -> None:
        await check_is_sent_once(Servers, lambda servers: getattr(servers, name)(7))

    @pytest.mark.parametrize("name", ["start", "restart", "stop"])
    async def test_a_locked_one_tells_of_the_doubt(self, name: str) -> None:
        servers, transport = service(Servers, Reply(status=423))
        error = await failure_of(getattr(servers, name)(7))
        assert isinstance(error, LockedError)
        assert error.outcome is Outcome.UNKNOWN
        assert "it may still happen: read the state before you try again" in str(error)
        assert len(transport.calls) == 1


class TestCancel:
    async def test_the_documented_request(self) -> None:
        servers, transport = service(Servers, Reply(status=204))
        await servers.cancel(7, **example_of("servers_cancel"))
        body = {"now": False, "reason": "Project ended."}
        assert sent(transport) == [("POST", "/servers/7/cancel", body)]

    async def test_it_is_not_now_unless_that_is_said(self) -> None:
        servers, transport = service(Servers, Reply(status=204), Reply(status=200, json={}))
        await servers.cancel(7)
        await servers.cancel(7, now=True)
        assert [body for _, _, body in sent(transport)] == [{"now": False}, {"now": True}]

    async def test_it_is_never_sent_again_blindly(self) -> None:
        await check_is_sent_once(Servers, lambda servers: servers.cancel(7))

    async def test_it_is_taken_back(self) -> None:
        servers, transport = service(Servers, Reply(status=204))
        await servers.undo_cancel("7")
        assert sent(transport) == [("DELETE", "/servers/7/cancel", None)]
        await check_is_sent_again(
            Servers, lambda servers: servers.undo_cancel(7), Reply(status=204)
        )

    @pytest.mark.parametrize("status", [404, 405])
    async def test_a_path_that_there_is_not(self, status: int) -> None:
        servers, _ = service(Servers, Reply(status=status))
        error = await failure_of(servers.undo_cancel(7))
        assert isinstance(error, APIError)
        assert "deduced" in str(error)

    async def test_what_cannot_be_sent(self) -> None:
        wrong: Any = "no"
        number: Any = 1
        await check_refused(
            Servers,
            lambda servers: servers.cancel(True, now=wrong, reason=number),
            "id",
            "now",
            "reason",
        )


class TestPassword:
    async def test_the_documented_request(self) -> None:
        servers, transport = service(Servers, Reply(status=204))
        example = example_of("servers_change_password")
        await servers.change_password(7, **example)
        assert sent(transport) == [("PUT", "/servers/7/password", example)]

    async def test_it_is_never_sent_again_blindly(self) -> None:
        await check_is_sent_once(
            Servers, lambda servers: servers.change_password(7, password="secret", reboot=True)
        )

    async def test_what_cannot_be_sent(self) -> None:
        wrong: Any = 1
        nothing: Any = None
        refused = await check_refused(
            Servers,
            lambda servers: servers.change_password(7, password="short", reboot=wrong),
            *("password", "reboot"),
        )
        assert refused["password"] == ("must have at least 6 characters, not 5",)
        await check_refused(
            Servers, lambda servers: servers.change_password(7, password=nothing), "password"
        )


class TestPrimaryIP:
    async def test_the_documented_answer(self) -> None:
        servers, transport = service(Servers, Reply(json=CHANGED))
        server = await servers.change_primary_ip(2864, **example_of("servers_change_primary_ip"))
        assert sent(transport) == [("POST", "/servers/2864/primary-ip", {"ip_id": 33112})]
        assert (server.virtualization, server.promo_code) == (Virtualization.KVM, None)
        assert (server.renew_amount, server.renew_amount_with_vat) == (Decimal(100), Decimal(120))
        assert server.potential_expiry_at == datetime(2024, 11, 27, 11, 3, 10, tzinfo=UTC)
        assert server.settings == ServerSettings(renew_enabled=True, snapshots_enabled=True)
        assert server.cancel_request is None
        assert server.show_smtp_form is True
        assert server.plan is not None
        assert (server.plan.key, server.plan.plan_with_more_disk) == ("string", 0)
        assert server.server_image is not None
        assert server.server_image.eol is False
        assert server.addons is not None
        assert server.addons[1] == ServerAddon(
            id=802,
            name=AddonKey.UNMETERED_100MBPS,
            status=ServiceStatus.ACTIVE,
            quantity=1,
            amount=Decimal(300),
            amount_with_vat=Decimal(360),
            created_at=datetime(2025, 1, 16, 14, 29, 56, tzinfo=UTC),
        )
        assert server.ip_addresses is not None
        assert [one.floating_ip for one in server.ip_addresses] == [True, False]
        assert [one.floating_ip_id for one in server.ip_addresses] == [637, None]
        assert [one.prefix for one in server.ip_addresses] == [32, 32]
        assert server.extra == {}

    async def test_it_is_never_sent_again_blindly(self) -> None:
        await check_is_sent_once(Servers, lambda servers: servers.change_primary_ip(7, ip_id=1))

    @pytest.mark.parametrize("ip_id", [None, -1, "1", 1.5, True])
    async def test_what_cannot_be_sent(self, ip_id: Any) -> None:
        await check_refused(
            Servers, lambda servers: servers.change_primary_ip(7, ip_id=ip_id), "ip_id"
        )


class TestRenew:
    async def test_the_documented_answer(self) -> None:
        one = operation("servers_calculate_renew")
        servers, transport = service(Servers, Reply(json=one.example))
        assert await servers.calculate_renew(**one.request["example"]) == RenewAmount(
            amount=Decimal("99.67"),
            amount_with_vat=Decimal("104.67"),
            discount=Decimal(25),
            discount_with_vat=Decimal(30),
            promo_code=Promo(code="fall2403", percentage=Decimal("33.33"), minimum_billing_cycle=3),
            due_today_amount=Decimal("74.67"),
            due_today_amount_with_vat=Decimal("89.61"),
        )
        assert sent(transport) == [("POST", "/servers/renew/calculate", one.request["example"])]

    async def test_any_field_may_lack(self) -> None:
        await check_answers(
            Servers,
            lambda servers: servers.calculate_renew(server_ids=[1], billing_cycle=1),
            "RenewAmount",
        )

    async def test_it_changes_nothing(self) -> None:
        await check_is_a_read(
            Servers,
            lambda servers: servers.calculate_renew(server_ids=[1], billing_cycle=1),
            Reply(json={"amount": 1}),
        )

    async def test_discounts_with_fractions(self) -> None:
        servers, _ = service(Servers, Reply(json={"discount": 8.33, "promo_code": None}))
        cost = await servers.calculate_renew(server_ids=(1, 2), billing_cycle=1)
        assert (cost.discount, cost.promo_code) == (Decimal("8.33"), None)

    async def test_what_cannot_be_sent(self) -> None:
        wrong: Any = 1
        await check_refused(
            Servers,
            lambda servers: servers.calculate_renew(server_ids=wrong, billing_cycle=-1),
            *("server_ids", "billing_cycle"),
        )


IDS: list[Callable[[Servers, Any], Awaitable[object]]] = [
    lambda servers, server_id: servers.get(server_id),
    lambda servers, server_id: servers.get_status(server_id),
    lambda servers, server_id: servers.get_metrics(server_id),
    lambda servers, server_id: servers.get_bandwidth(server_id),
    lambda servers, server_id: servers.start(server_id),
    lambda servers, server_id: servers.restart(server_id),
    lambda servers, server_id: servers.stop(server_id),
    lambda servers, server_id: servers.cancel(server_id),
    lambda servers, server_id: servers.undo_cancel(server_id),
    lambda servers, server_id: servers.change_password(server_id, password="secret"),
    lambda servers, server_id: servers.change_primary_ip(server_id, ip_id=1),
]


@pytest.mark.parametrize("call", IDS)
@pytest.mark.parametrize("server_id", ["", ".", "..", -1, True, None, 1.5])
async def test_ids_that_cannot_be(
    call: Callable[[Servers, Any], Awaitable[object]], server_id: Any
) -> None:
    await check_refused(Servers, lambda servers: call(servers, server_id), "id")
