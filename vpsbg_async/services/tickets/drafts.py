"""What is to be sent: the ticket, checked before its first byte leaves, as the fields of a form."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

import attrs

from ...attachments import AttachmentLike
from ...attachments.prepare import Problems
from ...core.endpoint import is_positive
from ...core.fields import text_problem
from .models import ServiceType

__all__ = ["TicketDraft", "as_marker", "check_marker", "check_message", "marked"]

_SUBJECT_MIN, _SUBJECT_MAX = 3, 255  # characters
_MESSAGE_MIN = 5  # characters
_REFERENCE_MAX = 255  # characters
_MARKER = re.compile(r"[A-Za-z0-9._-]{4,64}")


@attrs.frozen(kw_only=True)
class TicketDraft:
    """A ticket to be created; the arguments of `Tickets.create` in one piece.

    Attributes:
        department_id: Id of the department; the client area's ticket form shows them.
        subject: 3 to 255 characters.
        message: 5 characters or more; may hold HTML.
        attachments: Files to send.
        service_type: Kind of the service that the ticket is about.
        service_id: Id of that service.
        reference_marker: What is written below the message so that the ticket can be told from
            all others: 4 to 64 letters, digits, dots, hyphens and underscores. None for nothing.
        reference: What tells the draft from others in a bulk run and in its journal, such as the
            number of the case it is about: 1 to 255 characters. It is not sent.
    """

    department_id: int
    subject: str
    message: str = attrs.field(repr=False)
    attachments: Sequence[AttachmentLike] = ()
    service_type: ServiceType | str | None = None
    service_id: int | None = None
    reference_marker: str | None = None
    reference: str | None = None

    def problems(self) -> Problems:
        """All that is wrong with it, but for the attachments."""
        problems: Problems = {}
        if not is_positive(self.department_id):
            problems["department_id"] = ("must be the id of a department, a whole number",)
        _check_text(problems, "subject", self.subject, _SUBJECT_MIN, _SUBJECT_MAX)
        check_message(problems, self.message)
        if self.service_type is not None:
            _check_text(problems, "service_type", self.service_type, 1)
        if self.service_id is not None and not is_positive(self.service_id):
            problems["service_id"] = ("must be the id of a service, a whole number",)
        check_marker(problems, self.reference_marker)
        if self.reference is not None:
            _check_text(problems, "reference", self.reference, 1, _REFERENCE_MAX)
        return problems

    def fields(self) -> list[tuple[str, str]]:
        """The fields of its form; the last is the one without which it cannot validate."""
        fields = [
            ("message", marked(self.message, self.reference_marker)),
            ("subject", self.subject),
            ("department_id", str(self.department_id)),
        ]
        if self.service_id is not None:
            fields.insert(0, ("service_id", str(self.service_id)))
        if self.service_type is not None:
            fields.insert(0, ("service_type", str(self.service_type)))
        return fields


def as_marker(wish: bool | str) -> str | None:
    """The marker for an argument that is one, or True for a new one, or False for none."""
    if wish is True:
        return secrets.token_hex(5)
    return None if wish is False else wish


def marked(message: str, marker: str | None) -> str:
    """A message with its reference below."""
    return message if marker is None else f"{message}\n\n[ref {marker}]"


def check_marker(problems: Problems, marker: str | None) -> None:
    """Have a marker be one."""
    if marker is not None and not (isinstance(marker, str) and _MARKER.fullmatch(marker)):
        text = "must be 4 to 64 letters, digits, dots, hyphens and underscores, or True"
        problems["reference_marker"] = (text,)


def check_message(problems: Problems, message: str) -> None:
    """Have a message be one that can be sent."""
    _check_text(problems, "message", message, _MESSAGE_MIN)


def _check_text(
    problems: Problems, name: str, value: str, least: int, most: int | None = None
) -> None:
    problem = text_problem(value, least, most)
    if problem is not None:
        problems[name] = (problem,)
