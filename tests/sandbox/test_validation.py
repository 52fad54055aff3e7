from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .conftest import Api, files_in
from .forms import END, file, part, text

REQUIRED = "The {} field is required."
INTEGER = "The {} field must be an integer."
AT_LEAST_1 = "The department id field must be at least 1."
SHORT_SUBJECT = "The subject field must be at least 3 characters."
LONG_SUBJECT = "The subject field must not be greater than 255 characters."
SHORT_MESSAGE = "The message field must be at least 5 characters."


async def test_an_empty_form(api: Api) -> None:
    answer = await api.post("/support/tickets", END)
    assert answer.status == 422
    assert answer.json == {
        "message": "The department id field is required. (and 2 more errors)",
        "errors": {
            "department_id": ["The department id field is required."],
            "subject": ["The subject field is required."],
            "message": ["The message field is required."],
        },
    }


@pytest.mark.parametrize(
    ("field", "value", "texts"),
    [
        ("department_id", "", [REQUIRED.format("department id")]),
        ("department_id", "abc", [INTEGER.format("department id")]),
        ("department_id", "1.5", [INTEGER.format("department id")]),
        ("department_id", "05", [INTEGER.format("department id")]),
        ("department_id", "1e3", [INTEGER.format("department id")]),
        ("department_id", "9223372036854775808", [INTEGER.format("department id")]),
        ("department_id", "٣", [INTEGER.format("department id")]),
        ("department_id", "0", [AT_LEAST_1]),
        ("department_id", "-3", [AT_LEAST_1]),
        ("department_id", ".5", [INTEGER.format("department id"), AT_LEAST_1]),
        ("subject", "", [REQUIRED.format("subject")]),
        ("subject", " \t\u00a0\u200b\ufeff ", [REQUIRED.format("subject")]),
        ("subject", " ab ", [SHORT_SUBJECT]),
        ("subject", "щ" * 256, [LONG_SUBJECT]),
        ("message", "abcd\n", [SHORT_MESSAGE]),
        ("service_id", "server", [INTEGER.format("service id")]),
        ("service_type", "shared-hosting", ["The selected service type is invalid."]),
        ("service_type", "Server", ["The selected service type is invalid."]),
    ],
)
async def test_a_wrong_field(api: Api, field: str, value: str, texts: list[str]) -> None:
    answer = await api.create(**{field: value})
    assert answer.status == 422
    assert answer.json["errors"] == {field: texts}
    assert answer.json["message"] == texts[0] + (" (and 1 more error)" if len(texts) == 2 else "")
    assert api.sandbox.tickets == ()


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("department_id", "+1", 1),
        ("department_id", " 7 ", 7),
        ("department_id", "9223372036854775807", 2**63 - 1),
        ("service_id", "0", 0),
        ("service_id", "-2", -2),
        ("service_id", "", None),
        ("service_type", " server ", "server"),
        ("subject", "щщщ", "щщщ"),
        ("subject", "\n" + "щ" * 255 + "\r\n", "щ" * 255),
        ("subject", "🖥🖥🖥", "🖥🖥🖥"),
    ],
)
async def test_a_right_field(api: Api, field: str, value: str, kept: object) -> None:
    assert (await api.create(**{field: value})).status == 200
    assert getattr(api.sandbox.tickets[0], field) == kept


async def test_a_message_is_trimmed(api: Api) -> None:
    await api.create(message="\u200b <p>12345</p>\r\n\0")
    assert api.sandbox.tickets[0].messages[0].content == "<p>12345</p>"


@pytest.mark.parametrize(
    ("parts", "errors"),
    [
        (
            [file("a", name="attachments")],
            {"attachments": ["The attachments field must be an array."]},
        ),
        ([text("attachments", "a")], {"attachments": ["The attachments field must be an array."]}),
        (
            [file("a"), text("attachments[]", "x"), text("attachments[]", "y")],
            {"attachments.1": ["The attachments.1 field must be a file."]},
        ),
        ([text("subject[]", "x")], {"subject": ["The subject field must be a string."]}),
        ([file("a", name="subject")], {"subject": ["The subject field must be a string."]}),
        ([text("department_id[]", "2")], {"department_id": [INTEGER.format("department id")]}),
    ],
)
async def test_a_field_of_the_wrong_kind(
    api: Api, directory: Path, parts: list[bytes], errors: dict[str, list[str]]
) -> None:
    answer = await api.create(*parts)
    assert answer.status == 422
    assert answer.json["errors"] == errors
    assert not files_in(directory)


async def test_refused_files_are_gone(api: Api, directory: Path) -> None:
    answer = await api.create(file("a"), file("b", bytes(3_000_000)), subject="x")
    assert answer.json["errors"] == {"subject": [SHORT_SUBJECT]}
    assert not files_in(directory)


async def test_a_file_that_the_body_does_not_hold_to_its_end(api: Api, directory: Path) -> None:
    body = text("department_id", "2") + text("subject", "abc") + text("message", "abcde")
    answer = await api.post("/support/tickets", body + file("a", b"whole") + file("b")[:-4])
    assert answer.status == 422
    assert answer.json["errors"] == {"attachments.1": ["The attachments.1 failed to upload."]}
    assert not files_in(directory)


@pytest.mark.parametrize("blank", [text("attachments", " "), part("name=attachments", b"")])
async def test_a_blank_attachments_field_is_none(api: Api, blank: bytes) -> None:
    assert (await api.create(blank)).status == 200


@pytest.mark.parametrize(
    ("document", "status", "errors"),
    [
        ({"department_id": 2, "subject": " abc ", "message": "abcde"}, 200, {}),
        ({"department_id": "2", "subject": "abc", "message": "abcde", "service_id": 9}, 200, {}),
        (
            {"department_id": True, "subject": 12345, "message": {"a": 1}},
            422,
            {
                "department_id": ["The department id field must be an integer."],
                "subject": ["The subject field must be a string."],
                "message": ["The message field must be a string."],
            },
        ),
        (
            {"department_id": 0.5, "subject": [], "message": "abcde", "attachments": "x"},
            422,
            {
                "department_id": [INTEGER.format("department id"), AT_LEAST_1],
                "subject": [REQUIRED.format("subject")],
                "attachments": ["The attachments field must be an array."],
            },
        ),
    ],
)
async def test_json_is_taken_for_texts(
    api: Api, document: dict[str, Any], status: int, errors: dict[str, list[str]]
) -> None:
    answer = await api.request("POST", "/support/tickets", json=document)
    assert answer.status == status
    assert answer.json.get("errors", {}) == errors
