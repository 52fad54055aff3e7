"""What ``vpsbg doctor`` asks beside tickets: everything that can be read, and nothing else."""

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin, get_type_hints

import attrs
import pytest

from tests.contract.spec import OPERATIONS, resolved
from vpsbg_async.cli.doctor.documented import DOCUMENTED, Frame
from vpsbg_async.cli.doctor.probes import (
    LEFT_OUT,
    READINGS,
    TICKET,
    WRONG_ID,
    Known,
    Probe,
    tickets,
)
from vpsbg_async.cli.doctor.shapes import Documented
from vpsbg_async.core.model import Model
from vpsbg_async.models import Attack, IPAddress, Server, SSHKey
from vpsbg_async.sandbox import Drift

from ..peers import ScriptedServer, running_sandbox, watching
from ..terminal import Run
from .test_doctor import AREAS, AT_ONCE, JSON, report_of

READS = {f"GET {one.path}" for one in OPERATIONS if one.method == "GET"}
ELSEWHERE = READS - AREAS - LEFT_OUT.keys()
ASKED: tuple[Probe[Any], ...] = (tickets(), TICKET, *READINGS)
ADDONS = {"GET /plans/{id}/addons", "GET /servers/{server_id}/addons"}
PAGED = {probe.area for probe in READINGS if get_origin(probe.kind) is Frame}

Found = set[tuple[str, str, str]]


def differences(report: dict[str, Any]) -> Found:
    return {
        (found["area"], found["place"], found["kind"])
        for found in report["findings"]
        if found["verdict"] == "differs" and found["area"] not in AREAS
    }


def untold(report: dict[str, Any]) -> dict[str, str]:
    return {
        found["area"]: found["detail"]
        for found in report["findings"]
        if found["kind"] == "not-tried"
    }


def test_every_operation_that_reads_is_asked_or_left_out() -> None:
    areas = [probe.area for probe in ASKED]
    assert len(areas) == len({*areas})
    assert {*areas} | LEFT_OUT.keys() == READS


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(f"/v1{re.sub(r'{[a-z_]+}', '[^/]+', path)}")


def test_it_sends_what_it_says_and_only_reads(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_sandbox(faults=watching()) as sandbox:
        monkeypatch.setenv("VPSBG_BASE_URL", sandbox.url)
        monkeypatch.setenv("VPSBG_API_KEY", sandbox.read_key)
        assert run("tickets", "list").code == 0
        report = report_of(run(*AT_ONCE, "--json"))
        asked = sandbox.faults.met
    assert {incident.method for incident in asked} == {"GET"}
    seen = {
        area
        for area in READS
        for incident in asked
        if _pattern(area.removeprefix("GET ")).fullmatch(incident.path)
    }
    assert seen == READS - LEFT_OUT.keys()  # that of a ticket by the id that does not exist
    assert untold(report) == {
        "GET /support/tickets/{id}": "not tried: no ticket was seen",
        "GET /user/2fa": "not tried: it does not only read",
    }


def test_nothing_differs_in_the_plain_sandbox(run: Run, sandbox: object) -> None:
    report = report_of(run(*AT_ONCE, "--json"))
    assert differences(report) == set()
    assert {found["area"] for found in report["findings"]} >= READS


@pytest.mark.parametrize(
    ("drift", "kind", "areas"),
    [
        (Drift.UNKNOWN_FIELD, "unknown-field", ELSEWHERE),
        (Drift.MISSING_FIELD, "missing", {"GET /servers", "GET /servers/{id}", "GET /ssh-keys"}),
        (Drift.OTHER_TYPE, "other-type", {"GET /orders", "GET /servers", "GET /user"}),
        (Drift.NULL_FIELD, "null", {"GET /servers", "GET /floating-ips", "GET /user"}),
        (Drift.UNKNOWN_VALUE, "unknown-value", {"GET /servers", "GET /orders/{id}"}),
        (Drift.OTHER_TIME, "other-time", {"GET /balance", "GET /invoices", "GET /backups"}),
        (Drift.NO_ENVELOPE, "other-type", PAGED | ADDONS),
        (Drift.NO_META, "missing", PAGED),
    ],
)
def test_each_drift_is_named_everywhere(
    run: Run, monkeypatch: pytest.MonkeyPatch, drift: Drift, kind: str, areas: set[str]
) -> None:
    with running_sandbox(drift=[drift]) as sandbox:
        monkeypatch.setenv("VPSBG_BASE_URL", sandbox.url)
        monkeypatch.setenv("VPSBG_API_KEY", sandbox.api_key)
        found = differences(report_of(run(*AT_ONCE, "--json")))
    assert {found_kind for _, _, found_kind in found} - {"unreadable"} == {kind}
    assert {area for area, _, _ in found} >= areas


def _answer(server: ScriptedServer, answers: Iterator[Any]) -> None:
    def turn() -> None:
        server.status, server.answer = next(answers)

    server.headers = JSON
    server.when_read = turn


def test_what_is_about_things_that_were_not_seen(run: Run, server: ScriptedServer) -> None:
    _answer(server, itertools.repeat((200, {"data": []})))
    report = report_of(run(*AT_ONCE, "--json"))
    assert untold(report) == {
        "GET /support/tickets/{id}": "not tried: no ticket was seen",
        "GET /orders/{id}": "not tried: no order was seen",
        "GET /ssh-keys/{id}": "not tried: no SSH key was seen",
        "GET /plans/{id}/addons": "not tried: no plan was seen",
        "GET /servers/{id}": "not tried: no server was seen",
        "GET /servers/{id}/status": "not tried: no server was seen",
        "GET /servers/{id}/metrics": "not tried: no server was seen",
        "GET /servers/{id}/bandwidth": "not tried: no server was seen",
        "GET /servers/{server_id}/addons": "not tried: no server was seen",
        "GET /network-protection/{id}/": "not tried: no address was seen",
        "GET /network-protection/{id}/geo": "not tried: no address was seen",
        "GET /network-protection/{id}/attacks": "not tried: no address was seen",
        "GET /network-protection/{id}/attacks/{attack_id}": "not tried: no address was seen",
        "GET /user/2fa": "not tried: it does not only read",
    }


@pytest.mark.parametrize("is_protected", [True, False])
def test_an_address_that_is_not_protected(
    run: Run, server: ScriptedServer, *, is_protected: bool
) -> None:
    """It is answered 404, which differs from what is documented only if it is protected."""
    address = {"id": 7, "ip_address": "192.0.2.1", "ddos_protected": is_protected}
    _answer(
        server,
        itertools.chain(
            itertools.repeat((200, {"data": [{"id": 5, "ip_addresses": [address]}]}), 17),
            itertools.repeat((404, {"message": "Not Found"})),
        ),
    )
    report = report_of(run(*AT_ONCE, "--json"))
    area = "GET /network-protection/{id}/geo"
    (found,) = [one for one in report["findings"] if one["area"] == area and "404" in one["detail"]]
    assert found["verdict"] == ("differs" if is_protected else "cannot-be-told")
    attack = untold(report)["GET /network-protection/{id}/attacks/{attack_id}"]
    assert attack == "not tried: no attack was seen"


def test_a_refusal_of_one_thing_does_not_end_it(run: Run, server: ScriptedServer) -> None:
    page: tuple[int, Any] = (200, {"data": []})
    _answer(server, itertools.chain([page], itertools.repeat((403, {"message": "No."}))))
    report = report_of(run(*AT_ONCE, "--json"))
    assert report["complete"] is True
    assert ("GET /balance", "answer", "status") in differences(report)


def test_which_things_are_asked_for() -> None:
    known = Known()
    plain, protected, other = (
        IPAddress(id=number, ddos_protected=number != 1) for number in (1, 2, 3)
    )
    known.note(Server(id=10, ip_addresses=(plain,)))
    assert (known.ids(_about(Server, IPAddress)), known.is_protected) == ([10, 1], False)
    known.note(Server(id=11, ip_addresses=(protected, other)))
    assert (known.ids(_about(Server, IPAddress)), known.is_protected) == ([10, 2], True)
    assert known.lacks(_about(Server, Attack)) == "no attack was seen"
    for strange in ("..", "a/b", "", "x" * 65):
        known.note(Attack(id=strange))
    known.note(SSHKey())
    assert known.ids(_about(Attack, SSHKey)) == []
    known.note(Attack(id="Ws8PeaCFn4bZ4Rf"))
    assert known.lacks(_about(Server, Attack)) == ""


def _about(*kinds: type[Model]) -> Probe[object]:
    async def ask(*_: object) -> None:
        pass

    return Probe(area="here", ask=ask, kind=Server, of=kinds)


# What is documented stands in the contract.

_SCHEMAS = {
    "SSHKey": "SshKey",
    "SSHKeyServer": "SshKeyServer",
    "FloatingIP": "FloatingIp",
    "FloatingIPRef": "FloatingIpRef",
    "IPAddress": "IpAddress",
    "AttackASN": "AttackAsn",
    "AttackSourceIP": "AttackSourceIp",
    "OrderedService": "OrderService",
    "_Links": "PageLinks",
    "_NumberedLink": "PageMetaLink",
    "_Meta": "PageMeta",
    "Refusal": "ErrorMessage",
}
_UNNAMED = {"CPULoad", "CPUUsage", "Frame", "Usage", "Whole"}  # parts of what has a name


def _models_in(kind: Any) -> Iterator[type[Model]]:
    for part in get_args(kind):
        yield from _models_in(part)
    model = get_origin(kind) or kind
    if isinstance(model, type) and issubclass(model, Model):
        yield model
        for hint in get_type_hints(model).values():
            yield from _models_in(hint)


_READ = dict.fromkeys(
    model
    for probe in (*ASKED, WRONG_ID)
    for model in _models_in(probe.kind)
    if model.__name__ not in _UNNAMED
)


def _fields(schema: Mapping[str, Any]) -> tuple[dict[str, Any], set[str] | None]:
    """The fields of a schema, and those that are required, if it tells that."""
    schema = resolved(schema)
    fields: dict[str, Any] = dict(schema.get("properties", {}))
    required = {*schema["required"]} if "required" in schema else None
    for part in schema.get("allOf", ()):
        others, needed = _fields(part)
        fields |= others
        required = required if needed is None else (required or set()) | needed
    return fields, required


def _is_nullable(field: Mapping[str, Any]) -> bool:
    kinds = [field, *field.get("anyOf", ())]
    return any("null" in kind.get("type", ()) for kind in kinds)


@pytest.mark.parametrize("model", _READ, ids=lambda model: model.__name__)
def test_what_is_documented_stands_in_the_contract(model: type[Model]) -> None:
    name = _SCHEMAS.get(model.__name__, model.__name__)
    fields, required = _fields({"$ref": f"#/components/schemas/{name}"})
    known = {field.metadata.get("json", field.name) for field in attrs.fields(model)} - {None}
    documented = DOCUMENTED.get(model, Documented())
    assert {*documented.optional, *documented.nullable, *documented.texts} <= known == {*fields}
    if required is not None:
        assert {*documented.optional} == known - required
    anything = {name for name, field in fields.items() if field.keys() <= {"description"}}
    nullable = {name for name, field in fields.items() if _is_nullable(field)}
    assert {*documented.nullable} - anything == nullable
    forms = {field["x-time-format"] for field in fields.values() if "x-time-format" in field}
    assert forms <= {documented.time}


def test_the_report_is_json_of_names_and_types_only(run: Run, sandbox: Any) -> None:
    told = run(*AT_ONCE, "--json").out
    json.loads(told)
    for word in ("ubuntu", "87.120", "2864", "7801", "Sofia", "test@", "myawesome", "AA..."):
        assert not re.search(rf"\b{re.escape(word)}", told), word
