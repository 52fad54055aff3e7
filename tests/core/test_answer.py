"""From an answer to the error it stands for: the status first, whatever the body is."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpsbg_async import (
    APIError,
    AuthenticationError,
    ConflictError,
    Headers,
    LockedError,
    NotFoundError,
    Outcome,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    ValidationError,
)
from vpsbg_async.core.answer import Answer, error_for, retry_after

KINDS: dict[int, type[APIError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: PayloadTooLargeError,
    422: ValidationError,
    423: LockedError,
    429: RateLimitedError,
}
BODIES = {
    "empty": b"",
    "blank": b" \r\n",
    "HTML": b"<!DOCTYPE html><title>Not Found</title>",
    "cut": b'{"message": "No", "errors": {"subj',
    "invalid UTF-8": b'{"message": "\xff"}',
    "binary": bytes(range(256)),
    "UTF-16": '{"message": "No"}'.encode("utf-16"),
    "deep": b"[" * 100_000,
    "a huge number": b'{"message": ' + b"9" * 5000 + b"}",
    "list": b'["No"]',
    "string": b'"No"',
    "number": b"404",
    "null": b"null",
    "object": b"{}",
    "message null": b'{"message": null, "errors": null}',
    "message list": b'{"message": ["No"], "errors": []}',
    "message object": b'{"message": {"a": 1}, "errors": "No"}',
    "message number": b'{"message": 1, "errors": 1}',
    "errors list": b'{"message": "No", "errors": ["No", "No"]}',
    "half a character": b'{"message": "\\ud83d"}',
}


def error_of(status: int, body: bytes = b"", *, deduced: bool = False, **headers: str) -> APIError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return error_for(Answer(status, Headers(named), body), deduced=deduced)


class TestStatus:
    @pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
    def test_no_body_masks_it(self, body: bytes) -> None:
        for status in (*range(300, 600), 100, 101, 600, 999):
            error = error_of(status, body, X_Request_Id="r1")
            due = ServerError if status >= 500 else KINDS.get(status, APIError)
            assert type(error) is due
            assert error.status == status
            assert error.body == body
            assert error.request_id == "r1"
            assert str(status) in str(error)
            assert isinstance(error.message, str)
            assert isinstance(error.errors, dict)

    @pytest.mark.parametrize("status", [199, 200, 204, 299, 300])
    def test_any_2xx_is_a_success(self, status: int) -> None:
        assert Answer(status, Headers(), b"").succeeded is (200 <= status < 300)


class TestBody:
    def test_laravels(self) -> None:
        body = {
            "message": "No. (and 2 more errors)",
            "errors": {"a": ["No.", "Nor so."], "b": ["No"]},
        }
        error = error_of(422, json.dumps(body).encode())
        assert error.message == "No. (and 2 more errors)"
        assert error.errors == {"a": ("No.", "Nor so."), "b": ("No",)}

    @pytest.mark.parametrize(
        ("errors", "told"),
        [
            ({"a": "No"}, {"a": ("No",)}),
            ({"a": []}, {"a": ()}),
            ({"a": [1, None]}, {"a": ("1", "None")}),
            ({"a": None}, {"a": ("None",)}),
            ({"a": {"b": ["No"]}}, {"a": ("{'b': ['No']}",)}),
            ({"": ["No"]}, {"": ("No",)}),
            ([], {}),
            (["No"], {}),
            ("No", {}),
            (None, {}),
            (True, {}),
        ],
        ids=str,
    )
    def test_errors_of_odd_shapes(self, errors: object, told: dict[str, tuple[str, ...]]) -> None:
        error = error_of(422, json.dumps({"message": "No.", "errors": errors}).encode())
        assert error.errors == told
        assert error.message == "No."
        assert str(error).isprintable()

    def test_errors_in_any_status(self) -> None:
        assert error_of(400, b'{"errors": {"a": ["No"]}}').errors == {"a": ("No",)}

    def test_a_byte_order_mark_is_none_of_it(self) -> None:
        assert error_of(422, b'\xef\xbb\xbf{"message": "No"}').message == "No"

    def test_a_message_that_repeats_the_errors_is_not_told_twice(self) -> None:
        error = error_of(422, b'{"message": "Too short.", "errors": {"subject": ["Too short."]}}')
        assert str(error).count("Too short.") == 1
        assert "subject: Too short." in str(error)

    @settings(max_examples=150, deadline=None, database=None, derandomize=True)
    @given(
        st.integers(300, 999),
        st.binary(max_size=40)
        | st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.text(max_size=3) | st.sampled_from(["message", "errors"]), inner, max_size=3
                )
            ),
            max_leaves=8,
        ).map(lambda data: json.dumps(data).encode()),
    )
    def test_anything(self, status: int, body: bytes) -> None:
        error = error_of(status, body)
        assert error.status == status
        assert len(str(error)) < 400


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("30", 30),
            ("0", 0),
            (" 30 ", 30),
            ("86400", 86400),
            ("", None),
            (" ", None),
            ("-5", None),
            ("soon", None),
            ("30 seconds", None),
            ("1e3", None),
            ("0x1f", None),
            ("²", None),
            ("nan", None),
            ("inf", None),
            ("2024-08-02T11:57:57Z", None),
            ("Fri, 99 Xxx 2024 99:99:99 GMT", None),
            ("Wed, 21 Oct 2015 07:28:00 GMT", 0),  # in the past
            ("Wed, 21 Oct 2015 07:28:00", 0),
            ("Wednesday, 21-Oct-15 07:28:00 GMT", 0),
            ("Mon, 1 Jan 99999999999999999999 00:00:00 GMT", None),
            ("Wed, 21 Oct 2015 99999999999999999999:28:00 GMT", None),
            ("Wed, 21 Oct 2015 07:28:00 +99999999999999", None),
            ("9" * 310, sys.float_info.max),
            ("9" * 5000, sys.float_info.max),
        ],
    )
    def test_of_a_429(self, value: str, seconds: float | None) -> None:
        error = error_of(429, retry_after=value)
        assert isinstance(error, RateLimitedError)
        assert error.retry_after == seconds
        assert error.outcome is Outcome.NOT_PROCESSED

    @pytest.mark.parametrize("zone", ["GMT", "+0000", "-0000", "EET"])
    def test_as_a_date(self, zone: str) -> None:
        moment = datetime.now(UTC) + timedelta(seconds=90)
        if zone == "EET":
            value = format_datetime(moment + timedelta(hours=2)).replace("+0000", "+0200")
        else:
            value = format_datetime(moment).replace("+0000", zone)
        error = error_of(429, retry_after=value)
        assert isinstance(error, RateLimitedError)
        assert error.retry_after == pytest.approx(90, abs=5)

    @pytest.mark.parametrize(
        ("until", "seconds"),
        [
            ("Wed, 21 Oct 2015 07:28:30 GMT", 30),
            ("Wed, 21 Oct 2015 10:28:30 +0300", 30),
            ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
            ("Wed, 21 Oct 2015 07:27:59 GMT", 0),
            ("Thu, 22 Oct 2015 07:28:00 GMT", 86400),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 251956888319),
            ("Mon, 1 Jan 0001 00:00:00 +2359", 0),
        ],
    )
    def test_a_date_is_held_against_that_of_the_answer(self, until: str, seconds: float) -> None:
        """Whatever the time is here."""
        date = "Wed, 21 Oct 2015 07:28:00 GMT"
        assert retry_after(Headers({"Retry-After": until, "Date": date})) == seconds
        assert retry_after(Headers({"retry-after": f" {until} ", "date": f" {date} "})) == seconds

    @pytest.mark.parametrize("date", ["", "soon", "1445412480", "Wed, 99 Oct 2015 07:28:00 GMT"])
    def test_a_date_of_the_answer_that_is_none_is_left_aside(self, date: str) -> None:
        until = "Wed, 21 Oct 2015 07:28:30 GMT"
        assert retry_after(Headers({"Retry-After": until, "Date": date})) == 0

    def test_a_number_has_nothing_to_do_with_dates(self) -> None:
        date = "Wed, 21 Oct 2015 07:28:00 GMT"
        assert retry_after(Headers({"Retry-After": "30", "Date": date})) == 30

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("30, 60", 30),
            ("30,30", 30),
            ("30 , soon", 30),
            ("+30", 30),
            ("30.0", 30),
            ("30.5", 30.5),
            ("30.", 30),
            ("+0.25, 30", 0.25),
        ],
    )
    def test_a_number_in_the_manner_of_others(self, value: str, seconds: float) -> None:
        """Two proxies may each have told, and some write what they have reckoned with."""
        assert retry_after(Headers({"Retry-After": value})) == seconds

    @pytest.mark.parametrize("value", [*("30;a=b", "3_0", "++3", "+-3", ".", "+", ","), "30 60"])
    def test_what_is_no_number_for_all_its_digits(self, value: str) -> None:
        assert retry_after(Headers({"Retry-After": value})) is None

    def test_none_was_told(self) -> None:
        assert retry_after(Headers()) is None
        error = error_of(429)
        assert isinstance(error, RateLimitedError)
        assert error.retry_after is None
        assert "try again" not in str(error)

    def test_of_a_503_it_means_maintenance(self) -> None:
        assert error_of(503, Retry_After="soon").outcome is Outcome.NOT_PROCESSED
        assert error_of(503).outcome is Outcome.UNKNOWN

    @settings(max_examples=200, deadline=None, database=None, derandomize=True)
    @given(
        st.text(max_size=30)
        | st.from_regex(
            r"\A([A-Z][a-z]{2}, )?\d{1,4} Jan \d{1,6} \d{1,3}:\d{1,3}(:\d{1,3})?( [+-]\d{1,6})?\Z"
        )
    )
    def test_anything(self, value: str) -> None:
        error = error_of(429, Retry_After=value)
        assert isinstance(error, RateLimitedError)
        assert error.retry_after is None or error.retry_after >= 0


class TestHeaders:
    def test_the_request_id(self) -> None:
        assert error_of(500).request_id is None
        assert error_for(Answer(500, Headers({"x-request-id": "r1"}), b"")).request_id == "r1"

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_tells_where_to(self, status: int) -> None:
        error = error_of(status, b"<html>", Location="https://my.example/login")
        assert error.headers["location"] == "https://my.example/login"
        assert "(a redirect to https://my.example/login, not followed)" in str(error)
        assert error.outcome is Outcome.UNKNOWN

    def test_a_redirect_to_nowhere(self) -> None:
        assert str(error_of(302)).startswith("answered 302 Found")
        assert "redirect" not in str(error_of(302))


class TestDeduced:
    @pytest.mark.parametrize("status", [404, 405])
    def test_a_path_that_may_not_exist_is_told(self, status: int) -> None:
        assert "deduced" in str(error_of(status, deduced=True))
        assert "deduced" not in str(error_of(status))
        assert error_of(status, deduced=True).deduced is True
        assert error_of(status).deduced is False

    @pytest.mark.parametrize("status", [401, 403, 422, 429, 500])
    def test_other_errors_do_not_doubt_it(self, status: int) -> None:
        assert "deduced" not in str(error_of(status, deduced=True))
