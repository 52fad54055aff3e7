"""What things look like: the descriptions against the models, and how values are told."""

import importlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, get_args, get_type_hints

import pytest

from vpsbg_async import models
from vpsbg_async.cli.sheets import Column, Listing, Part, Sheet
from vpsbg_async.core.model import Model
from vpsbg_async.core.pages import Page

DESCRIBED: Mapping[str, type[Model]] = {
    "tickets:TICKETS": models.Ticket,
    "groups.servers:SERVERS": models.Server,
    "groups.servers:SERVER": models.Server,
    "groups.servers:STATUS": models.ServerStatus,
    "groups.servers:METRICS": models.ServerMetric,
    "groups.servers:BANDWIDTH": models.ServerBandwidth,
    "groups.servers:ADDONS": models.AvailableAddon,
    "groups.addresses:ADDRESSES": models.IPAddress,
    "groups.addresses:ADDRESS": models.IPAddress,
    "groups.addresses:FLOATING_IPS": models.FloatingIP,
    "groups.account:BALANCE": models.Balance,
    "groups.account:USER": models.User,
    "groups.account:AFFILIATE": models.Affiliate,
    "groups.orders:ORDERS": models.Order,
    "groups.orders:ORDER": models.Order,
    "groups.orders:INVOICES": models.Invoice,
    "groups.ssh_keys:KEYS": models.SSHKey,
    "groups.ssh_keys:KEY": models.SSHKey,
    "groups.plans:PLANS": models.Plan,
    "groups.plans:ADDONS": models.PlanAddon,
    "groups.copies:SNAPSHOTS": models.Snapshot,
    "groups.copies:BACKUPS": models.Backup,
    "groups.copies:BOOT_IMAGES": models.MeasuredBootImage,
    "groups.protection:PROTECTION": models.NetworkProtection,
    "groups.protection:ATTACKS": models.Attack,
    "groups.protection:ATTACK": models.AttackDetail,
    "groups.protection:GEO_FILTER": models.GeoFilter,
}


def _described() -> Iterator[tuple[str, Any, type[Model]]]:
    for place, model in DESCRIBED.items():
        module, _, name = place.partition(":")
        found = getattr(importlib.import_module(f"vpsbg_async.cli.{module}"), name)
        yield place, found, model


def _at(model: Any, path: str) -> Any:
    """The type of what is at a path."""
    for name in path.split("."):
        hint = get_type_hints(model)[name]
        parts = [part for part in get_args(hint) if part is not type(None)]
        model = parts[0] if parts and not hasattr(hint, "__mro__") else hint
    return model


def _check(columns: tuple[Column, ...], model: Any) -> None:
    for column in columns:
        if isinstance(column.source, str):
            _at(model, column.source)


@pytest.mark.parametrize(("place", "described", "model"), [*_described()])
def test_what_is_described_exists(place: str, described: Any, model: type[Model]) -> None:
    if isinstance(described, Listing):
        _check(described.columns, model)
        headings = [column.heading for column in described.columns]
        assert len(headings) == len({*headings})
        return
    assert isinstance(described, Sheet)
    _check(described.facts, model)
    for part in described.parts:
        assert isinstance(part.source, str)
        (item, *_) = get_args(_at(model, part.source))
        _check(part.listing.columns, item)


def test_all_descriptions_are_checked() -> None:
    places = {place.partition(":")[0] for place in DESCRIBED}
    found = {
        f"{place}:{name}"
        for place in places
        for name, value in vars(importlib.import_module(f"vpsbg_async.cli.{place}")).items()
        if isinstance(value, Listing | Sheet) and not name.startswith("_")
    }
    assert found - {"groups.servers:ADDRESSES"} == DESCRIBED.keys()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (7, "7"),
        (1234567, "1234567"),
        (2.0, "2"),
        (0.006080078125, "0.006"),
        (23197.292503, "23197.293"),
        (3142007.0, "3142007"),
        (Decimal("12.50"), "12.50"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.00000001"), "0.00000001"),
        (datetime(2024, 8, 29, 14, 21, 54, 5, tzinfo=UTC), "2024-08-29 14:21+00:00"),
        (
            datetime(2023, 6, 19, 22, 34, 43, tzinfo=timezone(timedelta(hours=3))),
            "2023-06-19 22:34+03:00",
        ),
        (models.ServiceStatus("on-fire"), "on-fire"),
        (("9.9.9.9", "8.8.8.8"), "9.9.9.9, 8.8.8.8"),
        ((), ""),
        ([True, None], "yes, "),
        ({"80": 5, "443": {"a": 0.5}}, "80: 5, 443: a: 0.5"),
        ("two\nlines\x1b[2J", "two lines�[2J"),
        ({"\x1b": "\x07"}, "�: �"),
    ],
)
def test_how_values_are_told(value: object, text: str) -> None:
    assert Column("Value", "value").text(SimpleNamespace(value=value)) == text
    assert Column("Value", lambda thing: thing.value).text(SimpleNamespace(value=value)) == text


def test_what_is_not_there_is_not_told() -> None:
    column = Column("Plan", "plan.name")
    assert column.text(models.Server(id=1)) == ""
    assert column.text(models.Server(id=1, plan=models.Plan(name="small"))) == "small"


def test_a_sheet_leaves_out_what_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    inner = Listing("parts", Column("Number", "id", right=True))
    sheet = Sheet(
        "Thing", "id", Column("Name", "name"), Column("Size", "size"), Part("Parts", "parts", inner)
    )
    thing = SimpleNamespace(id=7, name=None, size=0, parts=())
    sheet.print(thing)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines == ["Thing 7", "Size   0"]
    thing.parts = (SimpleNamespace(id=8),)
    sheet.print(thing)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines == ["Thing 7", "Size   0", "", "Parts", "Number", "──────", "8"]


def test_a_page_tells_what_is_known_of_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    listing = Listing("things", Column("ID", "id", right=True))
    pages: Mapping[str, Page[object]] = {
        "Page 2": Page(items=(), number=2),
        "Page 2 of 3": Page(items=(), number=2, last=3),
        "Page 1 of 1, 0 things in all": Page(items=(), number=1, last=1, total=0),
    }
    for text, page in pages.items():
        listing.print(page, page)
        assert capsys.readouterr().out.splitlines()[-1] == text
    listing.print(())
    assert "Page" not in capsys.readouterr().out


def test_numbers_are_set_to_the_right() -> None:
    listing = Listing("things", Column("ID", "id", right=True), Column("Name", "name"))
    assert [column.justify for column in listing.table(()).columns] == ["right", "left"]
