"""What a row may say, whatever the format."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from vpsbg_async.attachments import Limits

from .support import JSON, JSONL, drafts, problems, problems_of_row, row

HALF = "holds half a character (a lone surrogate)"
NO_ID = "department_id: must be the id of a department, a whole number"


class TestIds:
    @pytest.mark.parametrize("value", [2, "2", " 2 ", "\t002\n", "0" * 6000 + "2"])
    def test_whole_numbers(self, value: Any) -> None:
        (draft,) = drafts(row(department_id=value, service_id=value), JSONL)
        assert (draft.department_id, draft.service_id) == (2, 2)

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            (2.0, "2.0"),
            ("2.0", "'2.0'"),
            ("2e1", "'2e1'"),
            (2e100, "2e+100"),
            ("\uff12", "'\uff12'"),
            ("²", "'²'"),
            ("1_0", "'1_0'"),
            ("+2", "'+2'"),
            (-2, "-2"),
            ("", "''"),
            (float("nan"), "NaN"),
            (float("inf"), "Infinity"),
            (True, "true"),
            ([2], "an array"),
            ({"id": 2}, "an object"),
        ],
    )
    def test_what_is_none(self, value: Any, shown: str) -> None:
        assert problems_of_row(department_id=value, service_id=value) == [
            f"department_id: must be a whole number, not {shown}",
            f"service_id: must be a whole number, not {shown}",
        ]

    @pytest.mark.parametrize("value", [0, "0", "00", 2**63, "9" * 6000])
    def test_what_cannot_be_one(self, value: Any) -> None:
        assert problems_of_row(department_id=value) == [NO_ID]

    def test_a_number_that_python_would_not_read(self) -> None:
        data = row(department_id=123456).replace("123456", "9" * 6000)
        assert problems(data, JSONL) == [f"in:1: {NO_ID}"]


class TestTexts:
    @pytest.mark.parametrize(
        ("values", "wrong"),
        [
            ({"subject": None}, "subject: is missing"),
            ({"department_id": None}, "department_id: is missing"),
            ({"subject": "No"}, "subject: must have at least 3 characters, not 2"),
            ({"subject": "x" * 256}, "subject: must have at most 255 characters, not 256"),
            ({"subject": 123}, "subject: must be text, not 123"),
            ({"subject": "\ud800bc"}, f"subject: {HALF}"),
            ({"message": "Hey"}, "message: must have at least 5 characters, not 3"),
            ({"message": ["Hello"]}, "message: must be text, not an array"),
            ({"message": "Hello\udfff"}, f"message: {HALF}"),
            ({"message": None}, "message: is missing, and so is message_file"),
            ({"service_type": ""}, "service_type: must have at least 1 characters, not 0"),
            ({"service_type": 1}, "service_type: must be text, not 1"),
            ({"reference": ""}, "reference: must have at least 1 characters, not 0"),
            ({"reference": 4711}, "reference: must be text, not 4711"),
            ({"reference": "x" * 256}, "reference: must have at most 255 characters, not 256"),
            ({"reference_marker": True}, "reference_marker: must be text, not true"),
        ],
    )
    def test_what_is_wrong(self, values: dict[str, Any], wrong: str) -> None:
        assert problems_of_row(**values) == [wrong]

    def test_a_marker_is_not_made_up(self) -> None:
        text = "must be 4 to 64 letters, digits, dots, hyphens and underscores"
        assert problems_of_row(reference_marker="a b") == [f"reference_marker: {text}"]

    def test_all_of_a_row_is_told(self) -> None:
        found = problems_of_row(department_id="x", subject="", message=1, service_id=0)
        assert [text.partition(":")[0] for text in found] == [
            "department_id",
            "message",
            "subject",
            "service_id",
        ]

    def test_a_problem_is_of_bearable_length_and_can_be_written(self) -> None:
        (text,) = problems(row(**{"\ud800" * 1000: 1}), JSONL)
        assert text.startswith("in:1: \\ud800\\ud800")
        assert len(text.encode()) < 4000


class TestReferences:
    def test_the_same_twice(self) -> None:
        rows = [row(reference=name) for name in ("a", "b", "a", "A", "a")]
        wrong = "reference: is the same as in line 1"
        assert problems("\n".join(rows), JSONL) == [f"in:3: {wrong}", f"in:5: {wrong}"]
        assert problems(f"[{rows[0]}, {rows[0]}]", JSON) == [f"in:1: {wrong}"]

    def test_none_is_not_the_same_as_none(self) -> None:
        assert len(drafts(f"{row()}\n{row()}\n", JSONL)) == 2


class TestMessageFile:
    def wrong(self, path: str) -> list[str]:
        return problems_of_row(message=None, message_file=path)

    @pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
    def test_its_text_is_the_message(self, folder: Path, bom: bytes) -> None:
        (folder / "body.html").write_bytes(bom + "<p>Снимка.</p>\r\n\n".encode())
        (draft,) = drafts(row(message=None, message_file="body.html"), JSONL)
        assert draft.message == "<p>Снимка.</p>\r\n\n"

    def test_not_beside_a_message(self, folder: Path) -> None:
        found = problems_of_row(message="", message_file="missing.txt")
        assert found == ["message_file: cannot be given beside message"]

    def test_what_it_may_not_hold(self, folder: Path) -> None:
        (folder / "short.txt").write_text("Hey")
        (folder / "cp1251.txt").write_bytes(b"ab\n\xe0\xe1")
        (folder / "null.txt").write_bytes(b"Hello\0")
        (folder / "large.txt").write_bytes(b"x" * 17 * 2**20)
        assert self.wrong("short.txt") == ["message_file: must have at least 5 characters, not 3"]
        assert self.wrong("cp1251.txt") == [
            "message_file: cp1251.txt:2:1: is not UTF-8 (byte 0xe0)"
        ]
        assert self.wrong("null.txt") == ["message_file: null.txt:1:6: is no text: a null byte"]
        assert self.wrong("large.txt") == ["message_file: large.txt:1: is longer than 16 MiB"]

    def test_what_it_may_not_be(self, folder: Path) -> None:
        (folder / "sub").mkdir()
        os.mkfifo("pipe")
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind("socket")
            (wrong,) = self.wrong("socket")
        assert wrong.startswith("message_file: cannot be read (")
        assert self.wrong("missing.txt") == ["message_file: no such file: 'missing.txt'"]
        assert self.wrong("") == ["message_file: no such file: ''"]
        assert self.wrong("sub") == ["message_file: is a directory: 'sub'"]
        assert self.wrong("pipe") == ["message_file: is no regular file: 'pipe'"]
        assert self.wrong("a\0b") == [
            "message_file: cannot be read (embedded null byte): 'a\\x00b'"
        ]
        assert self.wrong("\udcff") == [f"message_file: {HALF}"]

    @pytest.mark.parametrize("value", [7, True, ["body.txt"]])
    def test_it_is_a_path(self, value: Any) -> None:
        (wrong,) = problems_of_row(message=None, message_file=value)
        assert wrong.startswith("message_file: must be text, not ")


class TestAttachments:
    def test_one_or_a_list(self, folder: Path) -> None:
        (folder / "a;b.txt").write_text("x")
        one, several = drafts(
            f"{row(attachments='a;b.txt')}\n{row(attachments=['a;b.txt', './a;b.txt'])}", JSONL
        )
        assert one.attachments == ("a;b.txt",)
        assert several.attachments == ("a;b.txt", "./a;b.txt")

    def test_each_is_looked_at(self, folder: Path) -> None:
        (folder / "sub").mkdir()
        (folder / " ").write_text("x")
        found = problems_of_row(attachments=["no.txt", "sub", " ", "", "a\0b", "\ud800", 7, True])
        assert found == [
            f"attachments: {HALF}",
            "attachments: must be text, not 7",
            "attachments: must be text, not true",
            "attachments: no such file: 'no.txt'",
            "attachments: is a directory: 'sub'",
            "attachments: has no name: ' '",
            "attachments: no such file: ''",
            "attachments: cannot be read (embedded null byte): 'a\\x00b'",
        ]

    def test_a_path_too_long(self) -> None:
        (wrong,) = problems_of_row(attachments="x" * 4096)
        assert wrong.startswith("attachments: cannot be read (File name too long): 'xxx")
        assert len(wrong) < 500
        assert problems_of_row(attachments="x" * 1_000_000) == [
            "attachments: must have at most 4096 characters, not 1000000"
        ]

    def test_limits(self, folder: Path) -> None:
        (folder / "a.txt").write_text("abc")
        limits = Limits(max_files=1, max_file_size=2)
        assert problems_of_row(limits, attachments=["a.txt", "a.txt"]) == [
            "attachments: 2 files are more than 1",
            "attachments: a.txt: 3 bytes are more than 2",
            "attachments: a.txt: 3 bytes are more than 2",
        ]
