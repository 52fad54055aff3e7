"""JSON held against models."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

import attrs
import pytest

from vpsbg_async.cli.doctor.shapes import Documented, Finding, Kind, Shapes, Verdict, name_shown
from vpsbg_async.core.model import Model, OpenEnum, json_field

T = TypeVar("T")


class Colour(OpenEnum):
    RED = "red"


@attrs.frozen(kw_only=True)
class Part(Model):
    id: int
    size: int | None = None


@attrs.frozen(kw_only=True)
class Thing(Model):
    id: int
    name: str | None = None
    is_new: bool | None = None
    made_at: datetime | None = None
    colour: Colour | None = None
    part: Part | None = None
    parts: tuple[Part, ...] | None = None
    kind: str | None = json_field("type")
    note: str | None = json_field(None)


@attrs.frozen(kw_only=True)
class Amounts(Model):
    price: Decimal | None = None
    share: float | None = None
    any: object = None
    one: Part | bool | None = None
    names: Mapping[str, str | None] | str | None = None


@attrs.frozen(kw_only=True)
class Box(Model, Generic[T]):
    data: tuple[T, ...]


THING: dict[str, Any] = {
    "id": 1,
    "name": "a",
    "is_new": True,
    "made_at": "2024-11-20T22:00:00.000000Z",
    "colour": "red",
    "part": {"id": 1, "size": 2},
    "parts": [{"id": 1, "size": 2}],
    "type": "b",
}


def found_in(*documents: Any, kind: Any = Thing, documented: Any = None) -> list[Finding]:
    shapes = Shapes(documented or {})
    for document in documents:
        shapes.add(document, kind)
    return list(shapes.findings("here"))


def differing(*documents: Any, **settings: Any) -> dict[str, tuple[Kind, str]]:
    return {
        found.place: (found.kind, found.detail)
        for found in found_in(*documents, **settings)
        if found.verdict is not Verdict.OK
    }


def test_all_as_documented() -> None:
    found = found_in(THING, THING)
    assert {finding.kind for finding in found} == {Kind.AS_DOCUMENTED}
    assert {finding.area for finding in found} == {"here"}
    assert {finding.place: finding.detail for finding in found} == {
        "body": "object: 2",
        "id": "integer: 2",
        "name": "string: 2",
        "is_new": "boolean: 2",
        "made_at": "iso8601-micros: 2",
        "colour": "known value: 2",
        "part": "object: 2",
        "part.id": "integer: 2",
        "part.size": "integer: 2",
        "parts": "array: 2",
        "parts[]": "object: 2",
        "parts[].id": "integer: 2",
        "parts[].size": "integer: 2",
        "type": "string: 2",
    }


@pytest.mark.parametrize(
    ("name", "value", "kind", "detail"),
    [
        ("id", "12", Kind.OTHER_TYPE, "string of digits: 1 of 1; documented: integer"),
        ("id", "x", Kind.OTHER_TYPE, "string: 1 of 1; documented: integer"),
        ("id", True, Kind.OTHER_TYPE, "boolean: 1 of 1; documented: integer"),
        ("id", 1.5, Kind.OTHER_TYPE, "number: 1 of 1; documented: integer"),
        ("id", None, Kind.NULL, "null: 1 of 1; documented: integer"),
        ("name", 5, Kind.OTHER_TYPE, "integer: 1 of 1; documented: string"),
        ("is_new", 1, Kind.OTHER_TYPE, "integer: 1 of 1; documented: boolean"),
        ("is_new", "1", Kind.OTHER_TYPE, "string: 1 of 1; documented: boolean"),
        ("made_at", 5, Kind.OTHER_TIME, "unix-seconds: 1 of 1; documented: iso8601-micros"),
        ("made_at", 1.5, Kind.OTHER_TYPE, "number: 1 of 1; documented: iso8601-micros"),
        ("colour", "blue", Kind.UNKNOWN_VALUE, "unknown value: 1 of 1; documented: known value"),
        ("colour", 5, Kind.OTHER_TYPE, "integer: 1 of 1; documented: known value"),
        ("part", [], Kind.OTHER_TYPE, "array: 1 of 1; documented: object"),
        ("type", {}, Kind.OTHER_TYPE, "object: 1 of 1; documented: string"),
        ("new", [1], Kind.UNKNOWN_FIELD, "array: 1 of 1"),
    ],
)
def test_a_field_that_differs(name: str, value: Any, kind: Kind, detail: str) -> None:
    assert differing(THING | {name: value}) == {name: (kind, detail)}


@pytest.mark.parametrize(
    ("time", "form"),
    [
        ("2024-09-28T17:57:40.000Z", "iso8601-millis"),
        ("2023-06-19T22:34:43+03:00", "iso8601-offset"),
        ("2023-06-19T22:34:43Z", "iso8601-offset"),
        ("2025-01-10 11:45:31", "sql-datetime"),
        ("yesterday", "string of another form"),
        ("2024-11-20T22:00:00.000000Z\n", "string of another form"),
    ],
)
def test_the_forms_of_times(time: str, form: str) -> None:
    wrong = (Kind.OTHER_TIME, f"{form}: 1 of 1; documented: iso8601-micros")
    assert differing(THING | {"made_at": time}) == {"made_at": wrong}
    if form in ("iso8601-millis", "sql-datetime"):
        documented = {Thing: Documented(time=form)}
        assert not differing(THING | {"made_at": time}, documented=documented)


def test_times_in_seconds() -> None:
    documented = {Thing: Documented(time="unix-seconds")}
    assert not differing(THING | {"made_at": 1733781600}, documented=documented)
    wrong = (Kind.OTHER_TIME, "iso8601-micros: 1 of 1; documented: unix-seconds")
    assert differing(THING, documented=documented) == {"made_at": wrong}


AMOUNTS: dict[str, Any] = {"price": 12.5, "share": 3, "any": [1], "one": {"id": 1, "size": 2}}


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"price": 12, "share": 0.5, "any": "text", "one": True},
        {"any": {}, "one": {"id": 5, "size": 6}, "names": {"87.120.8.29": "a"}},
        {"any": 5, "names": "a name"},
    ],
)
def test_what_may_be_of_several_types(others: dict[str, Any]) -> None:
    documented = {Amounts: Documented(optional={"names"})}
    assert not differing(AMOUNTS | others, kind=Amounts, documented=documented)


@pytest.mark.parametrize(
    ("name", "value", "kind", "detail"),
    [
        ("price", "12.5", Kind.OTHER_TYPE, "string: 1 of 1; documented: number"),
        ("share", True, Kind.OTHER_TYPE, "boolean: 1 of 1; documented: number"),
        ("one", 5, Kind.OTHER_TYPE, "integer: 1 of 1; documented: object or boolean"),
        ("names", [], Kind.OTHER_TYPE, "array: 1 of 1; documented: object or string"),
    ],
)
def test_what_is_of_none_of_them(name: str, value: Any, kind: Kind, detail: str) -> None:
    documented = {Amounts: Documented(optional={"names"})}
    found = differing(AMOUNTS | {name: value}, kind=Amounts, documented=documented)
    assert found == {name: (kind, detail)}


def test_anything_has_to_be_there_all_the_same() -> None:
    bare = {name: value for name, value in AMOUNTS.items() if name != "any"}
    wrong = (Kind.MISSING, "missing: 1 of 1; documented: anything")
    documented = {Amounts: Documented(optional={"names"})}
    assert differing(bare, kind=Amounts, documented=documented) == {"any": wrong}


def test_what_one_of_several_types_holds() -> None:
    wrong = (Kind.OTHER_TYPE, "string of digits: 1 of 1; documented: integer")
    documented = {Amounts: Documented(optional={"names"})}
    other = AMOUNTS | {"one": {"id": "1", "size": 2}}
    assert differing(other, kind=Amounts, documented=documented) == {"one.id": wrong}


def test_amounts_that_are_texts() -> None:
    documented = {Amounts: Documented(optional={"names"}, texts={"price"})}
    assert not differing(AMOUNTS | {"price": "12.50"}, kind=Amounts, documented=documented)
    wrong = (Kind.OTHER_TYPE, "number: 1 of 1; documented: string")
    assert differing(AMOUNTS, kind=Amounts, documented=documented) == {"price": wrong}


def test_what_was_not_asked() -> None:
    shapes = Shapes({})
    shapes.leave("no thing was seen")
    (found,) = shapes.findings("here")
    assert found == Finding("here", "answer", Kind.NOT_TRIED, "not tried: no thing was seen")
    assert found.verdict is Verdict.CANNOT_BE_TOLD


def test_what_is_missing_is_counted() -> None:
    bare = {name: value for name, value in THING.items() if name != "name"}
    detail = "missing: 2 of 3; documented: string"
    assert differing(bare, THING, bare) == {"name": (Kind.MISSING, detail)}


def test_several_differences_at_one_place() -> None:
    found = found_in(THING, THING | {"id": "1"}, THING | {"id": None})
    at_id = [(finding.kind, finding.detail) for finding in found if finding.place == "id"]
    assert at_id == [
        (Kind.OTHER_TYPE, "string of digits: 1 of 3; documented: integer"),
        (Kind.NULL, "null: 1 of 3; documented: integer"),
    ]


def test_what_may_be_missing_or_null() -> None:
    documented = {Thing: Documented(optional={"name"}, nullable={"name", "type"})}
    bare = {name: value for name, value in THING.items() if name != "name"}
    found = found_in(THING, bare, THING | {"name": None, "type": None}, documented=documented)
    assert {finding.verdict for finding in found} == {Verdict.OK}
    details = {finding.place: finding.detail for finding in found}
    assert details["name"] == "string: 1, missing: 1, null: 1"
    assert details["type"] == "string: 2, null: 1"
    lacking = {name: value for name, value in THING.items() if name != "type"}
    assert differing(lacking, documented=documented)["type"][0] is Kind.MISSING


@pytest.mark.parametrize("parts", [[], {}])
def test_items_of_which_there_are_none(parts: Any) -> None:
    nothing = (Kind.CANNOT_BE_TOLD, "none was seen")
    assert differing(THING | {"parts": parts})["parts[]"] == nothing


def test_items_of_what_is_not_there() -> None:
    bare = {name: value for name, value in THING.items() if name != "parts"}
    assert [*differing(bare)] == ["parts", "parts[]"]


def test_a_list_as_php_writes_one_with_gaps() -> None:
    found = differing(THING | {"parts": {"0": {"id": 1, "size": 2}, "2": {"id": "3", "size": 4}}})
    assert found == {
        "parts": (Kind.OTHER_TYPE, "object: 1 of 1; documented: array"),
        "parts[].id": (Kind.OTHER_TYPE, "string of digits: 1 of 2; documented: integer"),
    }


def test_an_object_that_is_no_list() -> None:
    assert [*differing(THING | {"parts": {"a": {}}})] == ["parts", "parts[]"]


def test_a_document_that_is_something_else() -> None:
    shapes = Shapes({})
    shapes.add([THING, 5], Box[Thing])
    shapes.add_items([THING, 5], Thing)
    found = {finding.place: finding.detail for finding in shapes.findings("here")}
    assert found["body"] == "array: 1 of 1; documented: object"
    assert found["[]"] == "integer: 1 of 2; documented: object"
    assert found["[].id"] == "integer: 1"


def test_a_model_of_any_items() -> None:
    wrong = (Kind.OTHER_TYPE, "string of digits: 1 of 1; documented: integer")
    assert differing({"data": [THING | {"id": "1"}]}, kind=Box[Thing]) == {"data[].id": wrong}
    assert differing({"data": [{"id": "1", "size": 2}]}, kind=Box[Part]) == {"data[].id": wrong}


def test_a_document_that_does_not_come() -> None:
    shapes = Shapes({})
    shapes.expect(Thing)
    nothing = Finding("here", "body", Kind.CANNOT_BE_TOLD, "none was seen")
    assert list(shapes.findings("here")) == [nothing]
    shapes.add(THING, Thing)
    assert next(shapes.findings("here")).detail == "object: 1"


@pytest.mark.parametrize("name", ["id", "2fa_enabled", "mimeType", "X-RateLimit-Limit", "aff_hash"])
def test_names_that_are_shown(name: str) -> None:
    assert name_shown(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "216", "2024-11-20", "a@b.c", "87.120.8.29", "two words", "n" * 33, "id\n", "идент"],
)
def test_names_that_may_be_values(name: str) -> None:
    assert name_shown(name) == "(a name that is not shown)"
    found = found_in(THING | {name: 1})
    assert found[-1].place == "(a name that is not shown)"
