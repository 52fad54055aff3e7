"""The tree of errors: what each knows, tells and keeps when it is pickled."""

from __future__ import annotations

import ast
import copy
import pickle
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.samples import ATTEMPT, NO_HEADERS, READS, REMARKS, SAMPLES, api_error, each_sample
from vpsbg_async import (
    APIError,
    Attachment,
    AttachmentError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    Headers,
    InvalidInputError,
    LockedError,
    NotFoundError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitedError,
    ResponseError,
    ResponseReadError,
    ServerError,
    TicketDraft,
    ValidationError,
    VPSBGError,
    errors,
    is_safe_to_retry,
)


@attrs.frozen
class Drawn:
    """A class as the docstring draws it."""

    name: str
    parent: str | None
    statuses: str
    attributes: frozenset[str]


def drawn_tree() -> list[Drawn]:
    tree = []
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.fullmatch(r"((?:[│ ] {3})*(?:[├└]── )?)(\w+Error)( .*)?", line)
        if match is None:
            continue
        depth = len(match[1]) // 4
        above[depth:] = [match[2]]
        told = match[3] or ""
        tree.append(
            Drawn(
                name=match[2],
                parent=above[depth - 1] if depth else None,
                statuses=" ".join(re.findall(r"\b\dxx\b|\b\d{3}\b", told)),
                attributes=frozenset(re.findall(r"\.(\w+)", told)),
            )
        )
    return tree


TREE = drawn_tree()
REMARKED = "; ".join(REMARKS)


def subclasses(kind: type[VPSBGError]) -> Iterator[type[VPSBGError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from subclasses(below)


class TestTree:
    def test_is_drawn_whole(self) -> None:
        drawn = {item.name: item.parent for item in TREE}
        real = {
            kind.__name__: None if kind is VPSBGError else kind.__bases__[0].__name__
            for kind in subclasses(VPSBGError)
            if kind.__module__ == errors.__name__
        }
        assert drawn == real

    def test_there_is_a_sample_of_each(self) -> None:
        assert {type(error).__name__ for error in SAMPLES} == {item.name for item in TREE}

    @pytest.mark.parametrize("drawn", TREE, ids=lambda drawn: drawn.name)
    def test_attributes_are_as_drawn(self, drawn: Drawn) -> None:
        kind = getattr(errors, drawn.name)
        for error in SAMPLES:
            if isinstance(error, kind):
                assert not [name for name in drawn.attributes if not hasattr(error, name)]

    @pytest.mark.parametrize(
        "drawn", [item for item in TREE if item.statuses], ids=lambda drawn: drawn.name
    )
    def test_statuses_are_as_drawn(self, drawn: Drawn) -> None:
        kind = getattr(errors, drawn.name)
        first = int(drawn.statuses.replace("xx", "00"))
        for status in range(first, first + 100) if "xx" in drawn.statuses else (first,):
            assert type(api_error(status)) is kind

    def test_all_is_exported_by_the_module(self) -> None:
        others = {"Attempt", "Outcome", "error_of", "is_safe_to_retry", "outcome_of"}
        assert set(errors.__all__) == {item.name for item in TREE} | others

    def test_what_nobody_has_told_yet(self) -> None:
        bare = VPSBGError("something")
        assert (bare.method, bare.path, bare.attempts) == (None, None, 0)
        assert APIError(status=404, headers=NO_HEADERS, body=b"").deduced is False
        refused = ValidationError(headers=NO_HEADERS, body=b"")
        assert (refused.status, refused.errors, refused.attachments) == (422, {}, {})

    def test_what_a_call_tells_later(self) -> None:
        bare = VPSBGError("something")
        assert (bare.history, bare.draft, bare.remarks, bare.permanent) == ((), None, (), False)
        assert VPSBGError("something", permanent=True).permanent
        assert OutcomeUnknownError("dropped").overdue is False

    def test_the_number_of_attempts_is_that_of_the_history(self) -> None:
        for error in SAMPLES:
            assert error.attempts == len(error.history)

    def test_an_attempt_cannot_be_changed(self) -> None:
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            ATTEMPT.number = 2  # type: ignore[misc]

    def test_a_wrong_input_is_a_value_error_too(self) -> None:
        assert issubclass(InvalidInputError, ValueError)

    def test_the_module_imports_nothing_of_ours(self) -> None:
        for node in ast.walk(ast.parse(Path(errors.__file__).read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0
                assert not (node.module or "").startswith("vpsbg_async")
            elif isinstance(node, ast.Import):
                assert not [name for name in node.names if name.name.startswith("vpsbg_async")]


class TestOutcome:
    @pytest.mark.parametrize(
        ("kind", "outcome"),
        [
            (VPSBGError, "not_sent"),
            (ConfigurationError, "not_sent"),
            (InvalidInputError, "not_sent"),
            (AttachmentError, "not_sent"),
            (NotSentError, "not_sent"),
            (OutcomeUnknownError, "unknown"),
            (ResponseReadError, "processed"),  # the sample's status is 200
            (ResponseError, "processed"),
            (AuthenticationError, "not_processed"),
            (PermissionDeniedError, "not_processed"),
            (NotFoundError, "not_processed"),
            (ConflictError, "not_processed"),
            (PayloadTooLargeError, "not_processed"),
            (ValidationError, "not_processed"),
            (LockedError, "unknown"),
            (RateLimitedError, "not_processed"),
            (ServerError, "unknown"),
        ],
    )
    def test_of_each_class(self, kind: type[VPSBGError], outcome: str) -> None:
        (error,) = (error for error in SAMPLES if type(error) is kind)
        assert error.outcome == outcome
        assert isinstance(error.outcome, Outcome)

    @pytest.mark.parametrize("status", [*range(100, 600), 600, 999])
    def test_of_each_status(self, status: int) -> None:
        if status in range(200, 300):
            due = Outcome.PROCESSED
        elif status in range(400, 500) and status != 423:
            due = Outcome.NOT_PROCESSED
        else:
            due = Outcome.UNKNOWN
        read = ResponseReadError("broke off", status=status, headers=NO_HEADERS)
        assert read.outcome is due
        assert APIError(status=status, headers=NO_HEADERS, body=b"").outcome is due

    @pytest.mark.parametrize("name", ["Retry-After", "retry-after"])
    def test_maintenance_answers_before_anything_is_done(self, name: str) -> None:
        for status, due in ((503, Outcome.NOT_PROCESSED), (500, Outcome.UNKNOWN)):
            headers = Headers({name: "30"})
            assert APIError(status=status, headers=headers, body=b"").outcome is due
            assert ResponseReadError("", status=status, headers=headers).outcome is due


async def chunks_of(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


class Holder:
    """Something that cannot be pickled for what it holds."""

    def __init__(self, held: object) -> None:
        self.name = "log.txt"
        self.held = held

    def __call__(self) -> AsyncIterator[bytes]:
        return chunks_of(b"data")

    def __repr__(self) -> str:
        return "<a holder>"


STREAMS: dict[str, Callable[[], Attachment]] = {
    "callable": lambda: Attachment.from_stream(lambda: chunks_of(b"data"), name="log.txt"),
    "lock": lambda: Attachment.from_stream(Holder(threading.Lock()), name="log.txt", size=4),
    "generator": lambda: Attachment.from_iterator(chunks_of(b"data"), name="log.txt"),
}
each_stream = pytest.mark.parametrize("make", STREAMS.values(), ids=STREAMS)


class TestPickling:
    @each_sample
    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_everything_comes_back(self, error: VPSBGError, protocol: int) -> None:
        self.check(error, pickle.loads(pickle.dumps(error, protocol)))

    @each_sample
    def test_copies(self, error: VPSBGError) -> None:
        self.check(error, copy.copy(error))
        self.check(error, copy.deepcopy(error))

    def check(self, error: VPSBGError, again: VPSBGError) -> None:
        assert again is not error
        assert type(again) is type(error)
        assert again.args == error.args
        assert vars(again) == vars(error)
        assert again.outcome is error.outcome
        assert str(again) == str(error)
        assert repr(again) == repr(error)

    @each_sample
    def test_what_the_call_has_told_comes_back(self, error: VPSBGError) -> None:
        for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
            assert again.history == error.history
            assert again.remarks == error.remarks
            assert again.permanent is error.permanent
            assert again.draft == error.draft
            assert is_safe_to_retry(again) is is_safe_to_retry(error)

    def test_an_outcome_that_the_call_has_changed_comes_back(self) -> None:
        error = NotSentError("nothing listens", permanent=True)
        error.outcome = Outcome.UNKNOWN
        again = pickle.loads(pickle.dumps(error))
        assert (again.outcome, again.permanent) == (Outcome.UNKNOWN, True)

    def test_notes_come_back(self) -> None:
        error = NotSentError("nothing listens")
        error.add_note("while doing this")
        assert pickle.loads(pickle.dumps(error)).__notes__ == ["while doing this"]

    def test_an_attachment_comes_back(self) -> None:
        attachment = Attachment.from_path("log.txt")
        again = pickle.loads(pickle.dumps(AttachmentError("is gone", attachment=attachment)))
        assert isinstance(again.attachment, Attachment)
        assert again.attachment.name == "log.txt"

    @each_stream
    def test_a_stream_comes_back_without_its_bytes(self, make: Callable[[], Attachment]) -> None:
        attachment = make()
        error = AttachmentError("is gone", attachment=attachment)
        error.method, error.path, error.history = "POST", "/support/tickets", (ATTEMPT,)
        again = pickle.loads(pickle.dumps(error))
        assert repr(again.attachment) == repr(attachment)
        assert again.attachment.size == attachment.size
        assert (again.method, again.path, again.attempts) == ("POST", "/support/tickets", 1)
        assert again.outcome is Outcome.NOT_SENT
        assert str(again) == str(error) == "POST /support/tickets: log.txt is gone"
        assert copy.copy(error).attachment is attachment

    @each_stream
    def test_a_draft_with_a_stream_does(self, make: Callable[[], Attachment]) -> None:
        error = OutcomeUnknownError("the server closed the connection")
        error.draft = TicketDraft(
            department_id=2,
            subject="Down",
            message="It is down.",
            attachments=[make()],
        )
        again = pickle.loads(pickle.dumps(error))
        assert repr(again.draft) == repr(error.draft)
        assert again.draft.message == "It is down."
        assert str(again) == str(error)

    @each_stream
    def test_a_refused_stream_does(self, make: Callable[[], Attachment]) -> None:
        error = api_error(422, b'{"errors":{"attachments.1":["Too large."]}}')
        assert isinstance(error, ValidationError)
        error.attachments = {"attachments.1": make()}
        copies: list[Any] = [pickle.loads(pickle.dumps(error)), copy.copy(error)]
        for again in copies:
            assert again.attachments["attachments.1"].name == "log.txt"
            assert str(again) == str(error)

    @pytest.mark.parametrize(
        "held", [threading.Lock(), lambda: None, (number for number in range(3))], ids=str
    )
    def test_what_cannot_be_pickled_becomes_its_repr(self, held: object) -> None:
        error = AttachmentError("is gone", attachment=Holder(held))
        error.method, error.path, error.history = "POST", "/support/tickets", (ATTEMPT,)
        again = pickle.loads(pickle.dumps(error))
        assert again.attachment == "<a holder>"
        assert (again.method, again.path, again.attempts) == ("POST", "/support/tickets", 1)
        assert str(again).startswith("POST /support/tickets: ")


class TestText:
    @each_sample
    def test_is_one_line_that_names_the_call(self, error: VPSBGError) -> None:
        assert str(error).isprintable()
        assert str(error).startswith("POST /support/tickets: ") or error.method is None

    @pytest.mark.parametrize(
        ("kind", "told"),
        [
            (ConfigurationError, "there is no API key"),
            (InvalidInputError, "subject: is too short; attachments.1: is gone is odd"),
            (AttachmentError, "log.txt shrank while it was being sent"),
            (OutcomeUnknownError, "look before you send it again"),
            (ResponseReadError, "do not send it again"),
            (ResponseError, "do not send it again"),
            (APIError, "418"),
            (AuthenticationError, f"(check the API key; {REMARKED}): Unauthenticated."),
            (PermissionDeniedError, "a Read key may only read"),
            (NotFoundError, "404 Not Found"),
            (ConflictError, "409 Conflict"),
            (PayloadTooLargeError, "send fewer or smaller attachments"),
            (ValidationError, "attachments.1 (log.txt): Too large."),
            (LockedError, "read the state before you try again"),
            (RateLimitedError, "try again in 30 s"),
            (ServerError, f"look before you send it again; {REMARKED}): Server Error"),
        ],
    )
    def test_tells_what_happened_and_what_to_do(self, kind: type[VPSBGError], told: str) -> None:
        (error,) = (error for error in SAMPLES if type(error) is kind)
        assert told in str(error)

    @each_sample
    def test_tells_every_remark(self, error: VPSBGError) -> None:
        for remark in error.remarks:
            assert str(error).count(remark) == 1

    def test_remarks_come_after_the_advice(self) -> None:
        error = api_error(429, b'{"message": "Slow down."}', Retry_After="30")
        error.method, error.path = "POST", "/support/tickets"
        error.remarks = ("not waited for: 30 s are more than 20 s", "another")
        assert str(error) == (
            "POST /support/tickets: answered 429 Too Many Requests (try again in 30 s; "
            "not waited for: 30 s are more than 20 s; another): Slow down."
        )

    def test_remarks_without_an_advice(self) -> None:
        error = NotSentError("nothing listens")
        error.remarks = ("given up after 5 attempts",)
        assert str(error) == "nothing listens (given up after 5 attempts)"

    def test_a_doubt_tells_what_was_sent_and_when(self) -> None:
        error = OutcomeUnknownError("the server closed the connection")
        error.method, error.path, error.history = "POST", "/support/tickets", (ATTEMPT,)
        assert str(error) == (
            "POST /support/tickets: the server closed the connection "
            "(12,345 bytes sent at 2026-11-24 12:00:00Z) "
            "(it may have happened: look before you send it again)"
        )

    def test_a_doubt_tells_of_the_attempt_that_it_is_about(self) -> None:
        error = OutcomeUnknownError("not done within the deadline of 30 s")
        error.method, error.path = "PUT", "/servers/1"
        later = attrs.evolve(ATTEMPT, number=2, bytes_sent=0, outcome=Outcome.NOT_SENT)
        error.history = (ATTEMPT, later)
        assert "(12,345 bytes sent at 2026-11-24 12:00:00Z)" in str(error)
        error.history = (later,)
        assert "(0 bytes sent" in str(error)

    @pytest.mark.parametrize("method", READS)
    def test_of_a_read_nothing_needs_to_be_looked_for(self, method: str) -> None:
        told = {
            OutcomeUnknownError("dropped"): "dropped",
            api_error(500): "answered 500 Internal Server Error",
            api_error(423): "answered 423 Locked",
            ResponseError("no JSON", status=200, body=b""): "no JSON",
        }
        for error, text in told.items():
            error.method, error.path, error.history = method, "/balance", (ATTEMPT,)
            assert str(error) == f"{method} /balance: {text}"

    @pytest.mark.parametrize("status", [423, 500])
    def test_of_what_is_proved_not_to_have_happened_neither(self, status: int) -> None:
        error = api_error(status)
        error.method, error.path = "POST", "/support/tickets"
        error.outcome, error.remarks = Outcome.NOT_PROCESSED, ("it did not happen",)
        assert str(error).endswith(" (it did not happen)")

    def test_errors_by_field_are_told_in_any_status(self) -> None:
        assert str(api_error(400, b'{"errors":{"a":["No."]}}')).endswith(": a: No.")

    def test_without_a_call_only_the_text_is_told(self) -> None:
        assert str(ConfigurationError("there is no API key")) == "there is no API key"

    def test_a_body_without_a_name_is_called_the_body(self) -> None:
        assert str(AttachmentError("is gone")) == "the body is gone"

    def test_a_cut_answer_that_was_no_success_gives_no_wrong_advice(self) -> None:
        for status in (302, 422, 500):
            error = ResponseReadError("broke off", status=status, headers=NO_HEADERS)
            assert "processed" not in str(error)

    @pytest.mark.parametrize("body", [b"x " * 5000, b'{"message":"%b"}' % (b"x" * 5000)])
    def test_long_bodies_are_trimmed_and_kept(self, body: bytes) -> None:
        error = api_error(500, body)
        assert len(str(error)) < 300
        assert str(error).endswith("…")
        assert error.body == body

    @pytest.mark.parametrize(
        "body",
        [
            b"<!DOCTYPE html><title>Secret</title>",
            b"  \r\n<html>Secret",
            b"<br />\n<b>Warning</b>: Secret",
            b"\xef\xbb\xbf\r\n<html>Secret",
        ],
    )
    def test_html_is_never_quoted(self, body: bytes) -> None:
        for status in (302, 404, 413, 422, 500):
            assert "Secret" not in str(api_error(status, body))

    @pytest.mark.parametrize(
        "body", [b"Bad\r\ngateway", b"\xff\xfe\x00 odd bytes", b"null", b"[]", b'"text"', b"\0"]
    )
    def test_other_bodies_are_quoted_on_one_line(self, body: bytes) -> None:
        assert "\n" not in str(api_error(502, body))

    @pytest.mark.parametrize(
        "body",
        [
            b'{"message":"one\\r\\ntwo"}',
            b'{"message":"\\u001b[31mred"}',
            b'{"errors":{"subject":["one\\ntwo"]}}',
            b"\x1b[31mred",
        ],
    )
    def test_a_message_is_quoted_on_one_line(self, body: bytes) -> None:
        assert str(api_error(422, body)).isprintable()

    def test_a_redirect_tells_where_to(self) -> None:
        text = str(api_error(302, b"<html>", Location="https://my.example/login"))
        assert "https://my.example/login" in text
        assert "not followed" in text

    @pytest.mark.parametrize("location", ["/" + "x" * 10_000, "/\udcff", "/\x1b[31m"], ids=ascii)
    def test_an_odd_redirect_is_told_in_short(self, location: str) -> None:
        text = str(api_error(302, Location=location))
        assert text.isprintable()
        assert len(text) < 500

    def test_an_unknown_status_is_told_as_its_number(self) -> None:
        assert str(api_error(499)) == "answered 499"
