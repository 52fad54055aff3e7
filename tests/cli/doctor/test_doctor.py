"""``vpsbg doctor``, against sandboxes that differ and servers that say what a test wants."""

import asyncio
import itertools
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from vpsbg_async import VPSBG, Attachment, Headers
from vpsbg_async.cli.doctor.checkup import _limit_headers
from vpsbg_async.cli.doctor.shapes import Kind
from vpsbg_async.core.answer import Answer
from vpsbg_async.sandbox import Drift, Fault, Listing, Sandbox

from .. import peers
from ..peers import ScriptedServer, running_sandbox
from ..terminal import Ran, Run

AT_ONCE = ("doctor", "--pause", "0")
LIST, ONE = "GET /support/tickets", "GET /support/tickets/{id}"
WRONG_PATH, WRONG_ID = "a path that does not exist", "a ticket that does not exist"
WRONG_KEY = "a key that is not valid"
LIMIT, RECONCILIATION = "rate limit", "reconciliation"
AREAS = {LIST, ONE, WRONG_PATH, WRONG_ID, WRONG_KEY, LIMIT, RECONCILIATION}
MORE_THAN_A_PAGE = 17
JSON = {"Content-Type": "application/json", "Date": "Tue, 14 Nov 2023 22:13:20 GMT"}

Found = set[tuple[str, str, str]]


@contextmanager
def practice(
    monkeypatch: pytest.MonkeyPatch, *, tickets: int = MORE_THAN_A_PAGE, **settings: Any
) -> Iterator[Sandbox]:
    """A sandbox with tickets, on whose clock every look takes a second."""
    clock = itertools.count(1_700_000_000)
    made = partial(Sandbox, clock=lambda: next(clock), **settings)
    monkeypatch.setattr(peers, "Sandbox", made)
    with running_sandbox() as sandbox:
        monkeypatch.setenv("VPSBG_BASE_URL", sandbox.url)
        monkeypatch.setenv("VPSBG_API_KEY", sandbox.api_key)
        asyncio.run(_fill(tickets))
        yield sandbox


async def _fill(tickets: int) -> None:
    async with VPSBG() as vps:
        for number in range(tickets):
            await vps.tickets.create(
                department_id=2,
                subject=f"Subject {number}",
                message=f"{number} times <b>the secret</b>, which is not short",
                attachments=[Attachment.from_bytes(b"secret", name=f"secret {number}.txt")],
                service_type=None if number % 2 else "server",
                service_id=None if number % 2 else 2747,
            )
            if number == tickets // 2:
                await vps.tickets.reply(216, message="<p>The oldest one is changed last.</p>")


def report_of(ran: Ran) -> dict[str, Any]:
    assert (ran.code, ran.err) == (0, "")
    report: dict[str, Any] = json.loads(ran.out)
    return report


def differences(report: dict[str, Any]) -> Found:
    """What differs in the areas that this is about; see ``test_readings`` for the others."""
    return {
        (found["area"], found["place"], found["kind"])
        for found in report["findings"]
        if found["verdict"] == "differs" and found["area"] in AREAS
    }


def verdict_on(report: dict[str, Any], place: str, area: str = RECONCILIATION) -> str:
    (found,) = [
        found for found in report["findings"] if (found["area"], found["place"]) == (area, place)
    ]
    verdict: str = found["verdict"]
    return verdict


def of_tickets(kind: str, *places: str) -> Found:
    """The same in the list and in one ticket."""
    listed = {(LIST, f"data[].{place}", kind) for place in places}
    return listed | {(ONE, place, kind) for place in places}


def needs(*places: str) -> Found:
    return {(RECONCILIATION, place, "need-not-met") for place in places}


DRIFTS: dict[Drift, Found] = {
    Drift.UNKNOWN_FIELD: of_tickets("unknown-field", "priority", "messages[].read_at"),
    Drift.MISSING_FIELD: of_tickets("missing", "subject", "messages[].created_at")
    | needs("ticket fields", "message fields"),
    Drift.OTHER_TYPE: of_tickets("other-type", "id", "service_id", "messages[].id")
    | of_tickets("other-type", "messages[].is_customer", "messages[].attachments[].id"),
    Drift.NULL_FIELD: of_tickets("null", "department"),
    Drift.UNKNOWN_VALUE: of_tickets("unknown-value", "status"),
    Drift.OTHER_TIME: of_tickets("other-time", "created_at", "updated_at", "messages[].created_at"),
    Drift.NO_ENVELOPE: {(LIST, "body", "other-type")} | needs("second page"),
    Drift.NO_META: {(LIST, "links", "missing"), (LIST, "meta", "missing")} | needs("second page"),
    Drift.OTHER_LIMIT_HEADERS: {
        (LIMIT, "X-RateLimit-Limit", "missing"),
        (LIMIT, "X-RateLimit-Remaining", "missing"),
        (LIMIT, "RateLimit-Limit", "unknown-header"),
        (LIMIT, "RateLimit-Remaining", "unknown-header"),
    },
    Drift.NO_LIMIT_HEADERS: {
        (LIMIT, "X-RateLimit-Limit", "missing"),
        (LIMIT, "X-RateLimit-Remaining", "missing"),
    },
    Drift.HTML_ERRORS: {(area, "answer", "not-json") for area in (WRONG_PATH, WRONG_ID, WRONG_KEY)},
    Drift.NO_DATE: needs("Date header"),
}
LISTINGS: dict[Listing, Found] = {
    Listing.NEWEST_FIRST: set(),
    Listing.OLDEST_FIRST: needs("order"),
    Listing.BY_UPDATE: needs("order"),
    Listing.SHUFFLED: needs("order"),
    Listing.TRIMMED: needs("whole messages"),
    Listing.STRIPPED: set(),
    Listing.BARE: {(LIST, "data[].messages", "missing")},
    Listing.MUTE: of_tickets("missing", "messages") | needs("contents"),
    Listing.MISSING: {(LIST, "answer", "status")} | needs("list"),
}


def test_no_way_to_differ_is_left_out() -> None:
    assert DRIFTS.keys() == {*Drift}
    assert LISTINGS.keys() == {*Listing}


def test_nothing_differs_in_the_plain_sandbox(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with practice(monkeypatch):
        report = report_of(run(*AT_ONCE, "--json"))
        text = run(*AT_ONCE)
    assert differences(report) == set()
    assert report["sums"]["differs"] == 0
    assert report["complete"] is True
    assert report["reconciliation"] == {"verdict": "works", "reasons": []}
    here = [found for found in report["findings"] if found["area"] in AREAS]
    assert [found["place"] for found in here if found["verdict"] != "ok"] == ["Retry-After"]
    sums = report["sums"]
    assert sum(sums.values()) == len(report["findings"])
    assert (text.code, text.err) == (0, "")
    assert "\nreconciliation: works\n" in text.out
    told = f"{sums['ok']} ok, {sums['differs']} differ, {sums['cannot-be-told']} cannot be told"
    assert f": {told}\n" in text.out


def test_what_a_finding_is(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with practice(monkeypatch, drift=[Drift.OTHER_TYPE]):
        findings = report_of(run(*AT_ONCE, "--json"))["findings"]
    assert {
        "area": LIST,
        "place": "data[].messages[].is_customer",
        "verdict": "differs",
        "kind": "other-type",
        "detail": "integer: 18 of 18; documented: boolean",
    } in findings
    assert {
        "area": LIST,
        "place": "data[].service_label",
        "verdict": "ok",
        "kind": "as-documented",
        "detail": "string: 9, null: 8",
    } in findings


@pytest.mark.parametrize("drift", Drift)
def test_each_drift_is_named(run: Run, monkeypatch: pytest.MonkeyPatch, drift: Drift) -> None:
    with practice(monkeypatch, drift=[drift]):
        report = report_of(run(*AT_ONCE, "--json"))
    assert differences(report) == DRIFTS[drift]
    is_hurt = any(area == RECONCILIATION for area, _, _ in DRIFTS[drift])
    assert report["reconciliation"]["verdict"] == ("does-not-work" if is_hurt else "works")


@pytest.mark.parametrize("listing", Listing)
def test_each_listing_is_named(run: Run, monkeypatch: pytest.MonkeyPatch, listing: Listing) -> None:
    with practice(monkeypatch, listing=listing):
        report = report_of(run(*AT_ONCE, "--json"))
    assert differences(report) == LISTINGS[listing]
    is_hurt = any(area == RECONCILIATION for area, _, _ in LISTINGS[listing])
    assert report["reconciliation"]["verdict"] == ("does-not-work" if is_hurt else "works")
    has_html = listing not in (Listing.STRIPPED, Listing.MUTE, Listing.MISSING)
    assert verdict_on(report, "HTML") == ("ok" if has_html else "cannot-be-told")


@pytest.mark.parametrize(
    ("listing", "told"),
    [
        (Listing.OLDEST_FIRST, "the list is oldest first"),
        (Listing.BY_UPDATE, "the list is by the last change"),
        (Listing.SHUFFLED, "the list is in no order of time"),
        (Listing.TRIMMED, "messages are cut: 18 end in dots at one length"),
        (Listing.MUTE, "neither the list nor a ticket by itself has messages"),
        (Listing.MISSING, "the list of tickets cannot be read, with status 404"),
    ],
)
def test_why_reconciliation_does_not_work(
    run: Run, monkeypatch: pytest.MonkeyPatch, listing: Listing, told: str
) -> None:
    with practice(monkeypatch, listing=listing):
        assert f"\nreconciliation: does not work: {told}\n" in run(*AT_ONCE).out


@pytest.mark.parametrize(
    "drifts",
    [
        [Drift.UNKNOWN_FIELD, Drift.OTHER_TYPE],
        [Drift.MISSING_FIELD, Drift.OTHER_TYPE],
        [Drift.NULL_FIELD, Drift.UNKNOWN_VALUE],
        [Drift.NO_META, Drift.OTHER_TIME],
        [Drift.NO_ENVELOPE, Drift.NO_DATE],
        [Drift.HTML_ERRORS, Drift.NO_LIMIT_HEADERS],
        # Without those that hide what another one does.
        [*{*Drift} - {Drift.MISSING_FIELD, Drift.NO_ENVELOPE, Drift.NO_LIMIT_HEADERS}],
    ],
)
@pytest.mark.parametrize("listing", [Listing.NEWEST_FIRST, Listing.BY_UPDATE, Listing.TRIMMED])
def test_several_are_named_together(
    run: Run, monkeypatch: pytest.MonkeyPatch, drifts: list[Drift], listing: Listing
) -> None:
    with practice(monkeypatch, drift=drifts, listing=listing):
        report = report_of(run(*AT_ONCE, "--json"))
    expected = LISTINGS[listing].union(*(DRIFTS[drift] for drift in drifts))
    assert differences(report) == expected


def test_a_drift_in_a_list_without_an_envelope(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with practice(monkeypatch, drift=[Drift.NO_ENVELOPE, Drift.NULL_FIELD]):
        found = differences(report_of(run(*AT_ONCE, "--json")))
    assert {(LIST, "[].department", "null"), (ONE, "department", "null")} < found


def test_an_empty_account(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with practice(monkeypatch, tickets=0):
        report = report_of(run(*AT_ONCE, "--json"))
    assert differences(report) == set()
    assert report["reconciliation"]["verdict"] == "cannot-be-told"
    assert report["reconciliation"]["reasons"] == ["no tickets were seen", "no messages were seen"]
    assert verdict_on(report, "data[]", LIST) == "cannot-be-told"
    assert verdict_on(report, "answer", ONE) == "cannot-be-told"
    assert verdict_on(report, "list") == verdict_on(report, "Date header") == "ok"


def test_of_one_ticket_the_order_cannot_be_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with practice(monkeypatch, tickets=1):
        out = run(*AT_ONCE).out
    why = "no two tickets of different times were seen"
    assert f"\nreconciliation: cannot be told: {why}\n" in out


def test_without_attachments_their_fields_cannot_be_told(run: Run, sandbox: Sandbox) -> None:
    run(*("tickets", "create", "--department", "2", "--subject", "Hello", "--message", "Good day"))
    report = report_of(run(*AT_ONCE, "--json"))
    assert differences(report) == set()
    assert verdict_on(report, "data[].messages[].attachments[]", LIST) == "cannot-be-told"


def test_a_read_key_will_do(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with practice(monkeypatch) as sandbox:
        monkeypatch.setenv("VPSBG_API_KEY", sandbox.read_key)
        assert differences(report_of(run(*AT_ONCE, "--json"))) == set()


def test_it_asks_again_where_that_helps(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with practice(monkeypatch) as sandbox:
        sandbox.faults.add(Fault.ERROR_500_BEFORE, Fault.DROP_AFTER_PROCESSING)
        assert differences(report_of(run(*AT_ONCE, "--json"))) == set()


def test_as_a_process(process: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with practice(monkeypatch):
        assert differences(report_of(process(*AT_ONCE, "--json"))) == set()
        assert "\nreconciliation: works\n" in process("doctor", "--pause", "0.01").out


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_nothing_of_the_account_is_told(
    run: Run, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    with practice(monkeypatch, drift=[*Drift], listing=Listing.BY_UPDATE) as sandbox:
        ran = run(*AT_ONCE, *options)
        told = ran.out + ran.err
        assert ran.code == 0
        for secret in (sandbox.api_key, sandbox.url, "Subject ", "secret", "2747", "tech-", "2023"):
            assert secret not in told
        assert not re.search(r"\b(21[6-9]|22\d|23[0-2])\b", told)  # their ids


# From here on a server says what a test wants.


def ticket(number: int, **others: Any) -> dict[str, Any]:
    """A ticket as documented; the greater its number, the newer it is."""
    created = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=number)
    time = created.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    message = {
        "id": number + 500,
        "content": f"<p>Message {number}</p>",
        "is_customer": True,
        "created_at": time,
        "attachments": [],
    }
    fields = {
        "id": number,
        "status": "opened",
        "subject": "Subject",
        "created_at": time,
        "updated_at": time,
        "department": "tech-support",
        "messages": [message],
    }
    return fields | others


def page(*tickets: dict[str, Any], number: int = 1, last: int = 1) -> dict[str, Any]:
    """A page of a list as documented."""
    address = "https://api.vpsbg.eu/v1/support/tickets?page="
    return {
        "data": tickets,
        "links": {
            "first": f"{address}1",
            "last": f"{address}{last}",
            "prev": f"{address}{number - 1}" if number > 1 else None,
            "next": f"{address}{number + 1}" if number < last else None,
        },
        "meta": {
            "current_page": number,
            "from": 1,
            "last_page": last,
            "links": [{"url": None, "label": "pagination.next", "active": False}],
            "path": "https://api.vpsbg.eu/v1/support/tickets",
            "per_page": 2,
            "to": 2,
            "total": 2 * last,
        },
    }


def answer_with(server: ScriptedServer, *answers: Any) -> None:
    """Have a server give these answers with 200, one after the other, and 404 from then on."""
    turns = iter(answers)

    def turn() -> None:
        server.status, server.answer = 200, next(turns, None)
        if server.answer is None:
            server.status, server.answer = 404, {"message": "Not Found"}

    server.headers = JSON
    server.when_read = turn


def test_a_second_page_that_follows(run: Run, server: ScriptedServer) -> None:
    first = page(ticket(4), ticket(3), last=2)
    # A new one has pushed another to the next page meanwhile.
    answer_with(server, first, page(ticket(3), ticket(2), number=2, last=2), ticket(4))
    report = report_of(run(*AT_ONCE, "--json"))
    assert verdict_on(report, "second page") == "ok"
    assert report["reconciliation"]["verdict"] == "works"


@pytest.mark.parametrize(
    ("second", "told"),
    [
        (page(ticket(4), ticket(3), number=2, last=2), "has nothing that the first has not"),
        (page(number=2, last=2), "has nothing that the first has not"),
        (page(ticket(9), ticket(8), number=2, last=2), "does not go on where the first ends"),
        (page(ticket(2), ticket(1), number=1, last=2), "cannot be read"),
    ],
)
def test_a_second_page_that_does_not_follow(
    run: Run, server: ScriptedServer, second: dict[str, Any], told: str
) -> None:
    answer_with(server, page(ticket(4), ticket(3), last=2), second, ticket(4))
    assert f"second page {told}\n" in run(*AT_ONCE).out.replace("a second", "second")


@pytest.mark.parametrize(
    ("second", "verdict", "told"),
    [
        ([], "works", []),
        (
            [ticket(2), ticket(1)],
            "does-not-work",
            ["there is a second page, of which the first tells nothing"],
        ),
        (
            [ticket(4), ticket(3)],
            "cannot-be-told",
            ["the list does not tell whether it has further pages"],
        ),
        ({}, "cannot-be-told", ["a second page cannot be read"]),
    ],
)
def test_a_list_that_does_not_tell_of_pages(
    run: Run, server: ScriptedServer, second: Any, verdict: str, told: list[str]
) -> None:
    answer_with(server, [ticket(4), ticket(3)], second, ticket(4))
    report = report_of(run(*AT_ONCE, "--json"))
    assert report["reconciliation"] == {"verdict": verdict, "reasons": told}


def cut(**others: Any) -> dict[str, Any]:
    """Message fields of a text that was cut."""
    return {"id": 1, "is_customer": True, "created_at": "2024-01-01T00:00:00Z"} | others


def test_messages_that_are_cut_in_the_list_only(run: Run, server: ScriptedServer) -> None:
    listed = [
        ticket(number, messages=[cut(id=number, content=f"Message {number}...")])
        for number in (3, 2)
    ]
    whole = ticket(3, messages=[cut(id=3, content="Message 3, to its very end")])
    answer_with(server, page(ticket(4), *listed), whole)
    report = report_of(run(*AT_ONCE, "--json"))
    assert verdict_on(report, "whole messages") == "ok"
    assert report["reconciliation"]["verdict"] == "works"
    answer_with(server, page(ticket(4), *listed), listed[0])
    report = report_of(run(*AT_ONCE, "--json"))
    assert verdict_on(report, "whole messages") == "ok"  # 4 is longer


def test_one_message_that_may_be_cut(run: Run, server: ScriptedServer) -> None:
    pensive = ticket(4, messages=[cut(content="Well, that is how it ends…")])
    answer_with(server, page(pensive, ticket(3)), pensive)
    why = "the longest message ends in dots, and may be cut"
    assert f"\nreconciliation: cannot be told: {why}\n" in run(*AT_ONCE).out


def test_a_ticket_that_cannot_be_read_by_itself(run: Run, server: ScriptedServer) -> None:
    answer_with(server, page(ticket(4), ticket(3)))
    report = report_of(run(*AT_ONCE, "--json"))
    assert (ONE, "answer", "status") in differences(report)
    assert report["reconciliation"]["reasons"] == ["a ticket cannot be read by itself"]


def test_what_the_client_cannot_read(run: Run, server: ScriptedServer) -> None:
    bare = ticket(4)
    del bare["id"]
    answer_with(server, page(bare, ticket(3)))
    found = differences(report_of(run(*AT_ONCE, "--json")))
    assert {(LIST, "client", "unreadable"), (LIST, "data[].id", "missing")} < found
    assert needs("list") < found


@pytest.mark.parametrize(
    ("body", "kind", "told"),
    [
        (b"", "not-json", "200, application/json, empty"),
        (b"<html>", "not-json", "200, application/json, HTML"),
        (b'{"data":', "not-json", "200, application/json, no JSON"),
    ],
)
def test_a_list_that_is_no_json(
    run: Run, server: ScriptedServer, body: bytes, kind: str, told: str
) -> None:
    answer_with(server, body)
    report = report_of(run(*AT_ONCE, "--no-retry", "--json"))
    found = report["findings"][0]
    assert (found["area"], found["place"], found["kind"]) == (LIST, "answer", kind)
    assert found["detail"] == f"{told}: 1 of 1; documented: 200, application/json, JSON"
    assert verdict_on(report, "body", LIST) == "cannot-be-told"


def test_json_that_is_sent_as_something_else(run: Run, server: ScriptedServer) -> None:
    answer_with(server, page(ticket(4), ticket(3)), ticket(4))
    server.headers = {"Content-Type": "text/html; charset=utf-8"}
    report = report_of(run(*AT_ONCE, "--json"))
    assert (LIST, "answer", "content-type") in differences(report)
    assert "200, text/html, JSON" in report["findings"][0]["detail"]
    assert verdict_on(report, "data[].id", LIST) == "ok"


def test_the_fields_of_a_refusal(run: Run, server: ScriptedServer) -> None:
    server.status, server.headers = 404, JSON
    server.answer = {"error": {"code": 7}, "status": "error"}
    report = report_of(run(*AT_ONCE, "--json"))
    for area in (WRONG_PATH, WRONG_ID, WRONG_KEY):
        assert differences(report) >= {
            (area, "message", "missing"),
            (area, "error", "unknown-field"),
            (area, "status", "unknown-field"),
        }
    assert (WRONG_KEY, "answer", "status") in differences(report)
    assert re.search(r"\ndiffers +error +object: 1 of 1 *\n", run(*AT_ONCE).out)


def test_a_wrong_key_that_is_let_in(run: Run, server: ScriptedServer) -> None:
    answer_with(server, *[page(ticket(4), ticket(3)), ticket(4)] * 50)
    report = report_of(run(*AT_ONCE, "--json"))
    for area in (WRONG_PATH, WRONG_ID, WRONG_KEY):
        assert (area, "answer", "status") in differences(report)
        assert verdict_on(report, "body", area) == "cannot-be-told"


def test_headers_of_the_rate_limit_as_they_are_sent(run: Run, server: ScriptedServer) -> None:
    answer_with(server)
    turn = server.when_read

    def turn_to_429() -> None:
        turn()
        server.status = 429 if len(server.bodies) == 1 else 404

    server.when_read = turn_to_429
    server.headers = JSON | {
        "x-ratelimit-limit": "60",
        "X-RateLimit-Reset": "1",
        "X-Quota-Left": "5",
        "Retry-After": "0",
    }
    report = report_of(run(*AT_ONCE, "--json"))
    limits = {
        found["place"]: (found["kind"], found["detail"])
        for found in report["findings"]
        if found["area"] == LIMIT
    }
    asked = len(server.bodies)
    assert limits == {
        "X-RateLimit-Limit": ("ok", f"in {asked} of {asked} answers"),
        "X-RateLimit-Remaining": ("missing", f"in 0 of {asked} answers"),
        "Retry-After": ("ok", f"in {asked} of {asked} answers"),
        "X-RateLimit-Reset": ("unknown-header", f"in {asked} of {asked} answers"),
        "X-Quota-Left": ("unknown-header", f"in {asked} of {asked} answers"),
    }


def test_a_limit_without_the_header_that_comes_with_it() -> None:
    (missing,) = [
        finding
        for finding in _limit_headers([Answer(429, Headers(), b"")])
        if finding.place == "Retry-After"
    ]
    assert missing.kind is Kind.MISSING


def test_a_limit_that_lasts(run: Run, server: ScriptedServer) -> None:
    server.status, server.answer = 429, {"message": "Too Many Attempts."}
    server.headers = JSON | {"Retry-After": "3600"}
    ran = run(*AT_ONCE)
    assert ran.code == 1
    assert "no answer to GET /affiliate: NotSentError" in ran.err  # the third in a row


@pytest.mark.parametrize("status", [200, 401, 404, 500])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_nothing_of_an_answer_is_told(
    run: Run, server: ScriptedServer, status: int, options: tuple[str, ...]
) -> None:
    secret = "x-secret"
    odd = {"me@secret.example": secret, "10.secret": 1, "a secret": [], "9" * 9 + "secret": {}}
    attachment = {"id": secret, "name": secret, "size": secret, "mimeType": secret, **odd}
    message = {"id": 987654321, "content": secret, "is_customer": secret, "created_at": secret}
    message |= {"attachments": [attachment, secret], **odd}
    told = ticket(6, id=987654321, status=secret, subject=secret, messages=[message]) | odd
    server.status, server.answer = status, page(told, ticket(5)) | odd | {"message": secret}
    server.headers = {
        "Content-Type": f"application/json; name={secret}",
        "X-RateLimit-Limit": secret,
        "Retry-After": "987654321",
        "Location": secret,
        "X-Request-Id": secret,
    }
    ran = run(*AT_ONCE, "--no-retry", *options)
    assert ran.code == (1 if status == 401 else 0)
    assert "secret" not in ran.out + ran.err
    assert "987654321" not in ran.out + ran.err
    assert "2024" not in ran.out + ran.err


# The end of it.


def test_a_key_that_is_refused(run: Run, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPSBG_API_KEY", "wrong")
    ran = run(*AT_ONCE)
    why = "the key is refused: the list of tickets is answered 401"
    assert (ran.code, ran.err) == (1, f"vpsbg: the report is not complete: {why}\n")
    assert "401, application/json, JSON: 1 of 1; documented: 200" in ran.out
    ran = run(*AT_ONCE, "--json")
    assert json.loads(ran.err) == {"error": f"the report is not complete: {why}"}
    report = json.loads(ran.out)
    assert report["complete"] is False
    assert report["reconciliation"]["verdict"] == "cannot-be-told"


def test_nobody_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPSBG_API_KEY", "key")
    monkeypatch.setenv("VPSBG_BASE_URL", "http://127.0.0.1:1/v1")
    ran = run(*AT_ONCE, "--no-retry", "--json")
    why = f"no answer to {LIST}: NotSentError (ConnectionRefusedError)"
    assert ran.code == 1
    assert json.loads(ran.err) == {"error": f"the report is not complete: {why}"}
    assert json.loads(ran.out)["complete"] is False


def test_a_connection_that_breaks_on_the_way(run: Run, server: ScriptedServer) -> None:
    answer_with(server, page(ticket(4), ticket(3)), ticket(4))
    turn = server.when_read

    def turn_twice() -> None:
        turn()
        server.drops = len(server.bodies) > 2

    server.when_read = turn_twice
    ran = run(*AT_ONCE, "--no-retry")
    assert ran.code == 1
    assert "no answer to GET /affiliate: OutcomeUnknownError" in ran.err  # the third in a row
    assert len(server.bodies) == 5
    assert "\nreconciliation: works\n" in ran.out  # so far it had got


def test_two_questions_without_an_answer(run: Run, sandbox: Sandbox) -> None:
    sandbox.faults.add(None, Fault.DROP_BEFORE_BODY, Fault.DROP_BEFORE_BODY)
    report = report_of(run(*AT_ONCE, "--no-retry", "--json"))
    assert report["complete"] is True
    silent = [found for found in report["findings"] if found["kind"] == "no-answer"]
    assert [found["area"] for found in silent] == ["GET /user", "GET /balance"]
    assert {found["verdict"] for found in silent} == {"cannot-be-told"}
    assert silent[0]["detail"].startswith("none, OutcomeUnknownError")


def test_no_answer_to_what_reconciliation_needs(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with practice(monkeypatch) as sandbox:
        sandbox.faults.add(None, Fault.DROP_BEFORE_BODY, Fault.DROP_BEFORE_BODY)
        report = report_of(run(*AT_ONCE, "--no-retry", "--json"))
    assert differences(report) == set()
    assert report["complete"] is True


def test_an_answer_that_breaks_off(run: Run, server: ScriptedServer) -> None:
    server.status, server.answer, server.told = 200, b'{"data":', 1000
    ran = run(*AT_ONCE, "--no-retry")
    assert ran.code == 1
    assert f"no answer to {LIST}: ResponseReadError" in ran.err


@pytest.mark.parametrize("pause", ["-1", "61", "nan", "soon"])
def test_a_pause_that_is_none(run: Run, sandbox: Sandbox, pause: str) -> None:
    ran = run("doctor", "--pause", pause)
    assert (ran.code, ran.out) == (2, "")
    assert "pause" in ran.err.lower()


def test_wrong_settings(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = run(*AT_ONCE)
    assert (ran.code, ran.out) == (2, "")
    assert "VPSBG_API_KEY" in ran.err
    monkeypatch.setenv("VPSBG_API_KEY", "key")
    monkeypatch.setenv("VPSBG_BASE_URL", "http://example.com/v1")
    assert run(*AT_ONCE).code == 2


def test_help(run: Run) -> None:
    ran = run("doctor", "--help")
    told = " ".join(ran.out.split())
    assert (ran.code, ran.err) == (0, "")
    assert "Usage: vpsbg doctor" in told
    assert "The exit code is 0 if the report is complete, whatever it says." in told
    assert "Seconds to wait before each question. [default: 1.0]" in told
