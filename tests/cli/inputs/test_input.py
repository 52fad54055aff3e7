"""The file itself: how it is opened, its encoding, and what becomes of it between two passes."""

import io
import os
import tempfile
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from vpsbg_async.cli.exits import FailedError
from vpsbg_async.cli.inputs import Format, Input
from vpsbg_async.errors import InvalidInputError

from .support import CSV, JSON, JSONL, an_input, check, problems, row

TABLE = "department_id,subject,message\n2,Disk failing,See the log.\n"
TEXTS = {CSV: TABLE, JSONL: row(), JSON: f"[{row()}]"}


def write(path: Path, text: str) -> Path:
    path.write_text(text, newline="")
    return path


class TestOpening:
    @pytest.mark.parametrize(
        ("name", "file_format"),
        [("a.csv", CSV), ("A.CSV", CSV), ("a.jsonl", JSONL), ("a.ndjson", JSONL), ("a.json", JSON)],
    )
    def test_the_ending_tells_the_format(
        self, folder: Path, name: str, file_format: Format
    ) -> None:
        (folder / "sub").mkdir()
        write(folder / "sub" / name, TEXTS[file_format])
        with Input.from_path(Path("sub", name)) as opened:
            assert (opened.name, opened.format) == (f"sub/{name}", file_format)
            assert opened.folder == Path("sub")
            assert check(opened).problems == ()
            assert len(list(opened.drafts())) == 1

    def test_what_is_said_of_the_format_counts(self, folder: Path) -> None:
        write(folder / "a.csv", row())
        with Input.from_path("a.csv", JSONL) as opened:
            assert check(opened).problems == ()

    def test_a_problem_names_the_file_as_it_was_given(self, folder: Path) -> None:
        write(folder / "a.csv", TABLE.replace("Disk failing", "No"))
        with Input.from_path("./a.csv") as opened:
            (problem,) = check(opened).problems
        assert str(problem) == "./a.csv:2: subject: must have at least 3 characters, not 2"

    @pytest.mark.parametrize(
        ("path", "wrong"),
        [
            ("a.txt", "format cannot be told from the name 'a.txt': must be given, as csv"),
            ("no.csv", "file no such file: 'no.csv'"),
            ("sub.csv", "file cannot be read (Is a directory): 'sub.csv'"),
            ("a\0b.csv", "file cannot be read (embedded null byte): 'a\\x00b.csv'"),
        ],
    )
    def test_what_cannot_be_opened(self, folder: Path, path: str, wrong: str) -> None:
        write(folder / "a.txt", TABLE)
        (folder / "sub.csv").mkdir()
        with pytest.raises(InvalidInputError) as caught:
            Input.from_path(path)
        ((argument, (text,)),) = caught.value.errors.items()
        assert f"{argument} {text}".startswith(wrong)

    @pytest.mark.parametrize("file_format", list(Format))
    def test_a_stream_is_told_by_how_it_begins(self, file_format: Format) -> None:
        stream = io.BytesIO(b"\xef\xbb\xbf\n " + TEXTS[file_format].encode())
        with Input.from_stream(stream) as opened:
            assert (opened.name, opened.format) == ("standard input", file_format)
            assert opened.folder == Path()
            assert check(opened).problems == ()
            assert len(list(opened.drafts())) == 1

    def test_a_pipe_is_kept(self, folder: Path) -> None:
        os.mkfifo("pipe")
        writer = threading.Thread(target=write, args=(folder / "pipe", row()))
        writer.start()
        with Input.from_path("pipe") as opened:
            writer.join()
            assert (opened.name, opened.format, opened.folder) == ("pipe", JSONL, Path())
            assert check(opened).rows == len(list(opened.drafts())) == 1

    def test_a_stream_that_cannot_be_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tempfile, "tempdir", "/proc/none")
        with pytest.raises(FailedError, match="standard input cannot be read, or not be kept: No "):
            Input.from_stream(io.BytesIO(b"x"))

    def test_a_file_that_cannot_be_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with Input.from_path("/proc/self/mem", CSV) as opened:
            with pytest.raises(FailedError, match="/proc/self/mem cannot be read: Input/output"):
                check(opened)
            with pytest.raises(FailedError, match="/proc/self/mem cannot be read: Input/output"):
                list(opened.drafts())


@pytest.mark.parametrize("file_format", list(Format))
class TestEncoding:
    def test_the_first_byte_that_is_wrong_is_told(self, file_format: Format) -> None:
        text = TEXTS[file_format].replace("Disk failing", "Диск")
        before, _, after = text.partition("ск")
        data = before.encode() + b"\xd1\xff" + after.encode() + b"\n\xff"
        line = before.count("\n") + 1
        position = len(before) - before.rfind("\n")
        wrong = f"in:{line}:{position}: is not UTF-8 (byte 0xd1)"
        assert problems(data, file_format) == [wrong]

    def test_utf_16(self, file_format: Format) -> None:
        data = TEXTS[file_format].encode("utf-16")
        assert problems(data, file_format) == ["in:1:1: is not UTF-8 (byte 0xff)"]

    def test_a_null_byte(self, file_format: Format) -> None:
        data = f"\n{TEXTS[file_format]}".replace("Disk", "\0isk")
        (wrong,) = problems(data, file_format)
        assert wrong.endswith(": is no text: a null byte")
        assert wrong.startswith("in:3:3:" if file_format is CSV else "in:2:")


class TestTwoPasses:
    @pytest.fixture
    def opened(self, folder: Path) -> Iterator[Input]:
        write(folder / "body.txt", "Hello, you.")
        write(
            folder / "a.jsonl", f"{row()}\n{row(message=None, message_file='body.txt')}\n{row()}\n"
        )
        with Input.from_path("a.jsonl") as opened:
            assert check(opened).problems == ()
            yield opened

    def test_they_can_be_repeated(self, opened: Input) -> None:
        assert list(opened.drafts()) == list(opened.drafts())
        assert check(opened).rows == 3

    def test_a_file_that_grew_gives_nothing(self, opened: Input) -> None:
        with Path("a.jsonl").open("a") as file:
            file.write(row())
        with pytest.raises(FailedError, match=r"a\.jsonl was changed since it was opened"):
            next(opened.drafts())
        with pytest.raises(FailedError, match="was changed since it was opened"):
            check(opened)

    def test_a_file_that_is_changed_on_the_way_gives_no_more(self, opened: Input) -> None:
        drafts = opened.drafts()
        next(drafts)
        write(Path("a.jsonl"), Path("a.jsonl").read_text())
        os.utime("a.jsonl", ns=(0, 0))
        with pytest.raises(FailedError, match="was changed since it was opened"):
            next(drafts)

    def test_a_file_that_is_emptied_is_not_done(self, opened: Input) -> None:
        write(Path("a.jsonl"), "")
        with pytest.raises(FailedError, match="was changed since it was opened"):
            list(opened.drafts())

    def test_a_file_that_is_replaced_does_no_harm(self, opened: Input) -> None:
        write(Path("other"), "x").replace("a.jsonl")
        assert len(list(opened.drafts())) == 3

    def test_a_message_is_read_again(self, opened: Input) -> None:
        write(Path("body.txt"), "Another text.")
        assert [draft.message for draft in opened.drafts()][1] == "Another text."

    def test_a_message_that_is_wrong_by_now(self, opened: Input) -> None:
        Path("body.txt").unlink()
        drafts = opened.drafts()
        next(drafts)
        wrong = "a.jsonl:2: message_file: no such file: 'body.txt'"
        with pytest.raises(FailedError, match=f"not so when the input was checked: {wrong}"):
            next(drafts)

    def test_a_row_that_is_no_row_by_now(self) -> None:
        with an_input(f"{row()}\n{{", JSONL) as opened, pytest.raises(FailedError, match="no JSON"):
            list(opened.drafts())


@pytest.mark.parametrize("file_format", [CSV, JSONL])
def test_a_large_file_takes_no_memory(folder: Path, file_format: Format) -> None:
    if file_format is CSV:
        header, line = TABLE.splitlines()[0], f"2,Disk failing,{'x' * 10_000}"
    else:
        header, line = "", row(message="x" * 10_000)
    write(folder / "large", "\n".join([header, *[line] * 1000]))
    with Input.from_path("large", file_format) as opened:
        tracemalloc.start()
        try:
            assert check(opened).rows == sum(1 for _ in opened.drafts()) == 1000
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 1_000_000
