"""CSV as people and Excel write it."""

import csv
from pathlib import Path

import pytest

from vpsbg_async.cli.inputs.records import COLUMNS

from .support import CSV, an_input, check, drafts, problems

HEADER = "department_id,subject,message\n"
ROW = "2,Disk failing,See the log.\n"


def test_all_columns(folder: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text("x")
    (draft,) = drafts(
        "reference,department_id,subject,message,attachments,service_type,service_id,"
        "reference_marker\n"
        "case 1,2,Disk failing,See the log.,a.txt;b.txt,server,77,case-0001\n"
    )
    assert (draft.department_id, draft.subject, draft.message) == (
        2,
        "Disk failing",
        "See the log.",
    )
    assert (draft.service_type, draft.service_id) == ("server", 77)
    assert (draft.reference, draft.reference_marker) == ("case 1", "case-0001")
    assert draft.attachments == ("a.txt", "b.txt")


def test_an_empty_cell_is_none() -> None:
    (draft,) = drafts(
        "department_id,subject,message,message_file,attachments,service_type,service_id,"
        "reference,reference_marker\n2,Disk failing,See the log.,,,,,,\n"
    )
    assert draft.attachments == ()
    assert (draft.service_type, draft.service_id) == (None, None)
    assert (draft.reference, draft.reference_marker) == (None, None)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_forms_of_a_table(bom: str, delimiter: str, end: str) -> None:
    lines = [delimiter.join(line.split(",")) for line in (HEADER.strip(), "2,Диск,Виж лога.")]
    (draft,) = drafts(bom + end.join(lines))
    assert (draft.subject, draft.message) == ("Диск", "Виж лога.")


def test_the_header_tells_what_divides_cells() -> None:
    (draft,) = drafts("department_id;subject;message\n2;One, two, three;Four, five\n")
    assert draft.subject == "One, two, three"
    assert problems("department_id;Subject\n2;x\n")[0].startswith("in:1: Subject: is none of")


def test_quotes_hold_line_breaks_and_keep_them() -> None:
    (first, second) = drafts(HEADER + '2,Disk,"One\r\n\r\n""two"";\nthree\rfour"\n' + ROW)
    assert first.message == 'One\r\n\r\n"two";\nthree\rfour'
    assert second.message == "See the log."


def test_blank_lines_and_rows_of_empty_cells_are_passed_over() -> None:
    assert len(drafts(f"\n\r\n \n{HEADER}\n{ROW}\r\n,,\n,,,,,,\n{ROW}  \n")) == 2


def test_lines_are_counted_as_an_editor_does() -> None:
    data = f'\n{HEADER}\n2,"a\nb\n","too\r\nold"\n{ROW}x,"\n",\n'
    assert problems(data) == [
        "in:9: department_id: must be a whole number, not 'x'",
        "in:9: subject: must have at least 3 characters, not 1",
        "in:10: message: is missing, and so is message_file",
    ]


@pytest.mark.parametrize(
    ("cells", "number"), [("2,Disk failing", 2), ("2,Disk failing,See the log.,", 4)]
)
def test_each_row_has_the_cells_of_the_header(cells: str, number: int) -> None:
    data = f"{HEADER}{cells}\n{ROW}"
    assert problems(data) == [f"in:2: must have 3 cells as the header has, not {number}"]


class TestHeader:
    def test_what_is_no_header(self) -> None:
        text = f"must be a header, of columns such as {', '.join(COLUMNS)}"
        assert problems("2,Disk failing,See the log.\n") == [f"in:1: {text}"]

    def test_its_problems_are_told_once_and_rows_are_checked_all_the_same(self) -> None:
        data = "subject,Department,,subject,reference\na,2,,b,\nc,2,,d,x\ne,2,,f,x\n"
        assert problems(data) == [
            f"in:1: Department: is none of {', '.join(COLUMNS)}",
            "in:1: column 3 has no name",
            "in:1: subject: is the name of two columns",
            "in:1: department_id: is missing",
            "in:1: message: is missing, and so is message_file",
            "in:4: reference: is the same as in line 3",
        ]

    def test_spaces_around_its_names_do_no_harm(self) -> None:
        assert len(drafts(" department_id , subject, message \n" + ROW)) == 1

    def test_a_header_alone_holds_nothing(self) -> None:
        assert problems(HEADER) == ["in:1: holds no tickets"]

    def test_a_header_whose_quote_is_not_closed(self) -> None:
        assert problems(f'department_id,"subject\n{ROW}') == [
            "in:1: a quote is opened in this row, and never closed"
        ]


class TestSyntax:
    def test_a_quote_that_is_never_closed(self) -> None:
        assert problems(f'{HEADER}{ROW}2,"Disk,failing\n{ROW}{ROW}') == [
            "in:3: a quote is opened in this row, and never closed"
        ]

    def test_text_after_a_quote(self) -> None:
        data = f'{HEADER}2,"Disk" failing,See the log.\n2,"Disk\n" failing,x\nx,Disk,See the log.\n'
        assert problems(data) == [
            "in:2: is no CSV: ',' expected after '\"'",
            "in:4: is no CSV: ',' expected after '\"' (in the row that begins in line 3)",
            "in:5: department_id: must be a whole number, not 'x'",
        ]

    def test_lines_that_end_as_of_old(self) -> None:
        text = "has a carriage return without a line feed, outside quotes"
        assert problems((HEADER + ROW).replace("\n", "\r")) == [f"in:1: {text}"]
        assert problems(f"{HEADER}2,Disk\rfailing,See the log.\n{ROW}") == [f"in:2: {text}"]

    def test_a_huge_cell_ends_the_check(self) -> None:
        most = csv.field_size_limit()
        data = f"{HEADER}{ROW}2,Disk,{'x' * (most + 1)}\n2,x,x\n"
        assert problems(data) == [
            f"in:3: has a cell of more than {most:,} characters; rows from here on were not checked"
        ]
        assert len(drafts(f"{HEADER}2,Disk,{'x' * most}\n")[0].message) == most

    def test_a_row_without_end(self) -> None:
        cell = '"\n' + "x" * 100_000 + '",'
        assert problems(f"{HEADER}{cell * 170}") == ["in:170: is longer than 16 MiB"]
        assert problems(f"{HEADER}{'x' * 17 * 2**20}") == ["in:2: is longer than 16 MiB"]


class TestAttachments:
    HEADER = "department_id,subject,message,attachments\n"

    def paths(self, cell: str) -> object:
        quoted = cell.replace('"', '""')
        with an_input(f'{self.HEADER}2,Disk,"Failing","{quoted}"\n', CSV) as opened:
            (draft,) = opened.drafts()
        return draft.attachments

    @pytest.mark.parametrize(
        ("cell", "paths"),
        [
            pytest.param("logs/a b.txt", ("logs/a b.txt",), id="one"),
            pytest.param("a.txt; ./b.txt ;", ("a.txt", "./b.txt"), id="semicolons"),
            pytest.param("a.txt\nb.txt\r\nc.txt\n", ("a.txt", "b.txt", "c.txt"), id="lines"),
            pytest.param(" ; ", (), id="none"),
            pytest.param(' ["a;b.txt", " c.txt"] ', ("a;b.txt", " c.txt"), id="JSON"),
            pytest.param("[]", (), id="JSON of none"),
        ],
    )
    def test_they_stay_as_they_are_written(self, cell: str, paths: tuple[str, ...]) -> None:
        assert self.paths(cell) == paths

    def test_a_bracket_begins_an_array(self) -> None:
        data = f"{self.HEADER}2,Disk,Failing,[draft].txt\n2,Disk,Failing,[1]\n2,Disk,Failing,[] x\n"
        begin = "attachments: begins with a bracket and is no JSON array"
        assert problems(data) == [
            f"in:2: {begin}: expecting value",
            "in:3: attachments: must be text, not 1",
            f"in:4: {begin}: something follows the value",
        ]

    def test_a_missing_file_is_told_at_its_cell(self, folder: Path) -> None:
        data = f'{self.HEADER}2,Disk,"Fail\ning",no.txt\n'
        assert problems(data) == ["in:3: attachments: no such file: 'no.txt'"]


def test_a_file_of_problems_is_told_in_part() -> None:
    with an_input(HEADER + "x,Disk,Failing\n" * 1500, CSV) as opened:
        checked = check(opened)
    assert (checked.rows, len(checked.problems), checked.more) == (1500, 1000, 500)
    assert checked.problems[-1].line == 1001
