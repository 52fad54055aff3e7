"""From JSON to models: what is taken, what is refused, and that nothing else comes out."""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vpsbg_async import (
    Headers,
    Outcome,
    ResponseError,
    ServiceType,
    Ticket,
    TicketAttachment,
    TicketMessage,
    TicketStatus,
)
from vpsbg_async.core import convert
from vpsbg_async.core.answer import Answer
from vpsbg_async.core.convert import parse, structure
from vpsbg_async.core.pages import Envelope, page_of

T = TypeVar("T")
Place = tuple[str | int, ...]

NO_HEADERS = Headers()

# The examples of the API's own documentation.

CREATED: dict[str, Any] = {
    "id": 216,
    "status": "opened",
    "subject": "Server misbehaves",
    "created_at": "2024-08-02T11:57:57.000000Z",
    "updated_at": "2024-08-02T12:02:18.000000Z",
    "department": "tech-support",
    "service_label": "ubuntu-16gb - 87.120.8.29",
    "service_type": "server",
    "service_id": 2747,
    "messages": [
        {
            "id": 50,
            "content": "Example reply message.",
            "is_customer": True,
            "created_at": "2024-10-22T11:54:28.000000Z",
            "attachments": [
                {"id": 5, "name": "first_attachment.png", "size": 1426, "mimeType": "image/png"},
                {"id": 6, "name": "second_attachment.png", "size": 1242, "mimeType": "image/png"},
            ],
        }
    ],
}
REPLIED: dict[str, Any] = {
    "id": 216,
    "status": "opened",
    "subject": "Server misbehaves",
    "created_at": "2024-08-02T11:57:57.000000Z",
    "updated_at": "2024-08-02T12:02:18.000000Z",
    "department": "tech-support",
    "service": "Cloud VPS 2 GB",
    "messages": [
        {
            "id": 50,
            "content": "Example reply message.",
            "is_customer": False,
            "created_at": "2024-10-22T11:54:28.000000Z",
            "attachments": [
                {"id": 5, "name": "first_attachment.png", "size": 1426, "mimeType": "image/png"},
                {"id": 6, "name": "second_attachment.png", "size": 1242, "mimeType": "image/png"},
            ],
        }
    ],
}
LISTED: dict[str, Any] = {
    "data": [CREATED, {"id": 133, "subject": "Account issue"}],
    "links": {
        "first": "https://api.vpsbg.eu/v1/support/tickets?page=1",
        "last": "https://api.vpsbg.eu/v1/support/tickets?page=2",
        "prev": None,
        "next": "https://api.vpsbg.eu/v1/support/tickets?page=2",
    },
    "meta": {
        "current_page": 1,
        "from": 1,
        "last_page": 2,
        "links": [{"url": None, "label": "pagination.previous", "active": False}],
        "path": "https://api.vpsbg.eu/v1/support/tickets",
        "per_page": 2,
        "to": 2,
        "total": 3,
    },
}


def answered(body: bytes) -> Answer:
    return Answer(200, NO_HEADERS, body)


def made(data: object, kind: type[T]) -> T:
    return structure(data, kind, answered(b"the body"))


def tried(data: object, kind: type[T]) -> T | ResponseError:
    """A model, or why there is none; anything else comes out."""
    try:
        return made(data, kind)
    except ResponseError as error:
        return error


def refused(data: object, kind: type[Any] = Ticket) -> str:
    """Have data refused; the text of the error."""
    with pytest.raises(ResponseError) as caught:
        made(data, kind)
    error = caught.value
    assert (error.status, error.body) == (200, b"the body")
    assert error.outcome is Outcome.PROCESSED
    assert str(error).isprintable()
    return str(error)


class TestExamples:
    def test_a_created_ticket(self) -> None:
        ticket = made(CREATED, Ticket)
        assert ticket == Ticket(
            id=216,
            status=TicketStatus.OPENED,
            subject="Server misbehaves",
            created_at=datetime(2024, 8, 2, 11, 57, 57, tzinfo=UTC),
            updated_at=datetime(2024, 8, 2, 12, 2, 18, tzinfo=UTC),
            department="tech-support",
            service_label="ubuntu-16gb - 87.120.8.29",
            service_type=ServiceType.SERVER,
            service_id=2747,
            messages=(
                TicketMessage(
                    id=50,
                    content="Example reply message.",
                    is_customer=True,
                    created_at=datetime(2024, 10, 22, 11, 54, 28, tzinfo=UTC),
                    attachments=(
                        TicketAttachment(
                            id=5, name="first_attachment.png", size=1426, mime_type="image/png"
                        ),
                        TicketAttachment(
                            id=6, name="second_attachment.png", size=1242, mime_type="image/png"
                        ),
                    ),
                ),
            ),
        )
        assert ticket.attachment_mismatches is None
        assert list(extras(ticket)) == [{}] * 4

    def test_an_answered_ticket(self) -> None:
        ticket = made(REPLIED, Ticket)
        assert ticket.messages is not None
        assert ticket.service == "Cloud VPS 2 GB"
        assert (ticket.service_id, ticket.service_type, ticket.service_label) == (None,) * 3
        assert ticket.messages[0].is_customer is False

    def test_a_list(self) -> None:
        envelope = made(LISTED, Envelope[Ticket])
        assert [ticket.id for ticket in envelope.data] == [216, 133]
        page = page_of(envelope, None, answered(b""))
        assert (page.number, page.next, page.last, page.total) == (1, 2, 2, 3)

    @pytest.mark.parametrize("example", [CREATED, REPLIED], ids=["created", "replied"])
    def test_it_is_left_as_it_was(self, example: dict[str, Any]) -> None:
        data = copy.deepcopy(example)
        made(data, Ticket)
        assert data == example

    def test_hardly_anything_is_needed(self) -> None:
        assert made({"id": 1}, Ticket) == Ticket(id=1)
        assert made({"id": 1, "messages": [{"id": 2}]}, Ticket).messages == (TicketMessage(id=2),)
        assert made({"id": 1, "messages": []}, Ticket).messages == ()


def extras(ticket: Ticket) -> Iterator[object]:
    yield ticket.extra
    for message in ticket.messages or ():
        yield message.extra
        for attachment in message.attachments or ():
            yield attachment.extra


def places(data: object, place: Place = ()) -> Iterator[Place]:
    """Where there is something in a JSON document."""
    if place:
        yield place
    if isinstance(data, dict):
        for name, value in data.items():
            yield from places(value, (*place, name))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from places(value, (*place, index))


def told(place: Place) -> str:
    """A place as an error tells it."""
    return "$" + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in place)


def tells(text: str, place: Place, what: str = "") -> bool:
    """Whether an error's text tells of this place, and not of one within it."""
    pattern = rf"{re.escape(f'{what} @ {told(place)}')}(?![\w\[]|\.\w)"
    return re.search(pattern, text) is not None


def changed(data: dict[str, Any], place: Place, *value: object) -> dict[str, Any]:
    """A copy with another value at a place, or without it."""
    data = copy.deepcopy(data)
    inner: Any = data
    for key in place[:-1]:
        inner = inner[key]
    if value:
        inner[place[-1]] = value[0]
    else:
        del inner[place[-1]]
    return data


PLACES = [*places(CREATED), ("service",)]
NEEDED = {("id",), ("messages", 0, "id")}
ODD: list[object] = [
    *(None, True, False, 0, 1, -1, 1.5, 10**20, float("inf"), float("nan"), "", "text", "7", "-7"),
    *([], [None], [[]], ["a"], [1], {}, {"a": 1}, {"0": "a"}, {"1": {"id": 1}, "4": {"id": 2}}),
    *("2024-13-01T00:00:00Z", "2024-08-02T11:57:57Z", "\ud800", "x" * 1000, "a\nb"),
]


class TestMutations:
    @pytest.mark.parametrize("place", PLACES, ids=told)
    def test_another_value(self, place: Place) -> None:
        """It is taken for what it is, or refused by name; nothing else comes out."""
        for value in ODD:
            data = changed(CREATED, place, value)
            result = tried(data, Ticket)
            if isinstance(result, ResponseError):
                assert told(place) in str(result), value
                assert str(result).isprintable(), value

    @pytest.mark.parametrize(
        "place", [place for place in PLACES if place != ("service",)], ids=told
    )
    def test_no_value(self, place: Place) -> None:
        data = changed(CREATED, place)
        if place in NEEDED:
            assert tells(refused(data), place, "missing")
        else:
            assert made(data, Ticket).id == 216

    @pytest.mark.parametrize(
        "place", [place for place in PLACES if isinstance(place[-1], str)], ids=told
    )
    def test_null(self, place: Place) -> None:
        data = changed(CREATED, place, None)
        if place in NEEDED:
            assert tells(refused(data), place, "null is not a whole number")
        else:
            assert made(data, Ticket).id == 216

    @pytest.mark.parametrize(
        ("place", "value", "text"),
        [
            (("id",), "a", "'a' is not a whole number"),
            (("id",), 1.5, "1.5 is not a whole number"),
            (("id",), True, "True is not a whole number"),
            (("id",), "", "'' is not a whole number"),
            (("id",), "1.0", "'1.0' is not a whole number"),
            (("id",), "0x1f", "'0x1f' is not a whole number"),
            (("id",), " 7", "' 7' is not a whole number"),
            (("id",), "--7", "'--7' is not a whole number"),
            (("id",), "²", "'²' is not a whole number"),
            (("id",), 1e300, "1e+300 is not a whole number"),
            (("subject",), True, "True is not text"),
            (("subject",), ["a"], "['a'] is not text"),
            (("status",), {}, "{} is not text"),
            (("service_type",), False, "False is not text"),
            (("created_at",), True, "True is not a time"),
            (("created_at",), 10**20, "100000000000000000000 is not a time"),
            (("created_at",), "yesterday", "'yesterday' is not a time"),
            (("updated_at",), "", "'' is not a time"),
            (("messages",), "none", "'none' is not a list"),
            (("messages",), {"a": {"id": 1}}, "{'a': {'id': 1}} is not a list"),
            (("messages", 0), [1], "[1] is not an object"),
            (("messages", 0, "is_customer"), "yes", "'yes' is not true or false"),
            (("messages", 0, "is_customer"), 2, "2 is not true or false"),
            (("messages", 0, "attachments"), 0, "0 is not a list"),
            (("messages", 0, "attachments", 1), "a.png", "'a.png' is not an object"),
            (("messages", 0, "attachments", 0, "size"), "big", "'big' is not a whole number"),
            (("messages", 0, "attachments", 0, "mimeType"), [], "[] is not text"),
        ],
        ids=str,
    )
    def test_the_place_is_told(self, place: Place, value: object, text: str) -> None:
        assert tells(refused(changed(CREATED, place, value)), place, f"promised: {text}")

    def test_all_places_are_told(self) -> None:
        data = changed(changed(CREATED, ("id",)), ("messages", 0, "attachments", 1, "size"), "big")
        text = refused(data)
        assert tells(text, ("id",), "missing")
        place = ("messages", 0, "attachments", 1, "size")
        assert tells(text, place, "'big' is not a whole number")

    def test_not_all_of_a_thousand_places_are_told(self) -> None:
        text = refused({"id": 1, "messages": [{}] * 1000})
        assert len(text) < 1000
        assert text.count("missing @") == 5
        assert "; and 995 more" in text
        assert "more" not in refused({"id": 1, "messages": [{}] * 5})

    def test_long_values_are_trimmed(self) -> None:
        assert len(refused({"id": "x" * 100_000})) < 300
        assert len(refused({"id": ["x" * 1000] * 1000})) < 300

    @pytest.mark.parametrize("data", [None, [1], "text", 1, True, [CREATED]], ids=str)
    def test_no_object_at_all(self, data: object) -> None:
        assert tells(refused(data), (), "is not an object")

    def test_the_place_within_a_page(self) -> None:
        place: Place = ("data", 0, "messages", 0, "attachments", 0, "mimeType")
        text = refused(changed(LISTED, place, True), Envelope[Ticket])
        assert tells(text, place, "True is not text")
        assert tells(refused({}, Envelope[Ticket]), ("data",), "missing")

    @pytest.mark.parametrize("body", [b"", b" \r\n"])
    def test_no_body_at_all(self, body: bytes) -> None:
        answer = answered(body)
        with pytest.raises(ResponseError, match="it has no body"):
            convert.structure(convert.parse(answer), Ticket, answer)

    def test_an_empty_object_as_php_writes_it(self) -> None:
        envelope = made({"data": [], "links": [], "meta": []}, Envelope[Ticket])
        assert page_of(envelope, None, answered(b"")).next is None
        assert "@ $" in refused([])


class TestWhatIsTaken:
    @pytest.mark.parametrize(
        ("value", "number"),
        [(7, 7), (-7, -7), (0, 0), (7.0, 7), ("7", 7), ("-7", -7), ("007", 7), (10**18, 10**18)],
    )
    def test_whole_numbers(self, value: object, number: int) -> None:
        taken = made({"id": value}, Ticket).id
        assert taken == number
        assert type(taken) is int

    def test_no_number_that_may_have_lost_digits(self) -> None:
        assert made({"id": 2.0**53}, Ticket).id == 2**53
        assert tells(refused({"id": 2.0**53 + 2}), ("id",), "is not a whole number")

    @pytest.mark.parametrize(("value", "text"), [("a", "a"), ("", ""), (7, "7"), (1.5, "1.5")])
    def test_texts(self, value: object, text: str) -> None:
        assert made({"id": 1, "subject": value}, Ticket).subject == text

    @pytest.mark.parametrize(
        ("value", "flag"), [(True, True), (False, False), (1, True), (0, False)]
    )
    def test_flags(self, value: object, flag: bool) -> None:
        taken = made({"id": 1, "is_customer": value}, TicketMessage).is_customer
        assert taken is flag

    @pytest.mark.parametrize(
        ("value", "moment"),
        [
            ("2024-08-02T11:57:57.123456Z", datetime(2024, 8, 2, 11, 57, 57, 123456, UTC)),
            ("2024-08-02T11:57:57.123Z", datetime(2024, 8, 2, 11, 57, 57, 123000, UTC)),
            ("2024-08-02T14:57:57+03:00", datetime(2024, 8, 2, 11, 57, 57, tzinfo=UTC)),
            ("2024-08-02 11:57:57", datetime(2024, 8, 2, 11, 57, 57, tzinfo=UTC)),
            ("2024-08-02", datetime(2024, 8, 2, tzinfo=UTC)),
        ],
    )
    def test_times_know_their_zone(self, value: str, moment: datetime) -> None:
        taken = made({"id": 1, "created_at": value}, Ticket).created_at
        assert taken is not None
        assert taken == moment
        assert taken.utcoffset() is not None

    def test_an_offset_is_kept(self) -> None:
        taken = made({"id": 1, "created_at": "2024-08-02T14:57:57+03:00"}, Ticket).created_at
        assert taken is not None
        assert taken.utcoffset() == timedelta(hours=3)

    def test_a_list_with_gaps_as_php_writes_it(self) -> None:
        messages = {"2": {"id": 1}, "0": {"id": 2, "attachments": {"5": {"id": 3}}}}
        taken = made({"id": 1, "messages": messages}, Ticket).messages
        assert taken == (
            TicketMessage(id=1),
            TicketMessage(id=2, attachments=(TicketAttachment(id=3),)),
        )
        assert made({"id": 1, "messages": {}}, Ticket).messages == ()
        assert made({"data": {"3": {"id": 1}}}, Envelope[Ticket]).data == (Ticket(id=1),)

    @pytest.mark.parametrize("value", ["closed", "", "затворен", "OPENED", 7])
    def test_values_that_nobody_knew(self, value: object) -> None:
        ticket = made({"id": 1, "status": value, "service_type": value}, Ticket)
        assert isinstance(ticket.status, TicketStatus)
        assert isinstance(ticket.service_type, ServiceType)
        assert [ticket.status, ticket.service_type] == [str(value)] * 2

    def test_unknown_fields_are_kept_at_each_level(self) -> None:
        data = copy.deepcopy(CREATED)
        data["priority"] = {"a": [1, None]}
        data["messages"][0]["author"] = "somebody"
        data["messages"][0]["attachments"][1]["url"] = None
        assert list(extras(made(data, Ticket))) == [
            *({"priority": {"a": [1, None]}}, {"author": "somebody"}, {}, {"url": None})
        ]
        page = made({"data": [data], "took": 5, "meta": {"from": 1}}, Envelope[Ticket])
        assert page.extra == {"took": 5}
        assert page.data[0].extra == {"priority": {"a": [1, None]}}
        assert page.meta is not None
        assert page.meta.extra == {"from": 1}

    def test_fields_called_as_our_own_are_unknown_ones(self) -> None:
        mine = {"extra": {"a": 1}, "attachment_mismatches": [1], "mime_type": "a/b", "self": 1}
        ticket = made({"id": 1, **mine}, Ticket)
        assert ticket.extra == mine
        assert ticket.attachment_mismatches is None
        attachment = made({**mine, "mimeType": "c/d"}, TicketAttachment)
        assert attachment.mime_type == "c/d"
        assert attachment.extra == mine


class TestParse:
    @pytest.mark.parametrize("body", [b"", b" ", b"\r\n\t ", b"null"])
    def test_nothing(self, body: bytes) -> None:
        assert parse(answered(body)) is None

    @pytest.mark.parametrize(
        "body",
        [
            *(b"<html>", b"{", b'{"id": 1', b"{}{}", b"{'id': 1}", b'{"id": 01}', b"undefined"),
            *(b'"\xff"', b"\xff\xfe{", b"\0", b'"\\u12"', b'"a\nb"', b"9" * 5000, b"tru"),
        ],
    )
    def test_no_json(self, body: bytes) -> None:
        with pytest.raises(ResponseError, match="not JSON") as caught:
            parse(answered(body))
        assert (caught.value.status, caught.value.body) == (200, body)
        assert caught.value.outcome is Outcome.PROCESSED

    @pytest.mark.parametrize("depth", [100, 900, 1000, 1023, 1025, 5000, 100_000])
    @pytest.mark.parametrize(
        ("start", "end"), [('{"id":', "}"), ('{"id":1,"a":', "}"), ('{"id":1,"messages":', "}")]
    )
    def test_deep_nesting(self, depth: int, start: str, end: str) -> None:
        for opening, closing in (("[", "]"), ('{"0":', "}")):
            body = f"{start}{opening * depth}1{closing * depth}{end}".encode()
            try:
                data = parse(answered(body))
            except ResponseError as error:
                assert depth > 900, error  # noqa: PT017 - either will do
            else:
                result = tried(data, Ticket)
                assert isinstance(result, ResponseError) or result.extra.keys() == {"a"}


SCRIPT = """
import json, sys
sys.modules.update(dict.fromkeys(sys.argv[1:]))  # None in there blocks an import
from vpsbg_async import Headers, ResponseError, Ticket
from vpsbg_async.core.answer import Answer
from vpsbg_async.core.convert import parse, structure

assert bool(sys.modules.get("orjson")) is not bool(sys.argv[1:])
for line in sys.stdin:
    answer = Answer(200, Headers(), bytes.fromhex(line))
    try:
        ticket = structure(parse(answer), Ticket, answer)
    except ResponseError as error:
        print(json.dumps(str(error)))
    else:
        print(json.dumps([repr(ticket), repr(ticket.extra)]))
"""
BODIES = {
    "created": json.dumps(CREATED).encode(),
    "replied": json.dumps(REPLIED, ensure_ascii=False).encode(),
    "extra": b'{"id": 1, "a": {"b": [1, 2.5, null, true, "\\u0431 \xd0\xb1 \\ud83d\\ude00"]}}',
    "twice": b'{"id": 1, "id": 2}',
    "blanks": b'\r\n{"id": 1}\n',
    "64 bits": b'{"id": 9223372036854775807, "service_id": 18446744073709551615}',
    "not JSON": b"<html>",
    "not promised": b'{"id": "a"}',
    "invalid UTF-8": b'{"id": 1, "subject": "\xff"}',
    "empty": b"",
    "NaN": b'{"id": 1, "a": NaN}',
    "infinite": b'{"id": 1, "a": -Infinity}',
    "too large a number": b'{"id": 1, "a": 1e999}',
    "half a character": b'{"id": 1, "subject": "\\ud83d"}',
    "byte order mark": b'\xef\xbb\xbf{"id": 1}',
    "UTF-16": '{"id": 1}'.encode("utf-16"),
}


def results(*blocked: str) -> dict[str, Any]:
    """What an interpreter of its own makes of all bodies."""
    lines = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, *blocked],
        input="".join(f"{body.hex()}\n" for body in BODIES.values()),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return dict(zip(BODIES, map(json.loads, lines), strict=True))


@pytest.fixture(scope="module")
def both() -> tuple[dict[str, Any], dict[str, Any]]:
    pytest.importorskip("orjson")
    return results(), results("orjson")


class TestWithAndWithoutOrjson:
    @pytest.mark.parametrize("name", BODIES)
    def test_the_same_comes_out(
        self, both: tuple[dict[str, Any], dict[str, Any]], name: str
    ) -> None:
        with_it, without = both
        assert with_it[name] == without[name]

    def test_without_it_the_module_does_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "orjson", None)
        name = f"{convert.__name__}_alone"
        spec = importlib.util.spec_from_file_location(name, convert.__file__)
        assert spec is not None
        assert spec.loader is not None
        alone = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(alone)
        assert alone.parse(answered(BODIES["created"])) == CREATED

    def test_a_ticket_comes_out(self, both: tuple[dict[str, Any], dict[str, Any]]) -> None:
        for result in both:
            assert result["created"] == [repr(made(CREATED, Ticket)), "{}"]
            assert "not JSON" in result["not JSON"]
            assert "$.id" in result["not promised"]

    @pytest.mark.parametrize("name", ["byte order mark", "half a character", "NaN"])
    def test_harmless_oddities_cost_no_ticket(self, name: str) -> None:
        pytest.importorskip("orjson")
        answer = answered(BODIES[name])
        assert structure(parse(answer), Ticket, answer).id == 1


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["2024-08-02T11:57:57.000000Z", "opened", "12", "-3", "0"])
)
names = st.text(max_size=4) | st.sampled_from(["0", "1", "id", "data", "messages", "next"])
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


def lists_of(items: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    keys = st.integers(0, 9).map(str)
    return st.lists(items, max_size=3) | st.dictionaries(keys, items, max_size=3) | documents


def objects(**fields: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.fixed_dictionaries({}, optional=dict(fields)) | documents


numbers = st.integers() | documents
attachments = objects(id=numbers, name=documents, size=numbers, mimeType=documents)
messages = objects(
    id=numbers,
    content=documents,
    is_customer=documents,
    created_at=scalars,
    attachments=lists_of(attachments),
)
tickets = objects(
    id=numbers,
    status=documents,
    subject=documents,
    created_at=scalars,
    service_type=documents,
    messages=lists_of(messages),
    extra=documents,
    attachment_mismatches=documents,
)
envelopes = objects(
    data=lists_of(tickets),
    links=objects(next=documents),
    meta=objects(current_page=numbers, last_page=numbers, total=numbers),
)
quick = settings(
    max_examples=150,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


class TestAnything:
    @quick
    @given(tickets)
    def test_as_a_ticket(self, data: object) -> None:
        result = tried(data, Ticket)
        if isinstance(result, ResponseError):
            assert "@ $" in str(result)
            return
        assert type(result.id) is int
        assert all(isinstance(extra, dict) for extra in extras(result))
        hash(result)

    @quick
    @given(envelopes)
    def test_as_a_page(self, data: object) -> None:
        result = tried(data, Envelope[Ticket])
        if isinstance(result, ResponseError):
            assert "@ $" in str(result)
            return
        page = page_of(result, None, answered(b""))
        assert all(isinstance(ticket, Ticket) for ticket in page)
        assert page.next is None or page.next == page.number + 1

    @quick
    @given(st.binary(max_size=60) | documents.map(lambda data: json.dumps(data).encode()))
    def test_as_a_body(self, body: bytes) -> None:
        with contextlib.suppress(ResponseError):
            tried(parse(answered(body)), Ticket)
