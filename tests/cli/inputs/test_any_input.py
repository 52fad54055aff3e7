"""What holds for any input at all: nothing escapes, what is bad is told, what is good is kept."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from vpsbg_async.cli.exits import FailedError
from vpsbg_async.cli.inputs import Format
from vpsbg_async.cli.inputs.records import COLUMNS

from .support import CSV, JSON, JSONL, an_input, check, drafts

any_time = settings(deadline=None)  # a busy machine is no failure

NASTY = [
    "\0",
    "\r",
    "\n",
    "\r\n",
    '"',
    "'",
    ",",
    ";",
    "\t",
    "[",
    "]",
    "{",
    "}",
    ":",
    "\\",
    "\\ud800",
]
NASTY += [
    "\ufeff",
    "é",
    "𐍈",
    "\u2028",
    "\x85",
    "\x1c",
    "2.0",
    "\uff12",
    "NaN",
    "1e999",
    "true",
    "null",
]
NASTY += ["9" * 5000, "[" * 3000, '{"a":' * 3000, "x" * 140_000, '"' * 3, "x" * 300, "", " "]

# What a file can hold, and a command can send.
TEXT = st.text(
    st.one_of(
        st.sampled_from('",;\t\r\n[]{}\\é漢🎫\ufeff\u2028\x85\x1c'),
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
    ),
    max_size=40,
)
ID = st.integers(1, 2**63 - 1)
MARKER = st.from_regex(r"[A-Za-z0-9._-]{4,64}", fullmatch=True)
OPTIONAL = {"service_type": TEXT.filter(bool), "service_id": ID, "reference_marker": MARKER}
GOOD = st.fixed_dictionaries(
    {
        "department_id": ID,
        "subject": TEXT.map("{:.<3}".format),
        "message": TEXT.map("{:.<5}".format),
    },
    optional=OPTIONAL,
)
BAD = st.sampled_from(
    [
        {"department_id": "2.0"},
        {"department_id": "0"},
        {"department_id": "\uff12"},
        {"subject": "No"},
        {"message": ""},
        {"message": "Hey"},
        {"message_file": "beside a message"},
        {"attachments": "/nowhere/at/all"},
        {"attachments": "[broken"},
        {"service_id": "x"},
        {"reference_marker": "a b"},
        {"reference": "x" * 256},
    ]
)


def as_csv(rows: Sequence[dict[str, Any]], delimiter: str = ",") -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_json_lines(rows: Sequence[dict[str, Any]], *, ascii_only: bool = False) -> bytes:
    return "\n".join(json.dumps(row, ensure_ascii=ascii_only) for row in rows).encode()


def as_array(rows: Sequence[dict[str, Any]], *, indent: int | None = None) -> bytes:
    return json.dumps(rows, ensure_ascii=False, indent=indent).encode()


def written(rows: Sequence[dict[str, Any]], file_format: Format) -> bytes:
    if file_format is CSV:
        return as_csv(rows)
    return as_array(rows) if file_format is JSON else as_json_lines(rows)


FORMATS = st.sampled_from(Format)
FILES = FORMATS.flatmap(
    lambda file_format: st.tuples(
        st.lists(GOOD, min_size=1, max_size=3).map(lambda rows: written(rows, file_format)),
        st.just(file_format),
    )
)
CHANGES = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.integers(0, 5),
        st.one_of(st.binary(max_size=3), st.sampled_from(NASTY).map(str.encode)),
    ),
    min_size=1,
    max_size=3,
)


def go_through(data: bytes, file_format: Format | None) -> None:
    """Both passes; they agree on whether all is well."""
    with an_input(data, file_format) as opened:
        checked = check(opened)
        lines = [problem.line for problem in checked.problems]
        assert lines == sorted(lines)
        assert all(1 <= line <= data.count(b"\n") + 1 for line in lines)
        assert all(str(problem).encode() for problem in checked.problems)
        try:
            found = list(opened.drafts())
        except FailedError:
            assert checked.problems
        else:
            assert checked.problems or len(found) == checked.rows > 0


@any_time
@given(st.one_of(st.binary(), st.text().map(str.encode)), st.one_of(st.none(), FORMATS))
@example(b"department_id\n" + b'"' * 3, CSV)
@example(b"[" * 100_000, None)
def test_any_bytes(data: bytes, file_format: Format | None) -> None:
    go_through(data, file_format)


@any_time
@given(FILES, CHANGES)
def test_any_change_to_a_file(
    file: tuple[bytes, Format], changes: list[tuple[float, int, bytes]]
) -> None:
    data, file_format = file
    for place, dropped, added in changes:
        at = int(place * len(data))
        data = data[:at] + added + data[at + dropped :]
    go_through(data, file_format)


@any_time
@given(st.lists(st.one_of(st.sampled_from([*COLUMNS, *NASTY]), TEXT), max_size=30), FORMATS)
def test_any_row_of_tokens(tokens: list[str], file_format: Format) -> None:
    header = (
        "department_id,subject,message,message_file,attachments\n" if file_format is CSV else ""
    )
    go_through((header + "".join(tokens)).encode(), file_format)


@any_time
@given(st.lists(GOOD, min_size=1, max_size=5), st.sampled_from(",;\t"), st.booleans())
def test_what_is_written_is_read(rows: list[dict[str, Any]], delimiter: str, flag: bool) -> None:
    files = [
        (as_csv(rows, delimiter), CSV),
        (as_json_lines(rows, ascii_only=flag), JSONL),
        (as_array(rows, indent=2 if flag else None), JSON),
    ]
    for data, file_format in files:
        found = drafts(b"\xef\xbb\xbf" * flag + data, file_format)
        assert [
            {name: value for name in row if (value := getattr(draft, name)) is not None}
            for draft, row in zip(found, rows, strict=True)
        ] == rows


@any_time
@given(st.lists(GOOD, max_size=3), GOOD, BAD, st.lists(GOOD, max_size=3), FORMATS)
def test_a_bad_row_is_told(
    before: list[dict[str, Any]],
    good: dict[str, Any],
    bad: dict[str, Any],
    after: list[dict[str, Any]],
    file_format: Format,
) -> None:
    data = written([*before, good | bad, *after], file_format)
    with an_input(data, file_format) as opened:
        checked = check(opened)
    assert checked.rows == len(before) + 1 + len(after)
    (problem,) = checked.problems
    assert problem.column in bad


@any_time
@given(st.lists(GOOD, min_size=2, max_size=5), st.data(), FORMATS)
def test_a_reference_given_twice_is_told(
    rows: list[dict[str, Any]], data: st.DataObject, file_format: Format
) -> None:
    first, second = sorted(
        data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=2, max_size=2, unique=True))
    )
    named = [row | {"reference": f"case {place}"} for place, row in enumerate(rows)]
    named[second] |= {"reference": f"case {first}"}
    with an_input(written(named, file_format), file_format) as opened:
        (problem,) = check(opened).problems
    assert problem.column == "reference"
    assert "is the same as in line" in problem.text
