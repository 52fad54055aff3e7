"""What reconciliation needs of the API, and whether it is given: see `Search`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from http import HTTPStatus

import attrs

from ...core.answer import http_date
from ...core.pages import Page
from ...services.tickets import Ticket, TicketMessage
from ...services.tickets.search import Sighting
from .checkup import Evidence, Report
from .shapes import Finding, Kind

__all__ = ["RECONCILIATION", "Need", "Summary", "needs_of", "summary_of"]

RECONCILIATION = "reconciliation"
"""The area of the findings."""

_TAG = re.compile(r"</?[A-Za-z][^<>]*>")


@attrs.frozen
class Need:
    """Something that reconciliation needs.

    Attributes:
        place: What it is.
        is_met: Whether it is given, None if that cannot be told.
        told: How that shows.
        is_vital: Whether nothing can be said of the whole until this can be told.
    """

    place: str
    is_met: bool | None
    told: str
    is_vital: bool = True

    @property
    def finding(self) -> Finding:
        """The same, as a finding."""
        kinds = {True: Kind.OK, False: Kind.NEED_NOT_MET, None: Kind.CANNOT_BE_TOLD}
        return Finding(RECONCILIATION, self.place, kinds[self.is_met], self.told)


@attrs.frozen
class Summary:
    """Whether reconciliation can work.

    Attributes:
        verdict: ``works``, ``does-not-work`` or ``cannot-be-told``.
        reasons: Why it does not, or why that cannot be told.
    """

    verdict: str
    reasons: Sequence[str] = ()


def summary_of(needs: Sequence[Need]) -> Summary:
    """Whether reconciliation can work, given these."""
    if unmet := [need.told for need in needs if need.is_met is False]:
        return Summary("does-not-work", unmet)
    if untold := [need.told for need in needs if need.is_met is None and need.is_vital]:
        return Summary("cannot-be-told", [*dict.fromkeys(untold)])
    return Summary("works")


def needs_of(report: Report) -> list[Need]:
    """What reconciliation stands on, as far as a report tells."""
    seen = report.evidence
    listed = seen.first.items if seen.first is not None else ()
    further = seen.second.items if seen.second is not None else ()
    alone = (seen.ticket,) if seen.ticket is not None else ()
    messages = [
        message for ticket in (*listed, *further, *alone) for message in ticket.messages or ()
    ]
    contents = {message.content for message in messages if message.content}
    return [
        _list_need(seen),
        _order_need(listed),
        _fields_need("ticket fields", listed, ("subject", "created_at"), "tickets"),
        _ticket_need(seen),
        _contents_need(listed, seen.ticket),
        _fields_need("message fields", messages, ("created_at", "is_customer"), "messages"),
        _whole_need(contents),
        _html_need(contents),
        _second_page_need(seen),
        _date_need(report),
    ]


def _list_need(seen: Evidence) -> Need:
    if seen.list_status is None:
        return Need("list", None, "no list of tickets was seen")
    if seen.first is not None:
        return Need("list", True, "the list of tickets can be read")
    told = f"the list of tickets cannot be read, with status {seen.list_status}"
    return Need("list", None if _may_pass(seen.list_status) else False, told)


def _may_pass(status: int) -> bool:
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _order_need(tickets: Sequence[Ticket]) -> Need:
    is_met, told = _order(tickets)
    return Need("order", is_met, told)


def _order(tickets: Sequence[Ticket]) -> tuple[bool | None, str]:
    """Whether tickets are newest first; and what they are."""
    if not tickets:
        return None, "no tickets were seen"
    created = [ticket.created_at for ticket in tickets if ticket.created_at is not None]
    updated = [ticket.updated_at for ticket in tickets if ticket.updated_at is not None]
    if len({*created}) <= 1:
        return None, "no two tickets of different times were seen"
    if created == sorted(created, reverse=True):
        return True, "the list is newest first"
    if created == sorted(created):
        return False, "the list is oldest first"
    if updated == sorted(updated, reverse=True):
        return False, "the list is by the last change"
    return False, "the list is in no order of time"


def _fields_need(
    place: str, things: Sequence[Ticket | TicketMessage], names: Sequence[str], what: str
) -> Need:
    if not things:
        return Need(place, None, f"no {what} were seen")
    silent = Counter(name for thing in things for name in names if getattr(thing, name) is None)
    if not silent:
        return Need(place, True, f"{what} tell {', '.join(('id', *names))}")
    told = [f"{count} of {len(things)} {what} do not tell {name}" for name, count in silent.items()]
    return Need(place, False, ", ".join(told))


def _ticket_need(seen: Evidence) -> Need:
    if not seen.is_ticket_asked:
        return Need("one ticket", None, "no tickets were seen")
    if seen.ticket is None:
        return Need("one ticket", False, "a ticket cannot be read by itself")
    return Need("one ticket", True, "a ticket can be read by itself")


def _contents_need(listed: Sequence[Ticket], alone: Ticket | None) -> Need:
    if not listed:
        return Need("contents", None, "no tickets were seen")
    if all(Sighting.of_ticket(ticket).message is not None for ticket in listed):
        return Need("contents", True, "the list tells what messages say")
    if alone is not None and Sighting.of_ticket(alone).message is not None:
        return Need("contents", True, "a ticket by itself tells what messages say")
    return Need("contents", False, "neither the list nor a ticket by itself has messages")


def _whole_need(contents: Collection[str]) -> Need:
    longest = max(map(len, contents), default=0)
    cut = [text for text in contents if len(text) == longest and text.endswith(("...", "…"))]
    if not contents:
        return Need("whole messages", None, "no messages were seen")
    if not cut:
        return Need("whole messages", True, "no message looks cut")
    if len(cut) == 1:
        return Need("whole messages", None, "the longest message ends in dots, and may be cut")
    return Need("whole messages", False, f"messages are cut: {len(cut)} end in dots at one length")


def _html_need(contents: Collection[str]) -> Need:
    if any(map(_TAG.search, contents)):
        return Need("HTML", True, "messages keep their HTML")
    told = "no message has HTML, be it that none had or that it is taken away, which does no harm"
    told = told if contents else "no messages were seen"
    return Need("HTML", None, told, is_vital=False)


def _second_page_need(seen: Evidence) -> Need:
    first, second = seen.first, seen.second
    if first is None or not seen.is_second_asked:
        told = "no list of tickets was seen" if first is None else "the list has one page"
        return Need("second page", None, told, is_vital=False)
    is_told = first.next is not None
    if second is None:
        return Need("second page", False if is_told else None, "a second page cannot be read")
    known = {ticket.id for ticket in first.items}
    further = [ticket for ticket in second.items if ticket.id not in known]
    if not is_told:
        return _untold_page_need(second, further)
    if not further:
        return Need("second page", False, "the second page has nothing that the first has not")
    if _order(first.items)[0] and not _order([*first.items, *further])[0]:
        return Need("second page", False, "the second page does not go on where the first ends")
    return Need("second page", True, "the second page goes on where the first ends")


def _untold_page_need(second: Page[Ticket], further: Sequence[Ticket]) -> Need:
    """The same for a page of which the first one did not tell, so that it would not be read."""
    if further:
        return Need(
            "second page", False, "there is a second page, of which the first tells nothing"
        )
    if second.items:
        return Need("second page", None, "the list does not tell whether it has further pages")
    return Need("second page", None, "the list has one page", is_vital=False)


def _date_need(report: Report) -> Need:
    dates = [http_date(answer.headers.get("Date", "")) for answer in report.answers]
    if not dates:
        return Need("Date header", None, "there were no answers")
    if silent := dates.count(None):
        told = f"{silent} of {len(dates)} answers do not tell the server's time"
        return Need("Date header", False, told)
    return Need("Date header", True, "answers tell the server's time")
