"""JSON, in lines and as an array."""

import json

import pytest

from vpsbg_async.cli.inputs import Format
from vpsbg_async.cli.inputs.records import COLUMNS

from .support import GOOD, JSON, JSONL, drafts, problems, row

DEEP = 100_000


def test_lines() -> None:
    (first, second) = drafts(f"\ufeff{row()}\r\n\n \t\n  {row(subject='Втори')}", JSONL)
    assert (first.department_id, first.subject, first.message) == (
        2,
        "Disk failing",
        "See the log.",
    )
    assert second.subject == "Втори"


def test_array() -> None:
    rows = [GOOD, GOOD | {"subject": "Втори"}]
    for text in (json.dumps(rows), json.dumps(rows, indent=2), f"\ufeff\r\n{json.dumps(rows)}\n"):
        assert [draft.subject for draft in drafts(text, JSON)] == ["Disk failing", "Втори"]


def test_a_line_of_an_array_may_be_as_long_as_it_likes() -> None:
    text = f"[{', '.join([row(message='x' * 1_000_000)] * 17)}]"
    assert len(drafts(text, JSON)) == 17


def test_null_is_nothing_and_unknown_keys_are_told() -> None:
    (draft,) = drafts(json.dumps(GOOD | {"reference": None, "attachments": None}), JSONL)
    assert draft.reference is None
    assert problems(row(Subject=1, message_file=None), JSONL) == [
        f"in:1: Subject: is none of {', '.join(COLUMNS)}"
    ]


def test_each_row_is_told_by_where_it_begins() -> None:
    bad = row(department_id=0).replace(", ", ",\n")
    wrong = "department_id: must be the id of a department, a whole number"
    assert problems(f"\n[ {row()},\n\n{bad}, {bad} ]", JSON) == [f"in:4: {wrong}", f"in:6: {wrong}"]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("7", "7"),
        ("-1.50", "-1.50"),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("9" * 5000, "9" * 376 + "…"),
        ('"a"', "'a'"),
        ("true", "true"),
        ("false", "false"),
        ("null", "null"),
        ("[{}]", "an array"),
    ],
)
def test_what_is_no_object(value: str, kind: str) -> None:
    wrong = [f"must be an object, not {kind}"]
    assert [text.partition(": ")[2] for text in problems(value, JSONL)] == wrong
    assert [text.partition(": ")[2] for text in problems(f"[{value}]", JSON)] == wrong


def test_a_key_that_stands_twice_is_not_judged() -> None:
    names = ["attachments", "department_id", "message_file", "reference", "subject"]
    pairs = ", ".join(f'"{name}": "x"' for name in names * 2)
    assert problems(f"{{{pairs}}}\n{row(reference='x')}\n", JSONL) == [
        f"in:1: {name}: stands twice in the object" for name in names
    ]


class TestSyntaxOfLines:
    @pytest.mark.parametrize(
        ("line", "wrong"),
        [
            ("{", "2: is no JSON: expecting property name enclosed in double quotes"),
            ('  {"subject": 01}', "16: is no JSON: expecting ',' delimiter"),
            ("{} {}", "4: is no JSON: something follows the value"),
            ("{}\r{}", "4: is no JSON: something follows the value"),
            ('{"subject": "a\tb"}', "15: is no JSON: invalid control character at"),
            ('{"subject": "\\x"}', "14: is no JSON: invalid \\escape"),
            ("subject", "1: is no JSON: expecting value"),
            ('{"subject": ' + "[" * DEEP, "1: is no JSON: too deeply nested"),
        ],
    )
    def test_a_bad_line_is_told_and_the_next_is_read(self, line: str, wrong: str) -> None:
        data = f"{row()}\n{line}\n{row(department_id=0)}\n"
        found = problems(data, JSONL)
        assert [text[:5] for text in found] == ["in:2:", "in:3:"]
        assert found[0].startswith(f"in:2:{wrong}")

    def test_a_line_without_end(self) -> None:
        assert problems(f"{row()}\n{'x' * 17 * 2**20}", JSONL) == ["in:2: is longer than 16 MiB"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{}", "1:1: is no JSON: an array of objects begins with ["),
        ("\n  x", "2:3: is no JSON: an array of objects begins with ["),
        ("[", "1:2: is no JSON: expecting value"),
        ("[\n{row}", "2:{end}: is no JSON: a comma or ] must follow the element"),
        ("[{row}\n {row}]", "2:2: is no JSON: a comma or ] must follow the element"),
        ("[{row},\n]", "2:1: is no JSON: nothing follows the comma"),
        ("[{row},", "1:{comma}: is no JSON: expecting value"),
        ("[{row}]\n\nx", "3:1: is no JSON: something follows the array"),
        ("[\n {deep}", "2:2: is no JSON: too deeply nested"),
    ],
)
def test_syntax_of_an_array(text: str, wrong: str) -> None:
    good = row()
    text = text.replace("{row}", good).replace("{deep}", '{"a":' * DEEP)
    wrong = wrong.replace("{end}", f"{len(good) + 1}").replace("{comma}", f"{len(good) + 3}")
    assert problems(text, JSON) == [f"in:{wrong}"]


@pytest.mark.parametrize("file_format", list(Format))
@pytest.mark.parametrize("blank", [b"", b"\xef\xbb\xbf", b" \r\n\t\n"])
def test_nothing_at_all(file_format: Format, blank: bytes) -> None:
    assert problems(blank, file_format) == ["in:1: holds no tickets"]


def test_an_empty_array() -> None:
    assert problems(" [ ] ", JSON) == ["in:1: holds no tickets"]
